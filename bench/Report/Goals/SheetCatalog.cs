using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report.Goals;

/// <summary>Every scenario with its sentence and its goals, in the order of the page. This table is the only place where they are written in code.</summary>
internal static class SheetCatalog
{
    private const double FixedRateSlack = 1.1;

    private static readonly ScenarioSheet[] s_sheets =
    [
        new()
        {
            Scenario = "durable",
            Title = "Durable publishes",
            Sentence = "Publishes to many conversations, each acknowledged only after it is on stable storage, as many as the windows of all connections allow.",
            KeyTitle = "acknowledgements per second",
            LatencyTitle = "publish to acknowledgement",
            Plots = [PlotKind.Bars, PlotKind.Percentiles],
            Fits = result => !IsOneOutstanding(result),
            GoalShape = "64 connections × 64 outstanding",
            HasGoalShape = result => result.Setting("connections") == 64 && result.Setting("outstanding") == 64,
            Goals = [Goal.Rate("limit", 0.5), Goal.Rate("redis", 2), Goal.Rate("rabbitmq", 20), Goal.Rate("nats", 50)],
        },
        new()
        {
            Scenario = "durable",
            Title = "Durable publishes, one at a time",
            Sentence = "One connection publishes the next message when the last one is acknowledged: what a single write to stable storage costs, end to end.",
            KeyTitle = "acknowledgements per second",
            LatencyTitle = "publish to acknowledgement",
            Plots = [PlotKind.Bars, PlotKind.Percentiles],
            Fits = IsOneOutstanding,
            Goals = [Goal.Rate("redis", 1.2), Goal.Beside("ack p50 ÷ fdatasync's p50", Figure.P50, Figure.SyncP50, 1.5)],
        },
        new()
        {
            Scenario = "latency",
            Title = "Latency at a fixed rate",
            Sentence = "Durable publishes on a fixed plan, whether or not earlier ones were answered; the latency of each counts from its planned time, so that a stall is charged for all it delays.",
            KeyFigure = Figure.P99,
            KeyTitle = "p99, planned send to acknowledgement",
            KeyUnit = "µs",
            IsMoreBetter = false,
            LatencyTitle = "planned send to acknowledgement",
            Plots = [PlotKind.Percentiles],
            Sizes = [("rate", "messages a second"), ("connections", "connections"), ("conversations", "conversations"), ("size", "B")],
            GoalShape = "10,000 messages a second",
            HasGoalShape = result => result.Setting("rate") == 10_000,
            Goals =
            [
                Goal.Beside("p50 ÷ fdatasync's p50", Figure.P50, Figure.SyncP50, 2),
                Goal.Beside("p99 ÷ fdatasync's p99", Figure.P99, Figure.SyncP99, 2),
            ],
        },
        new()
        {
            Scenario = "fanout",
            Title = "Fan-out",
            Sentence = "One publisher, many subscribers of one conversation, as fast as all of them receive; then lone messages, whose latency is the time until the last subscriber has them.",
            KeyTitle = "deliveries per second",
            LatencyTitle = "lone message, planned send to last subscriber",
            Plots = [PlotKind.Bars, PlotKind.Percentiles],
            Fits = result => !IsFixedRate(result),
            Sizes = [("connections", "subscribers"), ("outstanding", "messages under way"), ("size", "B")],
            GoalShape = "1,000 subscribers",
            HasGoalShape = result => result.Setting("connections") == 1000,
            Goals =
            [
                Goal.Rate("nats-core", 1.2), Goal.Rate("redis", 3), Goal.Rate("mosquitto", 3), Goal.Rate("signalr", 8),
                Goal.Within("lone message, last subscriber p50", Figure.P50, LoadResult.Limit, 1.3),
            ],
        },
        new()
        {
            Scenario = "fanout",
            Title = "Fan-out, lone messages",
            Sentence = "Now and then one message to a conversation with many subscribers; its latency is the time until the last of them has it.",
            KeyFigure = Figure.P50,
            KeyTitle = "p50, planned send to last subscriber",
            KeyUnit = "µs",
            IsMoreBetter = false,
            LatencyTitle = "planned send to last subscriber",
            Plots = [PlotKind.Bars, PlotKind.Percentiles],
            Fits = IsFixedRate,
            Sizes = [("connections", "subscribers"), ("rate", "messages a second"), ("size", "B")],
            GoalShape = "1,000 subscribers",
            HasGoalShape = result => result.Setting("connections") == 1000,
            Goals = [Goal.Within("last subscriber p50", Figure.P50, LoadResult.Limit, 1.3)],
        },
        new()
        {
            Scenario = "rooms",
            Title = "Rooms in which everybody talks",
            Sentence = "Many rooms whose every member publishes on a fixed plan: the highest rate of deliveries at which 99 % arrive within 50 ms of the planned time.",
            KeyTitle = "deliveries per second with p99 < 50 ms",
            LatencyTitle = "planned send to delivery",
            Plots = [PlotKind.Bars, PlotKind.Percentiles],
            Sizes = [("conversations", "rooms"), ("connections", "members in all"), ("size", "B")],
            GoalShape = "100 rooms of 50 members",
            HasGoalShape = result => AtLeast(result, "connections", 5000),
            Goals = [Goal.Rate("nats-core", 1.3), Goal.Rate("ejabberd", 10)],
        },
        IdleSheet("tcp", 6),
        IdleSheet("ws", 10),
        new()
        {
            Scenario = "catchup",
            Title = "Catching up",
            Sentence = "Readers take a long conversation from its beginning to its end.",
            KeyTitle = "messages read per second",
            LatencyTitle = "live delivery meanwhile",
            Plots = [PlotKind.Bars, PlotKind.Percentiles],
            Sizes = [("messages", "messages"), ("readers", "readers"), ("size", "B")],
            GoalShape = "a million messages",
            HasGoalShape = result => AtLeast(result, "messages", 1_000_000),
            Goals = [Goal.Own("rate", Figure.Rate, Side.AtLeast, 2, "M/s", 1e-6), Goal.Rate("redis", 3)],
        },
        new()
        {
            Scenario = "storm",
            Title = "Reconnect storm",
            Sentence = "Nearly all sessions are cut at once and come back at once, with messages missed meanwhile: how long until 99 % have signed in, subscribed and received what they missed.",
            KeyFigure = Figure.Resumed99,
            KeyTitle = "seconds until 99 % are back",
            KeyUnit = "s",
            IsMoreBetter = false,
            LatencyTitle = "delivery to untouched sessions meanwhile",
            Plots = [PlotKind.Bars, PlotKind.Percentiles],
            Sizes = [("connections", "sessions")],
            GoalShape = "18,000 sessions",
            HasGoalShape = result => AtLeast(result, "connections", 18_000),
            Goals =
            [
                Goal.Own("99 % are back within", Figure.Resumed99, Side.AtMost, 5, "s"),
                Goal.Own("p99 of untouched sessions", Figure.P99, Side.Below, 50, "ms", 1e-3),
            ],
        },
        new()
        {
            Scenario = "corpus",
            Title = "Real chat logs",
            Sentence = "Real chat logs replayed as fast as they go, one conversation for each file, then read back and compared line by line; lost, duplicated and reordered lines are errors.",
            KeyTitle = "messages per second",
            Sizes = [("connections", "connections"), ("outstanding", "outstanding")],
            Goals = [Goal.Own("errors", Figure.Errors, Side.AtMost, 0, "")],
        },
        new()
        {
            Scenario = "growth",
            Title = "Cost of growth",
            Sentence = "The same work while stored messages and conversations grow: what a rate at the largest step keeps of the rate at a thousand conversations in a filled store (the second).",
            KeyTitle = "operations per second at the largest step",
            Plots = [PlotKind.Bars, PlotKind.Steps],
            Sizes = [("largest", "conversations at the largest step"), ("connections", "connections"), ("outstanding", "outstanding"), ("size", "B")],
            LatencyTitle = "publish to acknowledgement at the largest step",
            GoalShape = "a million conversations",
            HasGoalShape = result => AtLeast(result, "largest", 1_000_000),
            Goals = [Goal.Own("rate at the largest step ÷ at the second", Figure.GrowthRatio, Side.AtLeast, 0.8, "×")],
        },
        .. ChatSheets.All,
    ];

