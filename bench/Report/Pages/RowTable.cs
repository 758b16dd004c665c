using FastChat.Bench.Report.Plots;
using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report.Pages;

/// <summary>Rows as tables: the medians with what is to be known of each, and every run in a fold-out.</summary>
internal static class RowTable
{
    /// <summary>The median of each system.</summary>
    public static void WriteMedians(Markup markup, LoadResult result)
    {
        using (markup.Element("div", ("class", "scroll")))
        using (markup.Element("table", ("class", "rows")))
        {
            IReadOnlyList<Figure> figures = Figure.In(result.Rows);
            WriteHead(markup, figures, "system");
            using (markup.Element("tbody"))
            {
                foreach (ResultRow row in result.Rows)
                {
                    using (markup.Element("tr", ("class", row.System == LoadResult.Ours ? "ours" : "other")))
                    {
                        using (markup.Element("th", ("scope", "row")))
                        {
                            WriteSystem(markup, row.System);
                            markup.Leaf("span", row.Version, ("class", "version"));
                            WriteBadges(markup, row, result.Runs.GetValueOrDefault(row.System) ?? []);
                        }

                        WriteFigures(markup, figures, row);
                    }
                }
            }
        }

        WriteNotes(markup, result);
    }

    /// <summary>Every run of every system, turn by turn.</summary>
    public static void WriteRuns(Markup markup, LoadResult result)
    {
        if (result.Runs.Count == 0)
        {
            markup.Leaf("p", "This file holds medians only; bench/load.sh --json FILE keeps every run.", ("class", "quiet"));
            return;
        }

        ResultRow[] all = [.. result.Runs.Values.SelectMany(runs => runs)];
        using (markup.Element("details"))
        {
            markup.Leaf("summary", $"All {all.Length} runs");
            using (markup.Element("div", ("class", "scroll")))
            using (markup.Element("table", ("class", "rows")))
            {
                IReadOnlyList<Figure> figures = Figure.In(all);
                WriteHead(markup, figures, "turn, system");
                using (markup.Element("tbody"))
                {
                    for (int turn = 0; turn < result.Runs.Values.Max(runs => runs.Count); turn++)
                    {
                        foreach ((string system, IReadOnlyList<ResultRow> runs) in result.Runs.Where(pair => pair.Value.Count > turn))
                        {
                            WriteRun(markup, figures, turn + 1, system, runs[turn]);
                        }
                    }
                }
            }
        }
    }

    /// <summary>A system's name beside its colour.</summary>
    public static void WriteSystem(Markup markup, string system)
    {
        markup.Leaf("span", string.Empty, ("class", SystemMark.Class(system, "swatch")));
        markup.Leaf("span", SystemName.Full(system), ("class", "name"));
    }

    private static void WriteRun(Markup markup, IReadOnlyList<Figure> figures, int turn, string system, ResultRow run)
    {
        using (markup.Element("tr", ("class", system == LoadResult.Ours ? "ours" : "other")))
        {
            using (markup.Element("th", ("scope", "row")))
            {
                markup.Leaf("span", $"{turn}", ("class", "turn"));
                WriteSystem(markup, system);
                WriteBadges(markup, run, []);
            }

            WriteFigures(markup, figures, run);
        }
    }

    private static void WriteHead(Markup markup, IReadOnlyList<Figure> figures, string first)
    {
        using (markup.Element("thead"))
        using (markup.Element("tr"))
        {
            markup.Leaf("th", first, ("scope", "col"));
            foreach (Figure figure in figures)
            {
                using (markup.Element("th", ("scope", "col"), ("class", "number")))
                {
                    markup.Text(figure.Title);
                    markup.Leaf("small", figure.Unit);
                }
            }
        }
    }

    private static void WriteFigures(Markup markup, IReadOnlyList<Figure> figures, ResultRow row)
    {
        foreach (Figure figure in figures)
        {
            bool isBad = (figure.Name == Figure.Headroom && row.IsVoid) || (figure.Name == Figure.Errors && row.HasErrors);
            markup.Leaf("td", figure.Text(row), ("class", isBad ? "number bad" : "number"));
        }
    }

    private static void WriteBadges(Markup markup, ResultRow row, IReadOnlyList<ResultRow> runs)
    {
        int voidRuns = runs.Count(run => run.IsVoid);
        if (row.IsVoid)
        {
            markup.Leaf("span", "VOID", ("class", "badge bad"), ("title", "the generator had less than 20 % headroom"));
        }
        else if (voidRuns > 0)
        {
            markup.Leaf("span", $"{voidRuns} of {runs.Count} runs VOID", ("class", "badge bad"));
        }

        if (row.IsNotDurable)
        {
            markup.Leaf("span", "NOT DURABLE", ("class", "badge bad"));
        }

        if (row.HasErrors)
        {
            markup.Leaf("span", $"{row[Figure.Errors]:0} ERRORS", ("class", "badge bad"));
        }
    }

    private static void WriteNotes(Markup markup, LoadResult result)
    {
        ResultRow[] noted = [.. result.Rows.Where(row => row.Note.Length > 0 || row.IsVoid)];
        if (noted.Length == 0)
        {
            return;
        }

        using (markup.Element("ul", ("class", "notes")))
        {
            foreach (ResultRow row in noted)
            {
                using (markup.Element("li"))
                {
                    WriteSystem(markup, row.System);
                    string[] parts = [row.IsVoid ? "void: the generator had less than 20 % headroom, it may be what was measured" : string.Empty, row.Note];
                    markup.Text(": " + string.Join("; ", parts.Where(part => part.Length > 0)));
                }
            }
        }
    }
}
