using System.Buffers;

using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Handlers;

/// <summary>A signed-in client as handlers see it: who it is, and a way to answer at once. One per connection; its read loop is the only caller of handlers.</summary>
internal sealed class ClientContext(Peer peer)
{
    /// <summary>Who it is, and where its frames wait.</summary>
    public Peer Peer { get; } = peer;

    /// <summary>How often it may say that its user types.</summary>
    public SignalGate Signals { get; } = new();

    /// <summary>Answers a request with an error, which leaves the connection as it is.</summary>
    public void Refuse(uint request, ErrorCode code, string reason, uint retryAfterMs = 0)
    {
        ArrayBufferWriter<byte> frame = new();
        FrameWriter.WriteError(frame, request, code, reason, retryAfterMs);
        Peer.Outbox.Append(frame.WrittenSpan.ToArray());
    }

    /// <summary>Answers a control request.</summary>
    public void Reply(uint request, ControlMap map)
    {
        ArrayBufferWriter<byte> frame = new();
        FrameWriter.Write(frame, FrameType.Reply, request, map);
        Peer.Outbox.Append(frame.WrittenSpan.ToArray());
    }
}