    /// <summary>The sheet of a result; one without goals for a scenario that the table does not know.</summary>
    public static ScenarioSheet For(LoadResult result) =>
        s_sheets.FirstOrDefault(sheet => sheet.Scenario == result.Scenario && sheet.Fits(result))
        ?? new ScenarioSheet { Scenario = result.Scenario, Title = result.Scenario, Sentence = "A scenario that this report has no description of.", Plots = [PlotKind.Bars] };

    /// <summary>Where a result stands on the page: by scenario, then by size.</summary>
    public static (int Place, double Size) Order(LoadResult result)
    {
        int place = Array.IndexOf(s_sheets, For(result));
        return (place < 0 ? s_sheets.Length : place, result.Setting("connections") ?? 0);
    }

    private static ScenarioSheet IdleSheet(string transport, double kilobytes) => new()
    {
        Scenario = "idle",
        Title = transport == "ws" ? "Idle sessions over WebSocket" : "Idle sessions",
        Sentence = "Connected, signed-in sessions that do nothing: the server's memory for each, as the slope between a smaller and a larger number of them.",
        KeyFigure = Figure.KbPerSession,
        KeyTitle = "KB of server memory per session",
        KeyUnit = "KB",
        IsMoreBetter = false,
        Sizes = [("connections", "sessions")],
        Plots = [PlotKind.Slope, PlotKind.Bars],
        Fits = result => (result.Settings.GetValueOrDefault("transport") == "ws") == (transport == "ws"),
        GoalShape = "18,000 sessions",
        HasGoalShape = result => AtLeast(result, "connections", 18_000),
        Goals = [Goal.Own("memory per session", Figure.KbPerSession, Side.AtMost, kilobytes, "KB")],
    };

    private static bool IsOneOutstanding(LoadResult result) => result.Setting("connections") == 1 && result.Setting("outstanding") == 1;

    /// <summary>No system can be faster than its plan: when the first one's rate is the plan's, nothing was saturated.</summary>
    private static bool IsFixedRate(LoadResult result) =>
        result.Rows[0][Figure.Rate] <= FixedRateSlack * result.Setting("rate") * result.Setting("connections");

    private static bool AtLeast(LoadResult result, string setting, double least) => (result.Setting(setting) ?? least) >= least;
}
