using FastChat.History;
using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.FastChat;

/// <summary>
/// One client in the history of a run: its connections, one after another, and what went and came over them. It is told of a request before the bytes are in the buffer they leave from, and of
/// an answer before anybody acts on it, so the lines of a client stand in the order in which things happened to it. The thread of the client's wire only.
/// </summary>
public sealed class ProcessHistory
{
    private readonly RunHistory _run;
    private readonly string _name;
    private readonly Dictionary<uint, HistoryEvent> _unanswered = [];

    // What has been answered on this connection: a second answer has to stand in the history, too.
    private readonly Dictionary<uint, (ConversationId Conversation, ClientMessageId Id)> _answered = [];
    private uint _connection;
    private bool _isConnecting;
    private bool _isOpen;

    internal ProcessHistory(RunHistory run, string name)
    {
        _run = run;
        _name = name;
    }

    /// <summary>A connection is there and signs in. The one before it, if there was one, is gone: a cut is not told of when it happens, and nothing can have come over it since.</summary>
    public void OnConnecting()
    {
        Disconnect();
        _isConnecting = true;
        _run.Write(Of(HistoryOp.Connect, HistoryPhase.Invoke));
    }

    /// <summary>Signed in.</summary>
    public void OnWelcome(Welcome welcome) => OnWelcome(welcome.User, welcome.Device, welcome.Resumed);

    /// <summary>Signed in.</summary>
    public void OnWelcome(UserId user, DeviceId device, bool isResumed)
    {
        (_isConnecting, _isOpen) = (false, true);
        _connection++;
        _run.Write(Of(HistoryOp.Connect, HistoryPhase.Ok) with { Connection = _connection, User = user, Device = device, Resumed = isResumed });
    }

    /// <summary>A publish is about to be written.</summary>
    public void OnPublishing(uint request, ConversationId conversation, ClientMessageId id, MessageKind kind, ReadOnlySpan<byte> body)
    {
        HistoryEvent publish = Of(HistoryOp.Publish, HistoryPhase.Invoke) with { Conversation = conversation, ClientMessageId = id };
        _unanswered[request] = publish;
        _run.Count(conversation);
        _run.Write(publish with { Kind = kind, Hash = BodyHash.Of(body) });
    }

    /// <summary>A Subscribe is about to be written.</summary>
    public void OnSubscribing(ConversationId conversation, LogPosition after, bool isContinued) => _run.Write(Of(HistoryOp.Subscribe, HistoryPhase.Invoke) with
    {
        Connection = _connection,
        Conversation = conversation,
        Epoch = after.Epoch,
        Cursor = after.Sequence,
        Fresh = !isContinued,
    });

    /// <summary>A frame came; those that a history has no word for are passed over, and Welcome, which <see cref="OnWelcome(Welcome)"/> is told of.</summary>
    /// <param name="header">The frame.</param>
    /// <param name="body">Its body.</param>
    /// <param name="conversations">What requests for subscriptions number.</param>
    /// <param name="subscribeRequests">The request of the first of them.</param>
    public void OnFrame(in FrameHeader header, ReadOnlySpan<byte> body, IReadOnlyList<ConversationId> conversations, uint subscribeRequests)
    {
        switch (header.Type)
        {
            case FrameType.Published when Published.TryRead(body, out Published published):
                OnPublished(header.Request, published);
                break;
            case FrameType.Deliver when Deliver.TryRead(body, out Deliver deliver):
                OnDelivered(deliver);
                break;
            case FrameType.Subscribed when Subscribed.TryRead(body, out Subscribed subscribed):
                OnSubscribed(conversations[(int)(header.Request - subscribeRequests)], subscribed);
                break;
            case FrameType.Unsubscribed when Unsubscribe.TryRead(body, out Unsubscribe ended):
                _run.Write(Of(HistoryOp.Unsubscribed) with { Connection = _connection, Conversation = ended.Conversation });
                break;
            case FrameType.Lag when Lag.TryRead(body, out Lag lag):
                _run.Write(Of(HistoryOp.Lag) with { Connection = _connection, Conversation = lag.Conversation, Epoch = lag.Epoch, Next = lag.Next, Head = lag.Head });
                break;
            case FrameType.Error when Failure.TryRead(body, out Failure failure) && header.Request >= subscribeRequests:
                _run.Write(Failed(Of(HistoryOp.Subscribe) with { Connection = _connection, Conversation = conversations[(int)(header.Request - subscribeRequests)] }, failure.Code));
                break;
            case FrameType.Error when Failure.TryRead(body, out Failure failure):
                OnRefused(header.Request, failure.Code);
                break;
            case FrameType.Close when Failure.TryRead(body, out Failure failure):
                Disconnect(failure.Code);
                break;
        }
    }

