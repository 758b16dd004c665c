using FastChat.Protocol;

namespace FastChat.Client;

/// <content>
/// What conversations are, and what people are in them (protocol.md §4.6, §5.3). All of these are asked again by themselves when the connection breaks: the broker leaves as it is what is so already, and says that nothing
/// changed. Only a mute counts from the last time it was asked for, and a join link may be made that nobody has: it ends by itself.
/// </content>
public sealed partial class FastChatClient
{
    /// <summary>Makes a conversation with settings of its own, and becomes its owner.</summary>
    /// <param name="kind">Public or channel (they need a name), or group.</param>
    /// <param name="name">Without the leading #, for good; null for a group without one.</param>
    /// <param name="settings">Title, topic, picture, slow mode, and what newcomers may read.</param>
    /// <param name="members">Members besides the creator; at most 500; may be null.</param>
    /// <param name="cancellationToken">Stops waiting; the conversation may be made all the same.</param>
    /// <exception cref="RequestException">NAME_TAKEN, NAME_INVALID, NO_SUCH_USER, BAD_REQUEST.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ConversationInfo> CreateConversationAsync(
        ConversationKind kind, string? name, ConversationChanges settings, IReadOnlyCollection<UserId>? members, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ControlMap body = settings.ToMap()
            .Set("kind", ConversationKinds.NameOf(kind))
            .Set("name", name)
            .Set("members", members is { Count: > 0 } ? IdsOf(members) : null)
            .SetId("key", _session.NextMessageId().Value);
        return ControlAsync(FrameType.CreateConversation, body, isIdempotent: true, ConversationInfo.Parse, cancellationToken);
    }

    /// <summary>Finds the direct conversation with somebody, or makes it; with oneself it holds notes. There is one for each pair, whoever begins it.</summary>
    /// <exception cref="RequestException">NO_SUCH_USER.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ConversationInfo> DirectAsync(UserId user, CancellationToken cancellationToken = default)
    {
        ControlMap body = new ControlMap().Set("kind", ConversationKinds.NameOf(ConversationKind.Direct)).Set("members", IdsOf([user]));
        return ControlAsync(FrameType.CreateConversation, body, isIdempotent: true, ConversationInfo.Parse, cancellationToken);
    }

    /// <summary>Changes what a conversation is; what is null in <paramref name="changes"/> stays, and an empty text takes its field away. Admins and owners.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, FORBIDDEN, BAD_REQUEST.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ChangeResult> ChangeConversationAsync(ConversationId conversation, ConversationChanges changes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(changes);
        return ControlAsync(FrameType.ChangeConversation, changes.ToMap().SetId("conversation", conversation.Value), isIdempotent: true, ResultOf, cancellationToken);
    }

    /// <summary>Becomes a member of a public conversation, or a reader of a channel.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, FORBIDDEN (banned, archived, or a group that invited the user).</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ChangeResult> JoinAsync(ConversationId conversation, CancellationToken cancellationToken = default) =>
        ChangeMemberAsync(conversation, default, "join", cancellationToken);

    /// <summary>Accepts an invitation.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION; FORBIDDEN when there is no invitation.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ChangeResult> AcceptAsync(ConversationId conversation, CancellationToken cancellationToken = default) =>
        ChangeMemberAsync(conversation, default, "accept", cancellationToken);

    /// <summary>Declines an invitation.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, also when the invitation to a group is gone.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ChangeResult> DeclineAsync(ConversationId conversation, CancellationToken cancellationToken = default) =>
        ChangeMemberAsync(conversation, default, "decline", cancellationToken);

    /// <summary>Invites somebody: they know of the conversation and become what <paramref name="role"/> says when they accept. Moderators and above.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, NO_SUCH_USER, FORBIDDEN (also for the banned).</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ChangeResult> InviteAsync(ConversationId conversation, UserId user, MemberRole role = MemberRole.Member, CancellationToken cancellationToken = default) =>
        ChangeMemberAsync(conversation, user, "invite", cancellationToken, body => body.Set("role", MemberRoles.NameOf(role)));

    /// <summary>Takes an invitation back. Moderators and above.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, NO_SUCH_USER, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ChangeResult> UninviteAsync(ConversationId conversation, UserId user, CancellationToken cancellationToken = default) =>
        ChangeMemberAsync(conversation, user, "uninvite", cancellationToken);

    /// <summary>Gives a member another role, below the own one; owners give any.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, NO_SUCH_USER, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ChangeResult> SetRoleAsync(ConversationId conversation, UserId user, MemberRole role, CancellationToken cancellationToken = default) =>
        ChangeMemberAsync(conversation, user, "role", cancellationToken, body => body.Set("role", MemberRoles.NameOf(role)));

    /// <summary>Takes the word from a member who is below. Moderators and above.</summary>
    /// <param name="conversation">Where.</param>
    /// <param name="user">Whom.</param>
    /// <param name="duration">For how long, whole seconds up to ten years; null = as long as can be.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, NO_SUCH_USER, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ChangeResult> MuteAsync(ConversationId conversation, UserId user, TimeSpan? duration = null, CancellationToken cancellationToken = default) =>
        ChangeMemberAsync(conversation, user, "mute", cancellationToken, body => body.Set("seconds", SecondsOf(duration)));

    /// <summary>Gives a member the word back. Moderators and above.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, NO_SUCH_USER, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ChangeResult> UnmuteAsync(ConversationId conversation, UserId user, CancellationToken cancellationToken = default) =>
        ChangeMemberAsync(conversation, user, "mute", cancellationToken, static body => body.Set("seconds", 0));

    /// <summary>Removes somebody who is below, and keeps them out. Moderators and above.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, NO_SUCH_USER, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ChangeResult> BanAsync(ConversationId conversation, UserId user, CancellationToken cancellationToken = default) =>
        ChangeMemberAsync(conversation, user, "ban", cancellationToken);

    /// <summary>Allows somebody to come back; they are no member by that. Moderators and above.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, NO_SUCH_USER, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ChangeResult> UnbanAsync(ConversationId conversation, UserId user, CancellationToken cancellationToken = default) =>
        ChangeMemberAsync(conversation, user, "unban", cancellationToken);

    /// <summary>Makes a link by which people join. Who has its text can follow it; the broker keeps only a hash. Admins and owners.</summary>
    /// <param name="conversation">Where it leads.</param>
    /// <param name="role">What who follows it becomes; below the own role.</param>
    /// <param name="uses">How often it can be followed; 0 = any number of times.</param>
    /// <param name="duration">How long it works, whole seconds up to ten years; null = seven days.</param>
    /// <param name="cancellationToken">Stops waiting; the link may be made all the same.</param>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, FORBIDDEN, TOO_MANY.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<JoinLinkCreated> CreateJoinLinkAsync(
        ConversationId conversation, MemberRole role = MemberRole.Member, uint uses = 0, TimeSpan? duration = null, CancellationToken cancellationToken = default)
    {
        ControlMap body = new ControlMap()
            .SetId("conversation", conversation.Value)
            .Set("key", _session.NextSecret())
            .Set("role", MemberRoles.NameOf(role))
            .Set("uses", uses == 0 ? null : uses)
            .Set("seconds", SecondsOf(duration));
        return ControlAsync(
            FrameType.CreateJoinLink,
            body,
            isIdempotent: true,
            static reply => new JoinLinkCreated(
                reply.Text("link", ProtocolLimits.NameSizeMax) ?? throw new ControlFormatException("link: a text is expected"),
                Micros.ToTime((long)reply.Number("expires", 0, long.MaxValue))),
            cancellationToken);
    }

    /// <summary>The links of a conversation, those that do not work any more included. Admins and owners.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<IReadOnlyList<JoinLinkInfo>> ListJoinLinksAsync(ConversationId conversation, CancellationToken cancellationToken = default) => ControlAsync<IReadOnlyList<JoinLinkInfo>>(
        FrameType.ListJoinLinks,
        new ControlMap().SetId("conversation", conversation.Value),
        isIdempotent: true,
        static reply => ParseAll(reply, "links", JoinLinkInfo.Parse),
        cancellationToken);

    /// <summary>Ends a link. Admins and owners.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ChangeResult> RevokeJoinLinkAsync(ConversationId conversation, UInt128 id, CancellationToken cancellationToken = default) =>
        ControlAsync(FrameType.RevokeJoinLink, new ControlMap().SetId("conversation", conversation.Value).SetId("id", id), isIdempotent: true, ResultOf, cancellationToken);

    /// <summary>Becomes a member by a link. A member already stays what they are, and takes no use of it.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION when it leads nowhere or not any more, FORBIDDEN for the banned, BAD_REQUEST when it is no link.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<JoinedByLink> JoinByLinkAsync(string link, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(link);
        return ControlAsync(
            FrameType.JoinByLink,
            new ControlMap().Set("link", link),
            isIdempotent: true,
            static reply => new JoinedByLink(new ConversationId(reply.Id("conversation")), reply.Flag("changed"), reply.Number("sequence", 0)),
            cancellationToken);
    }

    private Task<ChangeResult> ChangeMemberAsync(ConversationId conversation, UserId user, string change, CancellationToken cancellationToken, Action<ControlMap>? more = null)
    {
        ControlMap body = new ControlMap().SetId("conversation", conversation.Value).Set("change", change);
        if (!user.IsNone)
        {
            body.SetId("user", user.Value);
        }

        more?.Invoke(body);
        return ControlAsync(FrameType.ChangeMember, body, isIdempotent: true, ResultOf, cancellationToken);
    }

    private static ChangeResult ResultOf(ControlMap reply) => new(reply.Flag("changed"), reply.Number("sequence", 0));

    private static long? SecondsOf(TimeSpan? duration)
    {
        if (duration is not { } wanted)
        {
            return null;
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(wanted, TimeSpan.FromSeconds(1), nameof(duration));
        return (long)wanted.TotalSeconds;
    }
}
