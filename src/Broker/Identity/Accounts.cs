using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Text;

using FastChat.Broker.Limits;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Identity;

/// <summary>
/// The one door to identity: makes accounts, checks passwords and tokens, knows names. Accounts belong to the shard of the user's id, which has the placement
/// of the name, so a name is claimed and its account made in one batch. Reads see durable state. Methods block on disk reads: pool threads only.
/// </summary>
internal sealed class Accounts(Router router, IConversationLog log, PasswordHasher passwords, RandomSource random, bool isRegistrationOpen, TokenLives? lives = null)
{
    /// <summary>When to come again who found too many sign-ins.</summary>
    public const uint OverloadedRetryMs = 2000;

    /// <summary>Times that a sign-in begins anew because the account or the device was changed while the password was looked at.</summary>
    public const int AttemptsMax = 8;

    /// <summary>What is said of a wrong name and of a wrong password.</summary>
    public static readonly SignInRefused WrongCredentials = new(CloseCode.BadCredentials, "wrong name or password");
    /// <summary>What is said to somebody who has shown the password.</summary>
    public static readonly SignInRefused SuspendedAccount = new(CloseCode.Suspended, "the account is suspended");

    private const string TokenPrefix = "fc1_";
    private const uint FullRetryMs = 5000;

    private static readonly SignInRefused InvalidToken = new(CloseCode.TokenInvalid, "the token is unknown, expired or revoked");
    private static readonly SignInRefused ExpiredToken = new(CloseCode.TokenExpired, "the token has expired");
    private static readonly SignInRefused NameTaken = new(CloseCode.NameTaken, "the name is taken");

    /// <summary>The devices and their tokens.</summary>
    public Devices Devices { get; } = new(router, log, random, lives ?? new TokenLives());

    /// <summary>How passwords are shown here.</summary>
    public PasswordPolicy Passwords { get; init; } = PasswordPolicy.Plain;

    /// <summary>The text of an access token, or of one that lives longer, of 32 random bytes.</summary>
    public static string TokenText(ReadOnlySpan<byte> bytes) => TokenPrefix + Base64Url.EncodeToString(bytes);

