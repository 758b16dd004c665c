using FastChat.Protocol;

namespace FastChat.Client;

/// <content>The list of conversations as people see it, and how far they have read (protocol.md §4.6).</content>
public sealed partial class FastChatClient
{
    /// <summary>
    /// A page of the user's conversations, most recently active first. With what the device knows already, only what is different: one call after any absence, on any node. Asked again by itself when the
    /// connection breaks.
    /// </summary>
    /// <param name="known">What the device was told before, at most 2,000 conversations; null or empty = nothing.</param>
    /// <param name="epoch">The epoch that it was told then; 0 = whichever.</param>
    /// <param name="limit">Conversations at the most, up to 200; 0 = 50.</param>
    /// <param name="next">What the page before gave; null = from the start.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<InboxPage> GetInboxAsync(
        IReadOnlyCollection<KnownConversation>? known = null, uint epoch = 0, int limit = 0, ReadOnlyMemory<byte>? next = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        ControlMap body = new ControlMap()
            .Set("known", known is { Count: > 0 } ? BytesOf(known) : null)
            .Set("epoch", epoch == 0 ? null : epoch)
            .Set("limit", limit == 0 ? null : limit)
            .Set("after", next?.ToArray());
        return ControlAsync(
            FrameType.GetInbox,
            body,
            isIdempotent: true,
            static reply => new InboxPage(
                ParseAll(reply, "conversations", InboxEntry.Parse),
                (reply.Ids("gone") ?? []).Select(id => new ConversationId(id)).ToArray(),
                (int)reply.Number("total", 0, int.MaxValue),
                reply.Flag("recovered"),
                (uint)reply.Number("epoch", 0, uint.MaxValue),
                reply.Bytes("next", ProtocolLimits.PingSizeMax) is { } after ? new ReadOnlyMemory<byte>(after) : default(ReadOnlyMemory<byte>?))
            {
                HiddenVersion = reply.Number("hidden_version", 0),
            },
            cancellationToken);
    }

    /// <summary>Says how far the user has read, or what has arrived on this device. A cursor never goes back: a smaller value changes nothing. Asked again by itself when the connection breaks.</summary>
    /// <param name="conversation">The conversation; the user is a member.</param>
    /// <param name="read">Up to here it is read; 0 = nothing is said about it.</param>
    /// <param name="delivered">Up to here it has arrived; 0 = nothing is said about it.</param>
    /// <param name="isPrivate">True when others are not to know that it is read.</param>
    /// <param name="thread">The first message of a thread; 0 = the conversation itself.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>Where the cursors are now.</returns>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, FORBIDDEN, POSITION_AHEAD.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<MemberCursor> MoveCursorAsync(
        ConversationId conversation, ulong read = 0, ulong delivered = 0, bool isPrivate = false, ulong thread = 0, CancellationToken cancellationToken = default)
    {
        ControlMap body = new ControlMap()
            .SetId("conversation", conversation.Value)
            .Set("read", read == 0 ? null : read)
            .Set("delivered", delivered == 0 ? null : delivered)
            .Set("private", isPrivate ? true : null)
            .Set("thread", thread == 0 ? null : thread);
        return ControlAsync(
            FrameType.MoveCursor, body, isIdempotent: true, reply => new MemberCursor(User, reply.Number("delivered", 0), reply.Number("read", 0)), cancellationToken);
    }

    /// <summary>A page of how far the members of a conversation have come. Asked again by itself when the connection breaks.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, FORBIDDEN (open conversations have no receipts).</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<CursorPage> ListCursorsAsync(ConversationId conversation, UserId after = default, int limit = 0, ulong thread = 0, CancellationToken cancellationToken = default)
    {
        ControlMap body = PageBody(after.Value, limit).SetId("conversation", conversation.Value).Set("thread", thread == 0 ? null : thread);
        return ControlAsync(
            FrameType.ListCursors,
            body,
            isIdempotent: true,
            static reply => new CursorPage(
                ParseAll(reply, "cursors", static one => new MemberCursor(new UserId(one.Id("user")), one.Number("delivered", 0), one.Number("read", 0))), new UserId(reply.Id("next"))),
            cancellationToken);
    }

    private static byte[] BytesOf(IReadOnlyCollection<KnownConversation> known)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(known.Count, 2000);
        byte[] bytes = new byte[known.Count * KnownConversation.Size];
        int offset = 0;
        foreach (KnownConversation one in known)
        {
            one.Write(bytes.AsSpan(offset));
            offset += KnownConversation.Size;
        }

        return bytes;
    }
}
