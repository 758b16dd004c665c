using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>
/// What each frame from the broker means (protocol.md §4.1). Runs on the read loop, decides, and never awaits.
/// What the application hears from here (observers, lag, notices) runs inside <see cref="ApplicationFailureException"/>'s fence: its exceptions are not the broker's.
/// </summary>
internal sealed class FrameDispatcher
{
    private readonly ClientSession _session;

    public FrameDispatcher(ClientSession session) => _session = session;

    /// <summary>Handles a frame; the reason when it was a Close, null otherwise.</summary>
    /// <exception cref="ProtocolViolationException">The broker broke the protocol.</exception>
    public CloseReason? Dispatch(in Frame frame)
    {
        switch (frame.Type)
        {
            case FrameType.Published:
                OnPublished(frame);
                return null;

            case FrameType.Deliver:
                OnDeliver(frame);
                return null;

            case FrameType.Error when (frame.Request & SendQueue.PublishBit) != 0:
                OnPublishFailed(frame);
                return null;

            case FrameType.Chunk:
                _session.Window.Receive(frame.TotalSize);
                _session.Window.Consume(frame.TotalSize);
                OnAnswer(frame);
                return null;

            case FrameType.Error or FrameType.Subscribed or FrameType.FetchEnd or FrameType.Reply:
                OnAnswer(frame);
                return null;

            case FrameType.Unsubscribed when frame.Request == 0:
                OnUnsubscribed(frame);
                return null;

            case FrameType.Unsubscribed:
                OnAnswer(frame);
                return null;

            case FrameType.Pong:
                // A heartbeat's Pong has done its work by arriving.
                _session.Requests.TryAnswer(frame);
                return null;

            case FrameType.Ping:
                OnPing(frame);
                return null;

            case FrameType.Lag:
                OnLag(frame);
                return null;

            case FrameType.Notice:
                OnNotice(frame);
                return null;

            case FrameType.Signal:
                OnSignal(frame);
                return null;

            case FrameType.Presence:
                OnPresence(frame);
                return null;

            case FrameType.Close:
                return CloseOf(frame);

            default:
                return OnOther(frame.Type);
        }
    }

    /// <summary>The reason in a Close frame.</summary>
    public static CloseReason CloseOf(in Frame frame) => Failure.TryRead(frame.Body.FirstSpan, out Failure failure)
        ? new CloseReason((CloseCode)failure.Code, failure.Reason, TimeSpan.FromMilliseconds(failure.RetryAfterMs), Cause: null)
        : throw new ProtocolViolationException(CloseCode.BadFrame, "a Close cannot be read");

    private static CloseReason? OnOther(FrameType type)
    {
        if (FrameTypes.IsOptional(type))
        {
            return null;
        }

        bool isKnown = FrameTypes.IsFromClient(type) || FrameTypes.IsFromServer(type);
        throw new ProtocolViolationException(
            isKnown ? CloseCode.OutOfState : CloseCode.BadFrame,
            isKnown ? $"{type} may not come from a broker now" : $"frame type 0x{(byte)type:x2} is unknown");
    }

