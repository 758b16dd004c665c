using FastChat.Broker.Audit;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Identity;

/// <summary>What those who vouch for somebody are trusted with.</summary>
/// <param name="Issuers">Who vouches for people.</param>
/// <param name="ServiceAudience">What service accounts put into <c>aud</c> of the assertions that they sign.</param>
/// <param name="Holds">A connection that was signed in with an assertion holds no longer, however late the assertion expires.</param>
internal sealed record AssertionSettings(IReadOnlyList<TrustedIssuer> Issuers, string ServiceAudience, TimeSpan Holds);

/// <summary>
/// Signing in with what somebody else vouches for: a person with an issuer's assertion, a service account with one that it signed itself, or with the certificate that TLS has verified. No token is made: whoever comes again shows another assertion. Methods block on disk
/// reads: pool threads only. They wait for no network.
/// </summary>
internal sealed class AssertionSignIn(Router router, IConversationLog log, Accounts accounts, RandomSource random, AssertionSettings settings, AuditLog audit, BrokerMetrics metrics)
{
    /// <summary>A service account's assertion is for now: what lies about does not sign in.</summary>
    public static readonly TimeSpan ServiceLifetimeMax = TimeSpan.FromMinutes(5);

    private const uint OverloadedRetryMs = 2000;
    private const uint FullRetryMs = 5000;

    /// <summary>Times that something is read and tried again because somebody else wrote meanwhile.</summary>
    private const int AttemptsMax = 8;

    private static readonly string[] s_serviceTypes = ["JWT"];
    private static readonly SignInRefused s_wrongCertificate = new(CloseCode.BadCredentials, "no verified certificate of this service account was shown");

    private readonly ServiceKeys _keys = new(log);
    private readonly IdentityAccounts _people = new(router, log, accounts, random);

    /// <summary>Checks a Hello that has an assertion or speaks of a certificate. Exactly one of the results is not null.</summary>
    /// <param name="hello">The Hello.</param>
    /// <param name="certificateNames">The names of the certificate that the connection's TLS has verified.</param>
    /// <param name="remote">Where from, for the audit log.</param>
    public async Task<(SignedIn? User, SignInRefused? Refused)> SignInAsync(Hello hello, IReadOnlyList<string> certificateNames, string remote)
    {
        (SignedIn? user, SignInRefused? refused) = default((SignedIn?, SignInRefused?));
        for (int attempt = 0; attempt < AttemptsMax && user is null && refused is null; attempt++)
        {
            (user, refused) = hello.Assertion is null
                ? await WithCertificateAsync(hello, certificateNames)
                : await WithAssertionAsync(hello, remote);
        }

        metrics.Vouched(user is not null);
        return user is not null ? (user, null) : (null, refused ?? Crowded);
    }

    /// <summary>Goes on, on a connection that is there, with a newer assertion of the same user. Exactly one of the results is not null.</summary>
    public async Task<(SignedIn? User, SignInRefused? Refused)> ReauthenticateAsync(Actor actor, string text)
    {
        (Vouched? vouched, AssertionFault fault) = await VerifyAsync(text);
        if (vouched is not null && vouched.Service is null)
        {
            fault = _people.TryFind(vouched.Identity!, out UserId person) && person == actor.User ? _people.Judge(person, vouched.Assertion.IssuedMicros) : AssertionFault.Issuer;
        }
        else if (vouched is not null && vouched.Service != actor.User)
        {
            fault = AssertionFault.Issuer;
        }

        metrics.Vouched(fault == AssertionFault.None);
        if (fault != AssertionFault.None)
        {
            return (null, AssertionFaults.Refusal(fault));
        }

        SignedIn found = new(actor, string.Empty, null) { HoldsUntilMicros = HoldsUntil(vouched!.Assertion), MadeMicros = router.NowMicros() };
        if (accounts.Judge(found) is { } late)
        {
            return (null, late);
        }

        if (vouched.Service is null)
        {
            return (found, null);
        }

        if (_keys.Use(actor.User, vouched.Key!, vouched.Assertion, router.NowMicros()) is not { } entries)
        {
            return (null, TooManyUsed);
        }

        (SignedIn? user, SignInRefused? refused) = Outcome(found, await accounts.WriteAsync(actor.User, entries, CancellationToken.None));
        return (user, user is null ? refused ?? Crowded : null);
    }

    private static SignInRefused Crowded => new(CloseCode.Overloaded, "too many sign-ins at once", OverloadedRetryMs);

