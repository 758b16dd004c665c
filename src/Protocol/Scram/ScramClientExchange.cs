using System.Security.Cryptography;

namespace FastChat.Protocol;

/// <summary>
/// The client's side of one SCRAM exchange (protocol.md §3.5): first message, answer to the challenge, and the check of what the broker shows in the end. Until that is right, nothing that the broker said can be trusted. One thread, one exchange.
/// </summary>
/// <param name="name">Who signs in.</param>
/// <param name="password">The password.</param>
/// <param name="binding">What the proof is bound to; null for nothing.</param>
/// <param name="wasRefused">The client could bind, and a broker that could not was met on the way before: says so.</param>
/// <param name="nonce">At least 96 random bits as printable text without commas, new for each exchange.</param>
public sealed class ScramClientExchange(string name, string password, ChannelBinding? binding, bool wasRefused, string nonce)
{
    private readonly ScramClientFirst _first = new(
        binding is not null ? ScramBinding.Bound : wasRefused ? ScramBinding.NotOffered : ScramBinding.None, binding?.Type, name, nonce);

    private byte[]? _signature;

    /// <summary>The password whose keys a challenge that asks for some is given, when it is to be another one; null for the same.</summary>
    public string? Next { get; init; }

    /// <summary>client-first-message.</summary>
    public string First => _first.ToString();

    /// <summary>What the broker offered, once it is known; not to be trusted before <see cref="IsRight"/>.</summary>
    public ScramServerFirst? Offered { get; private set; }

    /// <summary>
    /// Answers a challenge. Null, and why, when it must not be answered: it does not belong to this exchange, asks for too little or too much work, or contradicts what was said of channel binding before. Takes as long as it takes to hash a password.
    /// </summary>
    /// <param name="challenge">What came.</param>
    /// <param name="reason">Why it is not answered.</param>
    public Proof? Answer(Challenge challenge, out string reason)
    {
        reason = Judge(challenge);
        if (reason.Length > 0)
        {
            return null;
        }

        ScramKeys keys = ScramKeys.Derive(password, Offered!.Salt, Offered.Iterations);
        ScramClientFinal final = new(ScramClientFinal.ChannelOf(_first, binding), Offered.Nonce, []);
        string authMessage = $"{_first.Bare},{Offered.Text},{final.WithoutProof}";
        _signature = ScramKeys.Sign(keys.ServerKey, authMessage);
        Proof proof = new() { Scram = (final with { Proof = keys.Prove(authMessage) }).ToString() };
        if (challenge.Iterations is { } wanted)
        {
            ScramKeys next = Next is null && wanted == (ulong)Offered.Iterations ? keys : ScramKeys.Derive(Next ?? password, Offered.Salt, (int)wanted);
            proof = proof with { StoredKey = next.StoredKey, ServerKey = next.ServerKey };
        }

        return proof;
    }

    /// <summary>True when the broker has shown that it knows the account. Only behind <see cref="Answer"/>.</summary>
    public bool IsRight(string? serverFinal) =>
        _signature is not null && ScramServerFinal.TryParse(serverFinal, out byte[]? shown) && CryptographicOperations.FixedTimeEquals(shown, _signature);

    private string Judge(Challenge challenge)
    {
        if (_signature is not null)
        {
            return "a second challenge";
        }

        if (!ScramServerFirst.TryParse(challenge.Scram, out ScramServerFirst? message))
        {
            return "the challenge cannot be read";
        }

        if (!message.Nonce.StartsWith(nonce, StringComparison.Ordinal) || message.Nonce.Length < nonce.Length + ProtocolLimits.ScramNonceSizeMin)
        {
            return "the challenge does not answer this client's nonce with one of its own";
        }

        if (!IsReasonable((ulong)message.Iterations) || (challenge.Iterations is { } wanted && !IsReasonable(wanted)))
        {
            return $"the challenge asks for {message.Iterations} iterations: {ProtocolLimits.ScramIterationsMin} to {ProtocolLimits.ScramIterationsMax} are hashed";
        }

        if (_first.Binding == ScramBinding.NotOffered && (message.Has(ChannelBinding.Exporter) || message.Has(ChannelBinding.ServerEndPoint)))
        {
            return "the broker offers channel binding, and somebody on the way said that it does not";
        }

        Offered = message;
        return string.Empty;
    }

    private static bool IsReasonable(ulong iterations) => iterations is >= ProtocolLimits.ScramIterationsMin and <= ProtocolLimits.ScramIterationsMax;
}
