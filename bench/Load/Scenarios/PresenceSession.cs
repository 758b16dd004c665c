using System.Diagnostics;
using System.Globalization;

using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Bench.Load.Measure;
using FastChat.Protocol;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>A session of somebody who is looked at: it is cut and comes back with the crowd, and changes how its person is seen. Generator thread only.</summary>
/// <param name="crowd">Who is cut with it.</param>
/// <param name="conversation">What it reads, so that it comes back as a client does.</param>
/// <param name="answers">Times from a change to its answer.</param>
internal sealed class PresenceSession(StormCrowd crowd, int conversation, Latencies answers) : StormSession(crowd, conversation), IChatEvents
{
    private static readonly Availability[] s_choices = [Availability.Away, Availability.DoNotDisturb, Availability.Online];

    private int _changes;
    private long _asked;

    /// <summary>What its person has chosen, as the broker has answered.</summary>
    public Availability Chosen { get; private set; } = Availability.Online;

    /// <summary>Changes that are durable.</summary>
    public long Changed { get; private set; }

    /// <summary>True when nothing that it asked is unanswered.</summary>
    public bool IsAnswered => _asked == 0;

    /// <summary>Chooses the next availability and says something else.</summary>
    public void Change(long planned)
    {
        // Who is not answered yet has not seen what they changed and does not change it again: no client has two of these under way.
        if (_asked == 0)
        {
            _asked = planned;
            string status = string.Create(CultureInfo.InvariantCulture, $"change {_changes} of a person who has a lot to say about what they are doing just now, and says so");
            Ask(s_choices[_changes++ % s_choices.Length], status);
        }
    }

    public void OnReply(uint number, ReadOnlySpan<byte> body)
    {
        answers.Record(_asked, Stopwatch.GetTimestamp());
        (Chosen, _asked) = ((Availability)number, 0);
        Changed++;
    }

    public void OnDenied(uint number, ErrorCode code, string reason)
    {
        _asked = 0;
        if (code != ErrorCode.RateLimited)
        {
            Fleet.CountError($"a change of presence was refused: {reason}");
        }
    }

    public void OnPresence(ReadOnlySpan<byte> body) => Fleet.CountError("somebody who watches nothing was sent a Presence frame");

    private void Ask(Availability availability, string status) => FastChatWire.Ask(
        FrameType.SetPresence, (uint)availability, new ControlMap().Set("availability", Availabilities.NameOf(availability)).Set("status", status), Link.Output);
}
