using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <content>Profiles, search, blocks and the accounts of programs (protocol.md §4.8).</content>
public sealed partial class FastChatClient
{
    /// <summary>Changes the signed-in user's profile and returns its version. Those who share a conversation get the notice "profile".</summary>
    /// <param name="change">What is null stays, what is empty goes.</param>
    /// <param name="cancellationToken">Stops waiting; the profile may be changed all the same.</param>
    /// <exception cref="RequestException">CONFLICT (<see cref="ProfileChange.IfVersion"/> is not its version), BAD_REQUEST, RATE_LIMITED.</exception>
    /// <exception cref="ConnectionException">The client ended; or, with <see cref="ProfileChange.IfVersion"/>, the connection broke before the answer: the outcome is unknown.</exception>
    public Task<ulong> SetProfileAsync(ProfileChange change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);

        // Setting the same again changes nothing; but a version that was raised by this very request would be a conflict the second time.
        return ControlAsync(FrameType.SetProfile, change.ToMap(), isIdempotent: change.IfVersion is null, static reply => reply.Number("version", 0), cancellationToken);
    }

    /// <summary>
    /// Profiles, in the order asked; null for who may not be seen or does not exist. Who names the versions that it has gets only what is newer: that is how a client catches up after an absence. Any number: asks
    /// the broker as often as it takes.
    /// </summary>
    /// <exception cref="RequestException">RATE_LIMITED: too many strangers.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public async Task<IReadOnlyList<Profile?>> GetProfilesAsync(IReadOnlyList<ProfileQuery> queries, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queries);
        List<Profile?> profiles = new(queries.Count);
        while (profiles.Count < queries.Count)
        {
            ProfileQuery[] part = queries.Skip(profiles.Count).Take(PeopleLimits.ProfilesAskedMax).ToArray();
            ControlMap body = new ControlMap().Set("users", part.Select(static query =>
                new ControlMap().SetId("user", query.User.Value).Set("version", query.Version == 0 ? null : query.Version)).ToArray());
            Profile?[] answered = await ControlAsync(
                FrameType.GetProfiles, body, isIdempotent: true, reply => ParseProfiles(reply, part.Length), cancellationToken).ConfigureAwait(Continuation.InContext);
            profiles.AddRange(answered);
        }

        return profiles;
    }

    /// <summary>People with whom the user shares a conversation that is not public, by the beginning of their name or display name. Asked again by itself when the connection breaks.</summary>
    /// <param name="prefix">At least one character; upper and lower case are the same.</param>
    /// <param name="after">The last user of the previous page; none = from the start.</param>
    /// <param name="limit">Users at the most, up to 50; 0 = 50.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="RequestException">BAD_REQUEST, RATE_LIMITED.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<UserPage> SearchUsersAsync(string prefix, UserId after = default, int limit = 0, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, PeopleLimits.SearchCountMax);
        return ControlAsync(
            FrameType.SearchUsers,
            PageBody(after.Value, limit).Set("prefix", prefix),
            isIdempotent: true,
            static reply => new UserPage(ParseAll(reply, "users", FoundUser.Parse), reply.Flag("more"), reply.Flag("complete")),
            cancellationToken);
    }

    /// <summary>
    /// Blocks somebody, or takes the block back: who is blocked cannot add the user to groups, does not see the profile, does not find the user, and cannot write in their direct conversation. Idempotent; asked again by
    /// itself when the connection breaks.
    /// </summary>
    /// <exception cref="RequestException">NO_SUCH_USER, BAD_REQUEST (oneself), TOO_MANY, RATE_LIMITED.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task BlockAsync(UserId user, bool blocked = true, CancellationToken cancellationToken = default) => ControlAsync(
        FrameType.Block, new ControlMap().SetId("user", user.Value).Set("blocked", blocked), isIdempotent: true, static reply => reply.Flag("changed"), cancellationToken);

    /// <summary>A page of those whom the user has blocked. Asked again by itself when the connection breaks.</summary>
    /// <param name="after">The last user of the previous page; none = from the start.</param>
    /// <param name="limit">Users at the most, up to 500; 0 = as many as the broker gives.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<BlockPage> ListBlocksAsync(UserId after = default, int limit = 0, CancellationToken cancellationToken = default) => ControlAsync(
        FrameType.ListBlocks,
        PageBody(after.Value, limit),
        isIdempotent: true,
        static reply => new BlockPage(ParseAll(reply, "blocks", BlockInfo.Parse), reply.Flag("complete")),
        cancellationToken);

    /// <summary>Makes the account of a program, which signs in with the token that comes back, or instead with a key or a certificate, and only with that. Needs the operator's right.</summary>
    /// <param name="name">A name as accounts have it.</param>
    /// <param name="rights">What it may do.</param>
    /// <param name="conversations">Where it may do it, at most 500; null = where any user may.</param>
    /// <param name="publicKey">The key whose owner signs in with assertions of their own: a JWK, or a SubjectPublicKeyInfo in PEM.</param>
    /// <param name="certificate">The name of the certificate that signs in, <c>dns:NAME</c> or <c>uri:URI</c>.</param>
    /// <param name="cancellationToken">Stops waiting; the account may be made all the same, and its token is lost then.</param>
    /// <exception cref="RequestException">FORBIDDEN, NAME_TAKEN, NAME_INVALID, NO_SUCH_CONVERSATION, KEY_INVALID, TOO_MANY, BAD_REQUEST.</exception>
    /// <exception cref="ConnectionException">The connection broke before the answer, or the client ended: end the account by <see cref="RevokeServiceAsync"/> if it is there, for nobody has its token.</exception>
    public Task<ServiceCreated> CreateServiceAsync(
        string name, ServiceRights rights, IReadOnlyCollection<ConversationId>? conversations = null, string? publicKey = null, string? certificate = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        ControlMap body = new ControlMap()
            .Set("name", name)
            .Set("rights", ServiceInfo.NamesOf(rights))
            .Set("conversations", conversations?.Select(static conversation => ControlMap.IdBytes(conversation.Value)).ToArray())
            .Set("key", publicKey)
            .Set("certificate", certificate);
        return ControlAsync(
            FrameType.CreateService,
            body,
            isIdempotent: false,
            static reply => new ServiceCreated(new UserId(reply.Id("user")), reply.Text("token", ProtocolLimits.TokenSizeMax)) { Key = reply.Text("key", ProtocolLimits.NameSizeMax) },
            cancellationToken);
    }

    /// <summary>A page of the accounts of programs. Needs the operator's right. Asked again by itself when the connection breaks.</summary>
    /// <param name="after">The last account of the previous page; none = from the start.</param>
    /// <param name="limit">Accounts at the most, up to 500; 0 = as many as the broker gives.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="RequestException">FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ServicePage> ListServicesAsync(UserId after = default, int limit = 0, CancellationToken cancellationToken = default) => ControlAsync(
        FrameType.ListServices,
        PageBody(after.Value, limit),
        isIdempotent: true,
        static reply => new ServicePage(ParseAll(reply, "services", ServiceInfo.Parse), reply.Flag("complete")),
        cancellationToken);

    /// <summary>
    /// Adds a public key to the account of a program, takes one away, or both. When one goes, the account's connections are closed, and come back by what else it signs in with. Needs the operator's right. Asked again by itself when the connection breaks.
    /// </summary>
    /// <param name="user">Whose keys.</param>
    /// <param name="add">The key to be added: a JWK, or a SubjectPublicKeyInfo in PEM; null for none.</param>
    /// <param name="remove">Thumbprint (RFC 7638) of the key to be taken away; null for none.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>Thumbprints of the keys that there are now.</returns>
    /// <exception cref="RequestException">FORBIDDEN, NO_SUCH_USER, KEY_INVALID, TOO_MANY, CONFLICT (it would be left with nothing to sign in with), BAD_REQUEST.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<IReadOnlyList<string>> ChangeServiceKeysAsync(UserId user, string? add = null, string? remove = null, CancellationToken cancellationToken = default) => ControlAsync(
        FrameType.ChangeServiceKeys,
        new ControlMap().SetId("user", user.Value).Set("add", add).Set("remove", remove),
        isIdempotent: true,
        static IReadOnlyList<string> (reply) => reply.Texts("keys", ProtocolLimits.NameSizeMax) ?? [],
        cancellationToken);

    /// <summary>Ends the account of a program; its open sessions are closed at once. Needs the operator's right.</summary>
    /// <exception cref="RequestException">FORBIDDEN, NO_SUCH_USER (there is none, or it was ended before).</exception>
    /// <exception cref="ConnectionException">The connection broke before the answer, or the client ended: asking again is harmless.</exception>
    public Task RevokeServiceAsync(UserId user, CancellationToken cancellationToken = default) => ControlAsync(
        FrameType.RevokeService, new ControlMap().SetId("user", user.Value), isIdempotent: false, static reply => reply.Count, cancellationToken);

    /// <summary>At least one of those asked about is answered, or asking for the rest would never end.</summary>
    private static Profile?[] ParseProfiles(ControlMap reply, int asked)
    {
        Profile?[] profiles = reply.Maps("profiles")?.Select(static map => map is null ? null : Profile.Parse(map)).ToArray()
            ?? throw new ControlFormatException("profiles: an array is expected");
        return profiles.Length >= 1 && profiles.Length <= asked ? profiles : throw new ControlFormatException($"profiles: 1 to {asked} are expected");
    }
}
