using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Broker.Routing;

/// <summary>The Notice that somebody has come further (protocol.md §4.7).</summary>
internal static class CursorNotice
{
    /// <summary>The whole frame.</summary>
    public static byte[] Frame(ConversationId conversation, UserId user, ulong thread, ulong delivered, ulong read)
    {
        ArrayBufferWriter<byte> frame = new();
        ControlMap notice = new ControlMap()
            .Set("event", "cursor")
            .SetId("conversation", conversation.Value)
            .SetId("user", user.Value)
            .Set("delivered", delivered)
            .Set("read", read)
            .Set("thread", thread == 0 ? null : thread);
        FrameWriter.Write(frame, FrameType.Notice, 0, notice);
        return frame.WrittenSpan.ToArray();
    }
}
