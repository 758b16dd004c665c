using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace FastChat.Broker.Transport;

/// <summary>Whether clients show certificates.</summary>
public enum ClientCertificates
{
    /// <summary>They are not asked.</summary>
    Off,

    /// <summary>They are asked; one that is shown must be good.</summary>
    Accepted,

    /// <summary>Nobody comes in without a good one.</summary>
    Required,
}

/// <summary>What a broker shows, and whom it trusts: a certificate with its key, the certificates between it and its authority, and the authorities of clients' certificates. Read once, immutable.</summary>
/// <param name="Certificate">Ours, with its private key: RSA or ECDSA.</param>
/// <param name="Chain">What stands behind it, as the file has it.</param>
/// <param name="ClientAuthorities">Who vouches for clients.</param>
/// <param name="ClientCertificates">Whether they are asked.</param>
internal sealed record TlsMaterial(X509Certificate2 Certificate, X509Certificate2Collection Chain, X509Certificate2Collection ClientAuthorities, ClientCertificates ClientCertificates)
{
    /// <summary>Reads PEM text.</summary>
    /// <exception cref="CryptographicException">A text is not what it should be, or certificate and key do not belong together.</exception>
    /// <exception cref="ArgumentException">A text has no certificate, or no key, in it.</exception>
    public static TlsMaterial Parse(string certificates, string key, string? clientAuthorities, ClientCertificates mode)
    {
        X509Certificate2 certificate = X509Certificate2.CreateFromPem(certificates, key);
        X509Certificate2Collection chain = [];
        chain.ImportFromPem(certificates);
        X509Certificate2Collection authorities = [];
        if (clientAuthorities is not null)
        {
            authorities.ImportFromPem(clientAuthorities);
        }

        if (mode != ClientCertificates.Off && authorities.Count == 0)
        {
            throw new ArgumentException("there is no certificate in it");
        }

        chain.RemoveAt(0);
        return new TlsMaterial(certificate, chain, authorities, mode);
    }

    /// <summary>The private key as PKCS #8.</summary>
    public byte[] ExportKey()
    {
        using AsymmetricAlgorithm? key = (AsymmetricAlgorithm?)Certificate.GetECDsaPrivateKey() ?? Certificate.GetRSAPrivateKey();
        return key?.ExportPkcs8PrivateKey() ?? throw new CryptographicException("the private key is neither RSA nor ECDSA");
    }
}
