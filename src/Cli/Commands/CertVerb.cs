using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace FastChat.Cli;

/// <summary>
/// <c>cert DIR [--host NAME]… [--days N]</c>: a certificate to try TLS with, and an authority that vouches for it and for nothing else: its key is forgotten when the certificate is made, so whoever trusts it trusts this one certificate, until it ends. Nothing is overwritten.
/// </summary>
internal static class CertVerb
{
    private const string AuthorityFile = "ca.pem", CertificateFile = "server.pem", KeyFile = "server.key";

    /// <summary>The longest life; browsers take none that is longer.</summary>
    private const int DaysMax = 397;

    /// <summary>Clocks of other machines may be behind.</summary>
    private static readonly TimeSpan s_before = TimeSpan.FromMinutes(5);

    private static readonly string[] s_ownHosts = ["localhost", "127.0.0.1", "::1"];

    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> directory = new("DIR") { Description = $"Where {CertificateFile}, {KeyFile} and {AuthorityFile} are put; made when absent" };
        Option<string[]> hosts = new("--host") { Description = "A name or address that it is for as well, beside this machine's own; once for each", HelpName = "NAME" };
        Option<int> days = new("--days") { Description = $"How long it holds, {DaysMax} at the most", HelpName = "N", DefaultValueFactory = static _ => 30 };
        Command command = new("cert", "Make a certificate to try TLS with, and an authority for clients to trust") { directory, hosts, days };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, _) => Task.FromResult(Run(
            invocation, parsed.GetRequiredValue(directory), parsed.GetValue(hosts) ?? [], parsed.GetValue(days))))(parsed, cancellation));
        return command;
    }

    private static int Run(Invocation invocation, string directory, string[] hosts, int days)
    {
        if (days is < 1 or > DaysMax)
        {
            throw CliException.Usage($"--days: 1 to {DaysMax}");
        }

        string[] names = [.. s_ownHosts.Concat(hosts).Distinct(StringComparer.OrdinalIgnoreCase)];
        if (Array.Find(names, static name => Uri.CheckHostName(name) is UriHostNameType.Unknown or UriHostNameType.Basic) is { } wrong)
        {
            throw CliException.Usage($"--host: {SafeText.OneLine(wrong)} is no name of a host and no address");
        }

        (string authority, string certificate, string key, DateTimeOffset notAfter) = Make(names, DateTimeOffset.UtcNow, days);
        string full = Path.GetFullPath(directory);
        if (!Directory.Exists(full))
        {
            PrivateFile.MakeDirectory(full);
        }

        WriteAll(full, [(KeyFile, key), (CertificateFile, certificate), (AuthorityFile, authority)]);
        Print(invocation, full, names, notAfter);
        return ExitCodes.Done;
    }

    /// <summary>The authority's certificate, the server's, and its key, as PEM.</summary>
    private static (string Authority, string Certificate, string Key, DateTimeOffset NotAfter) Make(IReadOnlyList<string> names, DateTimeOffset now, int days)
    {
        DateTimeOffset from = now - s_before, to = now.AddDays(days);
        using ECDsa authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest authorityRequest = new("CN=FastChat development authority", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, pathLengthConstraint: 0, critical: true));
        authorityRequest.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        X509SubjectKeyIdentifierExtension identifier = new(authorityRequest.PublicKey, critical: false);
        authorityRequest.CertificateExtensions.Add(identifier);
        using X509Certificate2 authority = authorityRequest.CreateSelfSigned(from, to);

        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=FastChat development server", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder alternatives = new();
        foreach (string name in names)
        {
            if (IPAddress.TryParse(name, out IPAddress? address))
            {
                alternatives.AddIpAddress(address);
            }
            else
            {
                alternatives.AddDnsName(name);
            }
        }

        request.CertificateExtensions.Add(alternatives.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1", "serverAuth")], critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(identifier));
        using X509Certificate2 certificate = request.Create(authority, from, to, RandomNumberGenerator.GetBytes(16));
        return (authority.ExportCertificatePem() + "\n", certificate.ExportCertificatePem() + "\n", key.ExportPkcs8PrivateKeyPem() + "\n", to);
    }

    /// <summary>All of them or none, and none in the place of another.</summary>
    private static void WriteAll(string directory, (string Name, string Content)[] files)
    {
        List<string> written = [];
        try
        {
            foreach ((string name, string content) in files)
            {
                string path = Path.Combine(directory, name);
                FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write };
                if (!OperatingSystem.IsWindows())
                {
                    options.UnixCreateMode = PrivateFile.FileMode;
                }

                using FileStream file = new(path, options);
                written.Add(path);
                file.Write(System.Text.Encoding.ASCII.GetBytes(content));
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            written.ForEach(File.Delete);
            string? there = files.Select(file => Path.Combine(directory, file.Name)).FirstOrDefault(File.Exists);
            throw new CliException(there is null ? failure.Message : $"{SafeText.OneLine(there)} is there already; it is not overwritten", inner: failure);
        }
    }

    private static void Print(Invocation invocation, string directory, IReadOnlyList<string> names, DateTimeOffset notAfter)
    {
        (string certificate, string key, string authority) = (Path.Combine(directory, CertificateFile), Path.Combine(directory, KeyFile), Path.Combine(directory, AuthorityFile));
        if (invocation.IsHuman)
        {
            invocation.PrintHuman($"for {string.Join(", ", names)}, until {notAfter.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}:");
            invocation.PrintHuman(SafeText.OneLine($"  fastchat serve --tls-certificate {certificate} --tls-key {key}"));
            invocation.PrintHuman(SafeText.OneLine($"  fastchat register NAME --server tls://localhost:7400 --ca {authority}"));
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("certificate", certificate);
        json.WriteString("key", key);
        json.WriteString("ca", authority);
        json.WriteStartArray("hosts");
        foreach (string name in names)
        {
            json.WriteStringValue(name);
        }

        json.WriteEndArray();
        json.WriteString("not_after", notAfter.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
        invocation.Json.End();
    }
}
