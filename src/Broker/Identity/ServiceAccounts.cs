using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Identity;

/// <summary>
/// A service account as it is stored under <c>g</c> with conversation 0: format u8, rights u8 (<see cref="ServiceRights"/>), conversations u16 (0xFFFF = not confined), created i64 µs, creator (16), SHA-256 of the token (32; zero when it signs in otherwise).
/// </summary>
internal sealed record StoredService(ServiceRights Rights, int? Conversations, long CreatedMicros, UserId Creator, byte[] TokenHash)
{
    public const int HashSize = 32;

    private const byte Format = 1;
    private const int Size = 60;
    private const ushort Everywhere = ushort.MaxValue;

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        bytes[0] = Format;
        bytes[1] = (byte)Rights;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2), Conversations is { } count ? (ushort)count : Everywhere);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(4), CreatedMicros);
        Creator.Write(bytes.AsSpan(12));
        TokenHash.CopyTo(bytes, 28);
        return bytes;
    }

    /// <summary>True when it was given a token.</summary>
    public bool HasToken => TokenHash.AsSpan().ContainsAnyExcept((byte)0);

    /// <summary>Null when the bytes are no service account.</summary>
    public static StoredService? Parse(ReadOnlySpan<byte> source)
    {
        if (source.Length != Size || source[0] != Format)
        {
            return null;
        }

        ushort count = BinaryPrimitives.ReadUInt16LittleEndian(source[2..]);
        return new StoredService(
            (ServiceRights)source[1], count == Everywhere ? null : count, BinaryPrimitives.ReadInt64LittleEndian(source[4..]), UserId.Read(source[12..]), source[28..].ToArray());
    }
}

/// <summary>What a service account signs in with instead of a token: one of the two.</summary>
/// <param name="Key">The public key of assertions that it signs itself.</param>
/// <param name="Certificate">The name of its certificate, <c>dns:NAME</c> or <c>uri:URI</c>.</param>
internal sealed record ServiceCredential(VerificationKey? Key, string? Certificate);

/// <summary>
/// The accounts of programs: they sign in by token, by key or by certificate and not with a password, may do what they were given and nothing else, and may be confined to conversations. Everything about one stands in the shard of its id and changes in one
/// batch. Methods block on disk reads; pool threads.
/// </summary>
internal sealed class ServiceAccounts(Router router, IConversationLog log, Accounts accounts, RandomSource random)
{
    /// <summary>Service accounts of a broker.</summary>
    public const int CountMax = 1000;

    private readonly ServiceKeys _keys = new(log);
    private readonly InTurn _turn = new();

    /// <summary>What stands under a conversation that a service may act in: that it may.</summary>
    public static ReadOnlySpan<byte> ScopeValue => [1];

    /// <summary>The service account; null when it is none, or was ended.</summary>
    public StoredService? Find(UserId user) => log.Get(Table.State, IdentityKeys.Service(user, default)) is { } stored ? StoredService.Parse(stored) : null;

    /// <summary>True when there are as many as may be.</summary>
    public bool IsFull
    {
        get
        {
            Page(default, CountMax, out bool more, out int count);
            return more || count >= CountMax;
        }
    }

