using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

using FastChat.Broker.Identity;
using FastChat.TestSupport;

using Microsoft.IdentityModel.Tokens;

namespace FastChat.Broker.Tests.Assertions;

/// <summary>Public keys: the examples of the RFCs, and what is no key that anything should be verified with.</summary>
internal sealed class VerificationKeyTests
{
    private const string RsaKey = """
        {"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}
        """;

    private const string RsaSignature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    private const string JoesClaims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    private const string EcKey = """{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}""";
    private const string EcSignature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    private const string EdKey = """{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}""";
    private const string EdSignature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    [TestCase(RsaKey, "RS256", "eyJhbGciOiJSUzI1NiJ9." + JoesClaims, RsaSignature, TestName = "RFC 7515 A.2")]
    [TestCase(EcKey, "ES256", "eyJhbGciOiJFUzI1NiJ9." + JoesClaims, EcSignature, TestName = "RFC 7515 A.3")]
    [TestCase(EdKey, "EdDSA", "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc", EdSignature, TestName = "RFC 8037 A.4")]
    public void TheExamplesOfTheRfcs(string jwk, string algorithm, string signed, string signature)
    {
        Assert.That(VerificationKey.TryParse(jwk, out VerificationKey? key, out string reason), Is.True, reason);
        Assert.That(key!.Algorithm, Is.EqualTo(algorithm));
        byte[] input = Encoding.ASCII.GetBytes(signed);
        byte[] bytes = Base64Url.DecodeFromChars(signature);
        Assert.That(Verify(key, algorithm, input, bytes), Is.True);
        input[^1] ^= 1;
        Assert.That(Verify(key, algorithm, input, bytes), Is.False, "another text");
        input[^1] ^= 1;
        bytes[0] ^= 1;
        Assert.That(Verify(key, algorithm, input, bytes), Is.False, "another signature");
    }

