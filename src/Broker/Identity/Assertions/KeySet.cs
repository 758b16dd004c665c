using System.Text.Json;

namespace FastChat.Broker.Identity;

/// <summary>The public keys of an issuer (a JWK set, RFC 7517), as far as they are for signatures that are known here. Immutable; any thread.</summary>
internal sealed class KeySet
{
    /// <summary>Bytes of a set.</summary>
    public const int SizeMax = 256 * 1024;

    /// <summary>Keys of a set, those that are passed over included: issuers have two or three.</summary>
    public const int KeysMax = 64;

    private KeySet(IReadOnlyList<VerificationKey> keys, IReadOnlyList<string> passedOver) => (Keys, PassedOver) = (keys, passedOver);

    /// <summary>The keys that can be used.</summary>
    public IReadOnlyList<VerificationKey> Keys { get; }

    /// <summary>Why the others cannot.</summary>
    public IReadOnlyList<string> PassedOver { get; }

    /// <summary>Reads a set. A key that is not known here, or is for something else, is passed over: issuers publish keys for many readers.</summary>
    /// <exception cref="FormatException">It is no set, has too many keys, or none that can be used; the message says which.</exception>
    public static KeySet Parse(ReadOnlyMemory<byte> json)
    {
        if (json.Length > SizeMax)
        {
            throw new FormatException($"a key set has at most {SizeMax} bytes");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 8, AllowDuplicateProperties = false });
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("keys", out JsonElement keys) && keys.ValueKind == JsonValueKind.Array
                ? Read(keys)
                : throw new FormatException("a key set is a JSON object with an array of keys");
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException)
        {
            throw new FormatException("that is no JSON, or has a name twice", wrong);
        }
    }

    /// <summary>
    /// The key that a token names, or the only one that there is when it names none; null when there is no such key. Keys of different types may share a name (RFC 7517 §4.5): then the token's algorithm tells which; where there is one, the algorithm is not asked.
    /// </summary>
    public VerificationKey? Find(string? id, string algorithm)
    {
        VerificationKey[] named = [.. id is null ? Keys : Keys.Where(key => key.Id == id)];
        return named.Length == 1 ? named[0] : id is null ? null : Array.Find(named, key => key.IsFor(algorithm));
    }

    private static KeySet Read(JsonElement keys)
    {
        if (keys.GetArrayLength() > KeysMax)
        {
            throw new FormatException($"a key set has at most {KeysMax} keys");
        }

        List<VerificationKey> usable = [];
        List<string> passedOver = [];
        foreach (JsonElement jwk in keys.EnumerateArray())
        {
            if (!VerificationKey.TryParse(jwk, out VerificationKey? key, out string reason))
            {
                passedOver.Add(reason);
            }
            else if (key.Id is not null && usable.Exists(other => other.Id == key.Id && other.Algorithm == key.Algorithm))
            {
                passedOver.Add("another key has the same kid");
            }
            else
            {
                usable.Add(key);
            }
        }

        return usable.Count > 0 ? new KeySet(usable, passedOver) : throw new FormatException(passedOver.Count == 0 ? "there is no key" : $"no key can be used: {string.Join("; ", passedOver.Distinct())}");
    }
}
