using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Broker.Sessions;

/// <summary>Notice frames (protocol.md §4.7).</summary>
internal static class Notices
{
    /// <summary>The whole frame of a notice.</summary>
    public static byte[] Frame(ControlMap notice)
    {
        ArrayBufferWriter<byte> frame = new();
        FrameWriter.Write(frame, FrameType.Notice, 0, notice);
        return frame.WrittenSpan.ToArray();
    }
}
