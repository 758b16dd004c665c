using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>
/// Who belongs to a conversation is what its membership records say: the last one about somebody decides. Of whom there is none, the maker is the owner, and others are members of the beginning
/// (since 0), whom no record names: they stand in the membership table and, the same bytes, in their own lists (<see cref="ListCheck"/>). So it is with memberships whose last record was cut off.
/// <para>
/// A correction is remembered, whether it was made or reported: <see cref="ListCheck"/> goes by what a membership must be, so that one defect is one problem. What is kept in memory is one
/// conversation's membership records, the corrections, and who was removed.
/// </para>
/// </summary>
internal sealed class MembershipCheck : StoreCheck
{
    private readonly Dictionary<UserId, (Membership? Membership, ulong Sequence)> _records = [];
    private readonly Dictionary<(ConversationId, UserId), Membership?> _corrections = [];
    private readonly HashSet<(ConversationId, UserId)> _removed = [];
    private readonly HashSet<ConversationId> _checked = [];
    private readonly HashSet<ConversationId> _damaged = [];
    private ulong _head;

    public override string Stage => "members";

    /// <summary>What memberships must be, where they are not that.</summary>
    public IReadOnlyDictionary<(ConversationId Conversation, UserId User), Membership?> Corrections => _corrections;

    /// <summary>True when the last record about the user removed them.</summary>
    public bool WasRemoved(ConversationId conversation, UserId user) => _removed.Contains((conversation, user));

    /// <summary>True when the conversation's log has damage, so that nobody can tell who was removed.</summary>
    public bool IsUncertain(ConversationId conversation) => _damaged.Contains(conversation);

    /// <summary>True when the user is a member or was one, as far as the log and both sides can tell.</summary>
    public bool KnowsOf(CheckedStore store, ConversationId conversation, UserId user) =>
        WasRemoved(conversation, user) || IsUncertain(conversation) || store.FirstOf(conversation) > 1
        || (_corrections.TryGetValue((conversation, user), out Membership? corrected) ? corrected is not null : store.Get(Table.State, ConversationKeys.Member(conversation, user)) is not null)
        || store.Get(Table.State, ConversationKeys.ListEntry(user, conversation)) is not null;

    public override void OnRecord(CheckedStore store, ConversationId conversation, in MessageRecord record)
    {
        _head = record.Sequence;
        if (record.Kind is not (MessageKind.MemberAdded or MessageKind.MemberRemoved or MessageKind.MemberChanged))
        {
            return;
        }

        if (MembershipBody.TryRead(record.Body, out MembershipBody body))
        {
            _records[body.User] = (Membership.After(body, record.Sequence), record.Sequence);
        }
        else
        {
            store.Report($"Record {record.Sequence} of conversation {conversation} names no member.");
        }
    }

    public override void OnConversation(CheckedStore store, ConversationId conversation, bool isSound)
    {
        _checked.Add(conversation);
        _head = Math.Max(_head, store.FirstOf(conversation) - 1);
        if (store.Get(Table.State, ConversationKeys.Meta(conversation)) is not { } stored)
        {
            store.Report($"The conversation {conversation} has records and no entry that says what it is.");
        }
        else if (!isSound)
        {
            _damaged.Add(conversation);
        }
        else if (ConversationMeta.TryParse(stored, out ConversationMeta? meta) && !meta.IsErased)
        {
            CheckMembers(store, conversation, meta);
        }

        _records.Clear();
        _head = 0;
    }

    public override void Finish(CheckedStore store)
    {
        // Those without a record: everybody in them is of the beginning.
        store.Scan(Table.State, "c"u8, (key, value) =>
        {
            store.Tick(Stage);
            if (key.Length == StateKeys.ConversationSize && ConversationId.Read(key[1..]) is var conversation && !_checked.Contains(conversation) && store.IsComplete && ConversationMeta.TryParse(value, out ConversationMeta? meta) && !meta.IsErased)
            {
                CheckMembers(store, conversation, meta);
            }

            return true;
        });
        store.Scan(Table.State, "m"u8, (key, _) =>
        {
            store.Tick(Stage);
            if (key.Length != StateKeys.MemberSize)
            {
                store.Correct(Table.State, key, null, $"The membership entry {Convert.ToHexStringLower(key)} has no place.");
            }
            else if (ConversationId.Read(key[1..]) is var conversation && !_checked.Contains(conversation) && store.Get(Table.State, ConversationKeys.Meta(conversation)) is null)
            {
                store.Report($"The membership entry {Convert.ToHexStringLower(key)} is of a conversation that does not exist.");
            }

            return true;
        });
    }

