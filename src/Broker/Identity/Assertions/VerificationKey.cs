using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

using Microsoft.IdentityModel.Tokens;

using NSec.Cryptography;

namespace FastChat.Broker.Identity;

/// <summary>
/// A public key that assertions are verified with, and the only algorithm that it is used with: RS256 for RSA of 2,048 to 8,192 bits, ES256 for P-256, EdDSA for Ed25519. The algorithm follows from the key, never from a token. Immutable; any thread.
/// </summary>
internal sealed class VerificationKey
{
    private const int RsaBitsMin = 2048;
    private const int RsaBitsMax = 8192;
    private const int P256CoordinateSize = 32;
    private const int Ed25519Size = 32;
    private const int ExponentSizeMax = 4;
    private const string RsaOid = "1.2.840.113549.1.1.1";
    private const string EcOid = "1.2.840.10045.2.1";
    private const string P256Oid = "1.2.840.10045.3.1.7";
    private const string Ed25519Oid = "1.3.101.112";

    private VerificationKey(string? id, string algorithm, string canonical, SecurityKey material)
    {
        (Id, Algorithm, Canonical, Material) = (id, algorithm, canonical, material);
        Thumbprint = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(canonical)));
    }

    /// <summary>What its owner calls it; null when it has no name.</summary>
    public string? Id { get; }

    /// <summary>What it is used with.</summary>
    public string Algorithm { get; }

    /// <summary>Its thumbprint (RFC 7638).</summary>
    public string Thumbprint { get; }

    /// <summary>The JWK that the thumbprint is of: the key and nothing else.</summary>
    public string Canonical { get; }

    /// <summary>The key as the JWT library takes it.</summary>
    public SecurityKey Material { get; }

    /// <summary>True when a token may say that it was signed so. RFC 9864 calls EdDSA over Ed25519 by the curve's name.</summary>
    public bool IsFor(string algorithm) => algorithm == Algorithm || (algorithm == "Ed25519" && Algorithm == "EdDSA");

    /// <summary>Reads a key as an operator gives it: a JWK, or a SubjectPublicKeyInfo as PEM.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out VerificationKey? key, out string reason)
    {
        key = null;
        if (!text.AsSpan().TrimStart().StartsWith('{'))
        {
            return TryParsePem(text, out key, out reason);
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 4, AllowDuplicateProperties = false });
            return TryParse(document.RootElement, out key, out reason);
        }
        catch (JsonException)
        {
            reason = "that is no JWK";
            return false;
        }
    }

    /// <summary>Reads a JWK (RFC 7517, 7518, 8037).</summary>
    public static bool TryParse(JsonElement jwk, [NotNullWhen(true)] out VerificationKey? key, out string reason)
    {
        key = null;
        try
        {
            (key, reason) = Read(jwk);
        }
        catch (Exception wrong) when (wrong is InvalidOperationException or FormatException or CryptographicException or ArgumentException)
        {
            // Members of another type, texts that are no base64url, points that are on no curve.
            reason = "the key's members cannot be used";
        }

        return key is not null;
    }

    /// <summary>The thumbprint and the algorithm.</summary>
    public override string ToString() => $"{Algorithm} {Thumbprint}";

    private static (VerificationKey? Key, string Reason) Read(JsonElement jwk)
    {
        if (jwk.ValueKind != JsonValueKind.Object)
        {
            return (null, "a key is a JSON object");
        }

        string? id = Text(jwk, "kid");
        if (jwk.TryGetProperty("d", out _) || jwk.TryGetProperty("k", out _))
        {
            return (null, "that is a private or a secret key: the public one is expected");
        }

        if (Text(jwk, "use") is not (null or "sig") || (jwk.TryGetProperty("key_ops", out JsonElement operations) && !operations.EnumerateArray().Any(static operation => operation.GetString() == "verify")))
        {
            return (null, "the key is not for signatures");
        }

        (VerificationKey? key, string reason) = (Text(jwk, "kty"), Text(jwk, "crv")) switch
        {
            ("RSA", _) => OfRsa(id, Bytes(jwk, "n"), Bytes(jwk, "e")),
            ("EC", "P-256") => OfP256(id, Bytes(jwk, "x"), Bytes(jwk, "y")),
            ("OKP", "Ed25519") => OfEd25519(id, Bytes(jwk, "x")),
            _ => (null, "RSA, EC P-256 and OKP Ed25519 are known here"),
        };
        return key is not null && Text(jwk, "alg") is { } algorithm && !key.IsFor(algorithm) ? (null, $"a key of this type is used with {key.Algorithm} here, and it says something else") : (key, reason);
    }

    private static (VerificationKey? Key, string Reason) OfRsa(string? id, ReadOnlySpan<byte> modulus, ReadOnlySpan<byte> exponent)
    {
        modulus = modulus.TrimStart((byte)0);
        exponent = exponent.TrimStart((byte)0);
        int bits = modulus.IsEmpty ? 0 : (modulus.Length * 8) - System.Numerics.BitOperations.LeadingZeroCount((uint)modulus[0]) + 24;
        if (bits is < RsaBitsMin or > RsaBitsMax || (modulus[^1] & 1) == 0)
        {
            return (null, $"RSA keys have {RsaBitsMin} to {RsaBitsMax} bits here");
        }

        if (exponent.Length is 0 or > ExponentSizeMax || (exponent[^1] & 1) == 0 || (exponent.Length == 1 && exponent[0] < 3))
        {
            return (null, "the RSA key's exponent is not an odd number from 3 to 2³²");
        }

        string canonical = $$"""{"e":"{{Base64Url.EncodeToString(exponent)}}","kty":"RSA","n":"{{Base64Url.EncodeToString(modulus)}}"}""";
        return (new VerificationKey(id, SecurityAlgorithms.RsaSha256, canonical, new JsonWebKey(canonical) { CryptoProviderFactory = NewFactory() }), string.Empty);
    }

    private static (VerificationKey? Key, string Reason) OfP256(string? id, ReadOnlySpan<byte> x, ReadOnlySpan<byte> y)
    {
        if (x.Length != P256CoordinateSize || y.Length != P256CoordinateSize)
        {
            return (null, "coordinates of P-256 have 32 bytes");
        }

        // A point that is on no curve throws.
        using (ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = x.ToArray(), Y = y.ToArray() } }))
        {
            string canonical = $$"""{"crv":"P-256","kty":"EC","x":"{{Base64Url.EncodeToString(x)}}","y":"{{Base64Url.EncodeToString(y)}}"}""";
            return (new VerificationKey(id, SecurityAlgorithms.EcdsaSha256, canonical, new JsonWebKey(canonical) { CryptoProviderFactory = NewFactory() }), string.Empty);
        }
    }

    private static (VerificationKey? Key, string Reason) OfEd25519(string? id, ReadOnlySpan<byte> x)
    {
        if (x.Length != Ed25519Size || !PublicKey.TryImport(SignatureAlgorithm.Ed25519, x, KeyBlobFormat.RawPublicKey, out PublicKey? point))
        {
            return (null, "a key of Ed25519 has 32 bytes");
        }

        string canonical = $$"""{"crv":"Ed25519","kty":"OKP","x":"{{Base64Url.EncodeToString(x)}}"}""";
        CryptoProviderFactory factory = NewFactory();
        factory.CustomCryptoProvider = new Ed25519Provider(point!);
        return (new VerificationKey(id, "EdDSA", canonical, new JsonWebKey(canonical) { CryptoProviderFactory = factory }), string.Empty);
    }

    private static bool TryParsePem(string text, [NotNullWhen(true)] out VerificationKey? key, out string reason)
    {
        key = null;
        reason = "a public key is expected, as a JWK or as PEM (BEGIN PUBLIC KEY)";
        if (!PemEncoding.TryFind(text, out PemFields fields))
        {
            return false;
        }

        string label = text[fields.Label];
        if (label != "PUBLIC KEY")
        {
            reason = label.Contains("PRIVATE", StringComparison.Ordinal) ? "that is a private key: the public one is expected" : reason;
            return false;
        }

        try
        {
            (key, reason) = ReadInfo(Convert.FromBase64String(text[fields.Base64Data]));
        }
        catch (Exception wrong) when (wrong is AsnContentException or CryptographicException or ArgumentException or FormatException)
        {
            reason = "the public key cannot be read";
        }

        return key is not null;
    }

    /// <summary>SubjectPublicKeyInfo ::= SEQUENCE { SEQUENCE { OID, parameters }, BIT STRING } (RFC 5280, 5480, 8410).</summary>
    private static (VerificationKey? Key, string Reason) ReadInfo(byte[] der)
    {
        AsnReader info = new AsnReader(der, AsnEncodingRules.DER).ReadSequence();
        AsnReader algorithm = info.ReadSequence();
        string oid = algorithm.ReadObjectIdentifier();
        byte[] bits = info.ReadBitString(out _);
        switch (oid)
        {
            case RsaOid:
                AsnReader rsa = new AsnReader(bits, AsnEncodingRules.DER).ReadSequence();
                return OfRsa(null, rsa.ReadIntegerBytes().Span, rsa.ReadIntegerBytes().Span);
            case EcOid when algorithm.ReadObjectIdentifier() == P256Oid && bits.Length == 1 + (2 * P256CoordinateSize) && bits[0] == 4:
                return OfP256(null, bits.AsSpan(1, P256CoordinateSize), bits.AsSpan(1 + P256CoordinateSize));
            case Ed25519Oid:
                return OfEd25519(null, bits);
            default:
                return (null, "RSA, P-256 and Ed25519 are known here");
        }
    }

    private static string? Text(JsonElement jwk, string name) => jwk.TryGetProperty(name, out JsonElement found) ? found.GetString() : null;

    private static byte[] Bytes(JsonElement jwk, string name) => Base64Url.DecodeFromChars(Text(jwk, name) ?? string.Empty);

    /// <summary>One for each key: nothing of it stays in a cache of the process when the key is gone.</summary>
    private static CryptoProviderFactory NewFactory() => new() { CacheSignatureProviders = false };
}
