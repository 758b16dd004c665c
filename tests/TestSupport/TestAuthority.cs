using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace FastChat.TestSupport;

/// <summary>An authority that issues whatever certificate a test needs, good ones and bad ones. ECDSA P-256 throughout.</summary>
public sealed class TestAuthority : IDisposable
{
    private const string ServerUse = "1.3.6.1.5.5.7.3.1", ClientUse = "1.3.6.1.5.5.7.3.2";

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    /// <summary>An authority of its own name.</summary>
    public TestAuthority(string name = "authority")
    {
        CertificateRequest request = new($"CN={name}", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        Certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-30), DateTimeOffset.UtcNow.AddDays(365));
    }

    /// <summary>The authority's certificate.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>Who trusts the authority.</summary>
    public X509Certificate2Collection Trust => [Certificate];

    /// <summary>A certificate for a server on this machine.</summary>
    public X509Certificate2 IssueServer(int validFromDays = -1, int validToDays = 30) => Issue("CN=server", ServerUse, validFromDays, validToDays, names =>
    {
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
    });

    /// <summary>A certificate for a client.</summary>
    /// <param name="subject">What its subject says.</param>
    /// <param name="dns">DNS names that it may use.</param>
    /// <param name="uri">A URI that it may use.</param>
    /// <param name="validFromDays">Since when it is valid, in days from now.</param>
    /// <param name="validToDays">Until when.</param>
    public X509Certificate2 IssueClient(string subject, string[]? dns = null, string? uri = null, int validFromDays = -1, int validToDays = 30) => Issue(subject, ClientUse, validFromDays, validToDays, names =>
    {
        foreach (string name in dns ?? [])
        {
            names.AddDnsName(name);
        }

        if (uri is not null)
        {
            names.AddUri(new Uri(uri));
        }
    });

    /// <summary>Writes a certificate and its key as PEM files.</summary>
    public static (string Certificate, string Key) Write(X509Certificate2 certificate, string directory, string name = "server")
    {
        (string Certificate, string Key) files = (Path.Combine(directory, $"{name}.pem"), Path.Combine(directory, $"{name}.key"));
        using ECDsa key = certificate.GetECDsaPrivateKey()!;
        File.WriteAllText(files.Key, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(files.Certificate, certificate.ExportCertificatePem());
        return files;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Certificate.Dispose();
        _key.Dispose();
    }

    private X509Certificate2 Issue(string subject, string use, int validFromDays, int validToDays, Action<SubjectAlternativeNameBuilder> addNames)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new(subject, key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        addNames(names);
        X509Extension alternative = names.Build();
        if (alternative.RawData.Length > 2)
        {
            request.CertificateExtensions.Add(alternative);
        }

        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(use)], false));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using X509Certificate2 bare = request.Create(Certificate, now.AddDays(validFromDays), now.AddDays(validToDays), RandomNumberGenerator.GetBytes(8));
        using X509Certificate2 withKey = bare.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pfx), null);
    }
}
