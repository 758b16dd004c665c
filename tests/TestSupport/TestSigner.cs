using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

using NSec.Cryptography;

namespace FastChat.TestSupport;

/// <summary>A key pair that signs JWTs, good ones and whatever else a test needs. The tokens are put together here by hand: what verifies them is the product's.</summary>
public sealed class TestSigner : IDisposable
{
    private readonly Func<byte[], byte[]> _sign;
    private readonly IDisposable _key;

    private TestSigner(string? id, string algorithm, JsonObject jwk, string pem, Func<byte[], byte[]> sign, IDisposable key)
    {
        (Id, Algorithm, PublicPem, _sign, _key) = (id, algorithm, pem, sign, key);
        Jwk = jwk;
        if (id is not null)
        {
            Jwk["kid"] = id;
        }
    }

    /// <summary>What its owner calls it; null for none.</summary>
    public string? Id { get; }

    /// <summary>The algorithm.</summary>
    public string Algorithm { get; }

    /// <summary>The public key.</summary>
    public JsonObject Jwk { get; }

    /// <summary>The same as SubjectPublicKeyInfo in PEM.</summary>
    public string PublicPem { get; }

    /// <summary>RS256.</summary>
    public static TestSigner OfRsa(string? id = null, int bits = 2048)
    {
        RSA key = RSA.Create(bits);
        RSAParameters parameters = key.ExportParameters(false);
        JsonObject jwk = new() { ["kty"] = "RSA", ["n"] = Base64Url.EncodeToString(parameters.Modulus), ["e"] = Base64Url.EncodeToString(parameters.Exponent) };
        return new TestSigner(id, "RS256", jwk, key.ExportSubjectPublicKeyInfoPem(), data => key.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), key);
    }

    /// <summary>ES256.</summary>
    public static TestSigner OfP256(string? id = null)
    {
        ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        ECParameters parameters = key.ExportParameters(false);
        JsonObject jwk = new() { ["kty"] = "EC", ["crv"] = "P-256", ["x"] = Base64Url.EncodeToString(parameters.Q.X), ["y"] = Base64Url.EncodeToString(parameters.Q.Y) };
        return new TestSigner(id, "ES256", jwk, key.ExportSubjectPublicKeyInfoPem(), data => key.SignData(data, HashAlgorithmName.SHA256), key);
    }

    /// <summary>EdDSA over Ed25519.</summary>
    public static TestSigner OfEd25519(string? id = null)
    {
        Key key = Key.Create(SignatureAlgorithm.Ed25519);
        JsonObject jwk = new() { ["kty"] = "OKP", ["crv"] = "Ed25519", ["x"] = Base64Url.EncodeToString(key.PublicKey.Export(KeyBlobFormat.RawPublicKey)) };
        string pem = Encoding.ASCII.GetString(key.PublicKey.Export(KeyBlobFormat.PkixPublicKeyText));
        return new TestSigner(id, "EdDSA", jwk, pem, data => SignatureAlgorithm.Ed25519.Sign(key, data), key);
    }

    /// <summary>The JWK sets of some.</summary>
    public static string SetOf(params TestSigner[] signers) => new JsonObject { ["keys"] = new JsonArray([.. signers.Select(signer => signer.Jwk.DeepClone())]) }.ToJsonString();

    /// <summary>A token that says what it should, but for what <paramref name="change"/> does.</summary>
    /// <param name="claims">Its claims.</param>
    /// <param name="change">Changes the header.</param>
    public string Sign(JsonObject claims, Action<JsonObject>? change = null)
    {
        JsonObject header = new() { ["alg"] = Algorithm, ["typ"] = "JWT" };
        if (Id is not null)
        {
            header["kid"] = Id;
        }

        change?.Invoke(header);
        return Sign(header.ToJsonString(), claims.ToJsonString());
    }

    /// <summary>A token of any texts, signed.</summary>
    public string Sign(string header, string claims)
    {
        string signed = $"{Encode(header)}.{Encode(claims)}";
        return $"{signed}.{Base64Url.EncodeToString(_sign(Encoding.ASCII.GetBytes(signed)))}";
    }

    /// <summary>A token that is "signed" with the bytes of this public key as if they were a secret: what alg confusion does.</summary>
    public string SignWithPublicKeyAsSecret(JsonObject claims)
    {
        JsonObject header = new() { ["alg"] = "HS256", ["typ"] = "JWT", ["kid"] = Id };
        string signed = $"{Encode(header.ToJsonString())}.{Encode(claims.ToJsonString())}";
        return $"{signed}.{Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.ASCII.GetBytes(PublicPem), Encoding.ASCII.GetBytes(signed)))}";
    }

    /// <summary>Base64url of a text.</summary>
    public static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();
}
