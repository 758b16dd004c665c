using System.Runtime.InteropServices;

using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.Limit;

/// <summary>
/// One conversation as its subscribers are sent it: Deliver frames, ready and back to back, so that everything a subscriber has not had yet is one stretch of memory. Messages that come before the frame is closed
/// share it. The memory is asked for at once and becomes the process's page by page. The loop's thread only.
/// </summary>
internal sealed unsafe class Feed(ConversationId conversation, long capacity) : IDisposable
{
    private const int NoFrame = -1;

    private readonly byte* _bytes = (byte*)NativeMemory.Alloc((nuint)capacity);
    private readonly List<LimitConnection> _subscribers = [];
    private long _written;
    private long _frame = NoFrame;
    private uint _frameCount;

    /// <summary>Sequence of the last message.</summary>
    public ulong Head { get; private set; }

    /// <summary>Everything up to here may be sent; positions count all bytes that there ever were.</summary>
    public long End { get; private set; }

    /// <summary>The oldest byte that is kept.</summary>
    public long Start { get; private set; }

    /// <summary>Who is sent it.</summary>
    public IReadOnlyList<LimitConnection> Subscribers => _subscribers;

    /// <summary>True while the last frame may still take messages.</summary>
    public bool IsOpen => _frame != NoFrame;

    /// <summary>A connection is sent it from a position on.</summary>
    public void Add(LimitConnection subscriber, long position)
    {
        subscriber.Feed?._subscribers.Remove(subscriber);
        subscriber.Feed = this;
        subscriber.Position = position;
        _subscribers.Add(subscriber);
    }

    /// <summary>A connection is gone.</summary>
    public void Remove(LimitConnection subscriber)
    {
        subscriber.Feed = null;
        _subscribers.Remove(subscriber);
    }

    /// <summary>What comes after a position, at most so many bytes of it; empty when there is nothing.</summary>
    public ReadOnlySpan<byte> After(long position, int most) => new(_bytes + (position - Start), (int)Math.Min(most, End - position));

    /// <summary>Adds a message; false when there is no room.</summary>
    public bool TryAppend(in Publish publish, long sentAtMicros)
    {
        int size = MessageRecord.SizeOf(onBehalf: false, publish.Body.Length);
        if (IsOpen && _written - _frame - FrameHeader.Size - Deliver.FixedSize + size > ProtocolLimits.ChunkSizeMax)
        {
            Close();
        }

        int head = IsOpen ? 0 : FrameHeader.Size + Deliver.FixedSize;
        if (_written - Start + head + size > capacity)
        {
            return false;
        }

        if (!IsOpen)
        {
            _frame = _written;
            _frameCount = 0;
            _written += head;
        }

        MessageRecord.Write(
            At(_written, size), ++Head, sentAtMicros, new UserId(1), new UserId(1), new DeviceId(1), publish.ClientMessageId, publish.Kind, RecordFlags.None, publish.Body);
        _written += size;
        _frameCount++;
        return true;
    }

    /// <summary>Completes the last frame: from here on it may be sent.</summary>
    public void Close()
    {
        if (IsOpen)
        {
            int body = (int)(_written - _frame) - FrameHeader.Size;
            new FrameHeader(body, FrameType.Deliver, 0).Write(At(_frame, FrameHeader.Size));
            Deliver.WriteFixed(At(_frame + FrameHeader.Size, Deliver.FixedSize), conversation, Courtesies.Epoch, _frameCount);
            _frame = NoFrame;
            End = _written;
        }
    }

    /// <summary>Forgets everything that may be sent; only when every subscriber has it.</summary>
    public void Reset() => Start = End;

    /// <inheritdoc/>
    public void Dispose() => NativeMemory.Free(_bytes);

    private Span<byte> At(long position, int size) => new(_bytes + (position - Start), size);
}