    private static SignInRefused TooManyUsed => new(CloseCode.Overloaded, "the service account signs in too often", OverloadedRetryMs);

    /// <summary>Neither result: something was changed meanwhile, look again.</summary>
    private async Task<(SignedIn? User, SignInRefused? Refused)> WithAssertionAsync(Hello hello, string remote)
    {
        (Vouched? vouched, AssertionFault fault) = await VerifyAsync(hello.Assertion!);
        if (vouched is null)
        {
            return (null, AssertionFaults.Refusal(fault));
        }

        return vouched.Service is { } service
            ? await IssueAsync(hello, service, "key", HoldsUntil(vouched.Assertion), vouched)
            : await AsPersonAsync(hello, vouched, remote);
    }

    private async Task<(SignedIn? User, SignInRefused? Refused)> AsPersonAsync(Hello hello, Vouched vouched, string remote)
    {
        if (!_people.TryFind(vouched.Identity!, out UserId user))
        {
            if (!vouched.Issuer!.MayRegister)
            {
                return (null, new SignInRefused(CloseCode.RegistrationClosed, "this issuer's people get no accounts by signing in"));
            }

            (CommandResult made, UserId registered) = await _people.RegisterAsync(vouched.Identity!, vouched.Assertion.Claim(vouched.Issuer.NameClaim));
            if (made.Error != ErrorCode.None)
            {
                return Outcome(null, made);
            }

            audit.Note(new AuditEntry(AuditAct.Registered) { User = registered, Remote = remote, Detail = "external" });
            user = registered;
        }

        AssertionFault fault = _people.Judge(user, vouched.Assertion.IssuedMicros);
        return fault != AssertionFault.None ? (null, AssertionFaults.Refusal(fault)) : await IssueAsync(hello, user, "external", HoldsUntil(vouched.Assertion));
    }

    private async Task<(SignedIn? User, SignInRefused? Refused)> WithCertificateAsync(Hello hello, IReadOnlyList<string> names)
    {
        if (certificateUser() is not { } user)
        {
            return (null, s_wrongCertificate);
        }

        return await IssueAsync(hello, user, "certificate", holdsUntilMicros: 0);

        UserId? certificateUser() =>
            hello.Name is not null && accounts.Find(hello.Name) is { } named && log.Get(Table.State, StoredIdentity.KeyOf(named.User)) is { } stored
            && StoredIdentity.TryParse(stored, out StoredIdentity? identity) && identity.Issuer.Length == 0 && names.Contains(identity.Subject, StringComparer.Ordinal) ? named.User : null;
    }

    /// <summary>Who is vouched for; null with the fault.</summary>
    private async Task<(Vouched? Vouched, AssertionFault Fault)> VerifyAsync(string text)
    {
        AssertionFault fault = Assertion.TryParse(text, out Assertion? assertion);
        if (assertion is null)
        {
            return (null, fault);
        }

        TrustedIssuer? issuer = settings.Issuers.FirstOrDefault(issuer => issuer.Name == assertion.Issuer);
        (Vouched? vouched, fault) = issuer is null ? await VerifyServiceAsync(assertion) : await VerifyPersonAsync(assertion, issuer);
        return (vouched, fault);
    }

    private async Task<(Vouched? Vouched, AssertionFault Fault)> VerifyPersonAsync(Assertion assertion, TrustedIssuer issuer)
    {
        KeySet? keys = issuer.Keys.Current;
        if (keys?.Find(assertion.KeyId, assertion.Algorithm) is not { } key)
        {
            bool mayCome = issuer.Keys.Miss();
            key = issuer.Keys.Current?.Find(assertion.KeyId, assertion.Algorithm);
            if (key is null)
            {
                return (null, keys is null || mayCome ? AssertionFault.KeysMissing : AssertionFault.Key);
            }
        }

        AssertionFault fault = await AssertionVerifier.CheckAsync(assertion, key, issuer.Audience, issuer.Types, router.NowMicros());
        return fault == AssertionFault.None ? (new Vouched(assertion) { Issuer = issuer, Identity = new StoredIdentity(issuer.Name, assertion.Subject) }, fault) : (null, fault);
    }

