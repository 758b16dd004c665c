using System.Security.Cryptography;

using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Identity;

/// <summary>The tokens that a sign-in, or a renewal, gives: the text once, for it is not kept.</summary>
/// <param name="Token">Signs in.</param>
/// <param name="Refresh">What the next pair is got with; null for a token that lives as long as its device.</param>
/// <param name="HoldsUntilMicros">Until when, µs; 0 = until it is ended.</param>
internal sealed record IssuedTokens(string Token, string? Refresh, long HoldsUntilMicros)
{
    /// <summary>When they were made, µs.</summary>
    public required long MadeMicros { get; init; }

    /// <summary>Says nothing secret.</summary>
    public override string ToString() => $"tokens until {HoldsUntilMicros}";
}

/// <summary>What came of a refresh token.</summary>
internal enum RenewalOutcome : byte
{
    /// <summary>There are new tokens.</summary>
    Renewed,

    /// <summary>It is unknown, its device was ended, or its time is over.</summary>
    Unknown,

    /// <summary>It was used before: its device is ended now.</summary>
    Reused,

    /// <summary>The step could not be stored; nothing has changed.</summary>
    NotStored,
}

/// <summary>The answer to a refresh token: tokens when it was <see cref="RenewalOutcome.Renewed"/>; whose it was unless it is unknown.</summary>
internal readonly record struct Renewal(RenewalOutcome Outcome, UserId User, DeviceId Device, IssuedTokens? Tokens)
{
    /// <summary>Why it was not stored.</summary>
    public ErrorCode Error { get; init; }
}

/// <summary>
/// The devices of users and their tokens. A device is one entry of small state; a token holds only while its device is there, so ending a device is one delete, durable before anybody is told. Everything about a device is in
/// its user's shard, and what is read, decided and written goes under the condition that what was read still stands (<see cref="StateEntry.Holds"/>). Methods block on disk reads: pool threads only.
/// </summary>
internal sealed class Devices(Router router, IConversationLog log, RandomSource random, TokenLives lives)
{
    /// <summary>Devices of a user; one more ends the one that was not seen for longest.</summary>
    public const int PerUserMax = 500;

    /// <summary>Times that something is read and tried again because somebody else wrote meanwhile. Each time somebody got ahead, so this many at once are no clients.</summary>
    private const int AttemptsMax = 8;

    /// <summary>Entries deleted with one command.</summary>
    private const int DeletedAtOnceMax = 500;

    private static readonly long SeenStep = TokenLives.Micros(TimeSpan.FromHours(1));

    /// <summary>A device; null when there is none, or it was ended.</summary>
    public StoredDevice? Find(UserId user, DeviceId device) => Find(user, device, out _);

    /// <summary>As above, with the bytes that it was read from.</summary>
    public StoredDevice? Find(UserId user, DeviceId device, out byte[]? stored)
    {
        stored = log.Get(Table.State, IdentityKeys.Device(user, device));
        return stored is not null && StoredDevice.TryParse(stored, out StoredDevice? found) ? found : null;
    }

    /// <summary>True when nobody has used it for so long that it is not let in any more, or its time is over.</summary>
    public bool IsOver(StoredDevice device, long lastUsed) =>
        (device.EndsMicros != 0 && device.EndsMicros <= router.NowMicros()) || lastUsed + TokenLives.Micros(lives.Idle) <= router.NowMicros();