    /// <summary>A line of its own about a request that has a number, such as the reading of a log.</summary>
    internal void Write(HistoryOp op, HistoryPhase phase, ulong request, in HistoryEvent e) => _run.Write(e with { Process = _name, Op = op, Phase = phase, Request = request });

    /// <summary>It does nothing any more and every answer that it got is written.</summary>
    internal void End()
    {
        Disconnect();
        _run.Write(Of(HistoryOp.End));
    }

    private void OnPublished(uint request, in Published published)
    {
        if (TryAnswer(request, out HistoryEvent publish))
        {
            _run.Write(publish with { Phase = HistoryPhase.Ok, Epoch = published.Epoch, Sequence = published.Sequence, Duplicate = published.IsDuplicate });
        }
    }

    private void OnRefused(uint request, ushort code)
    {
        if (TryAnswer(request, out HistoryEvent publish))
        {
            _run.Write(Failed(publish, code));
        }
        else if (_isConnecting)
        {
            _isConnecting = false;
            _run.Write(Failed(Of(HistoryOp.Connect), code));
        }
    }

    // False when nothing was asked under this number: there is no line for an answer without a message.
    private bool TryAnswer(uint request, out HistoryEvent publish)
    {
        if (_unanswered.Remove(request, out publish))
        {
            _answered[request] = (publish.Conversation, publish.ClientMessageId);
            return true;
        }

        bool isKnown = _answered.TryGetValue(request, out (ConversationId Conversation, ClientMessageId Id) earlier);
        publish = Of(HistoryOp.Publish) with { Conversation = earlier.Conversation, ClientMessageId = earlier.Id };
        return isKnown;
    }

    private void OnSubscribed(ConversationId conversation, in Subscribed answer) => _run.Write(Of(HistoryOp.Subscribe, HistoryPhase.Ok) with
    {
        Connection = _connection,
        Conversation = conversation,
        Status = answer.Status switch
        {
            SubscribeStatus.Resumed => HistoryStatus.Resumed,
            SubscribeStatus.Truncated => HistoryStatus.Truncated,
            _ => HistoryStatus.EpochChanged,
        },
        Epoch = answer.Epoch,
        First = answer.First,
        Head = answer.Head,
    });

    private void OnDelivered(in Deliver deliver)
    {
        ReadOnlySpan<byte> rest = deliver.Records;
        while (MessageRecord.TryRead(ref rest, out MessageRecord record))
        {
            _run.Write(RecordEvents.Delivered(deliver.Conversation, deliver.Epoch, record) with { Process = _name, Connection = _connection });
        }
    }

    private void Disconnect(ushort code = 0)
    {
        if (_isOpen)
        {
            _run.Write(Of(HistoryOp.Close) with { Connection = _connection, Code = code });
        }
        else if (_isConnecting)
        {
            _run.Write(Of(HistoryOp.Connect, HistoryPhase.Info) with { Code = code });
        }

        (_isConnecting, _isOpen) = (false, false);
        foreach (HistoryEvent publish in _unanswered.Values)
        {
            _run.Write(publish with { Phase = HistoryPhase.Info });
        }

        _unanswered.Clear();
        _answered.Clear();
    }

    // INTERNAL says that nobody knows.
    private static HistoryEvent Failed(in HistoryEvent request, ushort code) =>
        request with { Phase = code == (ushort)ErrorCode.Internal ? HistoryPhase.Info : HistoryPhase.Fail, Code = code };

    private HistoryEvent Of(HistoryOp op, HistoryPhase phase = HistoryPhase.None) => new() { Process = _name, Op = op, Phase = phase };
}
