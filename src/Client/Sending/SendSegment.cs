using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>Who hears of one publish, and where its frame lies. Written by the producer that reserved it, before <see cref="State"/> becomes Ready.</summary>
internal struct SendEntry
{
    public const int Empty = 0;
    public const int Ready = 1;
    public const int Answered = 2;

    public IPublishObserver? Observer;
    public long Tag;
    public int Offset;
    public int Size;
    public int State;
}

/// <summary>
/// A piece of the send queue: encoded Publish frames back to back, ready for the transport, and one entry for each.
/// <para>
/// Many producers reserve room with one compare-and-swap on <see cref="_reserved"/>, which holds the bytes used, the number of frames, whether the segment is sealed, and the
/// generation. Then each fills its own room and marks its entry Ready. The write loop reads Ready entries in order; the read loop marks them Answered.
/// </para>
/// <para>
/// Segments are used again. The generation is what makes that safe: a producer that was suspended between reading <see cref="_reserved"/> and swapping it fails when the segment
/// began a new life meanwhile. 2^15 lives within one suspension would be needed to fool it.
/// </para>
/// <code>
///  63          49   48       47        32 31                     0
/// +--------------+--------+--------------+------------------------+
/// | generation   | sealed | frames       | bytes                  |
/// +--------------+--------+--------------+------------------------+
/// </code>
/// </summary>
internal sealed class SendSegment
{
    public const int BytesStandard = 64 * 1024;
    public const int FramesStandard = 1024;

    private const long OneFrame = 1L << 32;
    private const long SealedBit = 1L << 48;
    private const long OneGeneration = 1L << 49;

    public readonly byte[] Bytes;
    public readonly SendEntry[] Entries;

    private SendSegment? _next;
    private long _reserved = SealedBit;

    public SendSegment(int bytes, int frames)
    {
        Bytes = new byte[bytes];
        Entries = new SendEntry[frames];
    }

    /// <summary>Number of the first frame; frames are numbered without holes over all segments. Set before the segment is linked.</summary>
    public long FirstNumber { get; private set; }

    /// <summary>The segment behind this one; null as long as this is the last.</summary>
    public SendSegment? Next => Volatile.Read(ref _next);

    public bool IsStandard => Bytes.Length == BytesStandard;

    /// <summary>The state word, to be handed back to <see cref="TryReserve"/> or <see cref="TrySeal"/>.</summary>
    public long Reserved => Volatile.Read(ref _reserved);

    public static int FramesOf(long reserved) => (int)((reserved >> 32) & 0xFFFF);

    public static int BytesOf(long reserved) => (int)(reserved & 0xFFFF_FFFF);

    public static bool IsSealed(long reserved) => (reserved & SealedBit) != 0;

    public bool Fits(long reserved, int size) => BytesOf(reserved) + size <= Bytes.Length && FramesOf(reserved) < Entries.Length;

    /// <summary>Takes room behind <paramref name="reserved"/>; false when it is not the state any more.</summary>
    public bool TryReserve(long reserved, int size) =>
        Interlocked.CompareExchange(ref _reserved, reserved + OneFrame + size, reserved) == reserved;

    /// <summary>Ends the reservations. Who succeeds, and nobody else, calls <see cref="Link"/> next.</summary>
    public bool TrySeal(long reserved) => Interlocked.CompareExchange(ref _reserved, reserved | SealedBit, reserved) == reserved;

    /// <summary>Begins a new life as an empty segment. The caller owns it: it is neither linked nor in the pool.</summary>
    public void Open(long firstNumber)
    {
        FirstNumber = firstNumber;
        _next = null;
        long generation = (_reserved & ~(OneGeneration - 1)) + OneGeneration;
        Volatile.Write(ref _reserved, generation);
    }

    public void Link(SendSegment next) => Volatile.Write(ref _next, next);

    /// <summary>Forgets the frames before the segment goes to the pool. It stays sealed, so nobody reserves in it there.</summary>
    public void Clear() => Array.Clear(Entries, 0, FramesOf(_reserved));

    /// <summary>Writes a publish into reserved room and makes it visible to the write loop.</summary>
    public void Fill(int index, int offset, uint request, in Publish publish, IPublishObserver observer, long tag)
    {
        int bodySize = publish.Size;
        Span<byte> target = Bytes.AsSpan(offset, FrameHeader.Size + bodySize);
        new FrameHeader(bodySize, FrameType.Publish, request).Write(target);
        publish.Write(target[FrameHeader.Size..]);

        ref SendEntry entry = ref Entries[index];
        entry.Observer = observer;
        entry.Tag = tag;
        entry.Offset = offset;
        entry.Size = target.Length;
        Interlocked.Exchange(ref entry.State, SendEntry.Ready);
    }
}
