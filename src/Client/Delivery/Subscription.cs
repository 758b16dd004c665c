using System.Collections.Concurrent;

using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <summary>The records of one Deliver frame, copied out of the receive buffer.</summary>
/// <param name="Epoch">Epoch of every record.</param>
/// <param name="Records">Records, checked, back to back.</param>
/// <param name="FrameSize">What the frame took from the window.</param>
internal readonly record struct DeliveredBatch(uint Epoch, ReadOnlyMemory<byte> Records, long FrameSize);

/// <summary>
/// One conversation that the application reads. The read loop puts batches in and keeps <see cref="Position"/>, the last record that it accepted; the application's
/// enumerator takes them out. Both at once, without a lock: a queue, an end mark that is set once after the last batch, and a signal.
/// <para>
/// It outlives connections: each begins with a Subscribe from <see cref="Position"/>. What lies in the queue at a break stays there and is not asked for again.
/// </para>
/// </summary>
internal sealed class Subscription
{
    private readonly ConcurrentQueue<DeliveredBatch> _batches = new();
    private readonly AsyncSignal _signal = new();
    private readonly IReadObserver? _observer;
    private SubscriptionEnd? _end;
    private bool _isContinued;
    private bool _isActive;
    private bool _isDropped;

    public Subscription(ConversationId conversation, LogPosition after, IReadObserver? observer = null)
    {
        _observer = observer;
        Conversation = conversation;
        Position = after;
    }

    public ConversationId Conversation { get; }

    /// <summary>Subscriptions of a client are numbered in their order.</summary>
    public long Number { get; init; }

    /// <summary>The last record accepted, or where the application wants to begin. Read loop, and the session between connections.</summary>
    public LogPosition Position { get; private set; }

    public bool HasEnded => Volatile.Read(ref _end) is not null;

    public bool IsDropped => Volatile.Read(ref _isDropped);

    /// <summary>The connection ended: what arrives before the next Subscribed is not this subscription's.</summary>
    public void Suspend() => _isActive = false;

    /// <summary>A Subscribe from <see cref="Position"/> is being written. Write loop.</summary>
    public void OnSubscribing() => _observer?.OnSubscribing(Conversation, Position, _isContinued);

    /// <summary>The broker answered Subscribe.</summary>
    /// <exception cref="ProtocolViolationException">The answer contradicts the position that was asked for.</exception>
    public void OnSubscribed(in Subscribed answer)
    {
        _observer?.OnSubscribed(Conversation, answer);
        LogPosition asked = Position;
        switch (answer.Status)
        {
            case SubscribeStatus.EpochChanged:
                End(new SubscriptionEnd(new EpochChangedException(Conversation, asked, answer.Epoch, answer.Head)));
                return;

            case SubscribeStatus.Truncated when answer.First > asked.Sequence && answer.First - asked.Sequence > 1:
                End(new SubscriptionEnd(new HistoryTruncatedException(Conversation, asked, answer.Epoch, answer.First, answer.Head)));
                return;

            case SubscribeStatus.Resumed when answer.First != 0 && IsNext(asked, answer):
                Position = new LogPosition(answer.Epoch, answer.First - 1);
                _isActive = true;
                _isContinued = true;
                return;

            default:
                throw new ProtocolViolationException(CloseCode.BadFrame, $"Subscribed {answer.Status} first={answer.First} does not follow {asked}");
        }
    }

    /// <summary>Takes a Deliver frame; false when it belongs to an earlier subscription of the same conversation, or nobody reads any more.</summary>
    /// <exception cref="ProtocolViolationException">The records do not continue the subscription (protocol.md §6.3), or their checksum is wrong.</exception>
    public bool TryDeliver(in Deliver deliver, long frameSize)
    {
        if (!_isActive || IsDropped)
        {
            return false;
        }

        _observer?.OnDelivered(deliver);
        if (deliver.Epoch != Position.Epoch)
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, $"Deliver of epoch {deliver.Epoch} in a subscription at {Position}");
        }

        ulong last = RecordRun.Check(deliver, Position.Sequence + 1);
        _batches.Enqueue(new DeliveredBatch(deliver.Epoch, deliver.Records.ToArray(), frameSize));
        Position = new LogPosition(deliver.Epoch, last);
        _signal.Raise();
        return true;
    }

    /// <summary>The session fell behind here; delivery goes on from the log by itself. Where that does not have what comes next any more, the stream ends as it does when that shows at its beginning.</summary>
    public void OnLagged(in Lag lag)
    {
        if (!_isActive || IsDropped)
        {
            return;
        }

        _observer?.OnLagged(lag);
        if (lag.IsCut && lag.Next > Position.Sequence + 1)
        {
            End(new SubscriptionEnd(new HistoryTruncatedException(Conversation, Position, lag.Epoch, lag.Next, lag.Head)));
        }
    }

    /// <summary>Unsubscribed with request 0: the user was removed. False when it is about an earlier subscription.</summary>
    public bool TryEndByBroker()
    {
        if (_isActive)
        {
            _observer?.OnUnsubscribed(Conversation);
            End(new SubscriptionEnd(Error: null));
            return true;
        }

        return false;
    }

    /// <summary>No batch follows. The first end counts.</summary>
    public void End(SubscriptionEnd end)
    {
        _isActive = false;
        Interlocked.CompareExchange(ref _end, end, null);
        _signal.Raise();
    }

    /// <summary>The next batch; null when the stream has ended normally. Application's side.</summary>
    /// <exception cref="ClientException">The stream ended with an error.</exception>
    public async ValueTask<DeliveredBatch?> TakeAsync(CancellationToken cancellationToken)
    {
        CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static signal => ((AsyncSignal)signal!).Raise(), _signal);
        await using (registration.ConfigureAwait(Continuation.InContext))
        {
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();

                // The end is read before the queue: it is set after the last batch was put in, so a queue that is empty then stays empty.
                SubscriptionEnd? end = Volatile.Read(ref _end);
                if (_batches.TryDequeue(out DeliveredBatch batch))
                {
                    return batch;
                }

                if (end is not null)
                {
                    return end.Error is null ? null : throw end.Error;
                }

                await _signal.WaitAsync().ConfigureAwait(Continuation.InContext);
            }
        }
    }

    /// <summary>
    /// The application stopped reading. Both it and the read loop then give back what still lies in the queue, each batch once: the read loop may have put one in
    /// at the same moment.
    /// </summary>
    public void Drop(DeliveryWindow window)
    {
        Volatile.Write(ref _isDropped, true);
        Interlocked.MemoryBarrier();
        while (_batches.TryDequeue(out DeliveredBatch batch))
        {
            window.Consume(batch.FrameSize);
        }
    }

    private static bool IsNext(LogPosition asked, in Subscribed answer) =>
        (asked.Epoch == 0 || asked.Epoch == answer.Epoch) &&
        answer.First == (asked.Sequence == LogPosition.Latest ? answer.Head : asked.Sequence) + 1;
}

/// <summary>How a subscription ended.</summary>
/// <param name="Error">What the application gets; null = the stream just ends.</param>
internal sealed record SubscriptionEnd(ClientException? Error);
