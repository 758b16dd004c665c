using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;

using FastChat.Protocol;

namespace FastChat.Broker.Identity;

/// <summary>
/// What SCRAM keeps of a password, as RFC 5803 and other servers write it: <c>SCRAM-SHA-256$600000:SALT$STORED KEY:SERVER KEY</c>, in base64. Whoever has it can try passwords, and can pretend to be this broker to this user; they cannot sign in with it. Immutable.
/// </summary>
internal sealed record ScramVerifier(int Iterations, byte[] Salt, byte[] StoredKey, byte[] ServerKey)
{
    private const string Prefix = "SCRAM-SHA-256$";

    /// <summary>That of a password. Takes its time.</summary>
    public static ScramVerifier Make(string password, byte[] salt, int iterations)
    {
        ScramKeys keys = ScramKeys.Derive(password, salt, iterations);
        CryptographicOperations.ZeroMemory(keys.ClientKey);
        return new ScramVerifier(iterations, salt, keys.StoredKey, keys.ServerKey);
    }

    /// <summary>Takes a text apart; false when it is something else.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out ScramVerifier? verifier)
    {
        verifier = null;
        if (text is null || !text.StartsWith(Prefix, StringComparison.Ordinal) || text[Prefix.Length..].Split('$', ':') is not [var number, var salt, var stored, var server]
            || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int iterations) || iterations == 0)
        {
            return false;
        }

        byte[] bytes = new byte[4 * ScramKeys.Size];
        byte[][] parts = new byte[3][];
        foreach ((int place, string part) in new[] { salt, stored, server }.Index())
        {
            if (!Convert.TryFromBase64String(part, bytes, out int size))
            {
                return false;
            }

            parts[place] = bytes[..size];
        }

        verifier = parts[0].Length > 0 && parts[1].Length == ScramKeys.Size && parts[2].Length == ScramKeys.Size ? new ScramVerifier(iterations, parts[0], parts[1], parts[2]) : null;
        return verifier is not null;
    }

    /// <summary>True when it is that password's. Takes its time.</summary>
    public bool IsOf(string password)
    {
        ScramKeys keys = ScramKeys.Derive(password, Salt, Iterations);
        CryptographicOperations.ZeroMemory(keys.ClientKey);
        return CryptographicOperations.FixedTimeEquals(keys.StoredKey, StoredKey);
    }

    /// <summary>As it is stored.</summary>
    public string ToText() => string.Create(
        CultureInfo.InvariantCulture, $"{Prefix}{Iterations}:{Convert.ToBase64String(Salt)}${Convert.ToBase64String(StoredKey)}:{Convert.ToBase64String(ServerKey)}");

    /// <summary>Nothing of it.</summary>
    public override string ToString() => nameof(ScramVerifier);
}
