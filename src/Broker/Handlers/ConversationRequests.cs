using System.Security.Cryptography;
using System.Text;

using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
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
internal sealed class ConversationRequests(
    Router router, IConversationLog log, Accounts accounts, ServiceScopes scopes, Blocks blocks, RandomSource random)
{
    /// <summary>One of them has blocked the asking user. It is not said who.</summary>
    private const string NotAllCanBeAdded = "not all of these users can be added";

    /// <summary>Makes a conversation.</summary>
    public async Task<ControlAnswer> CreateAsync(Actor actor, ControlMap map)
    {
        string? kindName = map.Text("kind", ProtocolLimits.NameSizeMax);
        ConversationKind kind = kindName is null ? ConversationKind.Group : ConversationInfo.ParseKind(kindName);
        string? name = map.Text("name", ProtocolLimits.HelloSizeMax);
        string? canonical = null;
        if (name is not null && !Names.TryCanonicalize(name, out canonical))
        {
            return ControlAnswer.Refused(ErrorCode.NameInvalid, "1–64 of a–z A–Z 0–9 . _ -, beginning with a letter or digit");
        }

        if (kind == ConversationKind.None || (kind == ConversationKind.Public && name is null))
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "kind: \"group\", or \"public\" with a name");
        }

        UserId[] members = (map.Ids("members") ?? []).Select(id => new UserId(id)).ToArray();
        if (Array.Exists(members, member => accounts.Find(member) is null))
        {
            return ControlAnswer.Refused(ErrorCode.NoSuchUser, "members: there is no such user");
        }

        if (blocks.IsBlockedByAny(members, actor.User))
        {
            return ControlAnswer.Refused(ErrorCode.Forbidden, NotAllCanBeAdded);
        }

        ConversationMeta meta = new(kind, actor.User, router.NowMicros(), name, map.Text("title", ProtocolLimits.TitleSizeMax));
        CreateConversationCommand command = new(NewId(actor, canonical, map.Id("key")), meta, FindExisting: false, members);
        return await CreateAsync(actor, command);
    }

    /// <summary>Finds a conversation by name or id, and makes a public one if asked to.</summary>
    public async Task<ControlAnswer> ResolveAsync(Actor actor, ControlMap map)
    {
        string? name = map.Text("name", ProtocolLimits.HelloSizeMax);
        if (name is null)
        {
            return map["conversation"] is null
                ? ControlAnswer.Refused(ErrorCode.BadRequest, "name or conversation is expected")
                : Describe(actor, new ConversationId(map.Id("conversation")), created: false);
        }

        if (!Names.TryCanonicalize(name, out string? canonical))
        {
            return ControlAnswer.Refused(ErrorCode.NameInvalid, "1–64 of a–z A–Z 0–9 . _ -, beginning with a letter or digit");
        }

        if (log.Get(Table.State, ConversationKeys.Name(canonical)) is { } id)
        {
            return Describe(actor, ConversationId.Read(id), created: false);
        }

        if (!map.Flag("create"))
        {
            return ControlAnswer.Refused(ErrorCode.NoSuchConversation, "no such conversation");
        }

        ConversationMeta meta = new(ConversationKind.Public, actor.User, router.NowMicros(), name, null);
        return await CreateAsync(actor, new CreateConversationCommand(NewId(actor, canonical, default), meta, FindExisting: true, []));
    }

    /// <summary>Adds members.</summary>
    public async Task<ControlAnswer> AddMembersAsync(Actor actor, ControlMap map)
    {
        string? roleName = map.Text("role", ProtocolLimits.NameSizeMax);
        MemberRole role = roleName is null ? MemberRole.Member : ConversationInfo.ParseRole(roleName);
        UserId[] users = (map.Ids("users") ?? throw new ControlFormatException("users: ids are expected")).Select(id => new UserId(id)).ToArray();
        if (role == MemberRole.None)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "role: \"member\" or \"owner\"");
        }

        if (Array.Exists(users, user => accounts.Find(user) is null))
        {
            return ControlAnswer.Refused(ErrorCode.NoSuchUser, "users: there is no such user");
        }

        if (blocks.IsBlockedByAny(users, actor.User))
        {
            return ControlAnswer.Refused(ErrorCode.Forbidden, NotAllCanBeAdded);
        }

        CommandResult result = await ChangeMembersAsync(actor, map, role, users);
        return result.Error == ErrorCode.None
            ? ControlAnswer.Ok(new ControlMap().Set("added", result.Count).Set("sequence", result.Sequence))
            : ControlAnswer.Refused(result.Error, result.Reason);
    }

    /// <summary>Removes a member, or the asking user.</summary>
    public async Task<ControlAnswer> RemoveMemberAsync(Actor actor, ControlMap map)
    {
        UserId user = new(map.Id("user"));
        CommandResult result = await ChangeMembersAsync(actor, map, MemberRole.None, [user.IsNone ? actor.User : user]);
        return result.Error != ErrorCode.None ? ControlAnswer.Refused(result.Error, result.Reason)
            : result.Count == 0 ? ControlAnswer.Refused(ErrorCode.NoSuchUser, "not a member")
            : ControlAnswer.Ok(new ControlMap().Set("sequence", result.Sequence));
    }

    /// <summary>A page of the members.</summary>
    public ControlAnswer ListMembers(Actor actor, ControlMap map)
    {
        ConversationId conversation = new(map.Id("conversation"));
        ErrorCode denied = Authorize(actor, conversation, ConversationOperation.ListMembers, out _, out _);
        if (denied != ErrorCode.None)
        {
            return ControlAnswer.Refused(denied, "no such conversation");
        }

        byte[] prefix = new byte[StateKeys.MembersPrefixSize];
        StateKeys.WriteMembersPrefix(prefix, conversation);
        UInt128 after = map.Id("after");
        List<(UInt128 Id, byte[] Value)> page = Page(map, prefix, after == 0 ? [] : ConversationKeys.Member(conversation, new UserId(after)), out bool isComplete);
        List<object?> members = [];
        foreach ((UInt128 id, byte[] value) in page)
        {
            Membership membership = Membership.Parse(value);
            string name = accounts.Find(new UserId(id))?.Name ?? string.Empty;
            members.Add(new MemberInfo(new UserId(id), name, membership.Role, membership.Since).ToMap());
        }

        return ControlAnswer.Ok(new ControlMap().Set("members", members).Set("complete", isComplete));
    }

    /// <summary>A page of the conversations that the user belongs to.</summary>
    public ControlAnswer ListConversations(Actor actor, ControlMap map)
    {
        byte[] prefix = new byte[StateKeys.ListPrefixSize];
        StateKeys.WriteListPrefix(prefix, actor.User);
        UInt128 after = map.Id("after");
        List<(UInt128 Id, byte[] Value)> page = Page(
            map, prefix, after == 0 ? [] : ConversationKeys.ListEntry(actor.User, new ConversationId(after)), out bool isComplete);
        List<object?> conversations = [];
        foreach ((UInt128 id, _) in page)
        {
            // The list may be a moment behind the membership it mirrors: the membership decides.
            if (Describe(actor, new ConversationId(id), created: false).Map is { } described)
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

        CommandResult result = await router.ExecuteAsync(
            CommandKind.CreateConversation, actor, router.Map.ShardOf(command.Conversation.Value), command.ToBytes(), CancellationToken.None);
        return result.Error == ErrorCode.None
            ? Describe(actor, result.Conversation, result.Created)
            : ControlAnswer.Refused(result.Error, result.Reason);
    }

    private async Task<CommandResult> ChangeMembersAsync(Actor actor, ControlMap map, MemberRole role, UserId[] users)
    {
        ConversationId conversation = new(map.Id("conversation"));
        return await router.ExecuteAsync(
            CommandKind.ChangeMembers, scopes.Narrow(actor, conversation), router.Map.ShardOf(conversation.Value), new ChangeMembersCommand(conversation, role, users).ToBytes(),
            CancellationToken.None);
    }

    private ControlAnswer Describe(Actor actor, ConversationId conversation, bool created)
    {
        ErrorCode denied = Authorize(actor, conversation, ConversationOperation.See, out ConversationMeta? meta, out MemberRole role);
        if (denied != ErrorCode.None)
        {
            return ControlAnswer.Refused(denied, "no such conversation");
        }

        return ControlAnswer.Ok(new ConversationInfo
        {
            Conversation = conversation,
            Kind = meta!.Kind,
            Name = meta.Name,
            Title = meta.Title,
            Role = role,
            Epoch = log.Epoch,
            Head = log.ReadHead(conversation).Sequence,
            Created = created,
        }.ToMap());
    }

    private ErrorCode Authorize(Actor actor, ConversationId conversation, ConversationOperation operation, out ConversationMeta? meta, out MemberRole role)
    {
        byte[]? stored = log.Get(Table.State, ConversationKeys.Meta(conversation));
        meta = stored is null ? null : ConversationMeta.Parse(stored);
        byte[]? member = log.Get(Table.State, ConversationKeys.Member(conversation, actor.User));
        role = member is null ? MemberRole.None : Membership.Parse(member).Role;
        return meta is null ? ErrorCode.NoSuchConversation : ConversationPolicy.Decide(operation, scopes.Narrow(actor, conversation).Rights, meta.Kind, role);
    }

    private List<(UInt128 Id, byte[] Value)> Page(ControlMap map, byte[] prefix, byte[] after, out bool isComplete)
    {
        int limit = (int)map.Number("limit", ProtocolLimits.ControlArrayMax);
        limit = limit is <= 0 or > ProtocolLimits.ControlArrayMax ? ProtocolLimits.ControlArrayMax : limit;
        List<(UInt128 Id, byte[] Value)> page = [];
        bool more = false;
        log.Scan(Table.State, prefix, after, (key, value) =>
        {
            if (page.Count == limit)
            {
                more = true;
                return false;
            }

            page.Add((StateKeys.SecondId(key), value.ToArray()));
            return true;
        });
        isComplete = !more;
        return page;
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