    /// <summary>
    /// What a device and new tokens for it are written as, under the condition that it still is what it was. The tokens that it had are worth nothing any more: its user has just shown the password.
    /// </summary>
    /// <param name="user">Whose.</param>
    /// <param name="device">Its number.</param>
    /// <param name="before">What it was, and the bytes of that; null for a new one.</param>
    /// <param name="way">How the user signed in.</param>
    /// <param name="name">Its name when it is new.</param>
    /// <param name="renews">The client keeps refresh tokens.</param>
    /// <param name="issued">The tokens.</param>
    public List<StateEntry> Issue(
        UserId user, DeviceId device, (StoredDevice Device, byte[] Stored)? before, SignInWay way, string name, bool renews, out IssuedTokens issued)
    {
        long now = router.NowMicros();
        byte[] key = IdentityKeys.Device(user, device);
        List<StateEntry> entries = [StateEntry.Holds(key, before?.Stored)];
        if (before is { } old)
        {
            entries.AddRange(Forgotten(old.Device));
        }

        StoredDevice next = (before?.Device ?? new StoredDevice(way, now, name)) with
        {
            Way = way,
            LastSeenMicros = now,
            EndsMicros = now + TokenLives.Micros(lives.Device),
            TokensSinceMicros = now,
            Family = null,
            LongToken = null,
        };
        if (renews)
        {
            RefreshToken refresh = RefreshToken.New(random);
            string access = NewToken();
            long until = Math.Min(now + TokenLives.Micros(lives.Access), next.EndsMicros);
            StoredFamily family = new(user, device, 1, now) { IsUsed = true, Current = refresh.StepHash, Access = IdentityKeys.HashOf(access) };
            next = next with { Family = refresh.FamilyHash };
            entries.Add(new StateEntry(IdentityKeys.Family(next.Family), family.ToBytes(), MustBeAbsent: true));
            entries.Add(new StateEntry(IdentityKeys.Token(access), new TokenRecord(user, device, now, until) { Kind = TokenKind.Access, Generation = 1 }.ToBytes()));
            issued = new IssuedTokens(access, refresh.Text, until) { MadeMicros = now };
        }
        else
        {
            string token = NewToken();
            next = next with { LongToken = IdentityKeys.HashOf(token) };
            entries.Add(new StateEntry(IdentityKeys.Token(token), new TokenRecord(user, device, now, next.EndsMicros) { Kind = TokenKind.Long }.ToBytes()));
            issued = new IssuedTokens(token, null, next.EndsMicros) { MadeMicros = now };
        }

        entries.Add(new StateEntry(key, next.ToBytes()));
        return entries;
    }

    /// <summary>
    /// Takes a refresh token and gives the next pair. The token before it gives that pair once more for as long as nobody has used it: its client may have lost the answer. That lets in nobody whom the lost answer would not have let in, and as soon as one of two has
    /// used the pair, the other is noticed when it comes. A token from further back ends the device.
    /// </summary>
    /// <param name="text">The token.</param>
    /// <param name="expected">Whose it must be, on a connection that is there already; null = anybody's. One of somebody else is unknown, and nothing happens to it.</param>
    public async Task<Renewal> RenewAsync(string text, Actor? expected = null)
    {
        if (!RefreshToken.TryParse(text, out RefreshToken token))
        {
            return default(Renewal) with { Outcome = RenewalOutcome.Unknown };
        }

        byte[] hash = token.FamilyHash;
        byte[] key = IdentityKeys.Family(hash);
        ErrorCode failure = ErrorCode.Conflict;
        for (int attempt = 0; attempt < AttemptsMax && failure == ErrorCode.Conflict; attempt++)
        {
            if (log.Get(Table.State, key) is not { } stored || !StoredFamily.TryParse(stored, out StoredFamily? family)
                || Find(family.User, family.Device) is not { } device || !hash.AsSpan().SequenceEqual(device.Family) || IsOver(device, family.RenewedMicros)
                || (expected is { } actor && (actor.User != family.User || actor.Device != family.Device)))
            {
                return default(Renewal) with { Outcome = RenewalOutcome.Unknown };
            }

            Renewal renewal = new(RenewalOutcome.Renewed, family.User, family.Device, null);
            if (CryptographicOperations.FixedTimeEquals(token.StepHash, family.Current))
            {
                (List<StateEntry> entries, IssuedTokens next) = Step(token, key, stored, family, device);
                failure = (await WriteAsync(family.User, entries)).Error;
                if (failure == ErrorCode.None)
                {
                    return renewal with { Tokens = next };
                }
            }
            else if (!family.IsUsed && CryptographicOperations.FixedTimeEquals(token.StepHash, family.Previous))
            {
                (RefreshToken next, string access) = token.Follow(family.Salt);
                return log.Get(Table.State, IdentityKeys.Token(access)) is { } again && TokenRecord.TryParse(again, out TokenRecord record)
                    ? renewal with { Tokens = new IssuedTokens(access, next.Text, record.ExpiresMicros) { MadeMicros = record.CreatedMicros } }
                    : default(Renewal) with { Outcome = RenewalOutcome.Unknown };
            }
            else
            {
                await EndAsync(family.User, [family.Device]);
                return renewal with { Outcome = RenewalOutcome.Reused };
            }
        }

        return default(Renewal) with { Outcome = RenewalOutcome.NotStored, Error = failure };
    }