    private void CheckMembers(CheckedStore store, ConversationId conversation, ConversationMeta meta)
    {
        HashSet<UserId> present = [];
        byte[] prefix = new byte[StateKeys.MembersPrefixSize];
        StateKeys.WriteMembersPrefix(prefix, conversation);
        store.Scan(Table.State, prefix, (key, value) =>
        {
            if (key.Length == StateKeys.MemberSize)
            {
                UserId user = new(StateKeys.SecondId(key));
                present.Add(user);
                CheckMember(store, conversation, user, meta, value.ToArray());
            }

            return true;
        });

        foreach ((UserId user, (Membership? last, ulong sequence)) in _records)
        {
            if (last is not { Role: not MemberRole.Banned })
            {
                _removed.Add((conversation, user));
            }

            if (last is not null && !present.Contains(user))
            {
                Correct(store, conversation, user, last, $"The membership of user {user} in conversation {conversation} is missing: record {sequence} made it.");
            }
        }

        if (!present.Contains(meta.Creator) && !_records.ContainsKey(meta.Creator) && store.FirstOf(conversation) == 1)
        {
            Correct(store, conversation, meta.Creator, MakerOf(meta), $"The membership of user {meta.Creator} in conversation {conversation} is missing: they made it.");
        }
    }

    private void CheckMember(CheckedStore store, ConversationId conversation, UserId user, ConversationMeta meta, byte[] value)
    {
        bool isRead = Membership.TryParse(value, out Membership stored);
        string what = $"The membership of user {user} in conversation {conversation}";
        if (isRead && stored.Since > _head)
        {
            // The log's end is gone, and took the record along: the last who knows of it must not be made to agree.
            store.Report($"{what} was made by record {stored.Since}, which is not there.");
        }
        else if (_records.TryGetValue(user, out (Membership? Membership, ulong Sequence) last))
        {
            if (!isRead || stored != last.Membership)
            {
                Correct(
                    store, conversation, user, last.Membership,
                    last.Membership is null ? $"{what} is there, though record {last.Sequence} ended it." : $"{what} is not the one that record {last.Sequence} made: {Convert.ToHexStringLower(value)}.");
            }
        }
        else if (isRead && store.FirstOf(conversation) is > 1 and var first && stored.Since < first && stored.VisibleFrom <= first)
        {
            // What made it was cut off: it is its own last word.
        }
        else if (user == meta.Creator)
        {
            if (!isRead || stored != MakerOf(meta))
            {
                Correct(store, conversation, user, MakerOf(meta), $"{what} is not that of who made it: {Convert.ToHexStringLower(value)}.");
            }
        }
        else if (!isRead || stored != new Membership(MemberRole.Member, 0))
        {
            // One of the beginning, or of what was cut off, if their own list says so as well; otherwise nothing says that they are a member at all.
            Membership? listed = store.Get(Table.State, ConversationKeys.ListEntry(user, conversation)) is { } entry && Membership.TryParse(entry, out Membership own) ? own : null;
            bool isListed = listed == new Membership(MemberRole.Member, 0) || (listed is { } said && store.FirstOf(conversation) > 1 && said.Since < store.FirstOf(conversation));
            Correct(store, conversation, user, isListed ? listed : null, $"{what} is made by no record: {Convert.ToHexStringLower(value)}.");
        }
    }

    private static Membership MakerOf(ConversationMeta meta) => new(meta.Kind == ConversationKind.Direct ? MemberRole.Member : MemberRole.Owner, 0);

    private void Correct(CheckedStore store, ConversationId conversation, UserId user, Membership? expected, string problem)
    {
        _corrections[(conversation, user)] = expected;
        store.Correct(Table.State, ConversationKeys.Member(conversation, user), expected?.ToBytes(), problem);
    }
}
