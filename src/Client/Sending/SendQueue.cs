using System.Collections.Concurrent;

using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>
/// The publishes that were not answered yet, encoded, in the order in which they were posted. It outlives connections: what a broken connection left unanswered is sent
/// again from the same bytes, with the same request numbers and client message ids, before anything newer (protocol.md §6.1).
/// <para>
/// Threads: <see cref="TryAppend"/> by anyone; the sending side (<see cref="TryTake"/>) by the write loop; the answering side (<see cref="TryAnswer"/>, <see cref="Release"/>)
/// by the read loop; <see cref="Rewind"/> and <see cref="FailAll"/> when neither loop runs. No lock, and no allocation once the segments exist.
/// </para>
/// <para>
/// Between calls: oldest ≤ sent ≤ appended. A frame's number is its place in the queue since the client began; its request number is the low 30 bits of that with bit 30
/// set, so that control requests (below 2^30) and publishes never share one. Bytes are given back in order, from the oldest: one conversation that is not answered
/// cannot make the queue grow without bound behind it.
/// </para>
/// </summary>
internal sealed class SendQueue
{
    /// <summary>Set in the request numbers of publishes, and only there.</summary>
    public const uint PublishBit = 0x4000_0000;

    private const uint NumberMask = PublishBit - 1;
    private const int FirstSegmentBytes = 1024;
    private const int FirstSegmentFrames = 8;
    private const int PooledSegmentsMax = 128;

    private readonly ConcurrentQueue<SendSegment> _pool = new();
    private readonly int _bytesMax;

    // Producers.
    private SendSegment _tail;
    private long _bytesHeld;
    private CloseReason? _ended;

    // Write loop.
    private SendSegment _sendSegment;
    private int _sendIndex;
    private long _sentNumber;
    private long _sentOnConnection;

    // Read loop.
    private SendSegment _oldestSegment;
    private SendSegment _answerHint;
    private SendSegment? _retired;
    private int _oldestIndex;
    private long _oldestNumber;
    private long _answeredOnConnection;

    public SendQueue(int bytesMax)
    {
        _bytesMax = bytesMax;

        // A client that only listens never needs more than this.
        _tail = new SendSegment(FirstSegmentBytes, FirstSegmentFrames);
        _tail.Open(firstNumber: 0);
        _sendSegment = _oldestSegment = _answerHint = _tail;
    }

    /// <summary>Bytes from the oldest unanswered publish to the newest.</summary>
    public long BytesHeld => Volatile.Read(ref _bytesHeld);

    /// <summary>The number of the oldest publish that is not answered, or the next one's when all are.</summary>
    public long OldestNumber => Volatile.Read(ref _oldestNumber);

    /// <summary>Publishes on this connection that wait for their answer.</summary>
    public long InFlight => Volatile.Read(ref _sentOnConnection) - Volatile.Read(ref _answeredOnConnection);

    /// <summary>The number that the next publish gets, at this moment.</summary>
    public long AppendedNumber
    {
        get
        {
            while (true)
            {
                SendSegment tail = Volatile.Read(ref _tail);
                long first = tail.FirstNumber;
                long reserved = tail.Reserved;
                if (tail == Volatile.Read(ref _tail))
                {
                    return first + SendSegment.FramesOf(reserved);
                }
            }
        }
    }

    /// <summary>
    /// Copies a publish into the queue; false when the queue is full. An empty queue takes any publish, however small its limit.
    /// </summary>
    /// <exception cref="ConnectionException">The client has ended.</exception>
    public bool TryAppend(in Publish publish, IPublishObserver observer, long tag)
    {
        ThrowIfEnded();
        int size = FrameHeader.Size + publish.Size;
        if (Interlocked.Add(ref _bytesHeld, size) > _bytesMax && Volatile.Read(ref _bytesHeld) != size)
        {
            Interlocked.Add(ref _bytesHeld, -size);
            return false;
        }

        SendSegment segment = Reserve(size, out long reserved);
        int index = SendSegment.FramesOf(reserved);
        uint request = PublishBit | (uint)((segment.FirstNumber + index) & NumberMask);
        segment.Fill(index, SendSegment.BytesOf(reserved), request, publish, observer, tag);

        // The end of the client may have passed by between the first look and the filling. Whoever turns the entry to Answered reports it: here by throwing, there by OnFailed.
        if (Volatile.Read(ref _ended) is not null && TryClaim(ref segment.Entries[index]))
        {
            ThrowIfEnded();
        }

        return true;
    }

