using System.Buffers;

using FastChat.Broker.Diagnostics;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Handlers;

/// <summary>A signed-in client as handlers see it: who it is, and a way to answer at once. One per connection; its read loop is the only caller of handlers.</summary>
internal sealed class ClientContext(Peer peer, BrokerMetrics metrics)
{
    /// <summary>Who it is, and where its frames wait.</summary>
    public Peer Peer { get; } = peer;

    /// <summary>How often it may say that its user types.</summary>
    public SignalGate Signals { get; } = new();

    /// <summary>The moment at which what is being read was there, as a timestamp of the broker's clock; once for a buffer, because a message must not cost a look at the clock.</summary>
    public long Now { get; set; }

    /// <summary>The publish that is offered again has paid already: its shard's ring was full.</summary>
    public bool HasPaid { get; set; }

    /// <summary>Answers a request with an error, which leaves the connection as it is.</summary>
    public void Refuse(uint request, ErrorCode code, string reason, uint retryAfterMs = 0, bool isInOrder = false)
    {
        ArrayBufferWriter<byte> frame = new();
        FrameWriter.Write(frame, FrameType.Error, request, new Failure((ushort)code, retryAfterMs, reason) { IsInOrder = isInOrder });
        Peer.Outbox.Append(frame.WrittenSpan.ToArray());
        metrics.Error(code);
    }

    /// <summary>Answers a control request.</summary>
    public void Reply(uint request, ControlMap map)
    {
        ArrayBufferWriter<byte> frame = new();
        FrameWriter.Write(frame, FrameType.Reply, request, map);
        Peer.Outbox.Append(frame.WrittenSpan.ToArray());
    }
}
