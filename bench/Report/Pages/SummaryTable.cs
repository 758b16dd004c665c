using FastChat.Bench.Report.Goals;
using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report.Pages;

/// <summary>The whole page in one table, which is its table of contents too: scenario, ours, the best peer, the ratio between both, the goals.</summary>
internal static class SummaryTable
{
    /// <summary>Writes it.</summary>
    public static void Write(Markup markup, IReadOnlyList<(LoadResult Result, ScenarioSheet Sheet, string Anchor)> sections)
    {
        using (markup.Element("div", ("class", "scroll")))
        using (markup.Element("table", ("class", "summary")))
        {
            using (markup.Element("thead"))
            using (markup.Element("tr"))
            {
                markup.Leaf("th", "scenario", ("scope", "col"));
                markup.Leaf("th", "FastChat", ("scope", "col"), ("class", "number"));
                markup.Leaf("th", "best peer", ("scope", "col"), ("class", "number"));
                markup.Leaf("th", "ours ÷ best peer", ("scope", "col"), ("class", "number"));
                markup.Leaf("th", "goals", ("scope", "col"));
                markup.Leaf("th", "reached", ("scope", "col"), ("class", "number"));
            }

            using (markup.Element("tbody"))
            {
                foreach ((LoadResult result, ScenarioSheet sheet, string anchor) in sections)
                {
                    using (markup.Element("tr"))
                    {
                        WriteRow(markup, result, sheet, anchor);
                    }
                }
            }
        }
    }

    /// <summary>The peer with the best key figure; the machine's limit is none, and neither is a row that does not hold, unless there is no other.</summary>
    public static ResultRow? BestPeer(LoadResult result, ScenarioSheet sheet)
    {
        IOrderedEnumerable<ResultRow> peers = result.Rows.Where(row => row.System is not (LoadResult.Ours or LoadResult.Limit) && row[sheet.KeyFigure] is not null)
            .OrderBy(row => row.Disqualification is not null);
        return (sheet.IsMoreBetter ? peers.ThenByDescending(row => row[sheet.KeyFigure]) : peers.ThenBy(row => row[sheet.KeyFigure])).FirstOrDefault();
    }

    private static void WriteRow(Markup markup, LoadResult result, ScenarioSheet sheet, string anchor)
    {
        using (markup.Element("th", ("scope", "row")))
        {
            markup.Leaf("a", sheet.Title, ("href", "#" + anchor));
            markup.Leaf("small", ScenarioSection.Shape(result, sheet));
        }

        double? ours = result.Row(LoadResult.Ours)?[sheet.KeyFigure];
        ResultRow? peer = BestPeer(result, sheet);
        WriteValue(markup, result.Row(LoadResult.Ours), ours, sheet, null);
        WriteValue(markup, peer, peer?[sheet.KeyFigure], sheet, peer?.System);
        WriteRatio(markup, result, sheet, peer);
        IReadOnlyList<Verdict> verdicts = sheet.Judge(result);
        using (markup.Element("td", ("class", "chips")))
        {
            foreach (Verdict verdict in verdicts.Where(verdict => verdict.Mark != Mark.NotMeasured))
            {
                string sign = GoalTable.Text(verdict.Mark)[..1];
                string text = $"{sign} {Bare(verdict.Goal)} {Quantity.Text(verdict.Measured!.Value, verdict.Goal.Unit)} ({GoalTable.Bound(verdict.Goal)})";
                markup.Leaf("span", text, ("class", GoalTable.Class(verdict.Mark)), ("title", GoalTable.Text(verdict.Mark)[2..]));
            }
        }

        WriteReached(markup, verdicts);
    }

    private static void WriteReached(Markup markup, IReadOnlyList<Verdict> verdicts)
    {
        using (markup.Element("td", ("class", "number")))
        {
            markup.Text(verdicts.Count == 0 ? "–" : $"{verdicts.Count(verdict => verdict.Mark == Mark.Reached)} of {verdicts.Count}");
            foreach (IGrouping<Mark, Verdict> open in verdicts.Where(verdict => verdict.Mark is not (Mark.Reached or Mark.Missed)).GroupBy(verdict => verdict.Mark))
            {
                markup.Leaf("small", $"{open.Count()} {GoalTable.Text(open.Key)[2..]}");
            }
        }
    }

    private static void WriteValue(Markup markup, ResultRow? row, double? value, ScenarioSheet sheet, string? system)
    {
        using (markup.Element("td", ("class", "number")))
        {
            markup.Text(value is { } number ? Quantity.Text(number, sheet.KeyUnit) : "–");
            if (system is not null)
            {
                markup.Leaf("small", SystemName.Short(system));
            }

            if (row?.Disqualification is { } reason)
            {
                markup.Leaf("small", reason, ("class", "bad"));
            }
        }
    }

    private static void WriteRatio(Markup markup, LoadResult result, ScenarioSheet sheet, ResultRow? peer)
    {
        double? ratio = peer is null ? null : result.Ratio(peer.System, sheet.KeyFigure);
        using (markup.Element("td", ("class", "number")))
        {
            markup.Text(ratio is { } value ? Quantity.Ratio(value) : "–");
            if (ratio is not null)
            {
                markup.Leaf("small", ratio == 1 ? "even" : (ratio > 1) == sheet.IsMoreBetter ? "ahead" : "behind");
            }
        }
    }

    private static string Bare(Goal goal) => goal.Peer is { } peer && goal.Figure == Figure.Rate ? SystemName.Short(peer) : goal.What;
}
