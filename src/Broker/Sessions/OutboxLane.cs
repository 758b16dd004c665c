using System.Buffers;
using System.Diagnostics;

using FastChat.Protocol;

namespace FastChat.Broker.Sessions;

/// <summary>
/// One producer's way into an outbox: a byte queue in rented segments, from exactly one thread (a shard loop) to exactly one other
/// (the connection's write loop). Whole frames become visible at once, by one release store of <c>_committed</c>; nothing is locked.
/// <para>
/// Who owns a segment: the producer appends to the last one, the consumer reads the first; a segment is left by the producer (which links
/// the next one before it commits) before the consumer leaves it, so they never return the same one. An idle lane
/// keeps one small segment. The consumer hands the segment that it leaves back to the producer, without its buffer, so that a steady lane
/// allocates nothing. When a connection ends its lanes are left to the garbage collector: the loop may still be appending, so their
/// buffers cannot go back to the pool.
/// </para>
/// </summary>
internal sealed class OutboxLane
{
    /// <summary>The first segment of a lane that wakes from idleness: enough for a few acknowledgements.</summary>
    private const int SegmentSizeMin = 512;

    /// <summary>Segments grow to this while a lane is busy.</summary>
    private const int SegmentSizeMax = 16 * 1024;

    private Segment _writing;
    private int _writeOffset;
    private long _written;
    private long _committed;

    /// <summary>A segment that neither side uses: the consumer puts it here when both have left it, the producer takes it.</summary>
    private Segment? _spare;

    private Segment _reading;
    private int _readOffset;
    private long _consumed;

    public OutboxLane()
    {
        _writing = new Segment { Buffer = ArrayPool<byte>.Shared.Rent(SegmentSizeMin) };
        _reading = _writing;
    }

    /// <summary>True while the producer has appended something and not yet raised the outbox's signal. Producer only.</summary>
    public bool IsDirty { get; set; }

    /// <summary>Bytes that the consumer has not taken yet; a snapshot, exact enough for a budget.</summary>
    public long QueuedBytes => Volatile.Read(ref _committed) - Volatile.Read(ref _consumed);

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
            int room = _reading.Buffer.Length - _readOffset;
            if (room == 0)
            {
                NextSegment();
                continue;
            }

            int size = (int)Math.Min(room, left);
            target.Write(_reading.Buffer.AsSpan(_readOffset, size));
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
            int room = _writing.Buffer.Length - _writeOffset;
            if (source.Length <= room)
            {
                source.CopyTo(_writing.Buffer.AsSpan(_writeOffset));
                _writeOffset += source.Length;
                return;
            }

            source[..room].CopyTo(_writing.Buffer.AsSpan(_writeOffset));
            source = source[room..];
            Segment next = Interlocked.Exchange(ref _spare, null) ?? new Segment();
            next.Buffer = ArrayPool<byte>.Shared.Rent(Math.Min(_writing.Buffer.Length * 4, SegmentSizeMax));
            _writing.Next = next;
            _writing = next;
            _writeOffset = 0;
        }
    }

    private void NextSegment()
    {
        Segment done = _reading;
        Debug.Assert(done.Next is not null, "committed bytes lie in linked segments");
        _reading = done.Next;
        _readOffset = 0;
        ArrayPool<byte>.Shared.Return(done.Buffer);

        // The producer left it before it committed what lies behind it, and that was committed: nobody else knows the segment any more.
        done.Buffer = [];
        done.Next = null;
        Volatile.Write(ref _spare, done);
    }

    private sealed class Segment
    {
        public byte[] Buffer = [];
        public Segment? Next;
    }
}
