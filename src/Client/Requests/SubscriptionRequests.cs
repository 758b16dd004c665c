using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>Subscribe on one connection. It dies with the connection: the next one begins with Subscribes of its own.</summary>
internal sealed class SubscribeRequest : PendingRequest
{
    private readonly Subscription _subscription;
    private readonly Action<Subscription, RequestException> _retryLater;

    public SubscribeRequest(Subscription subscription, Action<Subscription, RequestException> retryLater)
        : base(FrameType.Subscribe, slots: null)
    {
        _subscription = subscription;
        _retryLater = retryLater;
    }

    public override void Write(IBufferWriter<byte> target)
    {
        _subscription.OnSubscribing();
        new Subscribe(_subscription.Conversation, _subscription.Position).Write(FrameWriter.Begin(target, FrameType.Subscribe, Number, Subscribe.Size));
    }

    public override bool TakeAnswer(in Frame frame)
    {
        if (frame.Type != FrameType.Subscribed || !Subscribed.TryRead(frame.Body.FirstSpan, out Subscribed answer))
        {
            throw Unexpected(frame);
        }

        if (!_subscription.HasEnded && !_subscription.IsDropped)
        {
            _subscription.OnSubscribed(answer);
        }

        return true;
    }

    public override void Fail(ClientException error)
    {
        if (error is RequestException { IsRetryable: true } later)
        {
            _retryLater(_subscription, later);
        }
        else if (error is not ConnectionException { IsFinal: false })
        {
            _subscription.End(new SubscriptionEnd(error));
        }
    }

    public override bool TrySurviveBreak() => false;
}

/// <summary>Unsubscribe; nobody waits for its answer, and any answer will do: the subscription is over for the application already.</summary>
internal sealed class UnsubscribeRequest : PendingRequest
{
    private readonly ConversationId _conversation;

    public UnsubscribeRequest(ConversationId conversation)
        : base(FrameType.Unsubscribe, slots: null) => _conversation = conversation;

    public override void Write(IBufferWriter<byte> target) =>
        new Unsubscribe(_conversation).Write(FrameWriter.Begin(target, FrameType.Unsubscribe, Number, Unsubscribe.Size));

    public override bool TakeAnswer(in Frame frame) => frame.Type == FrameType.Unsubscribed ? true : throw Unexpected(frame);

    public override void Fail(ClientException error)
    {
        // NOT_SUBSCRIBED when the broker ended the subscription at the same moment; a broken connection ended it as well.
    }

    public override bool TrySurviveBreak() => false;
}
