using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using System.Text.Unicode;

using FastChat.Protocol;

namespace FastChat.Broker.Identity;

/// <summary>
/// What an assertion says, before anybody has vouched for it: a JWT (RFC 7519) as a JWS in compact form (RFC 7515), read strictly. Its size is bounded before anything is decoded and its nesting while it is read; a name that comes twice
/// makes it malformed, at every depth, so no two readers can see two different tokens in it. What a header says of where keys are (<c>jku</c>, <c>jwk</c>, <c>x5u</c>, <c>x5c</c>) is not even looked at.
/// </summary>
internal sealed class Assertion
{
    private const int HeaderDepthMax = 4;

    /// <summary>Identity providers nest roles by client: four levels.</summary>
    private const int ClaimsDepthMax = 16;

    private const int TextMax = 255;
    private const int AudiencesMax = 64;

    /// <summary>The end of the year 9999, which nothing outlives.</summary>
    private const double SecondsMax = 253_402_300_799;

    private static readonly SearchValues<char> s_alphabet = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    private readonly JsonElement _claims;

    private Assertion(string text, JsonElement claims) => (Text, _claims) = (text, claims);

    /// <summary>The token itself.</summary>
    public string Text { get; }

    /// <summary>What it says that it is signed with.</summary>
    public required string Algorithm { get; init; }

    /// <summary>Which of the issuer's keys; null when it does not say.</summary>
    public string? KeyId { get; init; }

    /// <summary>What kind of token it is, without <c>application/</c>; null when it does not say.</summary>
    public string? Type { get; init; }

    /// <summary>Who vouches.</summary>
    public required string Issuer { get; init; }

    /// <summary>For whom.</summary>
    public required string Subject { get; init; }

    /// <summary>Towards whom.</summary>
    public required IReadOnlyList<string> Audiences { get; init; }

    /// <summary>Until when, µs.</summary>
    public required long ExpiresMicros { get; init; }

    /// <summary>When it was issued, µs.</summary>
    public required long IssuedMicros { get; init; }

    /// <summary>From when on, µs; 0 = from the first moment.</summary>
    public long NotBeforeMicros { get; init; }

    /// <summary>What tells it from others of the issuer; null when it does not say.</summary>
    public string? Identifier { get; init; }

    /// <summary>Reads a token. Nothing in it is true yet.</summary>
    public static AssertionFault TryParse(string text, out Assertion? assertion)
    {
        assertion = null;
        if (text.Length > ProtocolLimits.AssertionSizeMax)
        {
            return AssertionFault.Malformed;
        }

        string[] parts = text.Split('.', 6);
        if (parts.Length == 5)
        {
            return AssertionFault.Encrypted;
        }

        // An empty third part is that of an unsigned token (RFC 7515, A.5), which says so in its header: the algorithm's fault, further down.
        if (parts.Length != 3 || !TryReadObject(parts[0], HeaderDepthMax, out JsonElement header) || !TryReadObject(parts[1], ClaimsDepthMax, out JsonElement claims) || parts[2].AsSpan().ContainsAnyExcept(s_alphabet))
        {
            return AssertionFault.Malformed;
        }

        if (header.TryGetProperty("enc", out _))
        {
            return AssertionFault.Encrypted;
        }

        if (header.TryGetProperty("crit", out _))
        {
            return AssertionFault.Critical;
        }

        if (!TryText(header, "alg", out string? algorithm) || algorithm is null || !TryText(header, "kid", out string? key) || !TryText(header, "typ", out string? type))
        {
            return AssertionFault.Malformed;
        }

        if (!TryText(claims, "iss", out string? issuer) || string.IsNullOrEmpty(issuer) || !TryText(claims, "sub", out string? subject) || string.IsNullOrEmpty(subject)
            || !TryText(claims, "jti", out string? identifier) || !TryAudiences(claims, out string[] audiences)
            || !TryTime(claims, "exp", isRequired: true, out long expires) || !TryTime(claims, "iat", isRequired: true, out long issued) || !TryTime(claims, "nbf", isRequired: false, out long notBefore))
        {
            return AssertionFault.Claims;
        }

        assertion = new Assertion(text, claims)
        {
            Algorithm = algorithm,
            KeyId = key,
            Type = WithoutApplication(type),
            Issuer = issuer,
            Subject = subject,
            Audiences = audiences,
            ExpiresMicros = expires,
            IssuedMicros = issued,
            NotBeforeMicros = notBefore,
            Identifier = identifier,
        };
        return AssertionFault.None;
    }

