using System.Buffers;

namespace FastChat.Protocol;

/// <summary>Writes frames to a buffer. Sizes are known before the first byte, so a frame is written once, front to back.</summary>
public static class FrameWriter
{
    /// <summary>Writes a header and returns the span of the body, which the caller must fill completely.</summary>
    public static Span<byte> Begin(IBufferWriter<byte> target, FrameType type, uint request, int bodySize)
    {
        Span<byte> span = target.GetSpan(FrameHeader.Size + bodySize)[..(FrameHeader.Size + bodySize)];
        new FrameHeader(bodySize, type, request).Write(span);
        target.Advance(FrameHeader.Size + bodySize);
        return span[FrameHeader.Size..];
    }

    /// <summary>Writes a frame whose body is the given bytes.</summary>
    public static void Write(IBufferWriter<byte> target, FrameType type, uint request, ReadOnlySpan<byte> body) =>
        body.CopyTo(Begin(target, type, request, body.Length));

    /// <summary>Writes a control frame.</summary>
    public static void Write(IBufferWriter<byte> target, FrameType type, uint request, ControlMap map)
    {
        ArrayBufferWriter<byte> body = new();
        map.Write(body);
        Write(target, type, request, body.WrittenSpan);
    }

    /// <summary>Writes an Error or Close frame.</summary>
    public static void Write(IBufferWriter<byte> target, FrameType type, uint request, in Failure failure)
    {
        Span<byte> body = stackalloc byte[Failure.FixedSize + ProtocolLimits.ReasonSizeMax];
        int size = failure.Write(body);
        Write(target, type, request, body[..size]);
    }

    /// <summary>Writes an Error frame.</summary>
    public static void WriteError(IBufferWriter<byte> target, uint request, ErrorCode code, string reason, uint retryAfterMs = 0) =>
        Write(target, FrameType.Error, request, new Failure((ushort)code, retryAfterMs, reason));

    /// <summary>Writes a Close frame.</summary>
    public static void WriteClose(IBufferWriter<byte> target, CloseCode code, string reason, uint retryAfterMs = 0) =>
        Write(target, FrameType.Close, 0, new Failure((ushort)code, retryAfterMs, reason));
}
