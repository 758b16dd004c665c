using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>
/// Each membership stands in the member's list, the same bytes (the banned have no entry), and each entry of a list is a membership, once what shards still owe (<see cref="OwedEffects"/>) is carried. The lists follow from
/// the memberships; only a member of the beginning who is in a list and not among the members follows from the list.
/// </summary>
/// <param name="members">Ran before: knows what memberships must be.</param>
internal sealed class ListCheck(MembershipCheck members) : StoreCheck
{
    public override string Stage => "lists";

    public override void Finish(CheckedStore store)
    {
        OwedEffects owed = OwedEffects.Read(store);
        store.Scan(Table.State, "m"u8, (key, value) =>
        {
            store.Tick(Stage);
            (ConversationId Conversation, UserId User) about = key.Length == StateKeys.MemberSize ? (ConversationId.Read(key[1..]), new UserId(StateKeys.SecondId(key))) : default;
            if (key.Length == StateKeys.MemberSize && !members.Corrections.ContainsKey(about))
            {
                CheckListed(store, owed, about.User, about.Conversation, Membership.TryParse(value, out Membership membership) ? membership.ToListEntry() : value.ToArray());
            }

            return true;
        });
        foreach (((ConversationId conversation, UserId user), Membership? membership) in members.Corrections)
        {
            CheckListed(store, owed, user, conversation, membership?.ToListEntry());
        }

        store.Scan(Table.State, "l"u8, (key, value) =>
        {
            store.Tick(Stage);
            if (key.Length != StateKeys.ListEntrySize)
            {
                store.Correct(Table.State, key, null, $"The list entry {Convert.ToHexStringLower(key)} has no place.");
            }
            else if (new ConversationId(StateKeys.SecondId(key)) is var conversation && UserId.Read(key[1..]) is var user && !owed.Lists.ContainsKey((user, conversation)))
            {
                CheckMember(store, owed, user, conversation, value.ToArray());
            }

            return true;
        });
        foreach (((UserId user, ConversationId conversation), byte[]? value) in owed.Lists)
        {
            CheckMember(store, owed, user, conversation, value);
        }
    }

    /// <summary>A membership must be in the list.</summary>
    private static void CheckListed(CheckedStore store, OwedEffects owed, UserId user, ConversationId conversation, byte[]? membership)
    {
        byte[] key = ConversationKeys.ListEntry(user, conversation);
        byte[]? listed = owed.Lists.TryGetValue((user, conversation), out byte[]? later) ? later : store.Get(Table.State, key);
        if (!AreSame(listed, membership))
        {
            string problem = $"The list of user {user} {(listed is null ? "lacks" : membership is null ? "has" : "has another entry for")} conversation {conversation}, which is not what its members are.";
            store.Correct(Table.State, key, membership, problem);
            DropOwed(store, owed, user, conversation, problem);
        }
    }

    /// <summary>An entry of a list, as it will be, must be a membership; that one which is there is the same was seen before.</summary>
    private void CheckMember(CheckedStore store, OwedEffects owed, UserId user, ConversationId conversation, byte[]? listed)
    {
        if (listed is null || members.Corrections.ContainsKey((conversation, user)) || store.Get(Table.State, ConversationKeys.Member(conversation, user)) is not null)
        {
            return;
        }

        // Of a log that was cut off nobody can tell who was removed before.
        bool isUncertain = members.IsUncertain(conversation) || store.FirstOf(conversation) > 1;
        if (!members.WasRemoved(conversation, user) && !isUncertain
            && Membership.TryParse(listed, out Membership own) && own == new Membership(MemberRole.Member, 0)
            && store.Get(Table.State, ConversationKeys.Meta(conversation)) is not null)
        {
            store.Correct(
                Table.State, ConversationKeys.Member(conversation, user), listed,
                $"The membership of user {user} in conversation {conversation} is missing: their list has it from the beginning.");
            return;
        }

        string problem = $"The list of user {user} has conversation {conversation}, of which they are no member.";
        if (isUncertain && !members.WasRemoved(conversation, user))
        {
            store.Report(problem);
            return;
        }

        store.Correct(Table.State, ConversationKeys.ListEntry(user, conversation), null, problem);
        DropOwed(store, owed, user, conversation, problem);
    }

    /// <summary>What is owed to an entry that was set right would spoil it again. Reported it was already.</summary>
    private static void DropOwed(CheckedStore store, OwedEffects owed, UserId user, ConversationId conversation, string problem)
    {
        if (store.IsRebuilding)
        {
            owed.Drop(store, user, conversation, problem);
        }
    }

    private static bool AreSame(byte[]? left, byte[]? right) => left is null ? right is null : right is not null && left.AsSpan().SequenceEqual(right);
}
