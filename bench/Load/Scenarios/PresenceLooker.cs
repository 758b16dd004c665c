using System.Buffers;
using System.Diagnostics;

using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Protocol;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// A connection that watches every group of its account, counts what it is told and keeps it, as a client would that draws it: at the end it has to know the truth, however little of the way
/// there it was told. It counts as ready
/// when all its watches have begun. Generator thread only.
/// </summary>
/// <param name="groups">What it watches.</param>
/// <param name="all">Counts for all lookers together.</param>
/// <param name="bytesPerSecond">The budget of one connection.</param>
internal sealed class PresenceLooker(IReadOnlyList<PresenceGroup> groups, PresenceMeter all, int bytesPerSecond) : Member, IChatEvents
{
    private readonly byte[][] _seen = groups.Select(group => new byte[group.Members.Length]).ToArray();
    private int _waiting;
    private bool _isReady;

    /// <summary>What came to this one.</summary>
    public PresenceMeter Meter { get; } = new(bytesPerSecond);

    /// <summary>Begins to watch, or ends it.</summary>
    public void Watch(bool isWatching)
    {
        _waiting += groups.Count;
        for (int i = 0; i < groups.Count; i++)
        {
            ControlMap map = new ControlMap().SetId("conversation", groups[i].Id.Value).Set("watch", isWatching ? null : false);
            FastChatWire.Ask(FrameType.WatchPresence, (uint)i, map, Link.Output);
        }
    }

    /// <summary>True when nothing that it asked is unanswered.</summary>
    public bool IsAnswered => _waiting == 0;

    /// <summary>Members of whom it believes something else than what is so.</summary>
    /// <param name="truth">How an account is seen.</param>
    public int CountWrong(Func<int, Availability> truth)
    {
        int wrong = 0;
        for (int i = 0; i < groups.Count; i++)
        {
            for (int place = 0; place < _seen[i].Length; place++)
            {
                wrong += _seen[i][place] == (byte)truth(groups[i].Members[place]) ? 0 : 1;
            }
        }

        return wrong;
    }

    public override void OnReady() => Watch(isWatching: true);

    public void OnReply(uint number, ReadOnlySpan<byte> body)
    {
        if (ControlMap.TryParse(new ReadOnlySequence<byte>(body.ToArray()), out ControlMap? map, out string reason))
        {
            foreach (ControlMap entry in (map.Maps("entries") ?? []).OfType<ControlMap>())
            {
                Learn((int)number, new UserId(entry.Id("user")), Availabilities.Parse(entry.Text("availability", ProtocolLimits.NameSizeMax)));
            }
        }
        else
        {
            Fleet.CountError($"an answer about presence cannot be read: {reason}");
        }

        _waiting--;
        if (!_isReady && _waiting == 0)
        {
            _isReady = true;
            Fleet.Ready++;
        }
    }

    public void OnDenied(uint number, ErrorCode code, string reason) => Fleet.CountError($"a watch was refused: {reason}");

    public void OnPresence(ReadOnlySpan<byte> body)
    {
        long now = Stopwatch.GetTimestamp();
        Meter.Count(FrameHeader.Size + body.Length, now);
        all.Count(FrameHeader.Size + body.Length, now);
        if (!Presence.TryRead(body, out Presence presence) || presence.Shape != PresenceShape.Changes)
        {
            Fleet.CountError("a Presence frame cannot be read, or has no changes in a group that has not changed");
            return;
        }

        int watch = 0;
        while (groups[watch].Id != presence.Conversation)
        {
            watch++;
        }

        ReadOnlySpan<byte> entries = presence.Entries;
        while (PresenceEntry.TryRead(ref entries, out PresenceEntry? entry))
        {
            Learn(watch, entry!.User, entry.Availability);
        }
    }

    private void Learn(int watch, UserId user, Availability availability)
    {
        if (groups[watch].PlaceOf(user) is var place and >= 0)
        {
            _seen[watch][place] = (byte)availability;
        }
        else
        {
            Fleet.CountError("a looker was told of somebody who is no member");
        }
    }
}