    private void OnPublished(in Frame frame)
    {
        if (!Published.TryRead(frame.Body.FirstSpan, out Published published) || published.Sequence == 0)
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, "a Published cannot be read");
        }

        IPublishObserver observer = Answered(frame, out long tag);
        PublishReceipt receipt = PublishReceipt.From(published);
        try
        {
            observer.OnPublished(tag, receipt);
        }
        catch (Exception failure)
        {
            throw new ApplicationFailureException(failure);
        }
    }

    private void OnPublishFailed(in Frame frame)
    {
        if (!Failure.TryRead(frame.Body.FirstSpan, out Failure failure))
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, "an Error cannot be read");
        }

        if (failure.IsInOrder)
        {
            if (!_session.Hold.OnRefused(frame.Request, (ErrorCode)failure.Code, TimeSpan.FromMilliseconds(failure.RetryAfterMs)))
            {
                throw NoSuchPublish(frame);
            }

            return;
        }

        IPublishObserver observer = Answered(frame, out long tag);
        RequestException error = RequestException.From(failure);
        ApplicationFailureException.Fence(() => observer.OnFailed(tag, error));
    }

    private IPublishObserver Answered(in Frame frame, out long tag)
    {
        if ((frame.Request & SendQueue.PublishBit) == 0 || !_session.Sends.TryAnswer(frame.Request, out IPublishObserver? observer, out tag))
        {
            throw NoSuchPublish(frame);
        }

        return observer!;
    }

    private static ProtocolViolationException NoSuchPublish(in Frame frame) =>
        new(CloseCode.BadFrame, $"{frame.Type} answers {frame.Request}, which is no unanswered publish");

    private void OnDeliver(in Frame frame)
    {
        _session.Window.Receive(frame.TotalSize);
        if (!Deliver.TryRead(frame.Body.FirstSpan, out Deliver deliver))
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, "a Deliver cannot be read");
        }

        bool isTaken = _session.Subscriptions.TryGet(deliver.Conversation, out Subscription? subscription) &&
            subscription.TryDeliver(deliver, frame.TotalSize);
        if (!isTaken)
        {
            // On its way when the application stopped reading.
            _session.Window.Consume(frame.TotalSize);
        }
        else if (subscription!.IsDropped)
        {
            subscription.Drop(_session.Window);
        }

        if (isTaken && _session.Typing.HasAny)
        {
            ReadOnlySpan<byte> records = deliver.Records;
            while (MessageRecord.TryRead(ref records, out MessageRecord record))
            {
                _session.Typing.OnMessage(deliver.Conversation, record.Sender);
            }
        }
    }

    private void OnSignal(in Frame frame)
    {
        if (!RelayedSignal.TryRead(frame.Body.FirstSpan, out RelayedSignal signal))
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, "a Signal cannot be read");
        }

        _session.Typing.OnSignal(signal);
    }

    private void OnPresence(in Frame frame)
    {
        // As with a Notice: what cannot be read is of a later version.
        if (Protocol.Presence.TryRead(frame.Body.FirstSpan, out Protocol.Presence presence))
        {
            _session.Presence.OnPresence(presence);
        }
    }

    private void OnAnswer(in Frame frame)
    {
        if (!_session.Requests.TryAnswer(frame))
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, $"{frame.Type} answers {frame.Request}, which is no unanswered request");
        }
    }

    private void OnUnsubscribed(in Frame frame)
    {
        if (!Unsubscribe.TryRead(frame.Body.FirstSpan, out Unsubscribe unsubscribed))
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, "an Unsubscribed cannot be read");
        }

        if (_session.Subscriptions.TryGet(unsubscribed.Conversation, out Subscription? subscription))
        {
            subscription.TryEndByBroker();
        }
    }

    private void OnPing(in Frame frame)
    {
        if (frame.Body.Length > ClientConnection.PingSizeMax || !_session.Connection.TryQueuePong(frame.Request, frame.Body.FirstSpan))
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, "a Ping is too long, or too many are unanswered");
        }
    }

    private void OnLag(in Frame frame)
    {
        if (!Lag.TryRead(frame.Body.FirstSpan, out Lag lag))
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, "a Lag cannot be read");
        }

        if (_session.Subscriptions.TryGet(lag.Conversation, out Subscription? subscription))
        {
            subscription.OnLagged(lag);
        }

        ApplicationFailureException.Fence(() => _session.OnLagged(new LagNotice(lag.Conversation, lag.Next, lag.Head)));
    }

    private void OnNotice(in Frame frame)
    {
        // A Notice is a hint of an optional type: one that cannot be read is one that this client does not know.
        if (!ControlMap.TryParse(frame.Body, out ControlMap? map, out _) || map["event"] is not string name)
        {
            return;
        }

        ConversationId conversation = map["conversation"] is byte[] { Length: Id128.Size } id ? ConversationId.Read(id) : default;
        if (name == "cursor")
        {
            CursorNotice cursor = CursorNotice.Parse(conversation, map);
            ApplicationFailureException.Fence(() => _session.OnCursorMoved(cursor));
            return;
        }

        UserId user = map["user"] is byte[] { Length: Id128.Size } userId ? UserId.Read(userId) : default;
        ulong version = map["version"] is long and >= 0 and long number ? (ulong)number : 0;
        ApplicationFailureException.Fence(() => _session.OnNoticed(new ClientNotice(name, conversation)
        {
            User = user,
            Version = version,
            Message = map["id"] is byte[] { Length: Id128.Size } message ? ClientMessageId.Read(message) : default,
            Refused = map["refused"] is long and > 0 and <= ushort.MaxValue and long refused ? (ErrorCode)refused : ErrorCode.None,
        }));
    }
}

/// <summary>An observer or event handler of the application threw. It ends the client, so that the defect shows instead of half a state.</summary>
internal sealed class ApplicationFailureException : Exception
{
    public ApplicationFailureException(Exception failure)
        : base("an observer or event handler of the application threw", failure)
    {
    }

    /// <summary>Runs code of the application; not for the hot path, where the delegate would cost an allocation.</summary>
    public static void Fence(Action callback)
    {
        try
        {
            callback();
        }
        catch (Exception failure)
        {
            throw new ApplicationFailureException(failure);
        }
    }
}
