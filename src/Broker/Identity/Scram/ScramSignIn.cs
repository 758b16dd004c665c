using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Identity;

/// <summary>
/// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, 7677; protocol.md §3.5): challenges, what their proofs let somebody do, and nothing of how they travel. Whoever asks about a name that nobody has gets a challenge like any other. A proof costs microseconds, so nothing waits in
/// <see cref="PasswordHasher"/>'s queue. Methods that look at accounts block on disk reads: pool threads only.
/// </summary>
internal sealed class ScramSignIn(Accounts accounts, RandomSource random)
{
    /// <summary>Random bytes of the broker's half of the nonce.</summary>
    private const int NonceBytes = 24;

    private static readonly SignInRefused NotTaken = new(CloseCode.MechanismRefused, "this broker takes passwords as they are, and no proofs of them") { IsOrdinary = true };
    private static readonly SignInRefused CannotBind = new(CloseCode.MechanismRefused, "this type of channel binding is not offered on this connection") { IsOrdinary = true };
    private static readonly SignInRefused BindingTakenAway = new(CloseCode.MechanismRefused, "channel binding is offered here, and somebody on the way told the client that it is not");
    private static readonly SignInRefused NotSpoken = new(CloseCode.MechanismRefused, "neither an authorization identity nor an extension that must be understood is spoken here");
    private static readonly SignInRefused Unreadable = new(CloseCode.BadFrame, "scram: this is no client-first-message");
    private static readonly SignInRefused UnreadableProof = new(CloseCode.BadFrame, "scram: this is no client-final-message that answers the challenge, or it lacks keys that were asked for");
    private static readonly SignInRefused TooBusy = new(CloseCode.Overloaded, "the account changed meanwhile", Accounts.OverloadedRetryMs);

    private readonly PasswordPolicy _policy = accounts.Passwords;

    /// <summary>What a first message says, before anything is looked up. Null when it is taken; otherwise why not.</summary>
    /// <param name="text">The message.</param>
    /// <param name="bindings">What the connection can be bound to, as the broker sees it.</param>
    /// <param name="first">The message, taken apart.</param>
    /// <param name="binding">What it says it is bound to; null for nothing.</param>
    public SignInRefused? TryRead(string text, IReadOnlyList<ChannelBinding> bindings, out ScramClientFirst? first, out ChannelBinding? binding)
    {
        binding = null;
        first = null;
        if (!_policy.TakesScram)
        {
            return NotTaken;
        }

        if (!ScramClientFirst.TryParse(text, out first, out ScramFault fault))
        {
            return fault == ScramFault.NotSpoken ? NotSpoken : Unreadable;
        }

        ScramClientFirst message = first;
        binding = message.Binding == ScramBinding.Bound ? bindings.FirstOrDefault(one => one.Type == message.Type) : null;
        return message.Binding switch
        {
            ScramBinding.Bound when binding is null => CannotBind,
            ScramBinding.NotOffered when bindings.Count > 0 => BindingTakenAway,
            _ => null,
        };
    }

    /// <summary>A challenge for whoever wants to sign in.</summary>
    public ScramExchange Challenge(ScramClientFirst first, ChannelBinding? binding, IReadOnlyList<ChannelBinding> bindings) =>
        Challenge(first, binding, bindings, VerifierOf(accounts.FindByName(first.Name, out _, out _)), isKept: null);

    /// <summary>A challenge for whoever wants to make an account; or why there cannot be one.</summary>
    public (ScramExchange? Exchange, SignInRefused? Refused) ChallengeNew(ScramClientFirst first, ChannelBinding? binding, IReadOnlyList<ChannelBinding> bindings) =>
        accounts.JudgeRegistration(first.Name) is { } refused ? (null, refused) : (Challenge(first, binding, bindings, null, isKept: true), null);

    /// <summary>A challenge for somebody who is signed in, about their own password. Null when the account has no verifier for it.</summary>
    /// <param name="user">Who.</param>
    /// <param name="first">What they began with.</param>
    /// <param name="binding">What they say they are bound to.</param>
    /// <param name="bindings">What the connection can be bound to.</param>
    /// <param name="isChange">The keys of another password are to come with the proof.</param>
    public ScramExchange? Challenge(UserId user, ScramClientFirst first, ChannelBinding? binding, IReadOnlyList<ChannelBinding> bindings, bool isChange) =>
        accounts.RecordOf(user) is { } account && string.Equals(first.Name, account.Name, StringComparison.OrdinalIgnoreCase) && VerifierOf(account) is { } verifier
            ? Challenge(first, binding, bindings, verifier, isChange)
            : null;

