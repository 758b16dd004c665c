using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Identity;

/// <summary>
/// A service account as it is stored under <c>g</c> with conversation 0: format u8, rights u8 (<see cref="ServiceRights"/>), conversations u16 (0xFFFF = not confined), created i64 µs, creator (16), SHA-256 of the token (32).
/// </summary>
internal sealed record StoredService(ServiceRights Rights, int? Conversations, long CreatedMicros, UserId Creator, byte[] TokenHash)
{
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

/// <summary>
/// The accounts of programs: they sign in by token only, may do what they were given and nothing else, and may be confined to conversations. Everything about one stands in the shard of its id and changes in one
/// batch. Methods block on disk reads; pool threads.
/// </summary>
internal sealed class ServiceAccounts(Router router, IConversationLog log, Accounts accounts, RandomSource random)
{
    /// <summary>Service accounts of a broker.</summary>
    public const int CountMax = 1000;

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

    /// <summary>Makes a service account; its token is told this once. NAME_TAKEN when the name exists.</summary>
    public async Task<(UserId User, string Token, CommandResult Result)> CreateAsync(
        Actor by, string name, string canonical, ServiceRights rights, IReadOnlyCollection<ConversationId>? conversations)
    {
        UserId user = accounts.NewUserId('u', canonical);
        string token = accounts.Devices.NewToken();
        long now = router.NowMicros();
        ConversationId[] scope = conversations?.Distinct().ToArray() ?? [];
        StoredService service = new(rights, conversations is null ? null : scope.Length, now, by.User, SHA256.HashData(Encoding.UTF8.GetBytes(token)));
        CommandResult written = await accounts.WriteAsync(
            user,
            [
                new StateEntry(IdentityKeys.Name(StateKeys.UserNames, canonical), ControlMap.IdBytes(user.Value), MustBeAbsent: true),
                new StateEntry(IdentityKeys.Account(user), new AccountRecord(name, false, RightsOf(service), now, null).ToBytes()),
                .. Accounts.TokenEntries(user, random.NextDevice(), token, now),
                new StateEntry(IdentityKeys.Service(user, default), service.ToBytes()),
                .. scope.Select(conversation => new StateEntry(IdentityKeys.Service(user, conversation), ScopeValue.ToArray())),
            ],
            CancellationToken.None);
        return (user, token, written);
    }

    /// <summary>Ends a service account: its token is gone, and where it might act. Its name is never given to another. NO_SUCH_USER when there is none, or it was ended before.</summary>
    public async Task<CommandResult> RevokeAsync(UserId user)
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
            });
        isComplete = !more;
        return page;
    }

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
