using System.Buffers;
using System.Buffers.Binary;
using System.Text;

using FastChat.Broker.Conversations;
using FastChat.Broker.Inbox;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Handlers;

/// <summary>
/// A user's list of conversations as people see it: ordered by activity, with the last message, and how much waits. A device that was away says what it knows and gets what is different; then it subscribes
/// from its own positions, and has everything. Any node answers the same, after seconds or years, because nothing is kept for a device. Pool threads.
/// </summary>
internal sealed class InboxRequests(Router router, IConversationLog log, ConversationReads reads, UnreadCounts counts)
{
    /// <summary>Conversations in one reply.</summary>
    public const int PageMax = 200;

    private const int KnownSize = 40;
    private const int PreviewBytes = 256;
    private const int MentionsMax = 1000;
    private const int CursorsMax = 16;
    private const int PageDefault = 50;
    private const int ListFirst = 64;

    private readonly record struct ListEntry(ConversationId Conversation, Membership Membership);

    /// <summary>What a device was told last of a conversation.</summary>
    private readonly record struct Known(ulong Head, ulong Read, ulong Receipts);

    /// <summary>A page of the list.</summary>
    public async Task<ControlAnswer> GetAsync(Actor actor, ControlMap map)
    {
        byte[] known = map.Bytes("known", ProtocolLimits.ClientFrameSizeMax) ?? [];
        byte[] after = map.Bytes("after", InboxPageRows.PlaceSize) ?? [];
        int limit = (int)map.Number("limit", 0, PageMax);
        if (known.Length % KnownSize != 0 || (after.Length != 0 && after.Length != InboxPageRows.PlaceSize))
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "known: 40 bytes for each conversation; after: what a reply called next");
        }

        // What a device knows of another epoch may not be so any more.
        bool isRecovered = map.Number("epoch", log.Epoch) == log.Epoch;
        Dictionary<ConversationId, Known> knows = isRecovered ? Parse(known) : [];
        ListEntry[] list = ListOf(actor.User, map.Id("first"), map["last"] is null ? UInt128.MaxValue : map.Id("last"), out int count);
        try
        {
            InboxPageRows page = new(limit == 0 ? PageDefault : limit, after);
            await FillAsync(page, actor.User, new ArraySegment<ListEntry>(list, 0, count), knows);
            ControlMap reply = new ControlMap()
                .Set("epoch", log.Epoch)
                .Set("recovered", isRecovered)
                .Set("total", count)
                .Set("hidden_version", reads.HiddenVersionOf(actor.User))
                .Set("conversations", page.Rows.Select(row => Describe(actor, row)).OfType<ControlMap>().ToList<object?>())
                .Set("complete", page.IsComplete);
            if (knows.Count > 0)
            {
                HashSet<ConversationId> there = [.. list.Take(count).Select(one => one.Conversation)];
                reply.Set("gone", knows.Keys.Where(one => !there.Contains(one)).SelectMany(one => ControlMap.IdBytes(one.Value)).ToArray());
            }

            return ControlAnswer.Ok(page.IsComplete || page.Rows.Count == 0 ? reply : reply.Set("next", page.Place));
        }
        finally
        {
            ArrayPool<ListEntry>.Shared.Return(list);
        }
    }

    /// <summary>Moves one's cursors.</summary>
    public async Task<ControlAnswer> MoveCursorAsync(Actor actor, ControlMap map)
    {
        ConversationId conversation = new(map.Id("conversation"));
        MoveCursorCommand command = new(conversation, map.Number("thread", 0), map.Number("delivered", 0), map.Number("read", 0), map.Flag("private"));
        if (command is { Delivered: 0, Read: 0 })
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "delivered or read is expected");
        }

        CommandResult result = await router.ExecuteAsync(CommandKind.MoveCursor, reads.Narrow(actor, conversation), router.Map.ShardOf(conversation.Value), command.ToBytes(), CancellationToken.None);
        if (result.Error != ErrorCode.None)
        {
            return ControlAnswer.Refused(result.Error, result.Reason);
        }

        ReadCursor cursor = ReadCursor.Parse(result.Existing);
        return ControlAnswer.Ok(new ControlMap().Set("changed", result.Count > 0).Set("delivered", cursor.Delivered).Set("read", cursor.Read).Set("public_read", cursor.PublicRead));
    }

    /// <summary>A page of how far the members have come.</summary>
    public ControlAnswer ListCursors(Actor actor, ControlMap map)
    {
        ConversationId conversation = new(map.Id("conversation"));
        ErrorCode denied = reads.Authorize(actor, conversation, ConversationOperation.Read, out ConversationMeta? meta, out _);
        if (denied != ErrorCode.None)
        {
            return ControlAnswer.Refused(denied, denied == ErrorCode.NoSuchConversation ? "no such conversation" : "reading there is not allowed");
        }

        if (ConversationKinds.IsOpen(meta!.Kind))
        {
            return ControlAnswer.Refused(ErrorCode.Forbidden, "in open conversations nobody sees what others have read");
        }

        ulong thread = map.Number("thread", 0);
        UInt128 after = map.Id("after");
        int limit = (int)map.Number("limit", 0, ProtocolLimits.ControlArrayMax);
        limit = limit == 0 ? ProtocolLimits.ControlArrayMax : limit;
        (List<object?> cursors, bool more, UserId last) = CursorsIn(actor.User, conversation, thread, after, limit);
        ControlMap reply = new ControlMap().Set("cursors", cursors).Set("complete", !more);
        return ControlAnswer.Ok(more ? reply.SetId("next", last.Value) : reply);
    }

    /// <summary>Offers the page every conversation of the list that is not as the device knows it.</summary>
    private async Task FillAsync(InboxPageRows page, UserId user, ArraySegment<ListEntry> list, Dictionary<ConversationId, Known> knows)
    {
        ulong?[] heads = await router.HeadsAsync([.. list.Select(one => one.Conversation)], CancellationToken.None);
        Dictionary<ConversationId, ReadCursor> cursors = knows.Count > 0 ? CursorsOf(user) : [];
        for (int i = 0; i < list.Count; i++)
        {
            ListEntry entry = list[i];
            ulong head = heads[i] ?? log.ReadHead(entry.Conversation).Sequence;
            ReadCursor own = cursors.GetValueOrDefault(entry.Conversation);
            bool isSame = knows.TryGetValue(entry.Conversation, out Known one) && one.Head == head && one.Read == own.Read
                && one.Receipts == (entry.Membership.IsMember ? VersionOf(entry.Conversation, ReceiptsOf(entry.Conversation), own.Delivered) : 0);
            if (!isSame)
            {
                page.Offer(new InboxRow(entry.Conversation, entry.Membership, head, counts.LastOf(entry.Conversation, head)));
            }
        }
    }

    private static Dictionary<ConversationId, Known> Parse(ReadOnlySpan<byte> known)
    {
        Dictionary<ConversationId, Known> parsed = [];
        for (; known.Length >= KnownSize; known = known[KnownSize..])
        {
            parsed[ConversationId.Read(known)] = new Known(
                BinaryPrimitives.ReadUInt64LittleEndian(known[16..]), BinaryPrimitives.ReadUInt64LittleEndian(known[24..]), BinaryPrimitives.ReadUInt64LittleEndian(known[32..]));
        }

        return parsed;
    }

    /// <summary>The user's list as far as the ids lie between these two, in a rented array, which the caller gives back.</summary>
    private ListEntry[] ListOf(UserId user, UInt128 first, UInt128 last, out int count)
    {
        ListEntry[] list = ArrayPool<ListEntry>.Shared.Rent(ListFirst);
        int read = 0;
        byte[] prefix = new byte[StateKeys.ListPrefixSize];
        StateKeys.WriteListPrefix(prefix, user);
        log.Scan(Table.State, prefix, first == 0 ? [] : ConversationKeys.ListEntry(user, new ConversationId(first - 1)), (key, value) =>
        {
            UInt128 id = StateKeys.SecondId(key);
            if (id > last)
            {
                return false;
            }

            if (read == list.Length)
            {
                ListEntry[] longer = ArrayPool<ListEntry>.Shared.Rent(2 * read);
                list.CopyTo(longer, 0);
                ArrayPool<ListEntry>.Shared.Return(list);
                list = longer;
            }

            list[read++] = new ListEntry(new ConversationId(id), Membership.Parse(value));
            return true;
        });
        count = read;
        return list;
    }

    private ulong ReceiptsOf(ConversationId conversation) =>
        log.Get(Table.State, ConversationKeys.Receipts(conversation)) is { } stored ? BinaryPrimitives.ReadUInt64LittleEndian(stored) : 0;

    /// <summary>What of a row may change though head and cursor do not: cursors of others, and what of it is kept. Each of them only grows, so their sum says whether any has.</summary>
    private ulong VersionOf(ConversationId conversation, ulong receipts, ulong delivered) => receipts + delivered + log.ReadStart(conversation).First - 1;

    private Dictionary<ConversationId, ReadCursor> CursorsOf(UserId user)
    {
        Dictionary<ConversationId, ReadCursor> cursors = [];
        log.Scan(Table.State, [(byte)'u', .. ControlMap.IdBytes(user.Value)], [], (key, value) =>
        {
            if (key.Length == StateKeys.MemberSize)
            {
                cursors[new ConversationId(StateKeys.SecondId(key))] = ReadCursor.Parse(value);
            }

            return true;
        });
        return cursors;
    }

    /// <summary>Null when the list is ahead of the membership that it mirrors.</summary>
    private ControlMap? Describe(Actor actor, in InboxRow row)
    {
        if (reads.Describe(actor, row.Conversation, created: false, row.Head).Map is not { } entry)
        {
            return null;
        }

        if (!row.Membership.IsMember)
        {
            return entry;
        }

        ulong first = reads.FirstVisible(row.Conversation, ConversationKinds.Parse(entry.Text("kind", ProtocolLimits.NameSizeMax)), row.Membership);

        // The conversation's own row: the one in the user's list may be a moment behind a cursor that was just moved.
        ReadCursor cursor = ReadCursor.Parse(log.Get(Table.State, ConversationKeys.Cursor(row.Conversation, actor.User, 0)));
        ulong after = Math.Max(cursor.Read, first - 1);
        (int unread, bool isMore) = counts.Of(actor.User, row.Conversation, after, row.Head);

        // The number before the cursors: one that moves in between is looked at once more.
        ulong receipts = ReceiptsOf(row.Conversation);
        ulong version = VersionOf(row.Conversation, receipts, cursor.Delivered);
        return entry
            .Set("receipts", version == 0 ? null : version)
            .Set("cursors", receipts == 0 ? null : CursorsIn(actor.User, row.Conversation))
            .Set("delivered", cursor.Delivered)
            .Set("read", cursor.Read)
            .Set("unread", unread)
            .Set("unread_more", isMore ? true : null)
            .Set("mentions", Mentions(actor.User, row.Conversation, after))
            .Set("activity", row.Last.TimeMicros)
            .Set("last", row.Last.Sequence >= first ? Preview(actor.User, row.Conversation, row.Last.Sequence) : null);
    }

    /// <summary>How far the members have come; null when that is more than a few.</summary>
    private List<object?>? CursorsIn(UserId user, ConversationId conversation)
    {
        (List<object?> cursors, bool more, _) = CursorsIn(user, conversation, thread: 0, after: 0, CursorsMax);
        return more ? null : cursors;
    }

    private (List<object?> Cursors, bool More, UserId Last) CursorsIn(UserId asking, ConversationId conversation, ulong thread, UInt128 after, int limit)
    {
        List<object?> cursors = [];
        UserId last = default;
        bool more = false;
        byte[] prefix = MessageKeys.AllOf('d', conversation);
        log.Scan(Table.State, prefix, after == 0 ? [] : [.. ConversationKeys.Cursor(conversation, new UserId(after), 0), .. Enumerable.Repeat((byte)0xFF, sizeof(ulong) + 1)], (key, value) =>
        {
            UserId user = UserId.Read(key[(1 + Id128.Size)..]);
            ulong of = key.Length == StateKeys.MemberSize ? 0 : BinaryPrimitives.ReadUInt64BigEndian(key[StateKeys.MemberSize..]);
            if (of != thread || reads.MembershipOf(conversation, user) is not { IsMember: true })
            {
                return true;
            }

            more = cursors.Count == limit;
            if (!more)
            {
                ReadCursor cursor = ReadCursor.Parse(value);
                ulong read = user == asking ? cursor.Read : cursor.PublicRead;
                cursors.Add(new ControlMap().SetId("user", user.Value).Set("delivered", cursor.Delivered).Set("read", read));
                last = user;
            }

            return !more;
        });
        return (cursors, more, last);
    }

    private int Mentions(UserId user, ConversationId conversation, ulong after)
    {
        int count = 0;
        byte[] own = MessageKeys.Mention(conversation, user, after);
        log.Scan(Table.State, own.AsSpan(0, own.Length - sizeof(ulong)), own, (_, _) => ++count < MentionsMax);
        log.Scan(Table.State, MessageKeys.AllOf('z', conversation), MessageKeys.MentionOfAll(conversation, after), (_, sender) =>
        {
            count += UserId.Read(sender) == user ? 0 : 1;
            return count < MentionsMax;
        });
        return count;
    }

    /// <summary>Enough of a message to show it in a list.</summary>
    private ControlMap? Preview(UserId user, ConversationId conversation, ulong sequence)
    {
        if (reads.ReadRecord(conversation, sequence) is not { } bytes)
        {
            return null;
        }

        MessageRecord record = MessageRecord.Of(bytes);
        Annotation annotation = reads.AnnotationOf(conversation, sequence);
        bool isDeleted = annotation.DeletedBy != 0 || (record.Flags & RecordFlags.Erased) != 0;
        ControlMap preview = new ControlMap()
            .Set("sequence", sequence)
            .SetId("sender", record.Sender.Value)
            .Set("sent_at", record.SentAtMicros)
            .Set("kind", (byte)record.Kind)
            .Set("deleted", isDeleted ? true : null);

        // With its text all the same: a device that learns of a hide, or that it was taken back, from the list of those need not be told this row anew.
        preview.Set("hidden", reads.HiddenFrom(user, conversation, sequence, sequence, 1).Count > 0 ? true : null);
        if (isDeleted)
        {
            return preview;
        }

        (MessageKind kind, byte[] body) = reads.LastEditOf(conversation, annotation) ?? (record.Kind, record.Body.ToArray());
        ReadOnlySpan<byte> content = MessageContent.Of(kind, body, out MessageKind contentKind);
        return contentKind == MessageKind.Text ? preview.Set("text", Beginning(content)) : preview;
    }

    /// <summary>Cut between two characters: the text was well-formed, and stays so.</summary>
    private static string Beginning(ReadOnlySpan<byte> text)
    {
        int size = Math.Min(text.Length, PreviewBytes);
        while (size > 0 && size < text.Length && (text[size] & 0xC0) == 0x80)
        {
            size--;
        }

        return Encoding.UTF8.GetString(text[..size]);
    }
}
