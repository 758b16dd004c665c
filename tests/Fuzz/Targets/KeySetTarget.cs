using System.Text;

using FastChat.Broker.Identity;

namespace FastChat.Fuzz.Targets;

/// <summary>What an issuer's server answers when it is asked for its keys. Only <see cref="FormatException"/> leaves the reader; each key that is taken is the same when it is written and read again.</summary>
internal sealed class KeySetTarget : IFuzzTarget
{
    private const string Ed = """{"kty":"OKP","crv":"Ed25519","kid":"a","use":"sig","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}""";
    private const string Ec = """{"kty":"EC","crv":"P-256","kid":"b","alg":"ES256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}""";

    public string Name => "key-set";

    public IReadOnlyList<byte[]> Words { get; } =
    [
        .. new[] { Ed, Ec, "\"keys\":[", "\"kty\":", "\"RSA\"", "\"n\":", "\"e\":\"AQAB\"", "\"d\":", "\"k\":", "\"key_ops\":[\"verify\"]", "\"use\":\"enc\"", "\"alg\":\"RS512\"", "null", "7", "\\ud800", "[", "]", "{", "}", ",", "\"" }.Select(Encoding.UTF8.GetBytes),
    ];

    public IEnumerable<byte[]> Seeds()
    {
        yield return Encoding.UTF8.GetBytes($$"""{"keys":[{{Ed}},{{Ec}}]}""");
        yield return Encoding.UTF8.GetBytes($$"""{"keys":[{{Ed}}],"more":[{"a":1}]}""");
        yield return Encoding.UTF8.GetBytes($$"""{"keys":[{"kty":"RSA","e":"AQAB","n":"{{new string('w', 342)}}"}]}""");
        yield return Encoding.UTF8.GetBytes("""{"keys":[]}""");
    }

    public long AllocationCap(int inputSize) => 256 * 1024 + (400 * inputSize);

    public ulong Run(ReadOnlySpan<byte> input)
    {
        Outcome outcome = default;
        KeySet set;
        try
        {
            set = KeySet.Parse(input.ToArray());
        }
        catch (FormatException wrong)
        {
            outcome.Add(wrong.Message.AsSpan(0, Math.Min(24, wrong.Message.Length)));
            return outcome.Value;
        }

        Property.Holds(set.Keys.Count is > 0 and <= KeySet.KeysMax, "a set without a key, or with too many");
        foreach (VerificationKey key in set.Keys)
        {
            Property.Holds(VerificationKey.TryParse(key.Canonical, out VerificationKey? again, out _) && again.Thumbprint == key.Thumbprint && again.Algorithm == key.Algorithm, "a key that is written is another one");
            Property.Holds(!key.IsFor("none") && !key.IsFor("HS256"), "a public key that is no signature's");
            outcome.Add(key.Algorithm);
            outcome.Add(key.Id is not null);
        }

        outcome.Add((ulong)Math.Min(set.PassedOver.Count, 3));
        return outcome.Value;
    }

    public void Dispose()
    {
    }
}