    /// <summary>
    /// An access token was used: the refresh token before the one that came with it is not answered any more. Durable when it returns, so that nobody is let in by an answer that somebody else could still get. When it cannot be stored, because the disk is
    /// full, the door stays open until it can: who is known is not shut out for that.
    /// </summary>
    public async Task ConfirmAsync(TokenRecord token, StoredDevice device)
    {
        ErrorCode failure = ErrorCode.Conflict;
        for (int attempt = 0; attempt < AttemptsMax && failure == ErrorCode.Conflict; attempt++)
        {
            if (device.Family is null || log.Get(Table.State, IdentityKeys.Family(device.Family)) is not { } stored || !StoredFamily.TryParse(stored, out StoredFamily? family)
                || family.IsUsed || family.Generation != token.Generation)
            {
                return;
            }

            byte[] key = IdentityKeys.Family(device.Family);
            failure = (await WriteAsync(token.User, [StateEntry.Holds(key, stored), new StateEntry(key, (family with { IsUsed = true, Salt = new byte[StoredFamily.HashSize] }).ToBytes())])).Error;
        }
    }

    /// <summary>Notes that a device is there, when that was not noted within the last hour. Nobody waits for it, and nothing is lost when it does not succeed: the next sign-in notes it.</summary>
    public void Seen(UserId user, DeviceId device)
    {
        long now = router.NowMicros();
        if (Find(user, device, out byte[]? stored) is { } found && found.LastSeenMicros + SeenStep <= now)
        {
            byte[] key = IdentityKeys.Device(user, device);
            _ = WriteAsync(user, [StateEntry.Holds(key, stored), new StateEntry(key, (found with { LastSeenMicros = now }).ToBytes())]);
        }
    }

    /// <summary>A page of a user's devices, in the order of their numbers.</summary>
    public List<(DeviceId Number, StoredDevice Device)> List(UserId user, DeviceId after, int limit, out bool isComplete)
    {
        List<(DeviceId Number, StoredDevice Device)> page = [];
        bool hasMore = false;
        log.Scan(Table.State, IdentityKeys.Devices(user), after.Value == 0 ? [] : IdentityKeys.Device(user, after), (key, value) =>
        {
            if (StateKeys.Device(key).Value <= after.Value || !StoredDevice.TryParse(value, out StoredDevice? device))
            {
                return true;
            }

            hasMore = page.Count == limit;
            if (!hasMore)
            {
                page.Add((StateKeys.Device(key), device));
            }

            return !hasMore;
        });
        isComplete = !hasMore;
        return page;
    }

    /// <summary>Gives a device a name. NO_SUCH_DEVICE when there is none.</summary>
    public async Task<CommandResult> NameAsync(UserId user, DeviceId device, string name)
    {
        CommandResult result = new(ErrorCode.Conflict, "the device changed meanwhile");
        for (int attempt = 0; attempt < AttemptsMax && result.Error == ErrorCode.Conflict; attempt++)
        {
            if (Find(user, device, out byte[]? stored) is not { } found)
            {
                return new CommandResult(ErrorCode.NoSuchDevice, "there is no such device");
            }

            byte[] key = IdentityKeys.Device(user, device);
            result = await WriteAsync(user, [StateEntry.Holds(key, stored), new StateEntry(key, (found with { Name = name }).ToBytes())]);
        }

        return result;
    }

