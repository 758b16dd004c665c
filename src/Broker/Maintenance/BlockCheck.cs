using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
using FastChat.Broker.People;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>
/// Each block is one of two people who exist, and stands at their direct conversation as well, the same bytes, once what shards still owe is carried; nothing else stands there. The conversation's side follows from
/// the person's. The expected entries are held in memory, some hundred bytes a block: a direct conversation's id does not tell whose it is.
/// </summary>
internal sealed class BlockCheck : StoreCheck
{
    public override string Stage => "blocks";

    public override void Finish(CheckedStore store)
    {
        Dictionary<(ConversationId Conversation, UserId Blocker), byte[]> expected = ReadBlocks(store);
        OwedEffects owed = OwedEffects.Read(store, isReporting: false);
        foreach (((ConversationId conversation, UserId blocker), byte[] value) in expected)
        {
            byte[] key = PeopleKeys.DirectBlock(conversation, blocker);
            byte[]? there = owed.Blocks.TryGetValue((conversation, blocker), out byte[]? later) ? later : store.Get(Table.State, key);
            if (!value.AsSpan().SequenceEqual(there))
            {
                Correct(store, owed, conversation, blocker, value, $"The direct conversation {conversation} {(there is null ? "lacks" : "has another entry for")} the block of user {blocker}.");
            }
        }

        store.Scan(Table.State, "b"u8, (key, value) =>
        {
            store.Tick(Stage);
            if (key.Length != StateKeys.BlockSize)
            {
                store.Correct(Table.State, key, null, $"The block entry {Convert.ToHexStringLower(key)} has no place.");
            }
            else if ((ConversationId.Read(key[1..]), new UserId(StateKeys.SecondId(key))) is var about && !expected.ContainsKey(about) && !owed.Blocks.ContainsKey(about))
            {
                Correct(store, owed, about.Item1, about.Item2, null, $"The direct conversation {about.Item1} has a block of user {about.Item2}, who has blocked nobody there.");
            }

            return true;
        });
        foreach (((ConversationId conversation, UserId blocker), byte[]? value) in owed.Blocks)
        {
            if (value is not null && !expected.ContainsKey((conversation, blocker)))
            {
                Correct(store, owed, conversation, blocker, null, $"The direct conversation {conversation} is owed a block of user {blocker}, who has blocked nobody there.");
            }
        }
    }

    private Dictionary<(ConversationId Conversation, UserId Blocker), byte[]> ReadBlocks(CheckedStore store)
    {
        Dictionary<(ConversationId Conversation, UserId Blocker), byte[]> expected = [];
        store.Scan(Table.State, "k"u8, (key, value) =>
        {
            store.Tick(Stage);
            if (key.Length != StateKeys.BlockSize || !StoredBlock.TryParse(value, out _))
            {
                store.Report($"The block {Convert.ToHexStringLower(key)} cannot be read.");
                return true;
            }

            UserId user = UserId.Read(key[1..]);
            UserId other = new(StateKeys.SecondId(key));
            if (user == other || store.Get(Table.State, IdentityKeys.Account(user)) is null || store.Get(Table.State, IdentityKeys.Account(other)) is null)
            {
                store.Report($"User {user} has blocked {other}: they are not two people who exist.");
            }

            expected[(DirectConversations.IdOf(user, other), user)] = value.ToArray();
            return true;
        });
        return expected;
    }

    private static void Correct(CheckedStore store, OwedEffects owed, ConversationId conversation, UserId blocker, byte[]? value, string problem)
    {
        store.Correct(Table.State, PeopleKeys.DirectBlock(conversation, blocker), value, problem);
        if (store.IsRebuilding)
        {
            owed.Drop(store, conversation, blocker, problem);
        }
    }
}
