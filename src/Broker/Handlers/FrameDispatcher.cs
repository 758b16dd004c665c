using System.Buffers;

using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Handlers;

/// <summary>
/// Frame type → handler, for connections in state READY (protocol.md §3.1). Runs on the connection's read loop; a frame that straddles buffer segments is
/// made contiguous here, so that handlers see spans only.
/// </summary>
internal sealed class FrameDispatcher(PublishHandler publish, SubscriptionHandler subscription, SignalHandler signal, ControlHandler control)
{
    [ThreadStatic]
    private static byte[]? t_straddling;

    /// <summary>Handles one frame.</summary>
    /// <exception cref="ProtocolViolationException">The connection is to be closed.</exception>
    public HandlerOutcome Dispatch(ClientContext client, in Frame frame, long timeMicros)
    {
        if (FrameTypes.IsOptional(frame.Type))
        {
            return HandlerOutcome.Done;
        }

        if (!client.Peer.Outbox.HasRoom)
        {
            return HandlerOutcome.TryAgain;
        }

        if (!FrameTypes.IsFromClient(frame.Type))
        {
            return RefuseType(client, frame);
        }

        ReadOnlySpan<byte> body = frame.Body.IsSingleSegment ? frame.Body.FirstSpan : Straighten(frame.Body);
        switch (frame.Type)
        {
            case FrameType.Ping:
                return Ping(client, frame.Request, body);
            case FrameType.Pong:
                return HandlerOutcome.Done;
            case FrameType.Credit:
                Grant(client, body);
                return HandlerOutcome.Done;
            case FrameType.Signal:
                signal.Handle(client, body, timeMicros);
                return HandlerOutcome.Done;
            case FrameType.Hello:
                throw new ProtocolViolationException(CloseCode.OutOfState, "Hello comes once");
            case FrameType.Proof:
                throw new ProtocolViolationException(CloseCode.OutOfState, "a Proof answers a Challenge, before Welcome");
            case FrameType.Close:
                throw new ProtocolViolationException(CloseCode.Normal, "the client is done");
        }

        if (frame.Request == 0)
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, "a request has a request number");
        }

        return frame.Type switch
        {
            FrameType.Publish => publish.Handle(client, frame.Request, body, timeMicros),
            FrameType.Subscribe => subscription.Subscribe(client, frame.Request, body, timeMicros),
            FrameType.Unsubscribe => subscription.Unsubscribe(client, frame.Request, body, timeMicros),
            FrameType.Fetch => subscription.Fetch(client, frame.Request, body, timeMicros),
            _ => control.Handle(client, frame.Type, frame.Request, frame.Body),
        };
    }

    /// <summary>True when a frame that was not taken may be offered again.</summary>
    public bool HasRoom(Peer peer) => peer.Outbox.HasRoom && publish.HasRoom(peer) && control.HasRoom(peer);

    private static HandlerOutcome RefuseType(ClientContext client, in Frame frame)
    {
        if (FrameTypes.IsFromServer(frame.Type))
        {
            throw new ProtocolViolationException(CloseCode.OutOfState, "only brokers send this frame");
        }

        if (frame.Request == 0)
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, "unknown frame type");
        }

        client.Refuse(frame.Request, ErrorCode.Unsupported, "unknown frame type");
        return HandlerOutcome.Done;
    }

    private HandlerOutcome Ping(ClientContext client, uint request, ReadOnlySpan<byte> body)
    {
        if (body.Length > ProtocolLimits.PingSizeMax)
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, "a ping has at most 64 bytes");
        }

        ArrayBufferWriter<byte> pong = new(FrameHeader.Size + ProtocolLimits.PingSizeMax);
        FrameWriter.Write(pong, FrameType.Pong, request, body);
        client.Peer.Outbox.AppendAnswer(pong.WrittenSpan.ToArray());
        return HandlerOutcome.Done;
    }

    private static void Grant(ClientContext client, ReadOnlySpan<byte> body)
    {
        if (!Credit.TryRead(body, out Credit credit))
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, "a credit has four bytes and adds at least 1");
        }

        client.Peer.Outbox.Grant(credit.Bytes);
    }

    private static ReadOnlySpan<byte> Straighten(in ReadOnlySequence<byte> body)
    {
        byte[] buffer = t_straddling ??= new byte[ProtocolLimits.ClientFrameSizeMax];
        body.CopyTo(buffer);
        return buffer.AsSpan(0, (int)body.Length);
    }
}
