using FastChat.Bench.Report.Goals;
using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report.Pages;

/// <summary>Goals with what was measured and whether they are reached, and below them the ratios that no goal is about: nothing that was compared is left out.</summary>
internal static class GoalTable
{
    /// <summary>The table; nothing when there is neither a goal nor a ratio.</summary>
    public static void Write(Markup markup, LoadResult result, ScenarioSheet sheet)
    {
        IReadOnlyList<Verdict> verdicts = sheet.Judge(result);
        (string System, double Ratio)[] others =
        [
            .. result.Rows.Where(row => row.System != LoadResult.Ours && !sheet.Goals.Any(goal => goal.Peer == row.System && goal.Figure == sheet.KeyFigure))
                .Select(row => (row.System, result.Ratio(row.System, sheet.KeyFigure))).Where(pair => pair.Item2 is not null).Select(pair => (pair.System, pair.Item2!.Value)),
        ];
        if (verdicts.Count == 0 && others.Length == 0)
        {
            return;
        }

        using (markup.Element("div", ("class", "scroll")))
        using (markup.Element("table", ("class", "goals")))
        {
            WriteHead(markup);
            using (markup.Element("tbody"))
            {
                foreach (Verdict verdict in verdicts)
                {
                    WriteVerdict(markup, verdict);
                }

                foreach ((string system, double ratio) in others)
                {
                    using (markup.Element("tr", ("class", "quiet")))
                    {
                        markup.Leaf("th", $"{Figure.TitleOf(sheet.KeyFigure)} ÷ {SystemName.Short(system)}'s", ("scope", "row"));
                        markup.Leaf("td", Quantity.Ratio(ratio), ("class", "number"));
                        markup.Leaf("td", "no goal", ("class", "number"));
                        markup.Leaf("td", string.Empty);
                    }
                }
            }
        }
    }

    /// <summary>A verdict in a word, with a sign before it: it is told by more than a colour.</summary>
    public static string Text(Mark mark) => mark switch
    {
        Mark.Reached => "✓ reached",
        Mark.Missed => "✗ missed",
        Mark.DoesNotCount => "⊘ does not count",
        Mark.OtherShape => "– other size",
        _ => "– not measured",
    };

    /// <summary>The class of a verdict.</summary>
    public static string Class(Mark mark) => mark switch
    {
        Mark.Reached => "mark good",
        Mark.Missed or Mark.DoesNotCount => "mark bad",
        _ => "mark none",
    };

    /// <summary>A goal's bound with its side and unit.</summary>
    public static string Bound(Goal goal)
    {
        string side = goal.Side switch { Side.AtLeast => "≥", Side.AtMost => "≤", _ => "<" };
        return goal.Unit is "×" or "" ? $"{side} {Quantity.Bound(goal.Bound)}{goal.Unit}" : $"{side} {Quantity.Bound(goal.Bound)} {goal.Unit}";
    }

    private static void WriteHead(Markup markup)
    {
        using (markup.Element("thead"))
        using (markup.Element("tr"))
        {
            markup.Leaf("th", "compared", ("scope", "col"));
            markup.Leaf("th", "measured", ("scope", "col"), ("class", "number"));
            markup.Leaf("th", "goal", ("scope", "col"), ("class", "number"));
            markup.Leaf("th", "reached", ("scope", "col"));
        }
    }

    private static void WriteVerdict(Markup markup, Verdict verdict)
    {
        using (markup.Element("tr"))
        {
            markup.Leaf("th", verdict.Goal.What, ("scope", "row"));
            markup.Leaf("td", verdict.Measured is { } value ? Quantity.Text(value, verdict.Goal.Unit) : "–", ("class", "number"));
            markup.Leaf("td", Bound(verdict.Goal), ("class", "number"));
            using (markup.Element("td"))
            {
                markup.Leaf("span", Text(verdict.Mark), ("class", Class(verdict.Mark)));
                if (verdict.Why.Length > 0)
                {
                    markup.Leaf("span", " " + verdict.Why, ("class", "why"));
                }
            }
        }
    }
}
