using System.Buffers.Text;
using System.Security.Cryptography;

using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
using FastChat.Broker.Limits;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Handlers;

/// <summary>
/// The control requests about join links. A link's text is the conversation's id and 128 random bits, in base64url; the store has only the SHA-256 of the bits, which is also what a link is called by
/// afterwards. Pool threads.
/// </summary>
internal sealed class JoinLinkRequests(Router router, IConversationLog log, ConversationReads reads, UserLimits limits, ConversationLists lists, RandomSource random)
{
    private const int SecretSize = Id128.Size;
    private const long MicrosPerSecond = 1_000_000;
    private const long SecondsMax = ProtocolLimits.DurationDaysMax * 24L * 60 * 60;
    private const long SecondsDefault = 7 * 24 * 60 * 60;

    /// <summary>Makes a link.</summary>
    public async Task<ControlAnswer> CreateAsync(Actor actor, ControlMap map)
    {
        ConversationId conversation = new(map.Id("conversation"));
        string? roleName = map.Text("role", ProtocolLimits.NameSizeMax);
        MemberRole role = roleName is null ? MemberRole.Member : MemberRoles.Parse(roleName);
        if (!MemberRoles.IsMember(role))
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "role: \"reader\", \"member\", \"moderator\", \"admin\" or \"owner\"");
        }

        if (reads.Authorize(actor, conversation, ConversationOperation.ManageLinks, out _, out _) is var denied and not ErrorCode.None)
        {
            return Refused(denied);
        }

        // The secret is the maker's to choose: so the request can be repeated without a second link, and the broker has nothing to remember that it may not know.
        byte[] secret = ControlMap.IdBytes(map["key"] is null ? random.NextId() : map.Id("key"));
        byte[] hash = SHA256.HashData(secret);
        List<(byte[] Hash, JoinLink Link)> links = LinksOf(conversation);
        if (links.Count >= ProtocolLimits.JoinLinksMax && !links.Exists(one => one.Hash.AsSpan().SequenceEqual(hash)))
        {
            return ControlAnswer.Refused(ErrorCode.TooMany, $"a conversation has at most {ProtocolLimits.JoinLinksMax} links");
        }

        long now = router.NowMicros();
        uint uses = (uint)map.Number("uses", 0, uint.MaxValue - 1);
        long seconds = (long)map.Number("seconds", SecondsDefault, SecondsMax);
        JoinLink link = new(role, uses == 0 ? JoinLink.Unlimited : uses, now + (seconds * MicrosPerSecond), now, actor.User);
        CommandResult result = await ExecuteAsync(CommandKind.ChangeLink, actor, conversation, new ChangeLinkCommand(conversation, hash, link).ToBytes());
        link = JoinLink.Parse(result.Existing) ?? link;
        return result.Error == ErrorCode.None
            ? ControlAnswer.Ok(new ControlMap().Set("link", Base64Url.EncodeToString([.. ControlMap.IdBytes(conversation.Value), .. secret])).Set("expires", link.ExpiresMicros))
            : ControlAnswer.Refused(result.Error, result.Reason);
    }

    /// <summary>The links of a conversation, without what would let anybody follow them.</summary>
    public ControlAnswer List(Actor actor, ControlMap map)
    {
        ConversationId conversation = new(map.Id("conversation"));
        if (reads.Authorize(actor, conversation, ConversationOperation.ManageLinks, out _, out _) is var denied and not ErrorCode.None)
        {
            return Refused(denied);
        }

        List<object?> links = [];
        long now = router.NowMicros();
        foreach ((byte[] hash, JoinLink link) in LinksOf(conversation))
        {
            links.Add(new ControlMap()
                .SetId("id", Id128.Read(hash))
                .Set("role", MemberRoles.NameOf(link.Role))
                .Set("uses_left", link.UsesLeft == JoinLink.Unlimited ? null : link.UsesLeft)
                .Set("expires", link.ExpiresMicros)
                .Set("expired", link.ExpiresMicros <= now || link.UsesLeft == 0)
                .SetId("creator", link.Creator.Value));
        }

        return ControlAnswer.Ok(new ControlMap().Set("links", links));
    }

    /// <summary>Revokes a link by its id.</summary>
    public async Task<ControlAnswer> RevokeAsync(Actor actor, ControlMap map)
    {
        ConversationId conversation = new(map.Id("conversation"));
        UInt128 id = map.Id("id");
        if (reads.Authorize(actor, conversation, ConversationOperation.ManageLinks, out _, out _) is var denied and not ErrorCode.None)
        {
            return Refused(denied);
        }

        byte[]? found = LinksOf(conversation).Select(one => one.Hash).FirstOrDefault(hash => Id128.Read(hash) == id);
        if (found is null)
        {
            return ControlAnswer.Ok(new ControlMap().Set("changed", false));
        }

        CommandResult result = await ExecuteAsync(CommandKind.ChangeLink, actor, conversation, new ChangeLinkCommand(conversation, found, null).ToBytes());
        return result.Error == ErrorCode.None
            ? ControlAnswer.Ok(new ControlMap().Set("changed", result.Count > 0))
            : ControlAnswer.Refused(result.Error, result.Reason);
    }

    /// <summary>Follows a link.</summary>
    public async Task<ControlAnswer> JoinAsync(Actor actor, ControlMap map)
    {
        string link = map.Text("link", ProtocolLimits.NameSizeMax) ?? throw new ControlFormatException("link: a text is expected");
        Span<byte> bytes = stackalloc byte[Id128.Size + SecretSize];
        if (!Base64Url.IsValid(link) || !Base64Url.TryDecodeFromChars(link, bytes, out int size) || size != bytes.Length)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "link: that is no join link");
        }

        if (!limits.TryTake(actor, Budget.Own, 1, out uint retryAfterMs))
        {
            return ControlAnswer.TryLater(retryAfterMs, "too many changes of memberships");
        }

        if (!lists.FirstFull([actor.User]).IsNone)
        {
            return ControlAnswer.Refused(ErrorCode.TooMany, ConversationLists.FullReason);
        }

        ConversationId conversation = ConversationId.Read(bytes);
        byte[] command = new JoinByLinkCommand(conversation, SHA256.HashData(bytes[Id128.Size..])).ToBytes();
        CommandResult result = await ExecuteAsync(CommandKind.JoinByLink, actor, conversation, command);
        return result.Error == ErrorCode.None
            ? ControlAnswer.Ok(new ControlMap().SetId("conversation", conversation.Value).Set("changed", result.Count > 0).Set("sequence", result.Sequence))
            : ControlAnswer.Refused(result.Error, result.Reason);
    }

    private static ControlAnswer Refused(ErrorCode denied) =>
        ControlAnswer.Refused(denied, denied == ErrorCode.NoSuchConversation ? "no such conversation" : "managing links is not allowed");

    private Task<CommandResult> ExecuteAsync(CommandKind kind, Actor actor, ConversationId conversation, byte[] command) =>
        router.ExecuteAsync(kind, reads.Narrow(actor, conversation), router.Map.ShardOf(conversation.Value), command, CancellationToken.None);

    private List<(byte[] Hash, JoinLink Link)> LinksOf(ConversationId conversation)
    {
        List<(byte[] Hash, JoinLink Link)> links = [];
        byte[] prefix = ConversationKeys.JoinLink(conversation, []);
        log.Scan(Table.State, prefix, [], (key, value) =>
        {
            if (JoinLink.Parse(value) is { } link)
            {
                links.Add((key[prefix.Length..].ToArray(), link));
            }

            return links.Count < ProtocolLimits.JoinLinksMax;
        });
        return links;
    }
}
