using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace FastChat.Client;

/// <summary>What a TLS handshake goes by, from what an application asks for. TLS 1.2 and 1.3, no renegotiation.</summary>
internal static class TlsHandshake
{
    private static readonly SslApplicationProtocol FastChat = new("fastchat/1");

    /// <summary>For the frames themselves.</summary>
    public static SslClientAuthenticationOptions ForFrames(string host, ClientTlsOptions tls)
    {
        SslClientAuthenticationOptions options = ForHost(host, tls);
        options.ApplicationProtocols = [FastChat];
        return options;
    }

    /// <summary>For HTTP, which names its protocol itself.</summary>
    public static SslClientAuthenticationOptions ForHost(string host, ClientTlsOptions tls)
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

        if (tls.Expected is { } expected)
        {
            options.RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null && shown.GetRawCertData().AsSpan().SequenceEqual(expected.RawDataMemory.Span);
        }
        else if (tls.Authorities is { } authorities)
        {
            options.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            options.CertificateChainPolicy.CustomTrustStore.AddRange(authorities);
        }

        return options;
    }
}
