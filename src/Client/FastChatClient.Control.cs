using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <content>Control requests: rare, one round trip each, bodies are maps (protocol.md §4.6).</content>
public sealed partial class FastChatClient
{
    /// <summary>Finds a conversation by name (without the leading #), and makes a public one if asked to. Asked again by itself when the connection breaks.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, NAME_INVALID, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ConversationInfo> ResolveConversationAsync(string name, bool create = false, CancellationToken cancellationToken = default)
    {
        ControlMap body = new ControlMap().Set("name", name).Set("create", create ? true : null);
        return ControlAsync(FrameType.ResolveConversation, body, isIdempotent: true, ConversationInfo.Parse, cancellationToken);
    }

    /// <summary>Describes a conversation. Asked again by itself when the connection breaks.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ConversationInfo> GetConversationAsync(ConversationId conversation, CancellationToken cancellationToken = default)
    {
        ControlMap body = new ControlMap().SetId("conversation", conversation.Value);
        return ControlAsync(FrameType.ResolveConversation, body, isIdempotent: true, ConversationInfo.Parse, cancellationToken);
    }

    /// <summary>Makes a conversation and becomes its owner.</summary>
    /// <param name="kind">Public (needs a name) or group.</param>
    /// <param name="name">Without the leading #; null for a group without one.</param>
    /// <param name="title">For people; may be null.</param>
    /// <param name="members">Members besides the creator; at most 500.</param>
    /// <param name="key">Makes the request repeatable: the same key finds what the first one made. None = a fresh one, so that a reconnect in between makes one conversation.</param>
    /// <param name="cancellationToken">Stops waiting; the conversation may be made all the same.</param>
    /// <exception cref="RequestException">NAME_TAKEN, NAME_INVALID, NO_SUCH_USER, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ConversationInfo> CreateConversationAsync(
        ConversationKind kind, string? name, string? title = null, IReadOnlyCollection<UserId>? members = null, UInt128 key = default, CancellationToken cancellationToken = default)
    {
        ControlMap body = new ControlMap()
            .Set("kind", ConversationKinds.NameOf(kind))
            .Set("name", name)
            .Set("title", title)
            .Set("members", members is { Count: > 0 } ? IdsOf(members) : null)
            .SetId("key", key == 0 ? _session.NextMessageId().Value : key);
        return ControlAsync(FrameType.CreateConversation, body, isIdempotent: true, ConversationInfo.Parse, cancellationToken);
    }

    /// <summary>Adds members; who is one already is passed over. Admins and owners.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, NO_SUCH_USER, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The connection broke before the answer, or the client ended: the outcome is unknown, and asking again is harmless.</exception>
    public Task<MembersAdded> AddMembersAsync(
        ConversationId conversation, IReadOnlyCollection<UserId> users, MemberRole role = MemberRole.Member, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(users);
        ControlMap body = new ControlMap()
            .SetId("conversation", conversation.Value)
            .Set("users", IdsOf(users))
            .Set("role", MemberRoles.NameOf(role));
        return ControlAsync(
            FrameType.AddMembers,
            body,
            isIdempotent: false,
            static reply => new MembersAdded((int)reply.Number("added", 0, ProtocolLimits.ControlArrayMax), reply.Number("sequence", 0)),
            cancellationToken);
    }

    /// <summary>Removes a member, or leaves when <paramref name="user"/> is none. Returns the sequence of the record that says so.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, NO_SUCH_USER, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The connection broke before the answer, or the client ended: the outcome is unknown.</exception>
    public Task<ulong> RemoveMemberAsync(ConversationId conversation, UserId user = default, CancellationToken cancellationToken = default)
    {
        ControlMap body = new ControlMap().SetId("conversation", conversation.Value);
        if (!user.IsNone)
        {
            body.SetId("user", user.Value);
        }

        return ControlAsync(FrameType.RemoveMember, body, isIdempotent: false, static reply => reply.Number("sequence", 0), cancellationToken);
    }

    /// <summary>A page of a conversation's members. Asked again by itself when the connection breaks.</summary>
    /// <param name="conversation">The conversation.</param>
    /// <param name="after"><see cref="MemberPage.Next"/> of the previous page; none = from the start.</param>
    /// <param name="limit">Members at the most, up to 500; 0 = as many as the broker gives.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<MemberPage> ListMembersAsync(ConversationId conversation, UserId after = default, int limit = 0, CancellationToken cancellationToken = default)
    {
        ControlMap body = PageBody(after.Value, limit).SetId("conversation", conversation.Value);
        return ControlAsync(
            FrameType.ListMembers,
            body,
            isIdempotent: true,
            static reply => PageOf(ParseAll(reply, "members", MemberInfo.Parse), reply),
            cancellationToken);
    }

    /// <summary>A page of the conversations that the user is a member of. Asked again by itself when the connection breaks.</summary>
    /// <param name="after">The last conversation of the previous page; none = from the start.</param>
    /// <param name="limit">Conversations at the most, up to 500; 0 = as many as the broker gives.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ConversationPage> ListConversationsAsync(ConversationId after = default, int limit = 0, CancellationToken cancellationToken = default) =>
        ControlAsync(
            FrameType.ListConversations,
            PageBody(after.Value, limit),
            isIdempotent: true,
            static reply => new ConversationPage(ParseAll(reply, "conversations", ConversationInfo.Parse), reply.Flag("complete")),
            cancellationToken);

    /// <summary>Users by name, in the order asked; null where there is none. Any number: asks the broker for 500 at a time.</summary>
    /// <exception cref="RequestException">The broker refused.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<IReadOnlyList<UserInfo?>> ResolveUsersAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(names);
        return InPartsAsync(names, part => AskUsersAsync(new ControlMap().Set("names", part), part.Length, cancellationToken));
    }

    /// <summary>Users by id, in the order asked; null where there is none. What was asked before comes from the name cache.</summary>
    /// <exception cref="RequestException">The broker refused.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public async Task<IReadOnlyList<UserInfo?>> ResolveUsersAsync(IReadOnlyList<UserId> users, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(users);
        Dictionary<UserId, UserInfo?> found = [];
        foreach (UserId user in users)
        {
            found[user] = _names.Find(user);
        }

        UserId[] missing = found.Where(entry => entry.Value is null).Select(entry => entry.Key).ToArray();
        IReadOnlyList<UserInfo?> asked = await InPartsAsync(
            missing, part => AskUsersAsync(new ControlMap().Set("users", IdsOf(part)), part.Length, cancellationToken)).ConfigureAwait(Continuation.InContext);
        for (int i = 0; i < missing.Length; i++)
        {
            found[missing[i]] = asked[i];
        }

        return users.Select(user => found[user]).ToArray();
    }

    /// <summary>
    /// Makes people of another system known here and returns their ids, in the order asked; the same name is the same user. Needs the import right. Any number: asks
    /// the broker for 500 at a time.
    /// </summary>
    /// <exception cref="RequestException">FORBIDDEN, NAME_INVALID.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<IReadOnlyList<UserId>> ImportUsersAsync(IReadOnlyList<string> names, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(names);
        return InPartsAsync(names, part => ControlAsync(
            FrameType.ImportUsers,
            new ControlMap().Set("names", part),
            isIdempotent: true,
            reply => Exactly(reply.Ids("users")?.Select(id => new UserId(id)).ToArray(), part.Length),
            cancellationToken));
    }

    /// <summary>Has the broker begin a backup of its store; it goes on by itself, and <see cref="GetBackupAsync"/> tells how. Needs the operator's right.</summary>
    /// <param name="directory">A directory of backups on the broker's machine, made when absent: an absolute path.</param>
    /// <param name="keep">How many backups stay there; 0 = all.</param>
    /// <param name="cancellationToken">Stops waiting; the backup may have begun all the same.</param>
    /// <exception cref="RequestException">FORBIDDEN, TOO_MANY (one is under way), BAD_REQUEST, UNSUPPORTED.</exception>
    /// <exception cref="ConnectionException">The connection broke before the answer, or the client ended: whether it began is unknown.</exception>
    public Task<BackupStatus> BeginBackupAsync(string directory, int keep = 0, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentOutOfRangeException.ThrowIfNegative(keep);
        ControlMap body = new ControlMap().Set("directory", directory).Set("keep", keep);
        return ControlAsync(FrameType.Backup, body, isIdempotent: false, BackupStatus.Parse, cancellationToken);
    }

    /// <summary>The broker's latest backup, and how it goes. Needs the operator's right. Asked again by itself when the connection breaks.</summary>
    /// <exception cref="RequestException">FORBIDDEN, UNSUPPORTED.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<BackupStatus> GetBackupAsync(CancellationToken cancellationToken = default) =>
        ControlAsync(FrameType.Backup, new ControlMap(), isIdempotent: true, BackupStatus.Parse, cancellationToken);

    /// <summary>Ends the backup that is under way, if one is. Needs the operator's right.</summary>
    /// <exception cref="RequestException">FORBIDDEN, UNSUPPORTED.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<BackupStatus> StopBackupAsync(CancellationToken cancellationToken = default) =>
        ControlAsync(FrameType.Backup, new ControlMap().Set("stop", true), isIdempotent: true, BackupStatus.Parse, cancellationToken);

    /// <summary>What the broker counts, by the names of its metrics (docs/operations.md), and behind a further dot what some of them are made of: <c>fastchat.closed.WriteTimeout</c>. Needs the operator's right. Asked again by itself when the connection breaks.</summary>
    /// <exception cref="RequestException">FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<IReadOnlyDictionary<string, ulong>> GetStatsAsync(CancellationToken cancellationToken = default) =>
        ControlAsync(FrameType.GetStats, new ControlMap(), isIdempotent: true, StatsOf, cancellationToken);

    /// <summary>Has the broker answer what it accepted, close every connection with DRAINING, and end. Needs the operator's right.</summary>
    /// <exception cref="RequestException">FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The connection broke before the answer, or the client ended: whether it drains is unknown.</exception>
    public Task DrainBrokerAsync(CancellationToken cancellationToken = default) =>
        ControlAsync(FrameType.Drain, new ControlMap(), isIdempotent: false, reply => reply.Flag("draining"), cancellationToken);

    /// <summary>What the broker has been busy with of late. Needs the operator's right. Asked again by itself when the connection breaks.</summary>
    /// <exception cref="RequestException">FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<BrokerActivity> GetActivityAsync(CancellationToken cancellationToken = default) =>
        ControlAsync(FrameType.GetActivity, new ControlMap(), isIdempotent: true, BrokerActivity.Parse, cancellationToken);

    /// <summary>The limits that the broker holds people to, by the names of its settings (docs/operations.md): each a bool, a double, or a list of texts. Needs the operator's right. Asked again by itself when the connection breaks.</summary>
    /// <exception cref="RequestException">FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<IReadOnlyDictionary<string, object>> GetLimitsAsync(CancellationToken cancellationToken = default) =>
        ControlAsync(FrameType.GetLimits, new ControlMap(), isIdempotent: true, LimitsOf, cancellationToken);

    /// <summary>Puts other limits in force, for everybody at once and until the broker ends or reads its settings again. All or nothing. Needs the operator's right.</summary>
    /// <param name="changes">Those that change, by name: each a bool, a number, or a list of texts.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>All limits, as they are now.</returns>
    /// <exception cref="RequestException">FORBIDDEN, SETTING_INVALID.</exception>
    /// <exception cref="ConnectionException">The connection broke before the answer, or the client ended: whether they are in force is unknown.</exception>
    public Task<IReadOnlyDictionary<string, object>> SetLimitsAsync(IReadOnlyDictionary<string, object> changes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(changes);
        ControlMap map = new();
        foreach ((string name, object value) in changes)
        {
            map.Set(name, value switch
            {
                bool or double or long or string => value,
                int number => (long)number,
                IEnumerable<string> texts => texts.Select(static text => (object?)text).ToList(),
                _ => throw new ArgumentException($"{name}: a bool, a number, or a list of texts is expected", nameof(changes)),
            });
        }

        return ControlAsync(FrameType.SetLimits, new ControlMap().Set("limits", map), isIdempotent: false, LimitsOf, cancellationToken);
    }

    /// <summary>Asks the broker for a sign of life and returns the round trip's time.</summary>
    /// <exception cref="ConnectionException">The connection broke before the answer, or the client ended.</exception>
    public async Task<TimeSpan> PingAsync(CancellationToken cancellationToken = default)
    {
        await _session.RequestSlots.WaitAsync(cancellationToken).ConfigureAwait(Continuation.InContext);
        return await AskAsync(new PingRequest(_session.Time, _session.RequestSlots), cancellationToken).ConfigureAwait(Continuation.InContext);
    }

    /// <summary>A broker of before has no <c>next</c>, and leaves nobody out: there the last member is it.</summary>
    private static IReadOnlyDictionary<string, ulong> StatsOf(ControlMap reply)
    {
        ControlMap stats = reply.Map("stats") ?? throw new ControlFormatException("stats: a map is expected");
        Dictionary<string, ulong> counts = stats.Keys.ToDictionary(key => key, key => stats.Number(key, 0), StringComparer.Ordinal);
        ControlMap? parts = reply.Map("parts");
        foreach (string name in parts?.Keys ?? [])
        {
            ControlMap part = parts!.Map(name) ?? throw new ControlFormatException($"{name}: a map is expected");
            foreach (string word in part.Keys)
            {
                counts[$"{name}.{word}"] = part.Number(word, 0);
            }
        }

        return counts;
    }

    private static IReadOnlyDictionary<string, object> LimitsOf(ControlMap reply)
    {
        ControlMap limits = reply.Map("limits") ?? throw new ControlFormatException("limits: a map is expected");
        return limits.Keys.ToDictionary(key => key, key => ValueOf(key, limits[key]), StringComparer.Ordinal);

        // A later broker may have settings of another kind; those are left as text.
        static object ValueOf(string key, object? value) => value switch
        {
            bool flag => flag,
            double number => number,
            long number => (double)number,
            ulong number => (double)number,
            List<object?> texts => (IReadOnlyList<string>)[.. texts.Select(text => text as string ?? throw new ControlFormatException($"{key}: texts are expected"))],
            _ => value?.ToString() ?? string.Empty,
        };
    }

    private static MemberPage PageOf(MemberInfo[] members, ControlMap reply) => new(members, reply.Flag("complete"))
    {
        Next = reply.Flag("complete") ? default : reply["next"] is not null ? new UserId(reply.Id("next")) : members.Length > 0 ? members[^1].User : default,
    };

    private static byte[][] IdsOf(IEnumerable<UserId> users) => users.Select(user => ControlMap.IdBytes(user.Value)).ToArray();

    private static ControlMap PageBody(UInt128 after, int limit)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, ProtocolLimits.ControlArrayMax);
        ControlMap body = new ControlMap().Set("limit", limit > 0 ? limit : null);
        return after == 0 ? body : body.SetId("after", after);
    }

    private static TItem[] ParseAll<TItem>(ControlMap reply, string key, Func<ControlMap, TItem> parse) =>
        (reply.Maps(key) ?? throw new ControlFormatException($"{key}: an array is expected"))
        .Select(item => parse(item ?? throw new ControlFormatException($"{key}: maps are expected")))
        .ToArray();

    private static TItem[] Exactly<TItem>(TItem[]? items, int count) =>
        items?.Length == count ? items : throw new ControlFormatException($"users: {count} elements are expected");

    private static async Task<IReadOnlyList<TOut>> InPartsAsync<TIn, TOut>(IReadOnlyList<TIn> all, Func<TIn[], Task<TOut[]>> ask)
    {
        List<TOut> answers = new(all.Count);
        foreach (TIn[] part in all.Chunk(ProtocolLimits.ControlArrayMax))
        {
            answers.AddRange(await ask(part).ConfigureAwait(Continuation.InContext));
        }

        return answers;
    }

    private async Task<UserInfo?[]> AskUsersAsync(ControlMap body, int count, CancellationToken cancellationToken)
    {
        UserInfo?[] users = await ControlAsync(
            FrameType.ResolveUsers,
            body,
            isIdempotent: true,
            reply => Exactly(reply.Maps("users")?.Select(user => user is null ? null : UserInfo.Parse(user)).ToArray(), count),
            cancellationToken).ConfigureAwait(Continuation.InContext);
        foreach (UserInfo? user in users)
        {
            if (user is not null)
            {
                _names.Add(user);
            }
        }

        return users;
    }

    private async Task<TResult> ControlAsync<TResult>(
        FrameType type, ControlMap body, bool isIdempotent, Func<ControlMap, TResult> parse, CancellationToken cancellationToken, int connection = 0)
    {
        await _session.RequestSlots.WaitAsync(cancellationToken).ConfigureAwait(Continuation.InContext);
        MapRequest<TResult> request = new(type, body, isIdempotent, parse, _session.RequestSlots) { BoundTo = connection };
        return await AskAsync(request, cancellationToken).ConfigureAwait(Continuation.InContext);
    }
}
