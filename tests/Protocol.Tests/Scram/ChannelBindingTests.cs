using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace FastChat.Protocol.Tests.Scram;

/// <summary>The binding to a certificate (RFC 5929 §4.1): by the hash function of the signature on it.</summary>
public sealed class ChannelBindingTests
{
    private const string Ed25519 =
        "MIIBLjCB4aADAgECAhRKHif/uSbZi4Qrw4qISmw0XlzvRjAFBgMrZXAwDDEKMAgGA1UEAwwBeDAgFw0yNjExMjcwMDA0MzdaGA8yMTI2MTEwMzAwMDQzN1owDDEKMAgGA1UEAwwBeDAqMAUGAytlcAMhAIBRMGyXUGfR30xr9+GuwzjGXqGLnz+ihUXvm3kMazSmo1MwUTAdBgNVHQ4E"
        + "FgQU5q0FbC+hi6FV8Cfirov5Ivi88Y8wHwYDVR0jBBgwFoAU5q0FbC+hi6FV8Cfirov5Ivi88Y8wDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXADQQDDIFs1q+J79IuH9ugvI1f9Zrzi/KbKzYCt81Gk1QWaGkRyLURdWjDhkeaLLkupvFiLTFnHbAB5x2PEI//Dx4QD";

    [TestCase("RSA", "SHA1", 32)]
    [TestCase("RSA", "SHA256", 32)]
    [TestCase("RSA", "SHA384", 48)]
    [TestCase("RSA", "SHA512", 64)]
    [TestCase("PSS", "SHA1", 32)]
    [TestCase("PSS", "SHA256", 32)]
    [TestCase("PSS", "SHA384", 48)]
    [TestCase("PSS", "SHA512", 64)]
    [TestCase("ECDSA", "SHA1", 32)]
    [TestCase("ECDSA", "SHA256", 32)]
    [TestCase("ECDSA", "SHA384", 48)]
    [TestCase("ECDSA", "SHA512", 64)]
    public void The_signatures_hash_is_taken_and_never_an_old_one(string kind, string hash, int size)
    {
        using X509Certificate2 certificate = Make(kind, new HashAlgorithmName(hash));
        ChannelBinding binding = ChannelBinding.ToCertificate(certificate)!;
        byte[] expected = size switch { 32 => SHA256.HashData(certificate.RawData), 48 => SHA384.HashData(certificate.RawData), _ => SHA512.HashData(certificate.RawData) };
        Assert.That(binding.Type, Is.EqualTo("tls-server-end-point"));
        Assert.That(binding.Data.ToArray(), Is.EqualTo(expected));
    }

    [Test]
    public void Where_no_binding_is_defined_there_is_none()
    {
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(Convert.FromBase64String(Ed25519));
        Assert.That(ChannelBinding.ToCertificate(certificate), Is.Null);
    }

    private static X509Certificate2 Make(string kind, HashAlgorithmName hash)
    {
        DateTimeOffset from = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        X500DistinguishedName name = new("CN=binding");
        using ECDsa curve = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using RSA rsa = RSA.Create(2048);
        X509SignatureGenerator generator = kind == "ECDSA"
            ? X509SignatureGenerator.CreateForECDsa(curve)
            : X509SignatureGenerator.CreateForRSA(rsa, kind == "PSS" ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1);
        CertificateRequest request = new(name, generator.PublicKey, hash);
        return request.Create(name, new NamedAs(generator, hash), from, from.AddYears(1), [1]);
    }

    /// <summary>The framework signs nothing with SHA-1 any more; what is looked at is only the algorithm's name, so it is put there.</summary>
    private sealed class NamedAs(X509SignatureGenerator inner, HashAlgorithmName wanted) : X509SignatureGenerator
    {
        private HashAlgorithmName Signed => wanted == HashAlgorithmName.SHA1 ? HashAlgorithmName.SHA256 : wanted;

        public override byte[] GetSignatureAlgorithmIdentifier(HashAlgorithmName hashAlgorithm)
        {
            if (wanted != HashAlgorithmName.SHA1)
            {
                return inner.GetSignatureAlgorithmIdentifier(hashAlgorithm);
            }

            byte[] identifier = inner.GetSignatureAlgorithmIdentifier(Signed);
            return identifier switch
            {
                // sha256WithRSAEncryption to sha1WithRSAEncryption, ecdsa-with-SHA256 to ecdsa-with-SHA1; PSS without parameters means SHA-1.
                [0x30, 0x0D, ..] => Convert.FromHexString("300D06092A864886F70D0101050500"),
                [0x30, 0x0A, ..] => Convert.FromHexString("300906072A8648CE3D0401"),
                _ => Convert.FromHexString("300D06092A864886F70D01010A3000"),
            };
        }

        public override byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm) => inner.SignData(data, Signed);

        protected override PublicKey BuildPublicKey() => inner.PublicKey;
    }
}
