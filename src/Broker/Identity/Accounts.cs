using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Text;

using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Identity;

/// <summary>Who signed in, and the token to come back with when it was made now.</summary>
internal sealed record SignedIn(Actor Actor, string Name, string? NewToken);

/// <summary>A sign-in that did not succeed: what the connection is closed with.</summary>
internal sealed record SignInRefused(CloseCode Code, string Reason, uint RetryAfterMs = 0);

/// <summary>
/// The one door to identity: makes accounts, checks passwords and tokens, knows names. Accounts belong to the shard of the user's id, which has the placement
/// of the name, so a name is claimed and its account made in one batch. Reads see durable state. Methods block on disk reads: pool threads only.
/// </summary>
internal sealed class Accounts(Router router, IConversationLog log, PasswordHasher passwords, RandomSource random, bool isRegistrationOpen)
{
    private const string TokenPrefix = "fc1_";
    private const uint OverloadedRetryMs = 2000;
    private const uint FullRetryMs = 5000;

    private static readonly SignInRefused WrongCredentials = new(CloseCode.BadCredentials, "wrong name or password");

    /// <summary>Checks a Hello. Exactly one of the results is not null.</summary>
    public async Task<(SignedIn? User, SignInRefused? Refused)> SignInAsync(Hello hello, CancellationToken cancellation)
    {
        if (hello.Token is not null)
        {
            return WithToken(hello.Token);
        }

        if (hello.Name is null || hello.Password is null)
        {
            return (null, new SignInRefused(CloseCode.BadCredentials, "a token, or a name and a password, are expected"));
        }

        return hello.Register
            ? await RegisterAsync(hello, cancellation)
            : await WithPasswordAsync(hello, cancellation);
    }

    /// <summary>Makes an account without a password, or finds it; it gets the token. For the operator's account at start.</summary>
    public async Task EnsureAccountAsync(string name, AccountRights rights, string token, CancellationToken cancellation)
    {
        if (log.Get(Table.State, IdentityKeys.Token(token)) is not null)
        {
            return;
        }

        UserId user = NewUserId('u', name);
        long now = router.NowMicros();
        CommandResult made = await WriteAsync(
            user,
            [
                new StateEntry(IdentityKeys.Name(StateKeys.UserNames, name), ControlMap.IdBytes(user.Value), MustBeAbsent: true),
                new StateEntry(IdentityKeys.Account(user), new AccountRecord(name, false, rights, now, null).ToBytes()),
            ],
            cancellation);
        if (made.Error != ErrorCode.None)
        {
            user = made.Existing is { } existing ? UserId.Read(existing) : throw new StorageException(made.Reason);
        }

        DeviceId device = random.NextDevice();
        CommandResult written = await WriteAsync(user, TokenEntries(user, device, token, now), cancellation);
        if (written.Error != ErrorCode.None)
        {
            throw new StorageException(written.Reason);
        }
    }

    /// <summary>Makes people of another system known; the ids come back in the order of the names. Idempotent.</summary>
    public async Task<UserId[]> ImportAsync(IReadOnlyList<string> names, CancellationToken cancellation) =>
        await Task.WhenAll(names.Select(name => ImportAsync(name, cancellation)));

    /// <summary>A user by account name, or else by exact imported name; null when there is none.</summary>
    public UserInfo? Find(string name)
    {
        byte[]? id = Names.TryCanonicalize(name, out string? canonical) ? log.Get(Table.State, IdentityKeys.Name(StateKeys.UserNames, canonical)) : null;
        id ??= Names.IsExternalName(name) ? log.Get(Table.State, IdentityKeys.Name(StateKeys.ExternalNames, name)) : null;
        return id is null ? null : Find(UserId.Read(id));
    }

    /// <summary>A user by id; null when there is none.</summary>
    public UserInfo? Find(UserId user) =>
        TryRead(user, out AccountRecord? account) ? new UserInfo(user, account.Name, account.IsExternal)
        : IsErased(user) ? new UserInfo(user, Names.OfErased, false)
        : null;

    /// <summary>What is stored of an account; null when there is none, or its person was erased.</summary>
    public AccountRecord? RecordOf(UserId user) => TryRead(user, out AccountRecord? account) ? account : null;

