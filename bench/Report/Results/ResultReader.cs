using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace FastChat.Bench.Report.Results;

/// <summary>
/// Reads a result file as something a stranger may have written: sizes are bounded, what is missing is left out, what is of another kind than it should be makes the file unreadable, and strings
/// are only strings. It reads names, not types of the harness, so that an older or newer harness's file still gives a page.
/// </summary>
internal static partial class ResultReader
{
    private const long BytesMax = 64 << 20;
    private const int RowsMax = 100;
    private const int RunsMax = 1000;
    private const int TextMax = 2000;

    /// <summary>Reads a file.</summary>
    /// <exception cref="UnreadableResultException">It is no result.</exception>
    public static LoadResult ReadFile(string file)
    {
        if (new FileInfo(file).Length > BytesMax)
        {
            throw new UnreadableResultException(file, $"it is larger than {BytesMax >> 20} MiB");
        }

        return Read(file, File.ReadAllBytes(file));
    }

    /// <summary>Reads the content of a file of that name.</summary>
    /// <exception cref="UnreadableResultException">It is no result.</exception>
    public static LoadResult Read(string file, ReadOnlyMemory<byte> content)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(content);
            return Result(file, document.RootElement);
        }
        catch (JsonException)
        {
            throw new UnreadableResultException(file, "it is not JSON");
        }
        catch (InvalidOperationException)
        {
            // A string that is no valid UTF-16 is refused only when it is read.
            throw new UnreadableResultException(file, "a string in it is broken");
        }
    }

    private static LoadResult Result(string file, JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new UnreadableResultException(file, "it is not an object");
        }

        string scenario = Text(root, "scenario") ?? throw new UnreadableResultException(file, "it names no scenario");
        ResultRow[] rows = Rows(file, Member(root, "results", JsonValueKind.Array) ?? throw new UnreadableResultException(file, "it has no results"));
        if (rows.Length == 0)
        {
            throw new UnreadableResultException(file, "its results are empty");
        }

        return new LoadResult
        {
            File = Path.GetFileName(file),
            Scenario = scenario,
            Machine = Texts(root, "machine"),
            Settings = Texts(root, "settings"),
            Rows = rows,
            Ratios = Member(root, "ratios", JsonValueKind.Object) is { } ratios ? Numbers(ratios) : new Dictionary<string, double>(),
            Runs = Runs(file, root),
        };
    }

    private static Dictionary<string, IReadOnlyList<ResultRow>> Runs(string file, JsonElement root)
    {
        Dictionary<string, IReadOnlyList<ResultRow>> runs = [];
        foreach (JsonProperty system in Member(root, "runs", JsonValueKind.Object)?.EnumerateObject() ?? default)
        {
            runs[system.Name] = system.Value.ValueKind == JsonValueKind.Array && runs.Count < RowsMax
                ? Rows(file, system.Value)
                : throw new UnreadableResultException(file, "its runs are not lists of rows");
        }

        return runs;
    }

    private static ResultRow[] Rows(string file, JsonElement list)
    {
        if (list.GetArrayLength() > RunsMax)
        {
            throw new UnreadableResultException(file, $"it has more than {RunsMax} rows");
        }

        return [.. list.EnumerateArray().Select(row => Row(file, row))];
    }

    private static ResultRow Row(string file, JsonElement row)
    {
        if (row.ValueKind != JsonValueKind.Object || Text(row, "system") is not { } system)
        {
            throw new UnreadableResultException(file, "a row names no system");
        }

        string note = Text(row, "note") ?? string.Empty;
        return new ResultRow(system, Text(row, "version") ?? "version unknown", Numbers(row), note, Steps(note));
    }

    /// <summary>The steps of a growth curve. The harness tells them in the note, in words; they are read back from there.</summary>
    private static GrowthStep[] Steps(string note) =>
    [
        .. StepInWords().Matches(note).Take(RowsMax).Select(match => new GrowthStep(Count(match, "conversations"), Count(match, "messages"), Count(match, "rate"))),
    ];

    private static double Count(Match match, string group) => double.Parse(match.Groups[group].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);

    [GeneratedRegex("(?<conversations>[0-9][0-9,]{0,15}) conversations with (?<messages>[0-9][0-9,]{0,15}) messages (?<rate>[0-9][0-9,]{0,15})/s")]
    private static partial Regex StepInWords();

    private static Dictionary<string, double> Numbers(JsonElement element)
    {
        Dictionary<string, double> numbers = [];
        foreach (JsonProperty member in element.EnumerateObject())
        {
            // 1e999 reads as infinity, which no axis can show.
            if (member.Value.ValueKind == JsonValueKind.Number && member.Value.TryGetDouble(out double number) && double.IsFinite(number) && numbers.Count < RowsMax)
            {
                numbers[Shortened(member.Name)] = number;
            }
        }

        return numbers;
    }

    private static Dictionary<string, string> Texts(JsonElement root, string name)
    {
        Dictionary<string, string> texts = [];
        foreach (JsonProperty member in Member(root, name, JsonValueKind.Object)?.EnumerateObject() ?? default)
        {
            string? text = member.Value.ValueKind switch
            {
                JsonValueKind.String => member.Value.GetString(),
                JsonValueKind.Number => member.Value.TryGetDouble(out double number) ? number.ToString(CultureInfo.InvariantCulture) : null,
                JsonValueKind.True => "true",
                JsonValueKind.False => "false",
                _ => null,
            };
            if (text is not null && texts.Count < RowsMax)
            {
                texts[Shortened(member.Name)] = Shortened(text);
            }
        }

        return texts;
    }

    private static string? Text(JsonElement element, string name) => Member(element, name, JsonValueKind.String)?.GetString() is { } text ? Shortened(text) : null;

    private static JsonElement? Member(JsonElement element, string name, JsonValueKind kind) =>
        element.TryGetProperty(name, out JsonElement member) && member.ValueKind == kind ? member : null;

    private static string Shortened(string text) => text.Length <= TextMax ? text : text[..TextMax] + "…";
}