    /// <summary>
    /// Makes a service account. Without a credential it gets a token, which is told this once. NAME_TAKEN when the name exists, KEY_INVALID when the certificate's name is another one's.
    /// </summary>
    public async Task<(UserId User, string? Token, CommandResult Result)> CreateAsync(
        Actor by, string name, string canonical, ServiceRights rights, IReadOnlyCollection<ConversationId>? conversations, ServiceCredential? credential = null)
    {
        UserId user = accounts.NewUserId('u', canonical);
        string? token = credential is null ? accounts.Devices.NewToken() : null;
        long now = router.NowMicros();
        ConversationId[] scope = conversations?.Distinct().ToArray() ?? [];
        StoredService service = new(rights, conversations is null ? null : scope.Length, now, by.User, token is null ? new byte[StoredService.HashSize] : SHA256.HashData(Encoding.UTF8.GetBytes(token)));
        StoredIdentity? certificate = credential?.Certificate is { } named ? new StoredIdentity(string.Empty, named) : null;

        // Two names are of two shards, and one certificate is of one of them.
        return await _turn.RunAsync<(UserId, string?, CommandResult)>(async () =>
        {
            if (certificate is not null && log.Get(Table.State, certificate.PointerKey) is not null)
            {
                return (user, null, new CommandResult(ErrorCode.KeyInvalid, "another service account has this certificate's name"));
            }

            CommandResult written = await accounts.WriteAsync(
                user,
                [
                    new StateEntry(IdentityKeys.Name(StateKeys.UserNames, canonical), ControlMap.IdBytes(user.Value), MustBeAbsent: true),
                    new StateEntry(IdentityKeys.Account(user), new AccountRecord(name, false, RightsOf(service), now, null).ToBytes()),
                    .. token is null ? [] : Accounts.TokenEntries(user, random.NextDevice(), token, now),
                    .. credential?.Key is { } key ? [new StateEntry(ServiceKeys.KeyOf(user, key), ServiceKeys.ValueOf(key, now))] : Array.Empty<StateEntry>(),
                    .. certificate is null ? [] : (StateEntry[])[new(certificate.PointerKey, StoredIdentity.Pointer(user)), new(StoredIdentity.KeyOf(user), certificate.ToBytes())],
                    new StateEntry(IdentityKeys.Service(user, default), service.ToBytes()),
                    .. scope.Select(conversation => new StateEntry(IdentityKeys.Service(user, conversation), ScopeValue.ToArray())),
                ],
                CancellationToken.None);
            return (user, token, written);
        });
    }

    /// <summary>
    /// Adds a public key, takes one away, or both at once. Idempotent. NO_SUCH_USER when there is no such service account; TOO_MANY; CONFLICT when it would be left with nothing to sign in with.
    /// </summary>
    /// <param name="user">Whose.</param>
    /// <param name="added">The key that signs in from now on; null for none.</param>
    /// <param name="removed">Thumbprint of the key that does so no longer; null for none.</param>
    /// <returns>The result, whether anything was taken away, and the keys that there are now.</returns>
    public Task<(CommandResult Result, IReadOnlyList<VerificationKey> Keys)> ChangeKeysAsync(UserId user, VerificationKey? added, string? removed) =>
        _turn.RunAsync(() => ChangeKeysInTurnAsync(user, added, removed));

    private async Task<(CommandResult Result, IReadOnlyList<VerificationKey> Keys)> ChangeKeysInTurnAsync(UserId user, VerificationKey? added, string? removed)
    {
        byte[] serviceKey = IdentityKeys.Service(user, default);
        if (log.Get(Table.State, serviceKey) is not { } stored || StoredService.Parse(stored) is not { } service)
        {
            return (new CommandResult(ErrorCode.NoSuchUser, "there is no such service account"), []);
        }

        List<VerificationKey> before = _keys.KeysOf(user);
        List<VerificationKey> after = before.FindAll(key => key.Thumbprint != removed);
        if (added is not null && !after.Exists(key => key.Thumbprint == added.Thumbprint))
        {
            after.Add(added);
        }

        if (after.Count > ProtocolLimits.ServiceKeysMax)
        {
            return (new CommandResult(ErrorCode.TooMany, $"a service account has at most {ProtocolLimits.ServiceKeysMax} keys"), []);
        }

        if (after.Count == 0 && !service.HasToken && log.Get(Table.State, StoredIdentity.KeyOf(user)) is null)
        {
            return (new CommandResult(ErrorCode.Conflict, "that is the only way in: add another key first, or end the service account"), []);
        }

        long now = router.NowMicros();
        CommandResult written = await accounts.WriteAsync(
            user,
            [
                StateEntry.Holds(serviceKey, stored),
                .. before.Except(after).Select(key => new StateEntry(ServiceKeys.KeyOf(user, key), null)),
                .. before.Except(after).Any() ? Outdated(user, now) : [],
                .. after.Except(before).Select(key => new StateEntry(ServiceKeys.KeyOf(user, key), ServiceKeys.ValueOf(key, now))),
            ],
            CancellationToken.None);
        return (written with { Count = before.Except(after).Count() }, _keys.KeysOf(user));
    }