    /// <summary>True when the person was erased, or is being erased.</summary>
    public bool IsErased(UserId user) => log.Get(Table.State, IdentityKeys.Account(user)) is { } stored && AccountRecord.Parse(stored).IsErased;

    /// <summary>Whether a signed-in user's password is right; null when too many wait already.</summary>
    public Task<bool?> VerifyPasswordAsync(UserId user, string password) =>
        Encoding.UTF8.GetByteCount(password) > ProtocolLimits.PasswordSizeMax ? Task.FromResult<bool?>(false) : passwords.VerifyAsync(password, RecordOf(user)?.Verifier);

    /// <summary>What an account may do now; those of a service that was ended, which are none, for one that does not exist.</summary>
    public AccountRights RightsOf(UserId user) => TryRead(user, out AccountRecord? account) ? account.Rights : AccountRights.Service;

    /// <summary>A new token's text: 256 random bits.</summary>
    public string NewToken()
    {
        Span<byte> bytes = stackalloc byte[32];
        random.Fill(bytes);
        return TokenPrefix + Base64Url.EncodeToString(bytes);
    }

    /// <summary>An id for a new account, of its name's placement.</summary>
    public UserId NewUserId(char scope, string canonical) => new(Id128.WithPlacement(random.NextId(), ShardMap.PlacementOf(scope, canonical)));

    /// <summary>Writes entries of a user's shard, all or nothing.</summary>
    public Task<CommandResult> WriteAsync(UserId user, IReadOnlyList<StateEntry> entries, CancellationToken cancellation) =>
        router.ExecuteAsync(CommandKind.StateWrite, default, router.Map.ShardOf(user.Value), new StateWriteCommand(entries).ToBytes(), cancellation);

    /// <summary>What makes a token, and the device that it belongs to.</summary>
    public static StateEntry[] TokenEntries(UserId user, DeviceId device, string token, long now) =>
    [
        new StateEntry(IdentityKeys.Device(user, device), BitConverter.GetBytes(now)),
        new StateEntry(IdentityKeys.Token(token), new TokenRecord(user, device, now, 0).ToBytes()),
    ];

    private (SignedIn? User, SignInRefused? Refused) WithToken(string token)
    {
        if (log.Get(Table.State, IdentityKeys.Token(token)) is { } stored)
        {
            TokenRecord record = TokenRecord.Parse(stored);
            bool isExpired = record.ExpiresMicros != 0 && record.ExpiresMicros <= router.NowMicros();
            if (!isExpired && TryRead(record.User, out AccountRecord? account))
            {
                return (new SignedIn(new Actor(record.User, record.Device, account.Rights), account.Name, null), null);
            }
        }

        return (null, new SignInRefused(CloseCode.TokenInvalid, "the token is unknown, expired or revoked"));
    }

    private async Task<(SignedIn? User, SignInRefused? Refused)> WithPasswordAsync(Hello hello, CancellationToken cancellation)
    {
        // Checked before anything is hashed: a long password must not be a weapon, and a wrong size is simply a wrong password.
        if (Encoding.UTF8.GetByteCount(hello.Password!) > ProtocolLimits.PasswordSizeMax)
        {
            return (null, WrongCredentials);
        }

        UserId user = default;
        AccountRecord? account = null;
        if (Names.TryCanonicalize(hello.Name, out string? canonical) && log.Get(Table.State, IdentityKeys.Name(StateKeys.UserNames, canonical)) is { } id)
        {
            user = UserId.Read(id);
            TryRead(user, out account);
        }

        bool? isRight = await passwords.VerifyAsync(hello.Password!, account?.Verifier);
        return isRight switch
        {
            null => (null, new SignInRefused(CloseCode.Overloaded, "too many sign-ins at once", OverloadedRetryMs)),
            false => (null, WrongCredentials),
            true => await IssueTokenAsync(user, account!, hello.Device, [], cancellation),
        };
    }

