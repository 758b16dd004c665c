using System.Globalization;

using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Bench.Load.Measure;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// The member curve: what a message costs in a group of a hundred members and in one of up to a hundred thousand, of whom a hundred are online in both. The two are measured in turn, twice. FastChat
/// only: the others have no members who are not connected. Online are a hundred connections of the few accounts that the harness signs in, in both.
/// </summary>
/// <param name="Members">Members of the large group.</param>
/// <param name="SmallCpuUs">Processor time of the server for a message to the small one.</param>
/// <param name="LargeCpuUs">The same for the large one.</param>
internal sealed record GrowthMembers(int Members, double SmallCpuUs, double LargeCpuUs)
{
    private const int MembersMax = 100_000;
    private const int Turns = 2;

    /// <summary>Makes the groups and measures. No conversation can be prepared after it.</summary>
    public static GrowthMembers Measure(FastChatSystem system, RunSettings settings, FlushCounter flushes)
    {
        int members = Math.Clamp(settings.Largest / 10, GrowthFanOut.Online, MembersMax);
        int small = Make(system, GrowthFanOut.Online), large = Make(system, members);
        List<GrowthFanOut> ofSmall = [], ofLarge = [];
        for (int turn = 0; turn < Turns; turn++)
        {
            ofSmall.Add(GrowthFanOut.Measure(system, settings, flushes, small));
            ofLarge.Add(GrowthFanOut.Measure(system, settings, flushes, large));
        }

        return new GrowthMembers(members, ofSmall.Average(one => one.CpuUsPerMessage), ofLarge.Average(one => one.CpuUsPerMessage));
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{GrowthFanOut.Online} online of {GrowthFanOut.Online} members {SmallCpuUs:0} µs CPU/message, of {Members:N0} {LargeCpuUs:0}");

    // The generator's thread has nothing else to do meanwhile.
    private static int Make(FastChatSystem system, int members) => system.MakeGroupAsync(members, CancellationToken.None).GetAwaiter().GetResult();
}