    /// <summary>Checks a Hello. Exactly one of the results is not null.</summary>
    /// <param name="hello">What came.</param>
    /// <param name="cancellation">Ends the wait for the store.</param>
    /// <param name="from">Where it came from: who hashes passwords has a line for each address.</param>
    public async Task<(SignedIn? User, SignInRefused? Refused)> SignInAsync(Hello hello, CancellationToken cancellation, AddressKey from = default)
    {
        if (hello.Token is not null)
        {
            return await WithTokenAsync(hello.Token);
        }

        if (hello.Refresh is not null)
        {
            return await WithRefreshAsync(hello.Refresh);
        }

        if (hello.Name is null || hello.Password is null)
        {
            return (null, new SignInRefused(CloseCode.BadCredentials, "a token, or a name and a password, are expected"));
        }

        if (!Passwords.TakesPlain)
        {
            return (null, new SignInRefused(CloseCode.MechanismRefused, "no password is taken here: prove it (SCRAM-SHA-256)"));
        }

        return hello.Register
            ? await RegisterAsync(hello, from, cancellation)
            : await WithPasswordAsync(hello, from, cancellation);
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
    public AccountRecord? RecordOf(UserId user) => RecordOf(user, out _);

    /// <summary>As above, with the bytes that it was read from.</summary>
    public AccountRecord? RecordOf(UserId user, out byte[]? stored) => TryRead(user, out AccountRecord? account, out stored) ? account : null;

    /// <summary>True when the person was erased, or is being erased.</summary>
    public bool IsErased(UserId user) => log.Get(Table.State, IdentityKeys.Account(user)) is { } stored && AccountRecord.Parse(stored).IsErased;

    /// <summary>Whether a signed-in user's password is right; null when too many wait already.</summary>
    public Task<bool?> VerifyPasswordAsync(UserId user, string password, AddressKey from) =>
        Encoding.UTF8.GetByteCount(password) > ProtocolLimits.PasswordSizeMax ? Task.FromResult<bool?>(false) : passwords.VerifyAsync(from, password, RecordOf(user));

    /// <summary>What an account may do now; those of a service that was ended, which are none, for one that does not exist or is suspended.</summary>
    public AccountRights RightsOf(UserId user) => TryRead(user, out AccountRecord? account) && !account.IsSuspended ? account.Rights : AccountRights.Service;

    /// <summary>
    /// Null when what signed in still does. Asked when the session is attached: whoever ends a device or an account makes that durable and then closes the sessions that are attached, so one of the two sees the other.
    /// </summary>
    public SignInRefused? Judge(SignedIn user)
    {
        if (!TryRead(user.Actor.User, out AccountRecord? account) || account.Rights != user.Actor.Rights
            || Devices.Find(user.Actor.User, user.Actor.Device) is not { } device || device.TokensSinceMicros > user.MadeMicros)
        {
            return InvalidToken;
        }

        return account.IsSuspended ? SuspendedAccount : null;
    }

    /// <summary>An id for a new account, of its name's placement.</summary>
    public UserId NewUserId(char scope, string canonical) => new(Id128.WithPlacement(random.NextId(), ShardMap.PlacementOf(scope, canonical)));

    /// <summary>Writes entries of a user's shard, all or nothing.</summary>
    public Task<CommandResult> WriteAsync(UserId user, IReadOnlyList<StateEntry> entries, CancellationToken cancellation) =>
        router.ExecuteAsync(CommandKind.StateWrite, default, router.Map.ShardOf(user.Value), new StateWriteCommand(entries).ToBytes(), cancellation);

    /// <summary>What makes a token that holds until its device is ended, and that device.</summary>
    public static StateEntry[] TokenEntries(UserId user, DeviceId device, string token, long now) =>
    [
        new StateEntry(IdentityKeys.Device(user, device), new StoredDevice(SignInWay.Token, now, string.Empty).ToBytes()),
        new StateEntry(IdentityKeys.Token(token), new TokenRecord(user, device, now, 0).ToBytes()),
    ];

    /// <summary>Checks a token on a connection that is there already. Null when it does not sign in this user with this device.</summary>
    public async Task<SignedIn?> ReauthenticateAsync(Actor actor, string token)
    {
        (SignedIn? user, _) = await WithTokenAsync(token);
        return user is not null && user.Actor == actor ? user : null;
    }

    /// <summary>
    /// Another password for who shows the old one. All other devices are ended in the same commit, so no crash leaves one that the old password had let in; this device gets new tokens. The errors: WRONG_CREDENTIALS, PASSWORD_INVALID, OVERLOADED, CONFLICT (somebody else
    /// changed the account or its devices at the same time), and those of the store.
    /// </summary>
    /// <param name="actor">Who.</param>
    /// <param name="old">The password that holds now.</param>
    /// <param name="next">The new one.</param>
    /// <param name="renews">The client keeps refresh tokens.</param>
    /// <param name="from">Where it asks from.</param>
    public async Task<(CommandResult Result, IssuedTokens? Tokens)> ChangePasswordAsync(Actor actor, string old, string next, bool renews, AddressKey from = default)
    {
        int size = Encoding.UTF8.GetByteCount(next);
        if (size is < ProtocolLimits.PasswordSizeMin or > ProtocolLimits.PasswordSizeMax)
        {
            return (new CommandResult(ErrorCode.PasswordInvalid, $"{ProtocolLimits.PasswordSizeMin}–{ProtocolLimits.PasswordSizeMax} bytes"), null);
        }

        CommandResult wrong = new(ErrorCode.WrongCredentials, "that is not the password");
        if (Encoding.UTF8.GetByteCount(old) > ProtocolLimits.PasswordSizeMax || !TryRead(actor.User, out AccountRecord? account, out byte[]? stored) || !account.HasPassword)
        {
            return (wrong, null);
        }

        bool? isRight = await passwords.VerifyAsync(from, old, account);
        PasswordVerifiers? verifiers = isRight == true ? await passwords.HashAsync(from, account.Name, next) : null;
        return verifiers is not null ? await ReplacePasswordAsync(actor, verifiers.In(account), stored!, renews)
            : (isRight == false ? wrong : new CommandResult(ErrorCode.Overloaded, "too many sign-ins at once"), null);
    }

    /// <summary>Writes an account with the verifiers of another password, for who has shown the old one: see <see cref="ChangePasswordAsync"/>.</summary>
    /// <param name="actor">Who.</param>
    /// <param name="changed">The account from now on.</param>
    /// <param name="stored">The bytes that the old one was read from.</param>
    /// <param name="renews">The client keeps refresh tokens.</param>
    public async Task<(CommandResult Result, IssuedTokens? Tokens)> ReplacePasswordAsync(Actor actor, AccountRecord changed, byte[] stored, bool renews)
    {
        if (Devices.Find(actor.User, actor.Device, out byte[]? deviceBytes) is not { } device)
        {
            return (new CommandResult(ErrorCode.NoSuchDevice, "this device was ended"), null);
        }

        byte[] key = IdentityKeys.Account(actor.User);
        List<DeviceId> others = Devices.All(actor.User).FindAll(other => other != actor.Device);
        List<StateEntry> entries =
        [
            StateEntry.Holds(key, stored), new StateEntry(key, changed.ToBytes()),
            .. others.Select(other => new StateEntry(IdentityKeys.Device(actor.User, other), null)),
            .. Devices.Issue(actor.User, actor.Device, (device, deviceBytes!), SignInWay.Password, device.Name, renews, out IssuedTokens issued),
        ];
        CommandResult written = await WriteAsync(actor.User, entries, CancellationToken.None);
        return (written.Error == ErrorCode.None ? written with { Count = others.Count } : written, written.Error == ErrorCode.None ? issued : null);
    }

    /// <summary>Shuts somebody out, or lets them in again; durable when it returns. Their connections are the caller's to close, afterwards. CONFLICT for an operator and for a service account.</summary>
    public async Task<CommandResult> SuspendAsync(UserId user, bool isSuspended)
    {
        CommandResult result = new(ErrorCode.Conflict, "the account changed meanwhile");
        for (int attempt = 0; attempt < AttemptsMax && result.Error == ErrorCode.Conflict; attempt++)
        {
            if (!TryRead(user, out AccountRecord? account, out byte[]? stored))
            {
                return new CommandResult(ErrorCode.NoSuchUser, "there is no such user");
            }

            if ((account.Rights & (AccountRights.Operator | AccountRights.Service)) != 0)
            {
                return new CommandResult(ErrorCode.Conflict, "operators are not suspended, and a service account is ended instead");
            }

            if (account.IsSuspended == isSuspended)
            {
                return new CommandResult(ErrorCode.None);
            }

            byte[] key = IdentityKeys.Account(user);
            result = await WriteAsync(user, [StateEntry.Holds(key, stored), new StateEntry(key, (account with { IsSuspended = isSuspended }).ToBytes())], CancellationToken.None);
            result = result.Error == ErrorCode.None ? result with { Changed = true } : result;
        }

        return result;
    }

    /// <summary>A page of the accounts, in the order of their ids.</summary>
    public List<AccountInfo> List(UserId after, int limit, out bool isComplete)
    {
        List<AccountInfo> page = [];
        bool hasMore = false;
        log.Scan(Table.State, "a"u8, after.IsNone ? [] : IdentityKeys.Account(after), (key, value) =>
        {
            if (!AccountRecord.TryParse(value, out AccountRecord? account) || account.IsErased)
            {
                return true;
            }

            hasMore = page.Count == limit;
            if (!hasMore)
            {
                page.Add(Describe(UserId.Read(key[1..]), account));
            }

            return !hasMore;
        });
        isComplete = !hasMore;
        return page;
    }

    /// <summary>A page of those who have an account and whose name begins so, upper and lower case alike, in the order of their names.</summary>
    /// <param name="prefix">At least one letter; with one that no name has there is nobody.</param>
    /// <param name="after">The last one of the page before; none = from the first.</param>
    /// <param name="limit">How many at the most.</param>
    /// <param name="isComplete">False when there are further ones.</param>
    public List<AccountInfo> Find(string prefix, UserId after, int limit, out bool isComplete)
    {
        isComplete = true;
        if (!Names.TryCanonicalize(prefix, out string? begin))
        {
            return [];
        }

        List<UserId> found = [];
        byte[] all = IdentityKeys.Name(StateKeys.UserNames, begin);
        byte[] behind = TryRead(after, out AccountRecord? last) && Names.TryCanonicalize(last.Name, out string? canonical) ? IdentityKeys.Name(StateKeys.UserNames, canonical) : [];
        log.Scan(Table.State, all, behind.AsSpan().StartsWith(all) ? behind : [], (_, value) =>
        {
            found.Add(UserId.Read(value));
            return found.Count <= limit;
        });
        isComplete = found.Count <= limit;
        List<AccountInfo> page = [];
        foreach (UserId user in found.Take(limit))
        {
            if (TryRead(user, out AccountRecord? account))
            {
                page.Add(Describe(user, account));
            }
        }

        return page;
    }

    private static AccountInfo Describe(UserId user, AccountRecord account) => new()
    {
        User = user,
        Name = account.Name,
        IsExternal = account.IsExternal,
        IsSuspended = account.IsSuspended,
        CreatedAtMicros = (ulong)Math.Max(0, account.CreatedMicros),
    };

    private async Task<(SignedIn? User, SignInRefused? Refused)> WithTokenAsync(string token)
    {
        if (log.Get(Table.State, IdentityKeys.Token(token)) is not { } stored || !TokenRecord.TryParse(stored, out TokenRecord record)
            || !TryRead(record.User, out AccountRecord? account) || Devices.Find(record.User, record.Device) is not { } device || record.CreatedMicros < device.TokensSinceMicros)
        {
            return (null, InvalidToken);
        }

        if (account.IsSuspended)
        {
            return (null, SuspendedAccount);
        }

        if (record.ExpiresMicros != 0 && record.ExpiresMicros <= router.NowMicros())
        {
            return (null, ExpiredToken);
        }

        if (record.Kind == TokenKind.Long && Devices.IsOver(device, device.LastSeenMicros))
        {
            return (null, InvalidToken);
        }

        if (record.Kind == TokenKind.Access)
        {
            await Devices.ConfirmAsync(record, device);
        }

        Actor actor = new(record.User, record.Device, account.Rights);
        return (new SignedIn(actor, account.Name, null) { HoldsUntilMicros = record.ExpiresMicros, MadeMicros = record.CreatedMicros }, null);
    }

    private async Task<(SignedIn? User, SignInRefused? Refused)> WithRefreshAsync(string refresh)
    {
        Renewal renewal = await Devices.RenewAsync(refresh);
        if (renewal.Outcome == RenewalOutcome.NotStored)
        {
            return (null, NotStored(new CommandResult(renewal.Error, "the token could not be renewed")));
        }

        if (renewal.Tokens is not { } tokens || !TryRead(renewal.User, out AccountRecord? account))
        {
            return (null, InvalidToken with { Reused = renewal.Outcome == RenewalOutcome.Reused ? new Actor(renewal.User, renewal.Device, AccountRights.None) : null });
        }

        return account.IsSuspended ? (null, SuspendedAccount) : (
            new SignedIn(new Actor(renewal.User, renewal.Device, account.Rights), account.Name, tokens.Token)
            {
                NewRefresh = tokens.Refresh,
                HoldsUntilMicros = tokens.HoldsUntilMicros,
                MadeMicros = tokens.MadeMicros,
            },
            null);
    }

    private async Task<(SignedIn? User, SignInRefused? Refused)> WithPasswordAsync(Hello hello, AddressKey from, CancellationToken cancellation)
    {
        // Checked before anything is hashed: a long password must not be a weapon, and a wrong size is simply a wrong password.
        if (Encoding.UTF8.GetByteCount(hello.Password!) > ProtocolLimits.PasswordSizeMax)
        {
            return (null, WrongCredentials);
        }

        for (int attempt = 0; attempt < AttemptsMax; attempt++)
        {
            AccountRecord? account = FindByName(hello.Name!, out UserId user, out byte[]? stored);
            bool? isRight = await passwords.VerifyAsync(from, hello.Password!, account);
            if (isRight != true)
            {
                return (null, isRight is null ? new SignInRefused(CloseCode.Overloaded, "too many sign-ins at once", OverloadedRetryMs) : WrongCredentials);
            }

            // Behind the password: whether somebody is suspended is no stranger's business.
            if (account!.IsSuspended)
            {
                return (null, SuspendedAccount);
            }

            List<StateEntry> before = [StateEntry.Holds(IdentityKeys.Account(user), stored)];
            if (!Passwords.IsKeptBy(account) && await passwords.HashAsync(from, account.Name, hello.Password!) is { } verifiers)
            {
                // Only now is the password here. When the queue is full the next sign-in does it.
                account = verifiers.In(account);
                before.Add(new StateEntry(IdentityKeys.Account(user), account.ToBytes()));
            }

            (SignedIn? signedIn, SignInRefused? refused) = await IssueTokenAsync(user, account, hello, before, cancellation);
            if (signedIn is not null || refused is not null)
            {
                return (signedIn, refused);
            }
        }

        return (null, new SignInRefused(CloseCode.Overloaded, "too many sign-ins at once", OverloadedRetryMs));
    }

    /// <summary>The account of a name as somebody wrote it; null when there is none. Who looks for one that is not there reads as often as who finds one.</summary>
    public AccountRecord? FindByName(string name, out UserId user, out byte[]? stored)
    {
        user = Names.TryCanonicalize(name, out string? canonical) && log.Get(Table.State, IdentityKeys.Name(StateKeys.UserNames, canonical)) is { } id ? UserId.Read(id) : default;
        return TryRead(user, out AccountRecord? account, out stored) ? account : null;
    }

    /// <summary>Null when an account of this name may be made by whoever asks.</summary>
    public SignInRefused? JudgeRegistration(string? name)
    {
        if (!isRegistrationOpen)
        {
            return new SignInRefused(CloseCode.RegistrationClosed, "accounts are made by the operator here");
        }

        if (!Names.TryCanonicalize(name, out string? canonical))
        {
            return new SignInRefused(CloseCode.NameInvalid, "1–64 of a–z A–Z 0–9 . _ -, beginning with a letter or digit");
        }

        return log.Get(Table.State, IdentityKeys.Name(StateKeys.UserNames, canonical)) is not null || log.Get(Table.State, IdentityKeys.ErasedName(canonical)) is not null ? NameTaken : null;
    }

    private async Task<(SignedIn? User, SignInRefused? Refused)> RegisterAsync(Hello hello, AddressKey from, CancellationToken cancellation)
    {
        if (JudgeRegistration(hello.Name) is { } refused)
        {
            return (null, refused);
        }

        int size = Encoding.UTF8.GetByteCount(hello.Password!);
        if (size is < ProtocolLimits.PasswordSizeMin or > ProtocolLimits.PasswordSizeMax)
        {
            return (null, new SignInRefused(CloseCode.PasswordInvalid, $"{ProtocolLimits.PasswordSizeMin}–{ProtocolLimits.PasswordSizeMax} bytes"));
        }

        return await passwords.HashAsync(from, hello.Name!, hello.Password!) is { } verifiers
            ? await MakeAccountAsync(hello.Name!, verifiers.Hashed, verifiers.Scram, hello, cancellation)
            : (null, new SignInRefused(CloseCode.Overloaded, "too many sign-ins at once", OverloadedRetryMs));
    }

    /// <summary>Makes an account, its first device, and tokens for it. Exactly one of the results is not null.</summary>
    /// <param name="name">Its name, for which <see cref="JudgeRegistration"/> had nothing against.</param>
    /// <param name="verifier">What is kept of the password; null for nothing.</param>
    /// <param name="scram">What is kept of it for SCRAM; null for nothing.</param>
    /// <param name="hello">Who asks.</param>
    /// <param name="cancellation">Ends the wait for the store.</param>
    public async Task<(SignedIn? User, SignInRefused? Refused)> MakeAccountAsync(string name, string? verifier, string? scram, Hello hello, CancellationToken cancellation)
    {
        string canonical = name.ToLowerInvariant();
        UserId user = NewUserId('u', canonical);
        AccountRecord account = new(name, false, AccountRights.None, router.NowMicros(), verifier) { Scram = scram };
        (SignedIn? made, SignInRefused? refused) = await IssueTokenAsync(
            user,
            account,
            hello with { Device = default },
            [
                new StateEntry(IdentityKeys.Name(StateKeys.UserNames, canonical), ControlMap.IdBytes(user.Value), MustBeAbsent: true),
                new StateEntry(IdentityKeys.Account(user), account.ToBytes()),
            ],
            cancellation);
        return refused?.Code == CloseCode.NameTaken ? (null, NameTaken) : (made, refused);
    }

    /// <summary>Makes the device, or finds it, and its tokens. Neither result when <paramref name="before"/>, or the device, did not hold any more: look again.</summary>
    public async Task<(SignedIn? User, SignInRefused? Refused)> IssueTokenAsync(
        UserId user, AccountRecord account, Hello hello, IReadOnlyList<StateEntry> before, CancellationToken cancellation)
    {
        byte[]? stored = null;
        StoredDevice? known = hello.Device.Value == 0 ? null : Devices.Find(user, hello.Device, out stored);
        DeviceId device = known is null ? random.NextDevice() : hello.Device;
        if (known is null)
        {
            await Devices.MakeRoomAsync(user);
        }

        List<StateEntry> entries = Devices.Issue(
            user, device, known is null ? null : (known, stored!), SignInWay.Password, hello.Client ?? string.Empty, hello.Renews, out IssuedTokens issued);
        CommandResult written = await WriteAsync(user, [.. before, .. entries], cancellation);
        return written.Error switch
        {
            ErrorCode.None => (
                new SignedIn(new Actor(user, device, account.Rights), account.Name, issued.Token)
                {
                    NewRefresh = issued.Refresh,
                    HoldsUntilMicros = issued.HoldsUntilMicros,
                    MadeMicros = issued.MadeMicros,
                },
                null),
            ErrorCode.NameTaken => (null, new SignInRefused(CloseCode.NameTaken, written.Reason)),
            ErrorCode.Conflict => default,
            _ => (null, NotStored(written)),
        };
    }

    private static SignInRefused NotStored(CommandResult written) => written.Error switch
    {
        ErrorCode.StoreFull => new SignInRefused(CloseCode.StoreFull, written.Reason, FullRetryMs),
        ErrorCode.Conflict => new SignInRefused(CloseCode.Overloaded, written.Reason, OverloadedRetryMs),
        _ => new SignInRefused(CloseCode.StoreUnavailable, written.Reason),
    };

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

    private bool TryRead(UserId user, [NotNullWhen(true)] out AccountRecord? account) => TryRead(user, out account, out _);

    private bool TryRead(UserId user, [NotNullWhen(true)] out AccountRecord? account, out byte[]? stored)
    {
        stored = log.Get(Table.State, IdentityKeys.Account(user));
        account = stored is null ? null : AccountRecord.Parse(stored);
        account = account is { IsErased: true } ? null : account;
        return account is not null;
    }
}
