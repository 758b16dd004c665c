using FastChat.Protocol;

namespace FastChat.Broker.Identity;

/// <summary>
/// One challenge, and what its proof is judged by: the messages so far, the account's verifier as it was, and what the connection is bound to. It is good for one proof, right or wrong. Immutable but for that.
/// </summary>
/// <param name="first">What the client began with.</param>
/// <param name="binding">What it says it is bound to; null for nothing.</param>
/// <param name="challenge">What it was sent.</param>
/// <param name="serverFirst">The same, taken apart.</param>
/// <param name="verifier">The account's; null when there is no such account, or the account is being made.</param>
internal sealed class ScramExchange(ScramClientFirst first, ChannelBinding? binding, Challenge challenge, ScramServerFirst serverFirst, ScramVerifier? verifier)
{
    /// <summary>Nobody knows what hashes to this: a proof for an account that is not there costs as much, and is wrong.</summary>
    private static readonly byte[] s_nobody = new byte[ScramKeys.Size];

    private int _isUsed;

    /// <summary>Who the client says it is.</summary>
    public string Name => first.Name;

    /// <summary>What the client is to be sent.</summary>
    public Challenge Challenge => challenge;

    /// <summary>The account's verifier as it was; null when there is none.</summary>
    public ScramVerifier? Verifier => verifier;

    /// <summary>Whether a proof is right for a password that the account has.</summary>
    /// <param name="proof">What came.</param>
    /// <param name="signature">What the broker shows in turn.</param>
    public ProofOutcome Judge(Proof proof, out string? signature) => Judge(proof, verifier?.StoredKey ?? s_nobody, verifier?.ServerKey ?? s_nobody, out signature);

    /// <summary>Whether a proof is right for the keys that it brings: whoever makes an account shows that it knows the password of it.</summary>
    public ProofOutcome JudgeNew(Proof proof, out string? signature) => Judge(proof, proof.HasKeys ? proof.StoredKey.Span : s_nobody, proof.HasKeys ? proof.ServerKey.Span : s_nobody, out signature);

    /// <summary>The verifier that a proof brings, of the challenge's salt and as many iterations as it asked for; null when it asked for none, or none came.</summary>
    public ScramVerifier? VerifierOf(Proof proof) => challenge.Iterations is { } iterations && proof.HasKeys
        ? new ScramVerifier((int)iterations, serverFirst.Salt, proof.StoredKey.ToArray(), proof.ServerKey.ToArray())
        : null;

    private ProofOutcome Judge(Proof proof, ReadOnlySpan<byte> storedKey, ReadOnlySpan<byte> serverKey, out string? signature)
    {
        signature = null;
        if (Interlocked.Exchange(ref _isUsed, 1) != 0 || proof.Scram is null || !ScramClientFinal.TryParse(proof.Scram, out ScramClientFinal? final) || (challenge.Iterations is not null && !proof.HasKeys))
        {
            return ProofOutcome.Unreadable;
        }

        string authMessage = $"{first.Bare},{serverFirst.Text},{final.WithoutProof}";
        bool isRight = ScramKeys.IsProof(storedKey, authMessage, final.Proof) & final.Nonce == serverFirst.Nonce & final.IsFor(first, binding);
        signature = isRight ? ScramServerFinal.Format(ScramKeys.Sign(serverKey, authMessage)) : null;
        return isRight ? ProofOutcome.Right : ProofOutcome.Wrong;
    }
}

/// <summary>What a proof is.</summary>
internal enum ProofOutcome : byte
{
    /// <summary>It cannot be read, or lacks what the challenge asked for, or its challenge was answered before.</summary>
    Unreadable,

    /// <summary>Wrong name or password, another exchange's, or another connection's.</summary>
    Wrong,

    /// <summary>Whoever made it knows the password, on this connection, now.</summary>
    Right,
}