    /// <summary>The numbers of all devices of a user.</summary>
    public List<DeviceId> All(UserId user)
    {
        List<DeviceId> all = [];
        log.Scan(Table.State, IdentityKeys.Devices(user), [], (key, _) =>
        {
            all.Add(StateKeys.Device(key));
            return true;
        });
        return all;
    }

    /// <summary>
    /// Ends devices: none of their tokens signs in when it returns, and no assertion that was issued before, since nobody can say which device has it. Who has a connection is the caller's to close, afterwards.
    /// </summary>
    public async Task<CommandResult> EndAsync(UserId user, IReadOnlyCollection<DeviceId> devices)
    {
        CommandResult cut = await CutAssertionsAsync(user);
        return cut.Error != ErrorCode.None ? cut : await DeleteAsync(user, devices);
    }

    private async Task<CommandResult> DeleteAsync(UserId user, IReadOnlyCollection<DeviceId> devices)
    {
        List<StateEntry> ends = devices.Select(device => new StateEntry(IdentityKeys.Device(user, device), null)).ToList();
        List<StateEntry> rest = devices.Select(device => Find(user, device)).OfType<StoredDevice>().SelectMany(Forgotten).ToList();
        foreach (StateEntry[] part in ends.Chunk(DeletedAtOnceMax).Concat(rest.Chunk(DeletedAtOnceMax)))
        {
            CommandResult result = await WriteAsync(user, part);
            if (result.Error != ErrorCode.None)
            {
                return result;
            }
        }

        return new CommandResult(ErrorCode.None) { Count = ends.Count };
    }

    /// <summary>Takes a device away when nobody can sign in with it any more, and has not been able to for so long. Those of programs and of other issuers' tokens end when somebody ends them.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="grace">How long.</param>
    /// <returns>True when it is gone.</returns>
    public async Task<bool> ForgetIfOverAsync(byte[] key, TimeSpan grace)
    {
        UserId user = new(Id128.Read(key.AsSpan(1)));
        if (Find(user, StateKeys.Device(key), out byte[]? stored) is not { Way: SignInWay.Password } device)
        {
            return false;
        }

        long lastUsed = device.Family is not null && log.Get(Table.State, IdentityKeys.Family(device.Family)) is { } bytes && StoredFamily.TryParse(bytes, out StoredFamily? family)
            ? Math.Max(family.RenewedMicros, device.LastSeenMicros)
            : device.LastSeenMicros;
        long later = TokenLives.Micros(grace);
        if (!IsOver(device with { EndsMicros = device.EndsMicros == 0 ? 0 : device.EndsMicros + later }, lastUsed + later))
        {
            return false;
        }

        return (await WriteAsync(user, [StateEntry.Holds(key, stored), new StateEntry(key, null), .. Forgotten(device)])).Error == ErrorCode.None;
    }

    /// <summary>Takes a family of refresh tokens away that is no device's: its device was ended, and the process with it, before the rest was.</summary>
    /// <param name="key">Its key.</param>
    /// <returns>True when it is gone.</returns>
    public async Task<bool> ForgetFamilyIfLeftAsync(byte[] key)
    {
        if (log.Get(Table.State, key) is not { } stored || !StoredFamily.TryParse(stored, out StoredFamily? family)
            || (Find(family.User, family.Device) is { } device && key.AsSpan(1).SequenceEqual(device.Family)))
        {
            return false;
        }

        List<StateEntry> entries = [StateEntry.Holds(key, stored), new(key, null), new(IdentityKeys.Token(family.Access), null), new(IdentityKeys.Token(family.PreviousAccess), null)];
        return (await WriteAsync(family.User, entries)).Error == ErrorCode.None;
    }

