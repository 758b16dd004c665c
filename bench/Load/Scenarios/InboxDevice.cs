using System.Buffers;
using System.Diagnostics;

using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Bench.Load.Measure;
using FastChat.Protocol;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>A device that asks for its person's list of conversations and measures from the request to the answer's last byte, before anybody reads the answer. Generator thread only.</summary>
internal sealed class InboxDevice : Member, IChatEvents
{
    private ControlMap? _answer;
    private long _answeredAt;

    /// <summary>Asks for one page and returns it.</summary>
    /// <param name="request">Keys of GetInbox.</param>
    /// <param name="latencies">Gets the time.</param>
    public ControlMap Ask(ControlMap request, Latencies latencies)
    {
        _answer = null;
        long begun = Stopwatch.GetTimestamp();
        FastChatWire.Ask(FrameType.GetInbox, 0, request, Link.Output);
        Fleet.RunUntil(() => _answer is not null, "a list of conversations");
        latencies.Record(begun, _answeredAt);
        return _answer!;
    }

    /// <summary>Asks for page after page until there is none; the time is that of all together.</summary>
    public IReadOnlyList<ControlMap> AskAll(int limit, Latencies latencies)
    {
        List<ControlMap> rows = [];
        long begun = Stopwatch.GetTimestamp();
        for (byte[]? next = null; ;)
        {
            ControlMap page = Ask(new ControlMap().Set("limit", limit).Set("after", next), new Latencies());
            rows.AddRange((page.Maps("conversations") ?? []).OfType<ControlMap>());
            next = page.Bytes("next", ProtocolLimits.PingSizeMax);
            if (next is null)
            {
                latencies.Record(begun, _answeredAt);
                return rows;
            }
        }
    }

    /// <summary>Asks what is different from what the device knows, and takes it over; the time is that of all requests together.</summary>
    public void CatchUp(InboxKnowledge knowledge, int limit, Latencies latencies)
    {
        IReadOnlyList<ControlMap> requests = knowledge.Requests(limit);
        List<ControlMap> rows = [];
        long begun = Stopwatch.GetTimestamp();
        foreach (ControlMap request in requests)
        {
            for (byte[]? next = null; ;)
            {
                ControlMap page = Ask(request.Set("after", next), new Latencies());
                rows.AddRange((page.Maps("conversations") ?? []).OfType<ControlMap>());
                next = page.Bytes("next", ProtocolLimits.PingSizeMax);
                if (next is null)
                {
                    break;
                }
            }
        }

        latencies.Record(begun, _answeredAt);
        knowledge.Apply(rows);
    }

    public void OnReply(uint number, ReadOnlySpan<byte> body)
    {
        _answeredAt = Stopwatch.GetTimestamp();
        if (!ControlMap.TryParse(new ReadOnlySequence<byte>(body.ToArray()), out _answer, out string reason))
        {
            Fleet.CountError($"a list cannot be read: {reason}");
        }
    }

    public void OnDenied(uint number, ErrorCode code, string reason) => Fleet.CountError($"the list was refused: {reason}");

    public void OnPresence(ReadOnlySpan<byte> body) => Fleet.CountError("a device that watches nobody was sent a Presence frame");
}
