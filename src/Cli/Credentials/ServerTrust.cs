using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

using FastChat.Client;

namespace FastChat.Cli;

/// <summary>How a broker is reached and whom one trusts there: what the command line says, or what the broker of this user on this machine says about itself.</summary>
/// <param name="Endpoint">Where to connect: with TLS, when the broker speaks it there.</param>
/// <param name="Tls">Whom to trust, what to show.</param>
internal sealed record ServerTrust(ClientEndpoint Endpoint, ClientTlsOptions Tls)
{
    /// <summary>Finds out.</summary>
    /// <param name="server">The server that will be asked.</param>
    /// <param name="authorities">The file of <c>--ca</c>; null when not given.</param>
    /// <param name="certificate">The file of <c>--client-certificate</c>.</param>
    /// <param name="key">The file of <c>--client-key</c>.</param>
    /// <param name="environment">Reads an environment variable.</param>
    /// <exception cref="CliException">A file cannot be used.</exception>
    public static ServerTrust Find(ServerAddress server, string? authorities, string? certificate, string? key, Func<string, string?> environment)
    {
        if (certificate is null != key is null)
        {
            throw CliException.Usage("--client-certificate and --client-key: both or none");
        }

        ClientTlsOptions tls = new()
        {
            Authorities = authorities is null ? null : Read(authorities, static file => Certificates(file)),
            Certificate = certificate is null ? null : Read(certificate, file => X509Certificate2.CreateFromPemFile(file, key)),
        };
        return server.IsLocal && server.Port != 0 && RunningServer.FindCertificate(server.Port, environment) is { } shown
            ? Of(server.Endpoint, tls, shown)
            : new ServerTrust(server.Endpoint, tls);
    }

    /// <summary>As the broker's own file says it.</summary>
    /// <param name="endpoint">Where it listens.</param>
    /// <param name="tls">What the command line says.</param>
    /// <param name="shown">The file of the certificate that it shows.</param>
    /// <exception cref="CliException">The file cannot be used.</exception>
    public static ServerTrust Of(ClientEndpoint endpoint, ClientTlsOptions tls, string shown)
    {
        // Nobody else may write where we read which file that is, so the certificate in it is the broker's, whatever name it is for.
        ClientTlsOptions trust = tls.Authorities is null ? tls with { Expected = Read(shown, static file => Certificates(file)[0]) } : tls;
        return new ServerTrust(endpoint.Kind == TransportKind.Tcp ? ClientEndpoint.Parse($"tls://{endpoint}") : endpoint, trust);
    }

    private static X509Certificate2Collection Certificates(string file)
    {
        X509Certificate2Collection certificates = [];
        certificates.ImportFromPemFile(file);
        return certificates.Count > 0 ? certificates : throw new CryptographicException("there is no certificate in it");
    }

    private static T Read<T>(string file, Func<string, T> read)
    {
        try
        {
            return read(file);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new CliException($"{SafeText.OneLine(file)}: {failure.Message}", inner: failure);
        }
    }
}