    private async Task<(SignedIn? User, SignInRefused? Refused)> RegisterAsync(Hello hello, CancellationToken cancellation)
    {
        if (!isRegistrationOpen)
        {
            return (null, new SignInRefused(CloseCode.RegistrationClosed, "accounts are made by the operator here"));
        }

        if (!Names.TryCanonicalize(hello.Name, out string? canonical))
        {
            return (null, new SignInRefused(CloseCode.NameInvalid, "1–64 of a–z A–Z 0–9 . _ -, beginning with a letter or digit"));
        }

        int size = Encoding.UTF8.GetByteCount(hello.Password!);
        if (size is < ProtocolLimits.PasswordSizeMin or > ProtocolLimits.PasswordSizeMax)
        {
            return (null, new SignInRefused(CloseCode.PasswordInvalid, $"{ProtocolLimits.PasswordSizeMin}–{ProtocolLimits.PasswordSizeMax} bytes"));
        }

        byte[] nameKey = IdentityKeys.Name(StateKeys.UserNames, canonical);
        SignInRefused taken = new(CloseCode.NameTaken, "the name is taken");
        if (log.Get(Table.State, nameKey) is not null || log.Get(Table.State, IdentityKeys.ErasedName(canonical)) is not null)
        {
            return (null, taken);
        }

        string? verifier = await passwords.HashAsync(hello.Password!);
        if (verifier is null)
        {
            return (null, new SignInRefused(CloseCode.Overloaded, "too many sign-ins at once", OverloadedRetryMs));
        }

        UserId user = NewUserId('u', canonical);
        AccountRecord account = new(hello.Name!, false, AccountRights.None, router.NowMicros(), verifier);
        (SignedIn? made, SignInRefused? refused) = await IssueTokenAsync(
            user,
            account,
            default,
            [
                new StateEntry(nameKey, ControlMap.IdBytes(user.Value), MustBeAbsent: true),
                new StateEntry(IdentityKeys.Account(user), account.ToBytes()),
            ],
            cancellation);
        return refused?.Code == CloseCode.NameTaken ? (null, taken) : (made, refused);
    }

    private async Task<(SignedIn? User, SignInRefused? Refused)> IssueTokenAsync(
        UserId user, AccountRecord account, DeviceId wanted, IReadOnlyList<StateEntry> before, CancellationToken cancellation)
    {
        bool isKnown = wanted.Value != 0 && log.Get(Table.State, IdentityKeys.Device(user, wanted)) is not null;
        DeviceId device = isKnown ? wanted : random.NextDevice();
        string token = NewToken();
        CommandResult written = await WriteAsync(
            user, [.. before, .. TokenEntries(user, device, token, router.NowMicros())], cancellation);
        return written.Error switch
        {
            ErrorCode.None => (new SignedIn(new Actor(user, device, account.Rights), account.Name, token), null),
            ErrorCode.NameTaken => (null, new SignInRefused(CloseCode.NameTaken, written.Reason)),
            ErrorCode.StoreFull => (null, new SignInRefused(CloseCode.StoreFull, written.Reason, FullRetryMs)),
            _ => (null, new SignInRefused(CloseCode.StoreUnavailable, written.Reason)),
        };
    }

    private async Task<UserId> ImportAsync(string name, CancellationToken cancellation)
    {
        byte[] nameKey = IdentityKeys.Name(StateKeys.ExternalNames, name);
        if (log.Get(Table.State, nameKey) is { } known)
        {
            return UserId.Read(known);
        }

        UserId user = NewUserId('x', name);
        CommandResult written = await WriteAsync(
            user,
            [
                new StateEntry(nameKey, ControlMap.IdBytes(user.Value), MustBeAbsent: true),
                new StateEntry(IdentityKeys.Account(user), new AccountRecord(name, true, AccountRights.None, router.NowMicros(), null).ToBytes()),
            ],
            cancellation);
        return written.Error == ErrorCode.None ? user
            : written.Existing is { } existing ? UserId.Read(existing)
            : throw (written.Error == ErrorCode.StoreFull ? new StorageFullException(written.Reason) : new StorageException(written.Reason));
    }

    private bool TryRead(UserId user, [NotNullWhen(true)] out AccountRecord? account)
    {
        account = log.Get(Table.State, IdentityKeys.Account(user)) is { } stored ? AccountRecord.Parse(stored) : null;
        account = account is { IsErased: true } ? null : account;
        return account is not null;
    }
}
