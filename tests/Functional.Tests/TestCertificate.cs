using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace FastChat.Functional.Tests;

/// <summary>A broker's certificate and key as files, made for a test, and clients that accept this one and no other. The files are removed on dispose.</summary>
internal sealed class TestCertificate : IDisposable
{
    private readonly TemporaryDirectory _directory = new("certificate");
    private readonly TestAuthority _authority = new();
    private string _thumbprint = string.Empty;

    public TestCertificate()
    {
        CertificateFile = _directory.PathOf("server.pem");
        KeyFile = _directory.PathOf("server.key");
        Issue();
    }

    /// <summary>The certificate, PEM.</summary>
    public string CertificateFile { get; }

    /// <summary>The key, PEM.</summary>
    public string KeyFile { get; }

    /// <summary>The certificate that was issued last, without its key.</summary>
    public X509Certificate2 Current => X509CertificateLoader.LoadCertificateFromFile(CertificateFile);

    /// <summary>Puts another certificate in its place; clients expect that one from then on.</summary>
    public void Issue()
    {
        using X509Certificate2 made = _authority.IssueServer();
        TestAuthority.Write(made, _directory.Path);
        _thumbprint = made.Thumbprint;
        Binding = ChannelBinding.ToCertificate(made)!;
    }

    /// <summary>Who trusts it.</summary>
    public X509Certificate2Collection Trust => _authority.Trust;

    /// <summary>What a proof to a broker that shows it is bound to.</summary>
    public ChannelBinding Binding { get; private set; } = null!;

    /// <summary>True for the certificate that was issued last.</summary>
    public bool IsTheOne(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) => certificate?.GetCertHashString() == _thumbprint;

    /// <summary>Shakes hands.</summary>
    public async Task<SslStream> ConnectAsync(IPEndPoint address, SslProtocols version = SslProtocols.None, string? protocol = "fastchat/1")
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address);
            return await ProtectAsync(new NetworkStream(socket, ownsSocket: true), version, protocol);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Shakes hands on a connection that is there.</summary>
    public async Task<SslStream> ProtectAsync(Stream below, SslProtocols version = SslProtocols.None, string? protocol = "fastchat/1")
    {
        SslStream stream = new(below);
        try
        {
            using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(10));
            await stream.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = "localhost",
                    EnabledSslProtocols = version,
                    RemoteCertificateValidationCallback = IsTheOne,
                    ApplicationProtocols = protocol is null ? null : [new SslApplicationProtocol(protocol)],
                },
                deadline.Token);
            return stream;
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _authority.Dispose();
        _directory.Dispose();
    }
}