    /// <summary>Signs in whoever answers a challenge rightly. Exactly one of the results is not null.</summary>
    public async Task<(SignedIn? User, SignInRefused? Refused)> SignInAsync(ScramExchange exchange, Proof proof, Hello hello, CancellationToken cancellation)
    {
        ProofOutcome outcome = exchange.Judge(proof, out string? signature);
        if (outcome != ProofOutcome.Right)
        {
            return (null, outcome == ProofOutcome.Wrong ? Accounts.WrongCredentials : UnreadableProof);
        }

        for (int attempt = 0; attempt < Accounts.AttemptsMax; attempt++)
        {
            AccountRecord? account = accounts.FindByName(exchange.Name, out UserId user, out byte[]? stored);
            if (account?.Scram != exchange.Verifier!.ToText())
            {
                // Another password since the challenge: this was the old one's.
                return (null, Accounts.WrongCredentials);
            }

            if (account.IsSuspended)
            {
                return (null, Accounts.SuspendedAccount);
            }

            List<StateEntry> before = [StateEntry.Holds(IdentityKeys.Account(user), stored)];
            if (exchange.VerifierOf(proof) is { } stronger)
            {
                account = account with { Scram = stronger.ToText() };
                before.Add(new StateEntry(IdentityKeys.Account(user), account.ToBytes()));
            }

            (SignedIn? signedIn, SignInRefused? refused) = await accounts.IssueTokenAsync(user, account, hello, before, cancellation);
            if (signedIn is not null || refused is not null)
            {
                return (signedIn is null ? null : signedIn with { Scram = signature }, refused);
            }
        }

        return (null, TooBusy);
    }

    /// <summary>Makes the account that a challenge was for. Exactly one of the results is not null.</summary>
    public async Task<(SignedIn? User, SignInRefused? Refused)> RegisterAsync(ScramExchange exchange, Proof proof, Hello hello, CancellationToken cancellation)
    {
        ProofOutcome outcome = exchange.JudgeNew(proof, out string? signature);
        if (outcome != ProofOutcome.Right)
        {
            return (null, outcome == ProofOutcome.Wrong ? Accounts.WrongCredentials : UnreadableProof);
        }

        (SignedIn? made, SignInRefused? refused) = await accounts.MakeAccountAsync(exchange.Name, null, exchange.VerifierOf(proof)!.ToText(), hello, cancellation);
        return (made is null ? null : made with { Scram = signature }, refused);
    }

    /// <summary>Whether a proof on a connection that is signed in shows its user's password. None when it does; the signature is what the broker shows in turn.</summary>
    public CommandResult Check(UserId user, ScramExchange? exchange, Proof proof, out string? signature)
    {
        signature = null;
        ProofOutcome outcome = exchange is null ? ProofOutcome.Unreadable : exchange.Judge(proof, out signature);
        return outcome switch
        {
            ProofOutcome.Unreadable => new CommandResult(ErrorCode.BadRequest, "scram: a proof that answers the connection's last challenge, with the keys that it asked for, is expected"),
            ProofOutcome.Right when accounts.RecordOf(user)?.Scram == exchange!.Verifier!.ToText() => new CommandResult(ErrorCode.None),
            _ => new CommandResult(ErrorCode.WrongCredentials, "that is not the password"),
        };
    }

    /// <summary>Another password, of which the keys came with a proof of the old one: as <see cref="Accounts.ChangePasswordAsync"/>. The broker never saw either.</summary>
    public async Task<(CommandResult Result, IssuedTokens? Tokens, string? Signature)> ChangePasswordAsync(Actor actor, ScramExchange? exchange, Proof proof, bool renews)
    {
        CommandResult result = Check(actor.User, exchange, proof, out string? signature);
        if (result.Error != ErrorCode.None)
        {
            return (result, null, null);
        }

        if (exchange!.VerifierOf(proof) is not { } next)
        {
            return (new CommandResult(ErrorCode.BadRequest, "scram: the challenge was not for another password"), null, null);
        }

        if (accounts.RecordOf(actor.User, out byte[]? stored) is not { } account || account.Scram != exchange.Verifier!.ToText())
        {
            return (new CommandResult(ErrorCode.Conflict, "the account changed meanwhile"), null, null);
        }

        (result, IssuedTokens? tokens) = await accounts.ReplacePasswordAsync(actor, account with { Verifier = null, Scram = next.ToText() }, stored!, renews);
        return (result, tokens, tokens is null ? null : signature);
    }

    private static ScramVerifier? VerifierOf(AccountRecord? account) => ScramVerifier.TryParse(account?.Scram, out ScramVerifier? verifier) ? verifier : null;

    private ScramExchange Challenge(ScramClientFirst first, ChannelBinding? binding, IReadOnlyList<ChannelBinding> bindings, ScramVerifier? verifier, bool? isKept)
    {
        Span<byte> nonce = stackalloc byte[NonceBytes];
        random.Fill(nonce);
        int iterations = verifier?.Iterations ?? _policy.Iterations;
        ScramServerFirst message = new(first.Nonce + Convert.ToBase64String(nonce), verifier?.Salt ?? _policy.SaltFor(first.Name)!, iterations, OffersOf(bindings));
        bool isWanted = isKept ?? iterations < _policy.Iterations;
        return new ScramExchange(first, binding, new Challenge { Scram = message.Text, Iterations = isWanted ? (ulong)Math.Max(iterations, _policy.Iterations) : null }, message, verifier);
    }

    private string OffersOf(IReadOnlyList<ChannelBinding> bindings) =>
        string.Join(' ', [.. _policy.TakesPlain ? [ScramServerFirst.Plain] : Array.Empty<string>(), ScramServerFirst.Scram, .. bindings.Select(static binding => binding.Type)]);
}
