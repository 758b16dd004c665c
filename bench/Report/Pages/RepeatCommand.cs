using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report.Pages;

/// <summary>The command that makes a result again, from its settings. Words come from a file: each that a shell might read as more than a word is quoted.</summary>
internal static class RepeatCommand
{
    // What an option is called where it is not the setting's own name.
    private static readonly Dictionary<string, string> s_options = new(StringComparer.Ordinal) { ["warm_up_seconds"] = "warm-up" };

    /// <summary>One line.</summary>
    public static string Of(LoadResult result)
    {
        List<string> words = ["bench/load.sh", Word(result.Scenario), "--system", Word(result.Rows[0].System)];
        words.AddRange(result.Rows.Skip(1).SelectMany(row => new[] { "--vs", Word(row.System) }));
        foreach ((string name, string value) in result.Settings)
        {
            // Zero, false and nothing are what an option that was not given leaves.
            if (value is not ("" or "0" or "false"))
            {
                words.Add(Word("--" + (s_options.GetValueOrDefault(name) ?? name.Replace('_', '-'))));
                words.AddRange(value == "true" ? [] : [Word(value)]);
            }
        }

        if (result.Runs.Count > 0)
        {
            words.AddRange(["--runs", Quantity.Bound(result.Runs.Values.Max(runs => runs.Count))]);
        }

        return string.Join(' ', words);
    }

    private static string Word(string text) =>
        text.Length > 0 && text.All(letter => char.IsAsciiLetterOrDigit(letter) || "-_.,:/=".Contains(letter, StringComparison.Ordinal))
            ? text
            : "'" + text.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}
