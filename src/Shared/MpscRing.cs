using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FastChat.Shared;

/// <summary>
/// A bounded, lock-free queue of byte messages: many producers, one consumer. The commands of a shard travel through it as bytes, so
/// that taking one in costs a copy and no allocation, and the same bytes can be replicated or replayed.
/// <para>
/// Ownership of the memory: a producer claims a region by moving <c>tail</c> with one compare-and-swap and owns it until it stores the
/// region's length (a release store); from then on the consumer owns it until it has zeroed the region and moved <c>head</c>. A zero
/// length therefore always means "claimed or free, not yet readable", which is why consumed memory is zeroed before it is given back.
/// A region never wraps: where it would, the rest of the ring is claimed as well and marked as padding.
/// </para>
/// <para>
/// There is no Dispose: nobody can say when the last producer has gone (a connection that ends late still says so to its shard), and a post into freed memory would
/// land in whatever lies there next. The memory goes with the last reference to the ring.
/// </para>
/// <para>
/// What was not taken: System.Threading.Channels takes a lock for every write (bounded: also for every read) and needs an object per
/// message; a ring of structs needs a reference to a rented buffer per message, which costs more than copying a hundred bytes.
/// </para>
/// </summary>
internal sealed unsafe class MpscRing
{
    /// <summary>Bytes before every message: u32 length of the region (0 = not readable), u32 size of the payload (MaxValue = padding).</summary>
    public const int HeaderSize = 8;

    private const int Alignment = 8;
    private const uint PaddingMark = uint.MaxValue;

    private readonly byte* _memory;
    private readonly long _capacity;
    private readonly long _mask;
    private Cursors _cursors;

    /// <summary>Makes a ring.</summary>
    /// <param name="capacityBytes">A power of two, at least 1,024. The memory becomes resident as it is first used.</param>
    public MpscRing(int capacityBytes)
    {
        if (capacityBytes < 1024 || (capacityBytes & (capacityBytes - 1)) != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(capacityBytes), capacityBytes, "a power of two of at least 1,024 is expected");
        }

        _capacity = capacityBytes;
        _mask = capacityBytes - 1;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)capacityBytes, 64);
        NativeMemory.Clear(_memory, (nuint)capacityBytes);
        GC.AddMemoryPressure(capacityBytes);
    }

    ~MpscRing()
    {
        // The constructor may have refused its capacity.
        if (_memory is not null)
        {
            NativeMemory.AlignedFree(_memory);
            GC.RemoveMemoryPressure(_capacity);
        }
    }

    /// <summary>The largest payload: half the ring, so that padding can never make a message impossible to place.</summary>
    public int PayloadMax => (int)(_capacity / 2) - HeaderSize;

    /// <summary>Bytes claimed and not yet released; a snapshot.</summary>
    public long UsedBytes => Volatile.Read(ref _cursors.Tail) - Volatile.Read(ref _cursors.Head);

    /// <summary>True when nothing is claimed. Exact for the consumer, a snapshot for others.</summary>
    public bool IsEmpty => UsedBytes == 0;

    /// <summary>
    /// Claims room for a payload. Any thread. False when the ring is full: the caller keeps its message and tries later.
    /// True obliges the caller to fill <paramref name="payload"/> and call <see cref="Publish"/> soon: the consumer waits at that place.
    /// </summary>
    public bool TryClaim(int size, out Span<byte> payload)
    {
        Debug.Assert(size >= 0 && size <= PayloadMax, "the caller bounds its messages");
        long required = (size + HeaderSize + (Alignment - 1)) & ~(Alignment - 1L);
        while (true)
        {
            long tail = Volatile.Read(ref _cursors.Tail);
            long index = tail & _mask;
            long padding = index + required > _capacity ? _capacity - index : 0;
            long limit = Volatile.Read(ref _cursors.HeadSeen) + _capacity;
            if (tail + padding + required > limit)
            {
                // The producers' copy of head is stale on purpose: reading the consumer's cache line once per lap, not per message.
                long head = Volatile.Read(ref _cursors.Head);
                Volatile.Write(ref _cursors.HeadSeen, head);
                if (tail + padding + required > head + _capacity)
                {
                    payload = default;
                    return false;
                }
            }

            if (Interlocked.CompareExchange(ref _cursors.Tail, tail + padding + required, tail) != tail)
            {
                continue;
            }

            if (padding != 0)
            {
                *(uint*)(_memory + index + 4) = PaddingMark;
                Volatile.Write(ref *(uint*)(_memory + index), (uint)padding);
                index = 0;
            }

            *(uint*)(_memory + index + 4) = (uint)size;
            payload = new Span<byte>(_memory + index + HeaderSize, size);
            return true;
        }
    }

    /// <summary>Makes a claimed payload readable. The span must be the one that <see cref="TryClaim"/> gave.</summary>
    public void Publish(Span<byte> payload)
    {
        byte* header = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(payload)) - HeaderSize;
        long required = (payload.Length + HeaderSize + (Alignment - 1)) & ~(Alignment - 1L);
        Volatile.Write(ref *(uint*)header, (uint)required);

        // The span does not keep the ring, and the ring's end frees what the span lies in.
        GC.KeepAlive(this);
    }

    /// <summary>The oldest readable message. Consumer only. The span is valid until <see cref="Release"/>.</summary>
    public bool TryPeek(out ReadOnlySpan<byte> payload)
    {
        while (true)
        {
            byte* header = _memory + (_cursors.Head & _mask);
            uint length = Volatile.Read(ref *(uint*)header);
            if (length == 0)
            {
                payload = default;
                return false;
            }

            uint size = *(uint*)(header + 4);
            if (size != PaddingMark)
            {
                payload = new ReadOnlySpan<byte>(header + HeaderSize, (int)size);
                return true;
            }

            Free(header, length);
        }
    }

    /// <summary>Gives the message of the last <see cref="TryPeek"/> back. Consumer only.</summary>
    public void Release()
    {
        byte* header = _memory + (_cursors.Head & _mask);
        Free(header, *(uint*)header);
    }

    private void Free(byte* header, uint length)
    {
        new Span<byte>(header, (int)length).Clear();
        Volatile.Write(ref _cursors.Head, _cursors.Head + length);
    }

    /// <summary>The cursors, each on cache lines of its own (two, because the prefetcher takes pairs): producers and consumer must not disturb one another.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 5 * 128)]
    internal struct Cursors
    {
        /// <summary>Next byte to claim; producers, compare-and-swap.</summary>
        [FieldOffset(1 * 128)]
        public long Tail;

        /// <summary>The producers' copy of <see cref="Head"/>, never ahead of it.</summary>
        [FieldOffset(2 * 128)]
        public long HeadSeen;

        /// <summary>Next byte to read; consumer only.</summary>
        [FieldOffset(3 * 128)]
        public long Head;
    }
}
