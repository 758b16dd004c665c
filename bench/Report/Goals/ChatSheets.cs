using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report.Goals;

/// <summary>The scenarios of what a chat adds: only the broker itself takes part. Part of <see cref="SheetCatalog"/>.</summary>
internal static class ChatSheets
{
    /// <summary>In the order of the page.</summary>
    public static IReadOnlyList<ScenarioSheet> All { get; } =
    [
        new()
        {
            Scenario = "presence",
            Title = "Who is there",
            Sentence = "Sessions whose people share groups and are watched: all are cut and come back within the grace, of which nothing may be told; then all change how they are seen as often as is allowed, and the budgets have to hold.",
            KeyFigure = Figure.PresenceRate,
            KeyTitle = "bytes of presence per second to all, at the worst",
            KeyUnit = "B/s",
            IsMoreBetter = false,
            LatencyTitle = "a change to its answer",
            Sizes = [("connections", "sessions")],
            GoalShape = "18,000 sessions",
            HasGoalShape = result => AtLeast(result, "connections", 18_000),
            Goals =
            [
                Goal.Own("frames for a crowd that is cut and comes back", Figure.StormFrames, Side.AtMost, 0, ""),
                Goal.Own("to all at the worst", Figure.PresenceRate, Side.AtMost, 1010, "kB/s", 1e-3),
                Goal.Own("to one connection at the worst", Figure.ConnectionPresenceRate, Side.AtMost, 8.1, "kB/s", 1e-3),
                Goal.Own("any stretch beyond a budget's rate", Figure.Burst, Side.AtMost, 3, "s' worth"),
            ],
        },
        new()
        {
            Scenario = "inbox",
            Title = "Opening a long list",
            Sentence = "A person with thousands of conversations opens the list: one page of 50 rows with unread counts, mentions and previews, from the request to the answer's last byte.",
            KeyFigure = Figure.P50,
            KeyTitle = "p50 of an opening",
            KeyUnit = "µs",
            IsMoreBetter = false,
            Sizes = [("conversations", "conversations")],
            GoalShape = "5,000 conversations",
            HasGoalShape = result => AtLeast(result, "conversations", 5000),
            Goals =
            [
                Goal.Own("opening, p50", Figure.P50, Side.AtMost, 50, "ms", 1e-3),
                Goal.Own("opening, p99", Figure.P99, Side.AtMost, 50, "ms", 1e-3),
                Goal.Own("what is different for a device that knows all, p50", Figure.KnownP50, Side.AtMost, 50, "ms", 1e-3),
            ],
        },
        new()
        {
            Scenario = "channel",
            Title = "A channel of very many members",
            Sentence = "The same hundred are online in a channel of a hundred members and in one of a hundred thousand, in turn: what a message costs in the large one by what it costs in the small one.",
            KeyFigure = Figure.CpuRatio,
            KeyTitle = "processor time of a message, large ÷ small",
            KeyUnit = "×",
            IsMoreBetter = false,
            Sizes = [("largest", "members")],
            GoalShape = "100,000 members",
            HasGoalShape = result => AtLeast(result, "largest", 100_000),
            Goals =
            [
                Goal.Own("acknowledgement p50, large ÷ small", Figure.AckRatio, Side.AtMost, 1.15, "×"),
                Goal.Own("processor time, large ÷ small", Figure.CpuRatio, Side.AtMost, 1.15, "×"),
                Goal.Own("deliveries, large ÷ small", Figure.RateRatio, Side.AtLeast, 0.85, "×"),
            ],
        },
        new()
        {
            Scenario = "quiet",
            Title = "Quiet conversations",
            Sentence = "Memory of the server for each conversation in which nothing happens, and for each in which something happened once, as slopes.",
            KeyFigure = Figure.BytesPerOnceActive,
            KeyTitle = "bytes of memory per conversation that was active once",
            KeyUnit = "B",
            IsMoreBetter = false,
            Sizes = [("largest", "conversations")],
            GoalShape = "200,000 conversations",
            HasGoalShape = result => AtLeast(result, "largest", 200_000),
            Goals =
            [
                Goal.Own("a conversation that only exists", Figure.BytesPerQuiet, Side.AtMost, 100, "B"),
                Goal.Own("one that was active once", Figure.BytesPerOnceActive, Side.AtMost, 1024, "B"),
            ],
        },
    ];

    private static bool AtLeast(LoadResult result, string setting, double least) => (result.Setting(setting) ?? least) >= least;
}
