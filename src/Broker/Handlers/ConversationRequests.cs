using System.Security.Cryptography;
using System.Text;

using FastChat.Broker.Audit;
using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
using FastChat.Broker.Keys;
using FastChat.Broker.Limits;
using FastChat.Broker.People;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Handlers;

/// <summary>
/// The control requests about conversations. Changes go through the owning shard and are answered when they are durable; reads look at the durable state of
/// any shard. Pool threads.
/// </summary>
internal sealed class ConversationRequests(Router router, IConversationLog log, ConversationReads reads, Accounts accounts, Blocks blocks, UserLimits limits, ConversationLists lists, RandomSource random, AuditLog audit, KeyDestruction keys, Action wakeRetention)
{
    /// <summary>Makes a conversation.</summary>
    public async Task<ControlAnswer> CreateAsync(Actor actor, ControlMap map)
    {
        string? kindName = map.Text("kind", ProtocolLimits.NameSizeMax);
        ConversationKind kind = kindName is null ? ConversationKind.Group : ConversationKinds.Parse(kindName);
        string? name = map.Text("name", ProtocolLimits.HelloSizeMax);
        string? canonical = null;
        if (name is not null && !Names.TryCanonicalize(name, out canonical))
        {
            return ControlAnswer.Refused(ErrorCode.NameInvalid, "1–64 of a–z A–Z 0–9 . _ -, beginning with a letter or digit");
        }

        if (kind == ConversationKind.None || (ConversationKinds.IsOpen(kind) && name is null) || (kind == ConversationKind.Direct && name is not null))
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "kind: \"group\", \"public\" or \"channel\" with a name, or \"direct\" without one");
        }

        UserId[] members = (map.Ids("members") ?? []).Select(id => new UserId(id)).ToArray();
        if (Array.Exists(members, member => accounts.Find(member) is null))
        {
            return ControlAnswer.Refused(ErrorCode.NoSuchUser, "members: there is no such user");
        }

        if (blocks.IsBlockedByAny(members, actor.User))
        {
            return ControlAnswer.Refused(ErrorCode.Forbidden, Blocks.NotAllCanBeAdded);
        }

        ConversationMeta meta = ConversationChanges.Parse(map).Apply(new ConversationMeta(kind, actor.User, router.NowMicros(), name, null));
        if (kind != ConversationKind.Direct)
        {
            return await CreateAsync(actor, new CreateConversationCommand(NewId(actor, canonical, map.Id("key")), meta, FindExisting: false, members));
        }

        return members.Length == 1 && meta == new ConversationMeta(kind, actor.User, meta.CreatedMicros, null, null)
            ? await CreateAsync(actor, new CreateConversationCommand(DirectConversations.IdOf(actor.User, members[0]), meta, FindExisting: true, members))
            : ControlAnswer.Refused(ErrorCode.BadRequest, "a direct conversation has one other member, and nothing else");
    }

    /// <summary>Changes what a conversation is.</summary>
    public async Task<ControlAnswer> ChangeAsync(Actor actor, ControlMap map)
    {
        ConversationId conversation = new(map.Id("conversation"));
        ConversationChanges changes = ConversationChanges.Parse(map);
        if ((changes.Retention is not null || changes.RetentionBytes is not null)
            && reads.Authorize(actor, conversation, ConversationOperation.Retain, out _, out _) == ErrorCode.None)
        {
            // Before it is done, because it destroys; the shard decides once more.
            audit.Note(new AuditEntry(AuditAct.RetentionChanged) { User = actor.User, Device = actor.Device, Target = conversation.ToString() });
            await audit.FlushAsync();
        }

        CommandResult result = await router.ExecuteAsync(
            CommandKind.ChangeConversation, reads.Narrow(actor, conversation), router.Map.ShardOf(conversation.Value), new ChangeConversationCommand(conversation, changes).ToBytes(),
            CancellationToken.None);
        if (result.Error == ErrorCode.None && (changes.Retention is not null || changes.RetentionBytes is not null))
        {
            wakeRetention();
        }

        return result.Error == ErrorCode.None
            ? ControlAnswer.Ok(new ControlMap().Set("changed", result.Count > 0).Set("sequence", result.Sequence))
            : ControlAnswer.Refused(result.Error, result.Reason);
    }

    /// <summary>Erases a conversation, or says how that goes. Who asked for it, and operators, know of it afterwards.</summary>
    public async Task<ControlAnswer> EraseAsync(Actor actor, ControlMap map)
    {
        ConversationId conversation = new(map.Id("conversation"));
        if (reads.ErasedMeta(conversation) is null)
        {
            if (reads.Authorize(actor, conversation, ConversationOperation.Erase, out _, out _) is var denied and not ErrorCode.None)
            {
                return ControlAnswer.Refused(denied, denied == ErrorCode.NoSuchConversation ? "no such conversation" : "erasing the conversation is not allowed");
            }

            if (map.Flag("begin"))
            {
                // Before it is done; the shard decides once more.
                audit.Note(new AuditEntry(AuditAct.ConversationErased) { User = actor.User, Device = actor.Device, Target = conversation.ToString(), Detail = "begun" });
                await audit.FlushAsync();
                CommandResult result = await router.ExecuteAsync(
                    CommandKind.EraseConversation, reads.Narrow(actor, conversation), router.Map.ShardOf(conversation.Value), ControlMap.IdBytes(conversation.Value), CancellationToken.None);
                if (result.Error != ErrorCode.None)
                {
                    return ControlAnswer.Refused(result.Error, result.Reason);
                }

                wakeRetention();
            }
        }

        ConversationMeta? erased = reads.ErasedMeta(conversation);
        return erased is not null && erased.Creator != actor.User && (actor.Rights & AccountRights.Operator) == 0
            ? ControlAnswer.Refused(ErrorCode.NoSuchConversation, "no such conversation")
            : ControlAnswer.Ok(new ControlMap()
                .Set("state", erased is null ? "none" : erased.IsErasureDone ? "done" : "running")
                .Set("begun", erased?.CreatedMicros)
                .Set("erased", erased is null ? null : log.ReadStart(conversation).First - 1)
                .Set("backups", keys.IsEncrypting));
    }

    /// <summary>Finds a conversation by name or id, and makes a public one if asked to.</summary>
    public async Task<ControlAnswer> ResolveAsync(Actor actor, ControlMap map)
    {
        string? name = map.Text("name", ProtocolLimits.HelloSizeMax);
        if (name is null)
        {
            return map["conversation"] is null
                ? ControlAnswer.Refused(ErrorCode.BadRequest, "name or conversation is expected")
                : reads.Describe(actor, new ConversationId(map.Id("conversation")), created: false);
        }

        if (!Names.TryCanonicalize(name, out string? canonical))
        {
            return ControlAnswer.Refused(ErrorCode.NameInvalid, "1–64 of a–z A–Z 0–9 . _ -, beginning with a letter or digit");
        }

        if (log.Get(Table.State, ConversationKeys.Name(canonical)) is { } id)
        {
            return reads.Describe(actor, ConversationId.Read(id), created: false);
        }

        if (!map.Flag("create"))
        {
            return ControlAnswer.Refused(ErrorCode.NoSuchConversation, "no such conversation");
        }

        ConversationMeta meta = new(ConversationKind.Public, actor.User, router.NowMicros(), name, null);
        return await CreateAsync(actor, new CreateConversationCommand(NewId(actor, canonical, default), meta, FindExisting: true, []));
    }

    /// <summary>A page of the conversations that the user belongs to.</summary>
    public ControlAnswer ListConversations(Actor actor, ControlMap map)
    {
        byte[] prefix = new byte[StateKeys.ListPrefixSize];
        StateKeys.WriteListPrefix(prefix, actor.User);
        UInt128 after = map.Id("after");
        List<(UInt128 Id, byte[] Value)> page = reads.Page(
            map, prefix, after == 0 ? [] : ConversationKeys.ListEntry(actor.User, new ConversationId(after)), out bool isComplete);
        List<object?> conversations = [];
        foreach ((UInt128 id, _) in page)
        {
            // The list may be a moment behind the membership it mirrors: the membership decides.
            if (reads.Describe(actor, new ConversationId(id), created: false).Map is { } described)
            {
                conversations.Add(described);
            }
        }

        return ControlAnswer.Ok(new ControlMap().Set("conversations", conversations).Set("complete", isComplete));
    }

    private async Task<ControlAnswer> CreateAsync(Actor actor, CreateConversationCommand command)
    {
        if (OperatorPolicy.Decide(OperatorOperation.CreateConversation, actor.Rights) != ErrorCode.None)
        {
            return ControlAnswer.Refused(ErrorCode.Forbidden, "this account makes no conversations");
        }

        if (!limits.TryTake(actor, Budget.Made, 1, out uint retryAfterMs))
        {
            return ControlAnswer.TryLater(retryAfterMs, "too many new conversations");
        }

        // A direct conversation is found when there is one, whatever else its two belong to.
        bool isFound = command.FindExisting && ConversationMeta.ReadLiving(log.Get(Table.State, ConversationKeys.Meta(command.Conversation))) is not null;
        if (!isFound && !lists.FirstFull([actor.User, .. command.Members]).IsNone)
        {
            return ControlAnswer.Refused(ErrorCode.TooMany, ConversationLists.FullReason);
        }

        CommandResult result = await router.ExecuteAsync(
            CommandKind.CreateConversation, actor, router.Map.ShardOf(command.Conversation.Value), command.ToBytes(), CancellationToken.None);
        if (result.Error == ErrorCode.None && (command.Meta.RetentionSeconds > 0 || command.Meta.RetentionBytes > 0))
        {
            wakeRetention();
        }

        return result.Error == ErrorCode.None
            ? reads.Describe(actor, result.Conversation, result.Created)
            : ControlAnswer.Refused(result.Error, result.Reason);
    }

    /// <summary>
    /// The id a new conversation gets: of its name's placement when it has one; otherwise derived from the client's key when it gave one, so that a repeated
    /// request means the same conversation; otherwise random.
    /// </summary>
    private ConversationId NewId(Actor actor, string? canonicalName, UInt128 key)
    {
        UInt128 id = random.NextId();
        if (key != 0)
        {
            Span<byte> input = stackalloc byte[2 * Id128.Size];
            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            actor.User.Write(input);
            Id128.Write(input[Id128.Size..], key);
            SHA256.HashData([.. "create"u8, .. input, .. Encoding.UTF8.GetBytes(canonicalName ?? string.Empty)], hash);
            id = Id128.Read(hash);
        }

        return new ConversationId(canonicalName is null ? id : Id128.WithPlacement(id, ShardMap.PlacementOf('c', canonicalName)));
    }
}
