using System.Diagnostics;
using System.Globalization;

using FastChat.Bench.Compare;
using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;
using FastChat.Protocol;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// A person with thousands of conversations opens the list of them. *Opening* is what a client asks first: one GetInbox without what it knows, the 50 rows that were active last, each with
/// its unread count, mentions and the last message's beginning.
/// Before each opening something was said in twenty of the conversations. Beside it: what is different for a device that knows all of it, and the whole list in pages of 200. The time runs
/// from the request to the answer's last byte over
/// loopback; reading the answer is the client's. At last the server is started again and the list opened once: cold, but for the machine code, which another person's list of three has made.
/// </summary>
internal sealed class InboxScenario : IScenario
{
    private const int ConversationsDefault = 5000;
    private const int SaidBetween = 20;
    private const int WholePage = 200;

    // The lists of accounts 0 (long) and 2 (three conversations); account 1 talks.
    private const int Person = 0, Stranger = 2;
    private const int AccountsNeeded = 3;

    public bool IsOfChat => true;

    public RunSettings WithDefaults(RunSettings settings) => settings with { Connections = AccountsNeeded, Conversations = settings.Conversations > 0 ? settings.Conversations : ConversationsDefault };

    public WorkPlan Plan(RunSettings settings) => new(settings.Scenario, 0, AccountsNeeded, settings.Size) { Accounts = AccountsNeeded };

    public ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes)
    {
        FastChatSystem broker = (FastChatSystem)system;
        long begun = Stopwatch.GetTimestamp();
        InboxMaker.MakeAsync(broker, settings.Conversations, CancellationToken.None).GetAwaiter().GetResult();
        double made = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        Latencies first = new(), known = new(), whole = new(), cold = new(), coldWhole = new();
        UsedResources used;
        long errors;
        int rows, bytes;
        using (Fleet fleet = new(system, settings))
        {
            InboxDevice device = new();
            Member talker = new();
            fleet.Open([device, talker]);
            (rows, bytes) = Check(device, settings.Conversations);
            InboxKnowledge knowledge = new();
            knowledge.Apply(device.AskAll(WholePage, whole));
            InboxRounds rounds = new(fleet, device, talker, settings.Conversations, SaidBetween);
            rounds.Run(settings.WarmUpSeconds, first, known, whole, knowledge, WholePage);
            Array.ForEach([first, known, whole], latencies => latencies.Clear());
            Usage usage = new(system.Server, flushes);
            rounds.Run(settings.Seconds, first, known, whole, knowledge, WholePage);
            used = usage.End();
            errors = fleet.Errors;
        }

        broker.RestartAsync(CancellationToken.None).GetAwaiter().GetResult();
        using (Fleet fleet = new(system, settings, firstIndex: Stranger))
        {
            InboxDevice stranger = new();
            fleet.Open([stranger]);
            stranger.Ask(new ControlMap(), new Latencies());
        }

        using (Fleet fleet = new(system, settings, firstIndex: Person))
        {
            InboxDevice device = new();
            fleet.Open([device]);
            device.Ask(new ControlMap(), cold);
            device.AskAll(WholePage, coldWhole);
            errors += fleet.Errors;
        }

        return new ResultRow
        {
            System = system.Name,
            Version = system.Version,
            P50Us = first.Percentile(50),
            P99Us = first.Percentile(99),
            KnownP50Us = known.Percentile(50),
            WholeListP50Us = whole.Percentile(50),
            ColdUs = cold.Percentile(100),
            CpuUsPerOp = used.ServerSeconds * 1e6 / Math.Max(1, first.Count + known.Count + (whole.Count * ((settings.Conversations + WholePage - 1) / WholePage))),
            Headroom = used.Headroom,
            Errors = errors,
            Note = string.Create(
                CultureInfo.InvariantCulture,
                $"{settings.Conversations} conversations with {InboxMaker.Messages} messages each, made in {made:0} s; an opening is one GetInbox: {rows} rows, {bytes / 1000.0:0.0} kB; {first.Count} openings, {SaidBetween} messages before each; what is different for a device that knows all p99 {known.Percentile(99):0} µs; whole list in pages of {WholePage} p99 {whole.Percentile(99):0} µs; cold whole list {coldWhole.Percentile(100):0} µs; CPU per request of any of these"),
        };
    }

    /// <summary>The first page has what was made; returns its rows and about its size.</summary>
    private static (int Rows, int Bytes) Check(InboxDevice device, int conversations)
    {
        ControlMap page = device.Ask(new ControlMap(), new Latencies());
        ControlMap[] rows = [.. (page.Maps("conversations") ?? []).OfType<ControlMap>()];
        System.Buffers.ArrayBufferWriter<byte> size = new();
        page.Write(size);
        bool isWhole = (int)page.Number("total", 0) == conversations && rows.Length == Math.Min(50, conversations)
            && Array.TrueForAll(rows, row => row.Map("last") is { } last && last.Text("text", ProtocolLimits.ServerFrameSizeMax) is { Length: > 0 })
            && rows.Sum(row => (int)row.Number("unread", 0)) > 0;
        return isWhole ? (rows.Length, size.WrittenCount) : throw new RunFailedException($"inbox: {rows.Length} rows of {page.Number("total", 0)} do not look like what was made");
    }
}
