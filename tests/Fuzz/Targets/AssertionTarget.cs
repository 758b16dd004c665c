using System.Buffers.Text;
using System.Text;

using FastChat.Broker.Identity;
using FastChat.Protocol;

using Microsoft.IdentityModel.JsonWebTokens;

namespace FastChat.Fuzz.Targets;

/// <summary>
/// A signed token as a stranger shows it. Two lines are the JSON of its header and its claims; an input that begins with a dot is the token itself behind it. Reading never throws, and whatever is accepted the library that verifies signatures reads as the same token:
/// nobody is verified as one and signed in as another.
/// </summary>
internal sealed class AssertionTarget : IFuzzTarget
{
    private const string Header = """{"alg":"ES256","typ":"JWT","kid":"k"}""";
    private const string Claims = """{"iss":"https://issuer.example","sub":"person","aud":"fastchat","exp":1800000300,"iat":1800000000,"nbf":1800000000,"jti":"j","preferred_username":"ada"}""";

    public string Name => "assertion";

    public int SizeMax => 2048;

    public IReadOnlyList<byte[]> Words { get; } =
    [
        .. new[]
        {
            "\n", ".", "\"alg\":", "\"none\"", "\"HS256\"", "\"kid\":", "\"typ\":", "\"at+jwt\"", "\"crit\":[]", "\"enc\":", "\"iss\":", "\"sub\":", "\"aud\":", "[\"fastchat\"]", "\"exp\":", "1e300", "-1", "1800000000.5", "\"iat\":", "null", "true", "{}", "[[[[[[[[[[[[[[[[",
            "\\u0061", "\\ud800", "\\u0000", "\"\":", ",", "{", "}", "\"", "/**/", " ",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    public IEnumerable<byte[]> Seeds()
    {
        yield return Encoding.UTF8.GetBytes($"{Header}\n{Claims}");
        yield return Encoding.UTF8.GetBytes("{\"alg\":\"EdDSA\"}\n" + """{"iss":"bridge","sub":"bridge","aud":["a","b"],"exp":1,"iat":1,"roles":{"a":{"b":["c"]}}}""");
        yield return Encoding.UTF8.GetBytes($"{{\"alg\":\"ES256\",\"crit\":[\"b64\"],\"b64\":false}}\n{Claims}");
        yield return Encoding.UTF8.GetBytes($".{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(Header))}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(Claims))}.AAAA");
    }

    public long AllocationCap(int inputSize) => 128 * 1024 + (200 * inputSize);

    public ulong Run(ReadOnlySpan<byte> input)
    {
        string text = TextOf(input);
        AssertionFault fault = Assertion.TryParse(text, out Assertion? assertion);
        Outcome outcome = default;
        outcome.Add((ulong)fault);
        Property.Holds((fault == AssertionFault.None) == assertion is not null, "a token is read and refused at once");
        if (assertion is null)
        {
            return outcome.Value;
        }

        Property.Holds(text.Length <= ProtocolLimits.AssertionSizeMax && assertion.Issuer.Length > 0 && assertion.Subject.Length > 0 && assertion.Audiences.Count > 0, "a claim is missing");
        Property.Holds(assertion.ExpiresMicros >= 0 && assertion.IssuedMicros >= 0 && assertion.NotBeforeMicros >= 0, "a time is before all time");
        JsonWebToken other = new(text);
        Property.Holds(other.Alg == assertion.Algorithm && (other.Kid is { Length: > 0 } id ? id : null) == (assertion.KeyId is { Length: > 0 } ours ? ours : null), "the library reads another key");
        Property.Holds(other.Issuer == assertion.Issuer && other.Subject == assertion.Subject, "the library reads another person");
        outcome.Add(assertion.KeyId is not null);
        outcome.Add(assertion.Type is not null);
        outcome.Add(assertion.Identifier is not null);
        outcome.Add(assertion.NotBeforeMicros != 0);
        outcome.Add(assertion.Claim("preferred_username") is not null);
        outcome.Add((ulong)Math.Min(assertion.Audiences.Count, 3));
        return outcome.Value;
    }

    public void Dispose()
    {
    }

    private static string TextOf(ReadOnlySpan<byte> input)
    {
        if (input.Length > 0 && input[0] == (byte)'.')
        {
            return Encoding.Latin1.GetString(input[1..]);
        }

        int line = input.IndexOf((byte)'\n');
        return line < 0 ? Encoding.Latin1.GetString(input) : $"{Base64Url.EncodeToString(input[..line])}.{Base64Url.EncodeToString(input[(line + 1)..])}.AAAA";
    }
}
