using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <content>The list of conversations as people see it, and how far they have read (protocol.md §4.6).</content>
public sealed partial class FastChatClient
{
    /// <summary>Known conversations that one request names: 64 KiB of them.</summary>
    private const int KnownMax = 1600;

    /// <summary>
    /// A page of the user's conversations, most recently active first. With what the device knows already, only what is different. Asked again by itself when the connection breaks.
    /// </summary>
    /// <param name="known">What the device was told before, at most 1,600 conversations (<see cref="CatchUpAsync"/> takes any number); null or empty = nothing.</param>
    /// <param name="epoch">The epoch that it was told then; 0 = whichever.</param>
    /// <param name="limit">Conversations at the most, up to 200; 0 = 50.</param>
    /// <param name="next">What the page before gave; null = from the start.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<InboxPage> GetInboxAsync(
        IReadOnlyCollection<KnownConversation>? known = null, uint epoch = 0, int limit = 0, ReadOnlyMemory<byte>? next = null, CancellationToken cancellationToken = default) =>
        InboxAsync(known ?? [], epoch, limit, next, default, default, cancellationToken);

    /// <summary>Everything that is different in the user's list from what the device knows, after any absence, on any node. Asked again by itself when the connection breaks.</summary>
    /// <param name="known">What the device was told before, any number of conversations; empty = nothing, and everything comes back.</param>
    /// <param name="epoch">The epoch that it was told then; 0 = whichever.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public async Task<InboxChanges> CatchUpAsync(IReadOnlyCollection<KnownConversation> known, uint epoch = 0, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(known);
        KnownConversation[][] parts = known.Count == 0 ? [[]] : [.. known.OrderBy(static one => one.Conversation.Value).Chunk(KnownMax)];
        List<InboxEntry> entries = [];
        List<ConversationId> gone = [];
        InboxPage? first = null;
        for (int i = 0; i < parts.Length; i++)
        {
            // Each part answers for the ids from its own first one to before the next part's: together for all there are.
            ConversationId from = i == 0 ? default : parts[i][0].Conversation;
            ConversationId to = i == parts.Length - 1 ? default : new ConversationId(parts[i + 1][0].Conversation.Value - 1);
            ReadOnlyMemory<byte>? next = null;
            do
            {
                InboxPage page = await InboxAsync(parts[i], epoch, 200, next, from, to, cancellationToken).ConfigureAwait(Continuation.InContext);
                first ??= page;
                if (known.Count > 0 && (!page.IsRecovered || page.Epoch != first.Epoch))
                {
                    // Another incarnation of the log: what was compared so far means nothing.
                    return await CatchUpAsync([], 0, cancellationToken).ConfigureAwait(Continuation.InContext) with { IsRecovered = false };
                }

                if (next is null)
                {
                    gone.AddRange(page.Gone);
                }

                entries.AddRange(page.Entries);
                next = page.Next;
            }
            while (next is not null);
        }

        return new InboxChanges(entries, gone, IsRecovered: true, first!.Epoch, first.HiddenVersion);
    }

    private Task<InboxPage> InboxAsync(
        IReadOnlyCollection<KnownConversation> known, uint epoch, int limit, ReadOnlyMemory<byte>? next, ConversationId from, ConversationId to, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(known.Count, KnownMax);
        ControlMap body = new ControlMap()
            .Set("known", known.Count > 0 ? BytesOf(known) : null)
            .Set("epoch", epoch == 0 ? null : epoch)
            .Set("limit", limit == 0 ? null : limit)
            .Set("after", next?.ToArray())
            .Set("first", from.IsNone ? null : ControlMap.IdBytes(from.Value))
            .Set("last", to.IsNone ? null : ControlMap.IdBytes(to.Value));
        return ControlAsync(
            FrameType.GetInbox,
            body,
            isIdempotent: true,
            static reply => new InboxPage(
                ParseAll(reply, "conversations", InboxEntry.Parse),
                IdsIn(reply.Bytes("gone", ProtocolLimits.ServerFrameSizeMax) ?? []),
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
                ParseAll(reply, "cursors", MemberCursor.Parse), new UserId(reply.Id("next"))),
            cancellationToken);
    }

    private static byte[] BytesOf(IReadOnlyCollection<KnownConversation> known)
    {
        byte[] bytes = new byte[known.Count * KnownConversation.Size];
        int offset = 0;
        foreach (KnownConversation one in known)
        {
            one.Write(bytes.AsSpan(offset));
            offset += KnownConversation.Size;
        }

        return bytes;
    }

    private static ConversationId[] IdsIn(byte[] bytes)
    {
        ConversationId[] ids = new ConversationId[bytes.Length / Id128.Size];
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = ConversationId.Read(bytes.AsSpan(i * Id128.Size));
        }

        return ids;
    }
}
