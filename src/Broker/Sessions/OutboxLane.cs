using System.Buffers;
using System.Diagnostics;

using FastChat.Protocol;

namespace FastChat.Broker.Sessions;

/// <summary>
/// One producer's way into an outbox: a byte queue in segments, from exactly one thread (a shard loop) to exactly one other (the connection's write loop). A segment is rented memory
/// that small frames are copied into, or a reference to one frame that many lanes share. Whole frames become visible at once, by one release store of <c>_committed</c>;
/// nothing is locked.
/// <para>
/// Who owns a segment: the producer appends to the last one, the consumer reads the first; a segment is left by the producer (which says where it ends and links
/// the next one before it commits) before the consumer leaves it, so they never return the same one. An idle lane keeps one segment, and memory only of its own. The
/// consumer hands the segments that it leaves back to the producer, without what they held, so that a steady lane
/// allocates nothing. When a connection ends its lanes are left to the garbage collector: the loop may still be appending, so what they
/// hold cannot go back to its pools.
/// </para>
/// </summary>
internal sealed class OutboxLane
{
    /// <summary>The first rented memory of a lane that wakes from idleness: enough for a few acknowledgements.</summary>
    private const int RentMin = 512;

    /// <summary>What is rented grows to this while a lane is busy.</summary>
    private const int RentMax = 16 * 1024;

    /// <summary>Segments that wait to be used again: what a lane gathered while its peer was slow is not kept for ever.</summary>
    private const int SparesMax = 16;

    private Segment _writing;
    private int _writeOffset;

    /// <summary>Where the memory of the producer's segment ends; 0: it is a shared frame, which nothing is copied into.</summary>
    private int _writeEnd;
    private int _rentSize = RentMin;
    private long _written;
    private long _committed;

    /// <summary>Segments that neither side uses: the producer's own, and those that the consumer has put back.</summary>
    private Segment? _spare;
    private Segment? _returned;

    private Segment _reading;
    private int _readOffset;
    private long _consumed;

    public OutboxLane()
    {
        _writing = new Segment { Rented = ArrayPool<byte>.Shared.Rent(RentMin) };
        _writing.End = _writeEnd = _writing.Rented.Length;
        _reading = _writing;
    }

    /// <summary>True while the producer has appended something and not yet raised the outbox's signal. Producer only.</summary>
    public bool IsDirty { get; set; }

    /// <summary>Bytes that the consumer has not taken yet; a snapshot, exact enough for a budget.</summary>
    public long QueuedBytes => Volatile.Read(ref _committed) - Volatile.Read(ref _consumed);

    /// <summary>Bytes that the consumer has taken. Consumer only.</summary>
    public long Consumed => _consumed;

    /// <summary>Appends a frame whose body comes in two parts. Producer only. Visible to the consumer when it returns.</summary>
    public void Append(FrameType type, uint request, ReadOnlySpan<byte> bodyStart, ReadOnlySpan<byte> bodyRest)
    {
        Span<byte> header = stackalloc byte[FrameHeader.Size];
        new FrameHeader(bodyStart.Length + bodyRest.Length, type, request).Write(header);
        Copy(header);
        Copy(bodyStart);
        Copy(bodyRest);
        Volatile.Write(ref _committed, _written);
    }

    /// <summary>Appends a frame by reference; the consumer releases it. Producer only. Visible to the consumer when it returns.</summary>
    public void Append(SharedFrame frame)
    {
        Segment next = NewSegment();
        next.Shared = frame;
        next.End = frame.Bytes.Length;
        if (_writeEnd > 0)
        {
            _writing.End = _writeOffset;
        }

        _writing.Next = next;
        _writing = next;
        _writeOffset = _writeEnd = 0;
        _written += next.End;
        Volatile.Write(ref _committed, _written);
    }

    /// <summary>
    /// Moves every committed byte, and so only whole frames, to <paramref name="target"/>. Consumer only.
    /// </summary>
    /// <returns>True when bytes were moved.</returns>
    public bool Drain(IBufferWriter<byte> target)
    {
        long available = Volatile.Read(ref _committed) - _consumed;
        if (available == 0)
        {
            return false;
        }

        long left = available;
        while (left > 0)
        {
            // Where a segment ends is written before what lies behind it is committed.
            int size = (int)Math.Min(_reading.End - _readOffset, left);
            if (size == 0)
            {
                NextSegment();
                continue;
            }

            if (_reading.Shared is { } shared)
            {
                Debug.Assert(_readOffset == 0 && size == _reading.End, "a shared frame is committed as a whole");
                target.Write(shared.Bytes);
                _reading.Shared = null;
                shared.Release();
            }
            else
            {
                target.Write(_reading.Rented.AsSpan(_readOffset, size));
            }

            _readOffset += size;
            left -= size;
        }

        Volatile.Write(ref _consumed, _consumed + available);
        return true;
    }

    private void Copy(ReadOnlySpan<byte> source)
    {
        _written += source.Length;
        while (true)
        {
            int room = _writeEnd - _writeOffset;
            if (source.Length <= room)
            {
                source.CopyTo(_writing.Rented.AsSpan(_writeOffset));
                _writeOffset += source.Length;
                return;
            }

            if (_writeEnd > 0)
            {
                source[..room].CopyTo(_writing.Rented.AsSpan(_writeOffset));
                source = source[room..];
                _rentSize = Math.Min(_rentSize * 4, RentMax);
            }

            Segment next = NewSegment();
            next.Rented = ArrayPool<byte>.Shared.Rent(_rentSize);
            next.End = _writeEnd = next.Rented.Length;
            _writing.Next = next;
            _writing = next;
            _writeOffset = 0;
        }
    }

    private Segment NewSegment()
    {
        Segment segment = _spare ?? Interlocked.Exchange(ref _returned, null) ?? new Segment();
        _spare = segment.Next;
        segment.Next = null;
        return segment;
    }

    private void NextSegment()
    {
        Segment done = _reading;
        Debug.Assert(done.Next is not null, "committed bytes lie in linked segments");
        _reading = done.Next;
        _readOffset = 0;
        if (done.Rented.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(done.Rented);
            done.Rented = [];
        }

        // The producer left it before it committed what lies behind it, and that was committed: nobody else knows the segment any more.
        Segment? top = Volatile.Read(ref _returned);
        done.Depth = top is null ? 1 : top.Depth + 1;
        done.Next = top;
        if (done.Depth <= SparesMax && Interlocked.CompareExchange(ref _returned, done, top) != top)
        {
            // Only the producer takes any, and it takes all.
            done.Depth = 1;
            done.Next = null;
            Volatile.Write(ref _returned, done);
        }
    }

    private sealed class Segment
    {
        public byte[] Rented = [];
        public SharedFrame? Shared;
        public int End;
        public int Depth;
        public Segment? Next;
    }
}
