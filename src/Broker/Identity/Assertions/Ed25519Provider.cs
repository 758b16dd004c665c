using Microsoft.IdentityModel.Tokens;

using NSec.Cryptography;

namespace FastChat.Broker.Identity;

/// <summary>Ed25519 (RFC 8032, 8037) for the JWT library, which does not have it: the signature is libsodium's to verify, the same library that passwords are hashed with. Any thread.</summary>
internal sealed class Ed25519Provider(PublicKey key) : ICryptoProvider
{
    /// <inheritdoc/>
    public bool IsSupportedAlgorithm(string algorithm, params object[] args) => algorithm is "EdDSA" or "Ed25519";

    /// <inheritdoc/>
    public object Create(string algorithm, params object[] args) => new Verifier(key, (SecurityKey)args[0], algorithm);

    /// <inheritdoc/>
    public void Release(object cryptoInstance) => (cryptoInstance as IDisposable)?.Dispose();

    private sealed class Verifier(PublicKey point, SecurityKey key, string algorithm) : SignatureProvider(key, algorithm)
    {
        public override bool Verify(byte[] input, byte[] signature) => SignatureAlgorithm.Ed25519.Verify(point, input, signature);

        public override bool Verify(byte[] input, int inputOffset, int inputLength, byte[] signature, int signatureOffset, int signatureLength) =>
            SignatureAlgorithm.Ed25519.Verify(point, input.AsSpan(inputOffset, inputLength), signature.AsSpan(signatureOffset, signatureLength));

        public override byte[] Sign(byte[] input) => throw new NotSupportedException("the broker signs nothing");

        protected override void Dispose(bool disposing)
        {
            // The key is its owner's.
        }
    }
}