    /// <summary>Makes room for one more device: ends the one that was not seen for longest when there are as many as may be.</summary>
    /// <returns>The one that was ended; none otherwise.</returns>
    public async Task<DeviceId> MakeRoomAsync(UserId user)
    {
        List<(DeviceId Number, StoredDevice Device)> all = List(user, default, PerUserMax, out _);
        if (all.Count < PerUserMax)
        {
            return default;
        }

        DeviceId oldest = all.MinBy(static entry => entry.Device.LastSeenMicros).Number;
        await DeleteAsync(user, [oldest]);
        return oldest;
    }

    /// <summary>A new token's text: 256 random bits.</summary>
    public string NewToken()
    {
        Span<byte> bytes = stackalloc byte[32];
        random.Fill(bytes);
        return Accounts.TokenText(bytes);
    }

    /// <summary>Whoever is somebody elsewhere shows a newer assertion from now on.</summary>
    private async Task<CommandResult> CutAssertionsAsync(UserId user)
    {
        byte[] key = StoredIdentity.KeyOf(user);
        CommandResult result = new(ErrorCode.Conflict, "the account changed meanwhile");
        for (int attempt = 0; attempt < AttemptsMax && result.Error == ErrorCode.Conflict; attempt++)
        {
            if (log.Get(Table.State, key) is not { } stored || !StoredIdentity.TryParse(stored, out StoredIdentity? identity))
            {
                return new CommandResult(ErrorCode.None);
            }

            result = await WriteAsync(user, [StateEntry.Holds(key, stored), new StateEntry(key, (identity with { SinceMicros = router.NowMicros() }).ToBytes())]);
        }

        return result;
    }

    private (List<StateEntry> Entries, IssuedTokens Tokens) Step(RefreshToken token, byte[] key, byte[] stored, StoredFamily family, StoredDevice device)
    {
        long now = router.NowMicros();
        byte[] salt = new byte[StoredFamily.HashSize];
        random.Fill(salt);
        (RefreshToken next, string access) = token.Follow(salt);
        long until = now + TokenLives.Micros(lives.Access);
        until = device.EndsMicros == 0 ? until : Math.Min(until, device.EndsMicros);
        byte[] accessHash = IdentityKeys.HashOf(access);
        StoredFamily after = family with
        {
            Generation = family.Generation + 1,
            RenewedMicros = now,
            IsUsed = false,
            Current = next.StepHash,
            Previous = family.Current,
            Salt = salt,
            Access = accessHash,
            PreviousAccess = family.Access,
        };
        TokenRecord record = new(family.User, family.Device, now, until) { Kind = TokenKind.Access, Generation = after.Generation };

        // The access token before this one may be on another program's way to the broker; the one before that has been replaced twice.
        List<StateEntry> entries = [StateEntry.Holds(key, stored), new(key, after.ToBytes()), new(IdentityKeys.Token(accessHash), record.ToBytes()), new(IdentityKeys.Token(family.PreviousAccess), null)];
        return (entries, new IssuedTokens(access, next.Text, until) { MadeMicros = now });
    }

    /// <summary>What else there is of a device. It is worth nothing without the device; it is taken away so that it does not lie about.</summary>
    private IEnumerable<StateEntry> Forgotten(StoredDevice device)
    {
        if (device.LongToken is not null)
        {
            yield return new StateEntry(IdentityKeys.Token(device.LongToken), null);
        }

        if (device.Family is null)
        {
            yield break;
        }

        yield return new StateEntry(IdentityKeys.Family(device.Family), null);
        if (log.Get(Table.State, IdentityKeys.Family(device.Family)) is { } stored && StoredFamily.TryParse(stored, out StoredFamily? family))
        {
            yield return new StateEntry(IdentityKeys.Token(family.Access), null);
            yield return new StateEntry(IdentityKeys.Token(family.PreviousAccess), null);
        }
    }

    private Task<CommandResult> WriteAsync(UserId user, IReadOnlyList<StateEntry> entries) =>
        router.ExecuteAsync(CommandKind.StateWrite, default, router.Map.ShardOf(user.Value), new StateWriteCommand(entries).ToBytes(), CancellationToken.None);
}
