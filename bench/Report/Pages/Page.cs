using FastChat.Bench.Report.Goals;
using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report.Pages;

/// <summary>The page: head, summary, a section for each result, the machines, how it was measured. It asks no server for anything and runs no script; its own policy forbids both.</summary>
internal static class Page
{
    private const string Policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

    private static readonly (string Name, string Title)[] s_facts =
        [("processor", "processor"), ("cores", "cores"), ("memory_gib", "memory (GiB)"), ("system", "system"), ("kernel", "kernel"), ("runtime", "runtime")];

    /// <summary>The page of these results, in the order of the catalogue.</summary>
    public static string Of(IReadOnlyList<LoadResult> results)
    {
        (LoadResult Result, ScenarioSheet Sheet, string Anchor)[] sections =
        [
            .. results.OrderBy(SheetCatalog.Order).ThenBy(result => result.File, StringComparer.Ordinal).Select((result, i) => (result, SheetCatalog.For(result), $"s{i + 1}")),
        ];
        Markup markup = new();
        markup.Document(StyleSheet(), WriteHead, body =>
        {
            using (body.Element("main"))
            {
                WriteTitle(body, results);
                SummaryTable.Write(body, sections);
                WriteReading(body);
                foreach ((LoadResult result, ScenarioSheet sheet, string anchor) in sections)
                {
                    ScenarioSection.Write(body, result, sheet, anchor);
                }

                WriteMachines(body, results);
            }
        });
        return markup.ToString();
    }

    private static string StyleSheet()
    {
        using Stream stream = typeof(Page).Assembly.GetManifestResourceStream("page.css")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    private static void WriteHead(Markup markup)
    {
        markup.Empty("meta", ("charset", "utf-8"));
        markup.Empty("meta", ("http-equiv", "Content-Security-Policy"), ("content", Policy));
        markup.Empty("meta", ("name", "viewport"), ("content", "width=device-width, initial-scale=1"));
        markup.Empty("meta", ("name", "color-scheme"), ("content", "light dark"));
        markup.Leaf("title", "FastChat: load tests");
    }

    private static void WriteTitle(Markup markup, IReadOnlyList<LoadResult> results)
    {
        string[] dates = [.. results.Select(result => result.Machine.GetValueOrDefault("date") ?? string.Empty).Where(date => date.Length > 0).Order(StringComparer.Ordinal)];
        string[] machines = [.. results.Select(MachineLine).Where(line => line.Length > 0).Distinct(StringComparer.Ordinal)];
        using (markup.Element("header"))
        {
            markup.Leaf("h1", "FastChat: load tests");
            string when = dates.Length == 0 ? string.Empty : dates[0] == dates[^1] ? dates[0] : $"{dates[0]} to {dates[^1]}";
            string where = machines.Length == 1 ? machines[0] : machines.Length > 1 ? $"{machines.Length} machines, named below" : string.Empty;
            markup.Leaf("p", string.Join(" · ", new[] { where, when }.Where(part => part.Length > 0)), ("class", "quiet"));
        }
    }

    private static void WriteReading(Markup markup)
    {
        using (markup.Element("details", ("class", "reading")))
        {
            markup.Leaf("summary", "How to read this");
            using (markup.Element("ul"))
            {
                markup.Leaf("li", "One generator loads every system, with the same prepared messages, over loopback, on the same cores as the server.");
                markup.Leaf("li", "Systems take turns, A B A B, each run on a fresh server. Figures are medians of the runs; whiskers reach from the least to the most; ratios of rates are medians of the ratios within a turn.");
                markup.Leaf("li", "Durable is proven: with one message under way the disk's flushes must be at least as many as the acknowledgements. A row for which they are not says NOT DURABLE.");
                markup.Leaf("li", "A row is VOID when the generator had less than 20 % of its time to spare: then the generator may be what was measured. Void rows, rows of ours that are not durable and rows of ours with errors reach no goal.");
                markup.Leaf("li", "What is not equal among the systems stands below each table. A goal that was set for another size is measured, but neither reached nor missed.");
            }
        }
    }

    private static void WriteMachines(Markup markup, IReadOnlyList<LoadResult> results)
    {
        using (markup.Element("section"))
        {
            markup.Leaf("h2", results.Select(MachineLine).Distinct(StringComparer.Ordinal).Count() > 1 ? "The machines" : "The machine");
            foreach (IGrouping<string, LoadResult> group in results.GroupBy(MachineLine, StringComparer.Ordinal))
            {
                LoadResult first = group.First();
                using (markup.Element("dl"))
                {
                    foreach ((string name, string title) in s_facts.Where(fact => first.Machine.ContainsKey(fact.Name)))
                    {
                        markup.Leaf("dt", title);
                        markup.Leaf("dd", first.Machine[name]);
                    }

                    markup.Leaf("dt", "files");
                    markup.Leaf("dd", string.Join(", ", group.Select(result => result.File)));
                }
            }
        }
    }

    private static string MachineLine(LoadResult result)
    {
        string Fact(string name) => result.Machine.GetValueOrDefault(name) ?? string.Empty;
        string cores = Fact("cores") is { Length: > 0 } count ? $"{count} cores" : string.Empty;
        string memory = Fact("memory_gib") is { Length: > 0 } gib ? $"{gib} GiB" : string.Empty;
        return string.Join(", ", new[] { Fact("processor"), cores, memory, Fact("system"), Fact("kernel") is { Length: > 0 } kernel ? $"Linux {kernel}" : string.Empty }.Where(part => part.Length > 0));
    }
}