    private async Task<(Vouched? Vouched, AssertionFault Fault)> VerifyServiceAsync(Assertion assertion)
    {
        // A name that no service account has and a service account without keys look the same from outside.
        UserId? service = assertion.Issuer != assertion.Subject ? null
            : UserId.TryParse(assertion.Issuer, out UserId id) ? id
            : accounts.Find(assertion.Issuer)?.User;
        List<VerificationKey> keys = service is { } user ? _keys.KeysOf(user).FindAll(key => key.IsFor(assertion.Algorithm)) : [];
        AssertionFault fault = AssertionFault.Issuer;
        VerificationKey? signer = null;
        foreach (VerificationKey key in keys)
        {
            signer = key;
            fault = await AssertionVerifier.CheckAsync(assertion, key, settings.ServiceAudience, s_serviceTypes, router.NowMicros());
            if (fault != AssertionFault.Signature)
            {
                break;
            }
        }

        fault = fault != AssertionFault.None ? fault
            : string.IsNullOrEmpty(assertion.Identifier) ? AssertionFault.Claims
            : assertion.ExpiresMicros - assertion.IssuedMicros > TokenLives.Micros(ServiceLifetimeMax) ? AssertionFault.Lifetime
            : AssertionFault.None;
        return fault == AssertionFault.None ? (new Vouched(assertion) { Service = service, Key = signer }, fault) : (null, fault);
    }

    /// <summary>
    /// Signs in with the device that Hello names, or with a new one. A person who comes again with a device that is known writes nothing; a service account's assertion is noted as used. Neither result: something was changed meanwhile.
    /// </summary>
    private async Task<(SignedIn? User, SignInRefused? Refused)> IssueAsync(Hello hello, UserId user, string way, long holdsUntilMicros, Vouched? own = null)
    {
        byte[] accountKey = IdentityKeys.Account(user);
        if (log.Get(Table.State, accountKey) is not { } stored || !AccountRecord.TryParse(stored, out AccountRecord? account) || account.IsErased)
        {
            return (null, AssertionFaults.Refusal(AssertionFault.Erased));
        }

        if (account.IsSuspended)
        {
            return (null, new SignInRefused(CloseCode.Suspended, "the account is suspended"));
        }

        long now = router.NowMicros();
        DeviceId device = hello.Device;
        List<StateEntry> entries = [];
        if (device.Value == 0 || accounts.Devices.Find(user, device) is null)
        {
            await accounts.Devices.MakeRoomAsync(user);
            device = random.NextDevice();
            entries.Add(new StateEntry(IdentityKeys.Device(user, device), new StoredDevice(SignInWay.External, now, hello.Client ?? string.Empty).ToBytes(), MustBeAbsent: true));
        }

        if (own is not null)
        {
            if (_keys.Use(user, own.Key!, own.Assertion, now) is not { } use)
            {
                return (null, TooManyUsed);
            }

            entries.AddRange(use);
        }

        SignedIn signedIn = new(new Actor(user, device, account.Rights), account.Name, null) { HoldsUntilMicros = holdsUntilMicros, MadeMicros = now, Way = way };
        if (entries.Count == 0)
        {
            return (signedIn, null);
        }

        // What was read of the account, and of who they are elsewhere, still stands when the device is there: whoever ends either meanwhile is not overtaken.
        byte[] identityKey = StoredIdentity.KeyOf(user);
        entries.InsertRange(0, [StateEntry.Holds(accountKey, stored), StateEntry.Holds(identityKey, log.Get(Table.State, identityKey))]);
        return Outcome(signedIn, await accounts.WriteAsync(user, entries, CancellationToken.None));
    }

    private static (SignedIn? User, SignInRefused? Refused) Outcome(SignedIn? signedIn, CommandResult written) => written.Error switch
    {
        ErrorCode.None => (signedIn, null),
        ErrorCode.Conflict => default,
        ErrorCode.NameTaken => (null, AssertionFaults.Refusal(AssertionFault.Replayed)),
        ErrorCode.StoreFull => (null, new SignInRefused(CloseCode.StoreFull, written.Reason, FullRetryMs)),
        _ => (null, new SignInRefused(CloseCode.StoreUnavailable, written.Reason)),
    };

    private long HoldsUntil(Assertion assertion) => Math.Min(assertion.ExpiresMicros, router.NowMicros() + TokenLives.Micros(settings.Holds));

    /// <summary>An assertion that is good, and whom it is about.</summary>
    private sealed record Vouched(Assertion Assertion)
    {
        public TrustedIssuer? Issuer { get; init; }

        public StoredIdentity? Identity { get; init; }

        public UserId? Service { get; init; }

        public VerificationKey? Key { get; init; }
    }
}