    /// <summary>A claim that is a text; null when there is none.</summary>
    public string? Claim(string name) => TryText(_claims, name, out string? value) ? value : null;

    /// <summary>Media types may be written without <c>application/</c> (RFC 7515 §4.1.9).</summary>
    public static string? WithoutApplication(string? type) => type is not null && type.StartsWith("application/", StringComparison.OrdinalIgnoreCase) ? type["application/".Length..] : type;

    /// <summary>Says nothing that could sign in.</summary>
    public override string ToString() => $"an assertion of {Issuer}";

    private static bool TryReadObject(string part, int depthMax, out JsonElement read)
    {
        read = default;
        byte[] bytes = new byte[Base64Url.GetMaxDecodedLength(part.Length)];

        // The decoder would step over white space.
        if (part.AsSpan().ContainsAnyExcept(s_alphabet) || Base64Url.DecodeFromChars(part, bytes, out _, out int size) != OperationStatus.Done || !Utf8.IsValid(bytes.AsSpan(0, size)))
        {
            return false;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(bytes.AsMemory(0, size), new JsonDocumentOptions { MaxDepth = depthMax, AllowDuplicateProperties = false });
            read = document.RootElement.Clone();
            ReadTexts(read);
            return read.ValueKind == JsonValueKind.Object;
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException)
        {
            // The second: half a surrogate pair, which has no text.
            return false;
        }
    }

    /// <summary>Every name and text, wherever it stands, is one: what one reader drops and another replaces has two meanings.</summary>
    private static void ReadTexts(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    _ = property.Name;
                    ReadTexts(property.Value);
                }

                break;
            case JsonValueKind.Array:
                foreach (JsonElement one in element.EnumerateArray())
                {
                    ReadTexts(one);
                }

                break;
            case JsonValueKind.String:
                _ = element.GetString();
                break;
        }
    }

    /// <summary>False when it is there and no text that can be used.</summary>
    private static bool TryText(JsonElement owner, string name, out string? value)
    {
        value = null;
        if (!owner.TryGetProperty(name, out JsonElement found))
        {
            return true;
        }

        value = found.ValueKind == JsonValueKind.String ? found.GetString() : null;
        return value is { Length: <= TextMax };
    }

    private static bool TryAudiences(JsonElement claims, out string[] audiences)
    {
        audiences = [];
        if (!claims.TryGetProperty("aud", out JsonElement found))
        {
            return false;
        }

        JsonElement[] elements = found.ValueKind switch
        {
            JsonValueKind.String => [found],
            JsonValueKind.Array when found.GetArrayLength() <= AudiencesMax => [.. found.EnumerateArray()],
            _ => [],
        };
        audiences = Array.TrueForAll(elements, static element => element.ValueKind == JsonValueKind.String) ? Array.ConvertAll(elements, static element => element.GetString()!) : [];
        return audiences.Length > 0;
    }

    private static bool TryTime(JsonElement claims, string name, bool isRequired, out long micros)
    {
        micros = 0;
        if (!claims.TryGetProperty(name, out JsonElement found))
        {
            return !isRequired;
        }

        if (found.ValueKind != JsonValueKind.Number || !found.TryGetDouble(out double seconds) || seconds is not (>= 0 and <= SecondsMax))
        {
            return false;
        }

        micros = (long)(seconds * 1e6);
        return true;
    }
}
