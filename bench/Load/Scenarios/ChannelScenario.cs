using System.Diagnostics;
using System.Globalization;

using FastChat.Bench.Compare;
using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;
using FastChat.Protocol;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// A channel of a hundred thousand members and one of a hundred, with the same hundred online in both: a message has to cost the same. They take turns on one server, small, large, small, …;
/// every other turn the large one is first. Ratios are taken turn by turn, and their
/// medians reported.
/// </summary>
/// <param name="turns">Turns.</param>
internal sealed class ChannelScenario(int turns = 9) : IScenario
{
    private const int MembersDefault = 100_000;

    public bool IsOfChat => true;

    public RunSettings WithDefaults(RunSettings settings) => settings with
    {
        Connections = GrowthFanOut.Online,
        Largest = settings.Largest > 0 ? Math.Max(GrowthFanOut.Online, settings.Largest) : MembersDefault,
    };

    public WorkPlan Plan(RunSettings settings) => new(settings.Scenario, 0, GrowthFanOut.Online, settings.Size) { Accounts = GrowthFanOut.Online };

    public ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes)
    {
        FastChatSystem broker = (FastChatSystem)system;

        // Each of those who are online is a person of their own. The last connection publishes, as the owner: it comes behind one for each account.
        int small = Make(broker, "hundred", GrowthFanOut.Online);
        long residentBefore = system.Server.ResidentKb;
        long begun = Stopwatch.GetTimestamp();
        int large = Make(broker, "crowd", settings.Largest);
        double made = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        long residentAfter = system.Server.ResidentKb;

        List<ChannelTurn> ofSmall = [], ofLarge = [];
        for (int turn = 0; turn < turns; turn++)
        {
            (int Conversation, List<ChannelTurn> Measured)[] order = turn % 2 == 0 ? [(small, ofSmall), (large, ofLarge)] : [(large, ofLarge), (small, ofSmall)];
            foreach ((int conversation, List<ChannelTurn> measured) in order)
            {
                measured.Add(ChannelTurn.Measure(system, settings, flushes, conversation));
            }

            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"     {system.Name}: turn {turn + 1}: {ofSmall[^1]} of {GrowthFanOut.Online} members, {ofLarge[^1]} of {settings.Largest:N0}"));
        }

        double Of(List<ChannelTurn> measured, Func<ChannelTurn, double> figure) => Median(measured.Select(figure));
        double Ratio(Func<ChannelTurn, double> figure) => Median(ofLarge.Zip(ofSmall).Select(pair => figure(pair.First) / figure(pair.Second)));
        return new ResultRow
        {
            System = system.Name,
            Version = system.Version,
            Rate = Of(ofLarge, turn => turn.FanOut.Rate),
            P50Us = Of(ofLarge, turn => turn.AckP50Us),
            P99Us = Of(ofLarge, turn => turn.AckP99Us),
            CpuUsPerOp = Of(ofLarge, turn => turn.FanOut.CpuUsPerMessage),
            AckRatio = Ratio(turn => turn.AckP50Us),
            CpuRatio = Ratio(turn => turn.FanOut.CpuUsPerMessage),
            RateRatio = Ratio(turn => turn.FanOut.Rate),
            Headroom = ofSmall.Concat(ofLarge).Min(turn => turn.FanOut.Used.Headroom),
            Note = string.Create(
                CultureInfo.InvariantCulture,
                $"{settings.Largest} members, made in {made:0.0} s with {(residentAfter - residentBefore) / 1024.0:+0;-0} MiB RSS ({(residentAfter - residentBefore) * 1024.0 / settings.Largest:0} B a member, the journal that is being moved included), {residentAfter / 1024} MiB then; the small one: ack p50 {Of(ofSmall, turn => turn.AckP50Us):0} µs, p99 {Of(ofSmall, turn => turn.AckP99Us):0}, {Of(ofSmall, turn => turn.FanOut.Rate):N0} deliveries/s, {Of(ofSmall, turn => turn.FanOut.CpuUsPerMessage):0.0} µs CPU/message; {turns} turns"),
        };
    }

    // The generator's thread has nothing else to do meanwhile.
    private static int Make(FastChatSystem system, string name, int members) => system.MakeGroupAsync(ConversationKind.Channel, name, members, CancellationToken.None).GetAwaiter().GetResult();

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