    /// <summary>
    /// The next frames to send, contiguous; false when there are none. Moves past them.
    /// </summary>
    /// <param name="framesMax">Frames at the most, at least 1.</param>
    /// <param name="run">The bytes; they stay as they are until the next call.</param>
    public bool TryTake(long framesMax, out ReadOnlyMemory<byte> run)
    {
        while (true)
        {
            SendSegment segment = _sendSegment;
            long reserved = segment.Reserved;
            int count = SendSegment.FramesOf(reserved);
            SendEntry[] entries = segment.Entries;

            // Only after a reconnect are there answered frames ahead: those that overtook an unanswered one before the break.
            while (_sendIndex < count && Volatile.Read(ref entries[_sendIndex].State) == SendEntry.Answered)
            {
                _sendIndex++;
            }

            int end = _sendIndex;
            while (end < count && end - _sendIndex < framesMax && Volatile.Read(ref entries[end].State) == SendEntry.Ready)
            {
                end++;
            }

            if (end > _sendIndex)
            {
                int offset = entries[_sendIndex].Offset;
                run = segment.Bytes.AsMemory(offset, entries[end - 1].Offset + entries[end - 1].Size - offset);
                Volatile.Write(ref _sentOnConnection, _sentOnConnection + (end - _sendIndex));
                _sendIndex = end;
                Volatile.Write(ref _sentNumber, segment.FirstNumber + end);
                return true;
            }

            if (!SendSegment.IsSealed(reserved) || _sendIndex < count || segment.Next is not { } next)
            {
                run = default;
                return false;
            }

            Volatile.Write(ref _sendSegment, next);
            _sendIndex = 0;
        }
    }

    /// <summary>Marks the publish with this request number as answered; false when no such publish is unanswered on this connection.</summary>
    public bool TryAnswer(uint request, out IPublishObserver? observer, out long tag)
    {
        observer = null;
        tag = 0;
        long number = _oldestNumber + ((request - (uint)_oldestNumber) & NumberMask);
        if (number >= Volatile.Read(ref _sentNumber))
        {
            return false;
        }

        ref SendEntry entry = ref EntryOf(number);
        if (entry.State != SendEntry.Ready)
        {
            return false;
        }

        observer = entry.Observer;
        tag = entry.Tag;
        entry.Observer = null;
        Volatile.Write(ref entry.State, SendEntry.Answered);
        Volatile.Write(ref _answeredOnConnection, _answeredOnConnection + 1);
        return true;
    }

    /// <summary>
    /// Notes that the publish with this request number was refused for the time being: it is not under way any more and stays unanswered. False when no such publish is unanswered on this
    /// connection.
    /// </summary>
    public bool TryRefuse(uint request)
    {
        long number = _oldestNumber + ((request - (uint)_oldestNumber) & NumberMask);
        if (number >= Volatile.Read(ref _sentNumber))
        {
            return false;
        }

        ref SendEntry entry = ref EntryOf(number);
        if (entry.State != SendEntry.Ready)
        {
            return false;
        }

        Volatile.Write(ref _answeredOnConnection, _answeredOnConnection + 1);
        return true;
    }

    /// <summary>
    /// Lets everything unanswered be sent again, in order, on the same connection. Write loop, while nothing is under way and what was answered has been released: then the oldest publish is one that
    /// was refused, and the read loop leaves it where it is.
    /// </summary>
    public void GoBack()
    {
        Volatile.Write(ref _sendSegment, Volatile.Read(ref _oldestSegment));
        _sendIndex = _oldestIndex;
        Volatile.Write(ref _sentNumber, Volatile.Read(ref _oldestNumber));
    }

    /// <summary>Gives back what has been answered, from the oldest on. True when there is more room than before.</summary>
    public bool Release()
    {
        long bytes = 0;
        long number = _oldestNumber;
        while (true)
        {
            SendSegment segment = _oldestSegment;
            long reserved = segment.Reserved;
            int count = SendSegment.FramesOf(reserved);
            SendEntry[] entries = segment.Entries;
            while (_oldestIndex < count && Volatile.Read(ref entries[_oldestIndex].State) == SendEntry.Answered)
            {
                bytes += entries[_oldestIndex].Size;
                _oldestIndex++;
                number++;
            }

            if (!SendSegment.IsSealed(reserved) || _oldestIndex < count || segment.Next is not { } next)
            {
                break;
            }

            _oldestSegment = next;
            _oldestIndex = 0;
            _answerHint = _answerHint == segment ? next : _answerHint;
            Recycle(segment);
        }

        Volatile.Write(ref _oldestNumber, number);
        if (bytes > 0)
        {
            Interlocked.Add(ref _bytesHeld, -bytes);
        }

        return bytes > 0;
    }

