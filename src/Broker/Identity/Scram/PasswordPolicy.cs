namespace FastChat.Broker.Identity;

/// <summary>How passwords are shown.</summary>
public enum PasswordMechanisms
{
    /// <summary>As they are, in Hello; an Argon2id verifier is kept.</summary>
    Plain,

    /// <summary>As they are, or proven by SCRAM; verifiers for both are kept.</summary>
    Both,

    /// <summary>Proven by SCRAM only: no password comes to the broker, and only SCRAM's verifier is kept.</summary>
    Scram,
}

/// <summary>What the operator decided about passwords. Immutable.</summary>
/// <param name="Mechanisms">How they are shown.</param>
/// <param name="Iterations">How often SCRAM hashes one whose verifier is made now.</param>
/// <param name="Salts">The salts of names; null when SCRAM is off.</param>
internal sealed record PasswordPolicy(PasswordMechanisms Mechanisms, int Iterations, ScramSalts? Salts)
{
    /// <summary>What OWASP's password storage sheet names for PBKDF2 with HMAC-SHA-256.</summary>
    public const int IterationsDefault = 600_000;

    /// <summary>Passwords as they are.</summary>
    public static PasswordPolicy Plain { get; } = new(PasswordMechanisms.Plain, IterationsDefault, null);

    /// <summary>True when a password is taken as it is.</summary>
    public bool TakesPlain => Mechanisms != PasswordMechanisms.Scram;

    /// <summary>True when a proof is taken.</summary>
    public bool TakesScram => Mechanisms != PasswordMechanisms.Plain;

    /// <summary>The salt for the password of this name, when a verifier for SCRAM is kept; null when none is.</summary>
    public byte[]? SaltFor(string name) => TakesScram ? Salts!.Of(name) : null;

    /// <summary>True when an account has what it should have while this holds: whoever just showed its password makes it so.</summary>
    public bool IsKeptBy(AccountRecord account)
    {
        bool isHashed = account.Verifier is not null && !PasswordHasher.IsOutdated(account.Verifier);
        bool isProvable = ScramVerifier.TryParse(account.Scram, out ScramVerifier? scram) && scram.Iterations >= Iterations;
        return Mechanisms switch
        {
            PasswordMechanisms.Plain => isHashed && account.Scram is null,
            PasswordMechanisms.Both => isHashed && isProvable,
            _ => isProvable,
        };
    }
}
