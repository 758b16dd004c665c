using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Routing;

/// <summary>The Notice that somebody has come further (protocol.md §4.7).</summary>
internal static class CursorNotice
{
    /// <summary>The whole frame.</summary>
    public static byte[] Frame(ConversationId conversation, UserId user, ulong thread, ulong delivered, ulong read) => Notices.Frame(new ControlMap()
        .Set("event", "cursor")
        .SetId("conversation", conversation.Value)
        .SetId("user", user.Value)
        .Set("delivered", delivered)
        .Set("read", read)
        .Set("thread", thread == 0 ? null : thread));
}
