using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Presence;

/// <summary>What presence reads from the store and writes to it. Reads see durable state; writes go through the person's shard. Pool threads, never under the room's lock.</summary>
internal sealed class PresenceStore(IConversationLog log, Router router)
{
    /// <summary>What is stored of a person.</summary>
    public PresenceRecord Read(UserId user) => log.Get(Table.State, Key(user)) is { } stored && PresenceRecord.TryParse(stored, out PresenceRecord? record) ? record : PresenceRecord.None;

    /// <summary>May the actor watch the conversation?</summary>
    public ErrorCode Authorize(Actor actor, ConversationId conversation)
    {
        ConversationMeta? meta = ConversationMeta.ReadLiving(log.Get(Table.State, ConversationKeys.Meta(conversation)));
        byte[]? member = log.Get(Table.State, ConversationKeys.Member(conversation, actor.User));
        MemberRole role = member is null ? MemberRole.None : Membership.Parse(member).Role;
        return meta is null
            ? ErrorCode.NoSuchConversation
            : ConversationPolicy.Decide(ConversationOperation.WatchPresence, new ConversationFacts(actor.Rights, meta.Kind, role));
    }

    /// <summary>The members of a conversation in the order of their ids; null when there are more than <paramref name="countMax"/>.</summary>
    public List<UserId>? ReadMembers(ConversationId conversation, int countMax)
    {
        byte[] prefix = new byte[StateKeys.MembersPrefixSize];
        StateKeys.WriteMembersPrefix(prefix, conversation);
        List<UserId> members = [];
        log.Scan(Table.State, prefix, [], (key, value) =>
        {
            if (Membership.Parse(value).IsMember)
            {
                members.Add(new UserId(StateKeys.SecondId(key)));
            }

            return members.Count <= countMax;
        });
        return members.Count <= countMax ? members : null;
    }

    /// <summary>The shard that a person's record belongs to.</summary>
    public int ShardOf(UserId user) => router.Map.ShardOf(user.Value);

    /// <summary>Writes records of people of one shard; completes when they are durable, or were refused. Of who was erased nothing is written: their last connection ends after their account.</summary>
    public Task<CommandResult> WriteAsync(int shard, IReadOnlyList<(UserId User, PresenceRecord Record)> records)
    {
        StateWriteCommand write = new(records.Where(entry => !IsErased(entry.User)).Select(static entry => new StateEntry(Key(entry.User), entry.Record.ToBytes())).ToArray());
        return router.ExecuteAsync(CommandKind.StateWrite, default, shard, write.ToBytes(), CancellationToken.None);
    }

    private bool IsErased(UserId user) =>
        log.Get(Table.State, IdentityKeys.Account(user)) is { } stored && AccountRecord.TryParse(stored, out AccountRecord? account) && account.IsErased;

    private static byte[] Key(UserId user)
    {
        byte[] key = new byte[StateKeys.PresenceSize];
        StateKeys.WritePresence(key, user);
        return key;
    }
}
