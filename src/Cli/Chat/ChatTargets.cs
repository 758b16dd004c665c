using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>Conversations as people type them in the chat: as on the command line, and <c>@name</c> for the direct one with somebody.</summary>
internal static class ChatTargets
{
    /// <summary>Finds it.</summary>
    /// <exception cref="CliException">There is none.</exception>
    public static async Task<ConversationInfo> ResolveAsync(FastChatClient client, string text, bool create, CancellationToken cancellation)
    {
        if (!text.StartsWith('@'))
        {
            return await ConversationArgument.ResolveAsync(client, text, create, cancellation).ConfigureAwait(false);
        }

        UserId[] users = await Users.ResolveAsync(client, [text[1..]], cancellation).ConfigureAwait(false);
        return await client.DirectAsync(users[0], cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Finds it and becomes a member, where one becomes that by oneself: who is in a room is seen there, and has it in their list. Where that is not allowed, it is read as it is.
    /// </summary>
    /// <returns>The conversation, and what waits there for who was a member before; null for who was none.</returns>
    /// <exception cref="CliException">There is none.</exception>
    public static async Task<(ConversationInfo Conversation, InboxEntry? Waiting)> JoinAsync(FastChatClient client, string text, CancellationToken cancellation)
    {
        ConversationInfo found = await ResolveAsync(client, text, create: true, cancellation).ConfigureAwait(false);
        bool isInvited = found.Role == MemberRole.Invited;
        if (MemberRoles.IsMember(found.Role))
        {
            return (found, found.Created ? null : await WaitingAsync(client, found.Conversation, cancellation).ConfigureAwait(false));
        }

        if (!isInvited && (found.Role != MemberRole.None || !ConversationKinds.IsOpen(found.Kind) || found.IsArchived))
        {
            return (found, null);
        }

        try
        {
            await (isInvited ? client.AcceptAsync(found.Conversation, cancellation) : client.JoinAsync(found.Conversation, cancellation)).ConfigureAwait(false);
        }
        catch (RequestException) when (!isInvited)
        {
            // Banned meanwhile, archived meanwhile, or an older broker: an open conversation can be read without belonging to it, and says by itself when it cannot.
            return (found, null);
        }

        return (await client.GetConversationAsync(found.Conversation, cancellation).ConfigureAwait(false), null);
    }

    /// <summary>What waits in a conversation; null when it is not in the user's list.</summary>
    public static async Task<InboxEntry?> WaitingAsync(FastChatClient client, ConversationId conversation, CancellationToken cancellation)
    {
        ReadOnlyMemory<byte>? next = null;
        do
        {
            InboxPage page = await client.GetInboxAsync(limit: 200, next: next, cancellationToken: cancellation).ConfigureAwait(false);
            if (page.Entries.FirstOrDefault(entry => entry.Conversation.Conversation == conversation) is { } entry)
            {
                return entry;
            }

            next = page.Next;
        }
        while (next is not null);

        return null;
    }
}
