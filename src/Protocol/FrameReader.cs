using System.Buffers;

namespace FastChat.Protocol;

/// <summary>What <see cref="FrameReader.TryRead"/> found.</summary>
public enum FrameReadStatus : byte
{
    /// <summary>A whole frame was read and the buffer stands behind it.</summary>
    Done,

    /// <summary>The buffer holds a part of a frame and is unchanged.</summary>
    NeedMoreData,

    /// <summary>No frame can begin like this; the connection ends with the given code.</summary>
    Invalid,
}

/// <summary>A frame as it lies in the receive buffer: its body lives until the reader advances.</summary>
/// <param name="Type">What the frame is.</param>
/// <param name="Request">The request number; 0 = none.</param>
/// <param name="Body">The body, a slice of the buffer.</param>
public readonly record struct Frame(FrameType Type, uint Request, ReadOnlySequence<byte> Body)
{
    /// <summary>Bytes of header and body.</summary>
    public long TotalSize => FrameHeader.Size + Body.Length;
}

/// <summary>
/// Cuts frames from a byte stream. A pure function of the buffer and the limit: no state, no copy, no allocation, no exception.
/// A length over the limit is refused on sight of the header, before a byte of the body is awaited.
/// </summary>
public static class FrameReader
{
    /// <summary>Reads the frame at the start of <paramref name="buffer"/> and moves the buffer behind it.</summary>
    /// <param name="buffer">What was received; unchanged unless the result is <see cref="FrameReadStatus.Done"/>.</param>
    /// <param name="bodySizeMax">The longest body that this side accepts in its present state.</param>
    /// <param name="frame">The frame when done.</param>
    /// <param name="violation">What to close with when invalid.</param>
    public static FrameReadStatus TryRead(ref ReadOnlySequence<byte> buffer, int bodySizeMax, out Frame frame, out CloseCode violation)
    {
        frame = default;
        violation = CloseCode.None;
        if (buffer.Length < FrameHeader.Size)
        {
            // The fourth byte decides already whether this can be a frame, but a header is read whole: one rule for every split point.
            return FrameReadStatus.NeedMoreData;
        }

        FrameHeader header = ReadHeader(buffer);
        if (header.Type == FrameType.None)
        {
            violation = CloseCode.BadFrame;
            return FrameReadStatus.Invalid;
        }

        if (header.Length > bodySizeMax)
        {
            violation = CloseCode.FrameTooLarge;
            return FrameReadStatus.Invalid;
        }

        if (buffer.Length - FrameHeader.Size < header.Length)
        {
            return FrameReadStatus.NeedMoreData;
        }

        frame = new Frame(header.Type, header.Request, buffer.Slice(FrameHeader.Size, header.Length));
        buffer = buffer.Slice(frame.Body.End);
        return FrameReadStatus.Done;
    }

    private static FrameHeader ReadHeader(in ReadOnlySequence<byte> buffer)
    {
        ReadOnlySpan<byte> first = buffer.FirstSpan;
        if (first.Length >= FrameHeader.Size)
        {
            return FrameHeader.Read(first);
        }

        Span<byte> straddling = stackalloc byte[FrameHeader.Size];
        buffer.Slice(0, FrameHeader.Size).CopyTo(straddling);
        return FrameHeader.Read(straddling);
    }
}
