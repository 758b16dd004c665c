using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>
/// The control requests that were not answered yet, and the order in which they wait for the write loop. Bounded by the slots that the requests hold.
/// Thread-safe; <see cref="OnBreak"/> and <see cref="FailAll"/> only when no loop runs.
/// <para>
/// A request can stand in the queue twice when a reconnect and its maker put it there at the same moment; <see cref="PendingRequest.SentOn"/> lets
/// it through once per connection.
/// </para>
/// </summary>
internal sealed class RequestTable
{
    private readonly ConcurrentDictionary<uint, PendingRequest> _pending = new();
    private readonly ConcurrentQueue<PendingRequest> _queue = new();
    private uint _lastNumber;
    private CloseReason? _ended;

    public int Count => _pending.Count;

    /// <summary>Gives the request a number and queues it.</summary>
    public void Add(PendingRequest request)
    {
        do
        {
            // Below the bit that marks publishes. After 2^30 requests an old one may still be unanswered: its number is passed over.
            request.Number = Interlocked.Increment(ref _lastNumber) & (SendQueue.PublishBit - 1);
        }
        while (request.Number == 0 || !_pending.TryAdd(request.Number, request));

        _queue.Enqueue(request);
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _ended) is { } reason && TryRemove(request.Number, out _))
        {
            request.Fail(new ConnectionException(reason, isFinal: true));
        }
    }

    /// <summary>The next request to write to this connection. Write loop.</summary>
    public bool TryTake(int connection, [NotNullWhen(true)] out PendingRequest? request)
    {
        while (_queue.TryDequeue(out request))
        {
            if (request.SentOn == connection || !_pending.ContainsKey(request.Number))
            {
                continue;
            }

            if (request.IsAbandoned || (request.BoundTo != 0 && request.BoundTo != connection))
            {
                TryRemove(request.Number, out _);
                continue;
            }

            request.SentOn = connection;
            return true;
        }

        return false;
    }

    /// <summary>An answer came. False when nobody asked: the broker answered twice, or something else.</summary>
    public bool TryAnswer(in Frame frame)
    {
        if (!_pending.TryGetValue(frame.Request, out PendingRequest? request) || request.SentOn == 0)
        {
            return false;
        }

        if (frame.Type == FrameType.Error)
        {
            if (!Failure.TryRead(frame.Body.FirstSpan, out Failure failure))
            {
                throw new ProtocolViolationException(CloseCode.BadFrame, "an Error cannot be read");
            }

            TryRemove(frame.Request, out _);
            request.Fail(RequestException.From(failure));
        }
        else if (request.TakeAnswer(frame))
        {
            TryRemove(frame.Request, out _);
        }

        return true;
    }

    /// <summary>The connection broke: what can be asked again is queued again in its old order, the rest fails.</summary>
    public void OnBreak(CloseReason reason)
    {
        foreach (PendingRequest request in _pending.Values.OrderBy(request => request.Number))
        {
            bool wasSent = request.SentOn != 0;
            if (request.IsAbandoned || request.BoundTo != 0 || (wasSent && !request.TrySurviveBreak()))
            {
                TryRemove(request.Number, out _);
                request.Fail(new ConnectionException(reason, isFinal: false));
                continue;
            }

            request.SentOn = 0;
            _queue.Enqueue(request);
        }
    }

    /// <summary>The client ended.</summary>
    public void FailAll(CloseReason reason)
    {
        Interlocked.Exchange(ref _ended, reason);
        foreach (uint number in _pending.Keys)
        {
            if (TryRemove(number, out PendingRequest? request))
            {
                request.Fail(new ConnectionException(reason, isFinal: true));
            }
        }
    }

    private bool TryRemove(uint number, [NotNullWhen(true)] out PendingRequest? request)
    {
        bool removed = _pending.TryRemove(number, out request);
        if (removed)
        {
            request!.Finish();
        }

        return removed;
    }
}
