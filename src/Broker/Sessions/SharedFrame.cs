using System.Buffers;
using System.Diagnostics;

using FastChat.Protocol;

namespace FastChat.Broker.Sessions;

/// <summary>
/// A Deliver frame that lies in memory once and in many lanes by reference. Its bytes do not change between <see cref="SharedFrames.Deliver"/> and the last <see cref="Release"/>.
/// <para>
/// The count of those who hold it: the loop that appends it does not know beforehand how many lanes will take it, and the first of them may have sent it before the last one
/// has it. So it begins with more than there can ever be, every lane that has sent it takes one off, and <see cref="Seal"/> takes off all that nobody took.
/// </para>
/// </summary>
internal sealed class SharedFrame(SharedFrames owner)
{
    private const int Unsealed = 1 << 30;

    private byte[] _buffer = [];
    private int _length;
    private int _holders;

    /// <summary>For <see cref="SharedFrames"/>.</summary>
    public SharedFrame? Next;

    /// <summary>The frame, with its header. Whoever holds it.</summary>
    public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, _length);

    /// <summary>Fills it. Its loop only.</summary>
    public void Begin(ReadOnlySpan<byte> fixedPart, ReadOnlySpan<byte> records)
    {
        _length = FrameHeader.Size + fixedPart.Length + records.Length;
        _buffer = ArrayPool<byte>.Shared.Rent(_length);
        new FrameHeader(_length - FrameHeader.Size, FrameType.Deliver, 0).Write(_buffer);
        fixedPart.CopyTo(_buffer.AsSpan(FrameHeader.Size));
        records.CopyTo(_buffer.AsSpan(FrameHeader.Size + fixedPart.Length));
        _holders = Unsealed;
    }

    /// <summary>Nobody else gets it. Its loop only.</summary>
    /// <param name="holders">How many got it.</param>
    public void Seal(int holders)
    {
        if (Interlocked.Add(ref _holders, holders - Unsealed) == 0)
        {
            GiveBack();
        }
    }

    /// <summary>A holder has sent it and does not look at it again. Any thread.</summary>
    public void Release()
    {
        int left = Interlocked.Decrement(ref _holders);
        Debug.Assert(left >= 0, "released once by each holder");
        if (left == 0)
        {
            GiveBack();
        }
    }

    private void GiveBack()
    {
        byte[] buffer = _buffer;
        _buffer = [];
        ArrayPool<byte>.Shared.Return(buffer);
        owner.Return(this);
    }
}

/// <summary>Makes the shared frames of one loop, and makes them again of those that have been sent.</summary>
internal sealed class SharedFrames
{
    /// <summary>
    /// From here on records are shared instead of copied: below it a reference, which is a segment of a lane and a count that several threads change, costs more than the copy.
    /// </summary>
    public const int SizeMin = 1024;

    private SharedFrame? _spare;
    private SharedFrame? _returned;

    /// <summary>A Deliver frame, to be sealed when every lane that is to have it has it. The loop only.</summary>
    public SharedFrame Deliver(ReadOnlySpan<byte> fixedPart, ReadOnlySpan<byte> records)
    {
        SharedFrame frame = _spare ?? Interlocked.Exchange(ref _returned, null) ?? new SharedFrame(this);
        _spare = frame.Next;
        frame.Next = null;
        frame.Begin(fixedPart, records);
        return frame;
    }

    /// <summary>Takes a frame that nobody holds any more. Any thread. Only whole chains are taken from here, so that a frame cannot come back between a look and a swap (ABA).</summary>
    public void Return(SharedFrame frame)
    {
        SharedFrame? top;
        do
        {
            top = Volatile.Read(ref _returned);
            frame.Next = top;
        }
        while (Interlocked.CompareExchange(ref _returned, frame, top) != top);
    }
}