    /// <summary>Before a new connection: everything unanswered is to be sent again, in order.</summary>
    public void Rewind()
    {
        Release();
        Volatile.Write(ref _sendSegment, _oldestSegment);
        _sendIndex = _oldestIndex;
        Volatile.Write(ref _sentNumber, _oldestNumber);
        Volatile.Write(ref _sentOnConnection, 0);
        Volatile.Write(ref _answeredOnConnection, 0);
    }

    /// <summary>The client ends: tells every observer, and refuses what comes. Returns what observers threw; it does not keep the others from being told.</summary>
    public List<Exception> FailAll(CloseReason reason)
    {
        Interlocked.Exchange(ref _ended, reason);
        List<Exception> failures = [];
        for (SendSegment? segment = _oldestSegment; segment is not null; segment = segment.Next)
        {
            int count = SendSegment.FramesOf(segment.Reserved);
            for (int i = 0; i < count; i++)
            {
                ref SendEntry entry = ref segment.Entries[i];
                if (TryClaim(ref entry))
                {
                    Fail(entry, reason, failures);
                }
            }
        }

        Release();
        return failures;
    }

    /// <summary>The entry of a publish that was sent. Read loop.</summary>
    private ref SendEntry EntryOf(long number)
    {
        SendSegment segment = number >= _answerHint.FirstNumber ? _answerHint : _oldestSegment;
        while (number >= segment.FirstNumber + SendSegment.FramesOf(segment.Reserved))
        {
            segment = segment.Next!;
        }

        _answerHint = segment;
        return ref segment.Entries[number - segment.FirstNumber];
    }

    private static void Fail(in SendEntry entry, CloseReason reason, List<Exception> failures)
    {
        try
        {
            entry.Observer!.OnFailed(entry.Tag, new ConnectionException(reason, isFinal: true));
        }
        catch (Exception failure)
        {
            failures.Add(failure);
        }
    }

    private static bool TryClaim(ref SendEntry entry) =>
        Interlocked.CompareExchange(ref entry.State, SendEntry.Answered, SendEntry.Ready) == SendEntry.Ready;

    private void ThrowIfEnded()
    {
        if (Volatile.Read(ref _ended) is { } reason)
        {
            throw new ConnectionException(reason, isFinal: true);
        }
    }

    private SendSegment Reserve(int size, out long reserved)
    {
        SpinWait spin = default;
        while (true)
        {
            SendSegment tail = Volatile.Read(ref _tail);
            reserved = tail.Reserved;

            // The state was read while the segment was the tail, or this was not the tail and everything begins again: a state of the pool's or
            // of a segment that is being prepared is never used.
            if (tail != Volatile.Read(ref _tail) || SendSegment.IsSealed(reserved))
            {
                // Another producer is between sealing and linking: a few instructions.
                spin.SpinOnce();
                continue;
            }

            if (tail.Fits(reserved, size))
            {
                if (tail.TryReserve(reserved, size))
                {
                    return tail;
                }

                continue;
            }

            // The next segment is made before the seal, so that nobody waits for an allocation.
            SendSegment next = NewSegment(size);
            if (tail.TrySeal(reserved))
            {
                next.Open(tail.FirstNumber + SendSegment.FramesOf(reserved));
                tail.Link(next);
                Volatile.Write(ref _tail, next);
            }
            else if (next.IsStandard)
            {
                _pool.Enqueue(next);
            }
        }
    }

    private SendSegment NewSegment(int size)
    {
        if (size > SendSegment.BytesStandard)
        {
            return new SendSegment(size, 1);
        }

        return _pool.TryDequeue(out SendSegment? pooled) ? pooled : new SendSegment(SendSegment.BytesStandard, SendSegment.FramesStandard);
    }

    private void Recycle(SendSegment segment)
    {
        // A later segment was sent and answered, so the write loop has left this one.
        Pool(_retired);
        _retired = null;

        // The broker may have answered the last bytes of a segment while the write that carried them has not returned yet.
        if (Volatile.Read(ref _sendSegment).FirstNumber > segment.FirstNumber)
        {
            Pool(segment);
        }
        else
        {
            _retired = segment;
        }
    }

    private void Pool(SendSegment? segment)
    {
        if (segment is { IsStandard: true } && _pool.Count < PooledSegmentsMax)
        {
            segment.Clear();
            _pool.Enqueue(segment);
        }
    }
}