    /// <summary>What was signed in before now is so no longer, but for what a token signs in. The devices stay: by them a message is known that comes again.</summary>
    private IEnumerable<StateEntry> Outdated(UserId user, long now)
    {
        foreach (DeviceId device in accounts.Devices.All(user))
        {
            if (accounts.Devices.Find(user, device) is { Way: SignInWay.External } found)
            {
                yield return new StateEntry(IdentityKeys.Device(user, device), (found with { TokensSinceMicros = now }).ToBytes());
            }
        }
    }

    /// <summary>Ends a service account: its token, keys and certificate are gone, and where it might act. Its name is never given to another. NO_SUCH_USER when there is none, or it was ended before.</summary>
    public Task<CommandResult> RevokeAsync(UserId user) => _turn.RunAsync(() => RevokeInTurnAsync(user));

    private async Task<CommandResult> RevokeInTurnAsync(UserId user)
    {
        if (Find(user) is not { } service || accounts.Find(user) is not { } account)
        {
            return new CommandResult(ErrorCode.NoSuchUser, "there is no such service account");
        }

        byte[] tokenKey = new byte[StateKeys.TokenSize];
        StateKeys.WriteToken(tokenKey, service.TokenHash);
        List<StateEntry> entries =
        [
            new(tokenKey, null),
            new(IdentityKeys.Account(user), new AccountRecord(account.Name, false, AccountRights.Service, service.CreatedMicros, null).ToBytes()),
        ];
        log.Scan(Table.State, IdentityKeys.Service(user, default).AsSpan(0, 1 + Id128.Size).ToArray(), [], (key, _) =>
        {
            entries.Add(new StateEntry(key.ToArray(), null));
            return true;
        });
        entries.AddRange(_keys.AllOf(user).Select(static key => new StateEntry(key, null)));
        if (CertificateOf(user) is { } certificate)
        {
            entries.AddRange([new StateEntry(certificate.PointerKey, null), new StateEntry(StoredIdentity.KeyOf(user), null)]);
        }

        return await accounts.WriteAsync(user, entries, CancellationToken.None);
    }

    /// <summary>A page of the service accounts, in the order of their ids.</summary>
    public List<ServiceInfo> List(UserId after, int limit, out bool isComplete)
    {
        List<ServiceInfo> page = Page(after, limit, out bool more, out _)
            .ConvertAll(entry => new ServiceInfo
            {
                User = entry.User,
                Name = accounts.Find(entry.User)?.Name ?? string.Empty,
                Rights = entry.Service.Rights,
                Conversations = (ulong?)entry.Service.Conversations,
                CreatedAtMicros = (ulong)Math.Max(0, entry.Service.CreatedMicros),
                Keys = _keys.KeysOf(entry.User).ConvertAll(static key => key.Thumbprint),
                Certificate = CertificateOf(entry.User)?.Subject,
            });
        isComplete = !more;
        return page;
    }

    private StoredIdentity? CertificateOf(UserId user) =>
        log.Get(Table.State, StoredIdentity.KeyOf(user)) is { } stored && StoredIdentity.TryParse(stored, out StoredIdentity? identity) ? identity : null;

    private static AccountRights RightsOf(StoredService service) =>
        AccountRights.Service
        | ((service.Rights & ServiceRights.Publish) != 0 ? AccountRights.ServicePublish : AccountRights.None)
        | ((service.Rights & ServiceRights.Read) != 0 ? AccountRights.ServiceRead : AccountRights.None)
        | ((service.Rights & ServiceRights.Import) != 0 ? AccountRights.Import : AccountRights.None)
        | (service.Conversations is null ? AccountRights.None : AccountRights.Confined);

    private List<(UserId User, StoredService Service)> Page(UserId after, int limit, out bool more, out int count)
    {
        List<(UserId User, StoredService Service)> page = [];
        bool hasMore = false;

        // Behind every conversation of the last one: its key with the greatest id.
        log.Scan(Table.State, "g"u8, after.IsNone ? [] : IdentityKeys.Service(after, new ConversationId(UInt128.MaxValue)), (key, value) =>
        {
            if (StateKeys.SecondId(key) != 0 || StoredService.Parse(value) is not { } service)
            {
                return true;
            }

            hasMore = page.Count == limit;
            if (!hasMore)
            {
                page.Add((UserId.Read(key[1..]), service));
            }

            return !hasMore;
        });
        more = hasMore;
        count = page.Count;
        return page;
    }
}