    [TestCase(EdKey, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", TestName = "RFC 8037 A.3")]
    [TestCase("""{"kty":"RSA","alg":"RS256","kid":"2011-04-29","e":"AQAB","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}""", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", TestName = "RFC 7638 3.1")]
    public void TheThumbprintsOfTheRfcs(string jwk, string thumbprint)
    {
        Assert.That(VerificationKey.TryParse(jwk, out VerificationKey? key, out string reason), Is.True, reason);
        Assert.That(key!.Thumbprint, Is.EqualTo(thumbprint));
    }

    [Test]
    public void AKeyIsTheSameWhicheverWayItIsWritten()
    {
        using TestSigner rsa = TestSigner.OfRsa();
        using TestSigner ec = TestSigner.OfP256();
        using TestSigner ed = TestSigner.OfEd25519();
        foreach (TestSigner signer in (TestSigner[])[rsa, ec, ed])
        {
            Assert.That(VerificationKey.TryParse(signer.PublicPem, out VerificationKey? pem, out string reason), Is.True, reason);
            Assert.That(VerificationKey.TryParse(signer.Jwk.ToJsonString(), out VerificationKey? jwk, out reason), Is.True, reason);
            Assert.That((pem!.Thumbprint, pem.Algorithm), Is.EqualTo((jwk!.Thumbprint, signer.Algorithm)));
            Assert.That(VerificationKey.TryParse(pem.Canonical, out VerificationKey? again, out reason), Is.True, reason);
            Assert.That(again!.Thumbprint, Is.EqualTo(pem.Thumbprint), "what is stored is read again");
        }
    }

    [TestCase("", "public key")]
    [TestCase("ssh-ed25519 AAAA", "public key")]
    [TestCase("{", "no JWK")]
    [TestCase("{}", "known here")]
    [TestCase("""{"kty":"oct","k":"c2VjcmV0"}""", "private or a secret")]
    [TestCase("""{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}""", "private or a secret")]
    [TestCase("""{"kty":"OKP","crv":"Ed448","x":"AAAA"}""", "known here")]
    [TestCase("""{"kty":"EC","crv":"P-384","x":"AAAA","y":"AAAA"}""", "known here")]
    [TestCase("""{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}""", "cannot be used")]
    [TestCase("""{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}""", "32 bytes")]
    [TestCase("""{"kty":"OKP","crv":"Ed25519","x":"AAAA"}""", "32 bytes")]
    [TestCase("""{"kty":"OKP","crv":"Ed25519","x":5}""", "cannot be used")]
    [TestCase("""{"kty":"OKP","crv":"Ed25519","x":"***"}""", "cannot be used")]
    [TestCase("""{"kty":"OKP","kty":"RSA","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}""", "no JWK")]
    [TestCase("""{"kty":"OKP","crv":"Ed25519","use":"enc","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}""", "not for signatures")]
    [TestCase("""{"kty":"OKP","crv":"Ed25519","key_ops":["encrypt"],"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}""", "not for signatures")]
    [TestCase("""{"kty":"OKP","crv":"Ed25519","alg":"HS256","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}""", "says something else")]
    [TestCase("""{"kty":"RSA","n":"AQAB","e":"AQAB"}""", "2048")]
    [TestCase("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "public key")]
    [TestCase("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "cannot be read")]
    public void WhatIsNoKeyIsRefusedWithTheReason(string text, string reason)
    {
        Assert.That(VerificationKey.TryParse(text, out VerificationKey? key, out string said), Is.False);
        Assert.That(key, Is.Null);
        Assert.That(said, Does.Contain(reason));
    }

    [Test]
    public void WeakAndPrivateKeysAreRefused()
    {
        using RSA weak = RSA.Create(1024);
        using RSA good = RSA.Create(2048);
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        RSAParameters even = good.ExportParameters(false);
        (string Text, string Reason)[] wrong =
        [
            (weak.ExportSubjectPublicKeyInfoPem(), "2048"),
            (good.ExportPkcs8PrivateKeyPem(), "private key"),
            (good.ExportRSAPrivateKeyPem(), "private key"),
            (other.ExportSubjectPublicKeyInfoPem(), "known here"),
            (Jwk(even.Modulus!, [2]), "exponent"),
            (Jwk(even.Modulus!, [1]), "exponent"),
            (Jwk(even.Modulus!, []), "exponent"),
            (Jwk(even.Modulus!, [1, 0, 0, 0, 1]), "exponent"),
            (Jwk([.. Enumerable.Repeat((byte)0xFF, 1025)], [1, 0, 1]), "8192"),
        ];
        foreach ((string text, string reason) in wrong)
        {
            Assert.That(VerificationKey.TryParse(text, out _, out string said), Is.False, text);
            Assert.That(said, Does.Contain(reason));
        }

        string Jwk(byte[] modulus, byte[] exponent) => JsonSerializer.Serialize(new { kty = "RSA", n = Base64Url.EncodeToString(modulus), e = Base64Url.EncodeToString(exponent) });
    }

    [Test]
    public void ASetHasWhatCanBeUsedAndSaysWhatCannot()
    {
        using TestSigner one = TestSigner.OfP256("one");
        using TestSigner two = TestSigner.OfEd25519("two");
        string encrypting = """{"kty":"RSA","use":"enc","kid":"three","n":"AQAB","e":"AQAB"}""";
        KeySet set = Parse($$"""{"keys":[{{one.Jwk.ToJsonString()}},{{encrypting}},{{two.Jwk.ToJsonString()}},7],"more":true}""");
        Assert.That(set.Keys.Select(key => key.Id), Is.EqualTo(["one", "two"]));
        Assert.That(set.PassedOver, Has.Count.EqualTo(2));
        Assert.That(set.Find("two", "EdDSA")!.Algorithm, Is.EqualTo("EdDSA"));
        Assert.That(set.Find("three", "RS256"), Is.Null);
        Assert.That(set.Find(null, "ES256"), Is.Null, "which of the two?");
        Assert.That(Parse(TestSigner.SetOf(one)).Find(null, "ES256"), Is.Not.Null, "there is only one");
        Assert.That(Parse(TestSigner.SetOf(one, one)).PassedOver, Has.Count.EqualTo(1), "a name twice");
    }

    [Test]
    public void KeysOfTwoTypesMayShareAName()
    {
        using TestSigner one = TestSigner.OfP256("k");
        using TestSigner two = TestSigner.OfEd25519("k");
        KeySet set = Parse(TestSigner.SetOf(one, two));
        Assert.That(set.Find("k", "ES256")!.Algorithm, Is.EqualTo("ES256"));
        Assert.That(set.Find("k", "EdDSA")!.Algorithm, Is.EqualTo("EdDSA"));
        Assert.That(set.Find("k", "HS256"), Is.Null);
    }

    [TestCase("", "no JSON")]
    [TestCase("<html>", "no JSON")]
    [TestCase("[]", "array of keys")]
    [TestCase("""{"keys":{}}""", "array of keys")]
    [TestCase("""{"keys":[]}""", "no key")]
    [TestCase("""{"keys":[{}]}""", "no key can be used")]
    [TestCase("""{"keys":[],"keys":[]}""", "no JSON")]
    [TestCase("""{"keys":[[[[[[[[[[]]]]]]]]]]}""", "no JSON")]
    public void WhatIsNoSetIsRefused(string text, string reason) =>
        Assert.That(() => Parse(text), Throws.TypeOf<FormatException>().With.Message.Contains(reason));

    [Test]
    public void ASetIsBounded()
    {
        using TestSigner signer = TestSigner.OfP256();
        string many = $$"""{"keys":[{{string.Join(',', Enumerable.Repeat(signer.Jwk.ToJsonString(), KeySet.KeysMax + 1))}}]}""";
        Assert.That(() => Parse(many), Throws.TypeOf<FormatException>().With.Message.Contains("at most 64 keys"));
        Assert.That(() => Parse(TestSigner.SetOf(signer) + new string(' ', KeySet.SizeMax)), Throws.TypeOf<FormatException>().With.Message.Contains("bytes"));
    }

    private static KeySet Parse(string text) => KeySet.Parse(Encoding.UTF8.GetBytes(text));

    private static bool Verify(VerificationKey key, string algorithm, byte[] input, byte[] signature)
    {
        SignatureProvider provider = key.Material.CryptoProviderFactory.CreateForVerifying(key.Material, algorithm);
        try
        {
            return provider.Verify(input, signature);
        }
        finally
        {
            key.Material.CryptoProviderFactory.ReleaseSignatureProvider(provider);
        }
    }
}
