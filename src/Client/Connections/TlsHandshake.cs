using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace FastChat.Client;

/// <summary>What a TLS handshake goes by, from what an application asks for. TLS 1.2 and 1.3, no renegotiation.</summary>
internal static class TlsHandshake
{
    private static readonly SslApplicationProtocol FastChat = new("fastchat/1");

    /// <summary>For the frames themselves.</summary>
    /// <param name="host">Whom the certificate must be for.</param>
    /// <param name="tls">What the application asks for.</param>
    /// <param name="accepted">Hears of the broker's certificate once it was found good.</param>
    public static SslClientAuthenticationOptions ForFrames(string host, ClientTlsOptions tls, Action<X509Certificate2> accepted)
    {
        SslClientAuthenticationOptions options = ForHost(host, tls, accepted);
        options.ApplicationProtocols = [FastChat];
        return options;
    }

    /// <summary>For HTTP, which names its protocol itself.</summary>
    /// <inheritdoc cref="ForFrames"/>
    public static SslClientAuthenticationOptions ForHost(string host, ClientTlsOptions tls, Action<X509Certificate2> accepted)
    {
        SslClientAuthenticationOptions options = new()
        {
            TargetHost = host,
            AllowRenegotiation = false,
#pragma warning disable CA5398 // What the broker speaks; an older version would be refused there.
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
#pragma warning restore CA5398
        };
        if (tls.Certificate is { } own)
        {
            options.ClientCertificates = [own];
        }

        options.RemoteCertificateValidationCallback = (_, shown, _, errors) =>
        {
            bool isGood = tls.Expected is { } expected ? shown is not null && shown.GetRawCertData().AsSpan().SequenceEqual(expected.RawDataMemory.Span) : errors == SslPolicyErrors.None;
            if (isGood && shown is X509Certificate2 certificate)
            {
                accepted(certificate);
            }

            return isGood;
        };
        if (tls.Expected is null && tls.Authorities is { } authorities)
        {
            options.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            options.CertificateChainPolicy.CustomTrustStore.AddRange(authorities);
        }

        return options;
    }
}
