using System.Text;

using FastChat.Broker.Identity;
using FastChat.Protocol;
using FastChat.TestSupport;

namespace FastChat.Fuzz.Targets;

/// <summary>
/// The texts of SCRAM, as a stranger sends them (the first two kinds) or somebody who pretends to be a broker. Nothing throws; what is read is written as it stood, which is what is signed; and no text that was made up proves a password.
/// </summary>
internal sealed class ScramTarget : IFuzzTarget
{
    private static readonly Vector s_known = VectorFile.Read("scram").First(vector => vector.Frames.Count > 0);

    public string Name => "scram";

    public IReadOnlyList<byte[]> Words { get; } =
    [
        .. new[]
        {
            ",", "=", "n,,", "y,,", "p=tls-exporter,,", "a=root,", "m=x,", "n=", "r=", "s=", "i=", "c=", "p=", "v=", "e=", "=2C", "=3D", "=2c", "biws", "AAAA", "==", "\0", "\u00ff", "o=PLAIN SCRAM-SHA-256", "100000", "2147483648",
            s_known.Text("client_nonce")!, s_known.Text("server_first")![2..46],
        }.Select(Encoding.Latin1.GetBytes),
    ];

    public IEnumerable<byte[]> Seeds() =>
        VectorFile.Read("scram").SelectMany(vector => new[] { "client_first", "client_final", "server_first", "server_final" }.Select((field, kind) => (byte[])[(byte)kind, .. Encoding.Latin1.GetBytes(vector.Text(field)!)]));

    public long AllocationCap(int inputSize) => 32 * 1024 + (200 * inputSize);

    public ulong Run(ReadOnlySpan<byte> input)
    {
        Outcome outcome = default;
        if (input.IsEmpty)
        {
            return outcome.Value;
        }

        string text = Encoding.Latin1.GetString(input[1..]);
        outcome.Add((ulong)(input[0] & 3));
        switch (input[0] & 3)
        {
            case 0:
                bool isFirst = ScramClientFirst.TryParse(text, out ScramClientFirst? first, out ScramFault fault);
                outcome.Add((ulong)fault);
                Property.Holds(isFirst == (fault == ScramFault.None), "a message and a fault, or neither");
                Property.Holds(!isFirst || (first!.ToString() == text && first.Nonce.Length <= ProtocolLimits.ScramNonceSizeMax), "what is signed is not what came");
                outcome.Add((ulong)(first?.Binding ?? 0));
                break;
            case 1:
                bool isProof = ScramClientFinal.TryParse(text, out ScramClientFinal? final);
                outcome.Add(isProof);
                Property.Holds(!isProof || final!.ToString() == text, "what is signed is not what came");
                Property.Holds(MakeExchange().Judge(new Proof { Scram = text }, out string? signature) != ProofOutcome.Right && signature is null, "a proof that was made up is right");
                break;
            case 2:
                bool isChallenge = ScramServerFirst.TryParse(text, out ScramServerFirst? second);
                outcome.Add(isChallenge);
                Property.Holds(!isChallenge || (second!.Text == text && second.Iterations > 0 && second.Salt.Length > 0), "what is signed is not what came");
                outcome.Add(second?.Offers is null);
                break;
            default:
                bool isSignature = ScramServerFinal.TryParse(text, out byte[]? bytes);
                outcome.Add(isSignature);
                Property.Holds(!isSignature || bytes!.Length == ScramKeys.Size, "a signature of another size");
                break;
        }

        return outcome.Value;
    }

    public void Dispose()
    {
    }

    /// <summary>A challenge that no vector answers: its half of the nonce is another one. An exchange is good for one proof, so each input has its own.</summary>
    private static ScramExchange MakeExchange()
    {
        _ = ScramClientFirst.TryParse(s_known.Text("client_first")!, out ScramClientFirst? first, out _);
        _ = ScramServerFirst.TryParse(s_known.Text("server_first")!, out ScramServerFirst? known);
        ScramServerFirst message = new(first!.Nonce + new string('x', 32), known!.Salt, known.Iterations, known.Offers);
        byte[] storedKey = Convert.FromHexString(s_known.Text("stored_key")![4..]);
        return new ScramExchange(first, null, new Challenge { Scram = message.Text }, message, new ScramVerifier(known.Iterations, known.Salt, storedKey, storedKey));
    }
}
