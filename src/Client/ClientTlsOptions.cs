using System.Security.Cryptography.X509Certificates;

namespace FastChat.Client;

/// <summary>
/// Whom a client trusts over TLS, and what it shows. Without any of it the machine's authorities are trusted and the certificate must be for the host of <see cref="ClientOptions.Endpoint"/>. Immutable, but for the certificates, which stay the caller's.
/// </summary>
public sealed record ClientTlsOptions
{
    /// <summary>The authorities to trust instead of the machine's: theirs, or a certificate that signed itself. The certificate must still be for the host.</summary>
    public X509Certificate2Collection? Authorities { get; init; }

    /// <summary>
    /// The one certificate to expect, whatever host it is for and whoever signed it: for a broker of which one knows the certificate itself, as on the same machine. Goes before <see cref="Authorities"/>.
    /// </summary>
    public X509Certificate2? Expected { get; init; }

    /// <summary>The client's own certificate, with its private key, if the broker asks for one.</summary>
    public X509Certificate2? Certificate { get; init; }
}
