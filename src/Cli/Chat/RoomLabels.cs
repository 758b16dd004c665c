using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>What the chat calls a conversation: its name or title, and a direct one after the other person.</summary>
internal static class RoomLabels
{
    /// <summary>The label; harmless.</summary>
    public static async Task<string> OfAsync(FastChatClient client, ConversationInfo conversation, CancellationToken cancellation)
    {
        if (conversation.Kind != ConversationKind.Direct || conversation.Peer.IsNone)
        {
            return ConversationArgument.Label(conversation);
        }

        IReadOnlyList<UserInfo?> found = await client.ResolveUsersAsync([conversation.Peer], cancellation).ConfigureAwait(false);
        return SafeText.OneLine($"@{found[0]?.Name ?? conversation.Peer.ToString()}");
    }

    /// <summary>The remark about an invitation.</summary>
    public static string Invitation(ConversationInfo conversation, string label) =>
        $"you are invited to {label}: /join {conversation.Name ?? conversation.Conversation.ToString()}";
}
