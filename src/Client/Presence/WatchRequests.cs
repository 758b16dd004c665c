using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>WatchPresence on one connection. It dies with the connection: the next one begins with requests of its own.</summary>
internal sealed class WatchRequest(PresenceWatch watch, Action<PresenceWatch, RequestException> retryLater) : PendingRequest(FrameType.WatchPresence, slots: null)
{
    public override void Write(IBufferWriter<byte> target) =>
        FrameWriter.Write(target, Type, Number, new ControlMap().SetId("conversation", watch.Conversation.Value));

    public override bool TakeAnswer(in Frame frame)
    {
        if (frame.Type != FrameType.Reply)
        {
            throw Unexpected(frame);
        }

        if (!ControlMap.TryParse(frame.Body, out ControlMap? reply, out string reason))
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, $"Reply to {Type}: {reason}");
        }

        try
        {
            watch.OnSnapshot(PresenceSnapshot.Parse(reply));
        }
        catch (ControlFormatException failure)
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, $"Reply to {Type}: {failure.Message}");
        }

        return true;
    }

    public override void Fail(ClientException error)
    {
        if (error is RequestException { IsRetryable: true } later)
        {
            retryLater(watch, later);
        }
        else if (error is not ConnectionException { IsFinal: false })
        {
            watch.End(new SubscriptionEnd(error));
        }
    }

    public override bool TrySurviveBreak() => false;
}

/// <summary>The end of a watch; nobody waits for its answer, and any answer will do.</summary>
internal sealed class UnwatchRequest(ConversationId conversation) : PendingRequest(FrameType.WatchPresence, slots: null)
{
    public override void Write(IBufferWriter<byte> target) =>
        FrameWriter.Write(target, Type, Number, new ControlMap().SetId("conversation", conversation.Value).Set("watch", false));

    public override bool TakeAnswer(in Frame frame) => frame.Type == FrameType.Reply ? true : throw Unexpected(frame);

    public override void Fail(ClientException error)
    {
        // The watch is over either way.
    }

    public override bool TrySurviveBreak() => false;
}
