using System.Diagnostics;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Authentication.ExtendedProtection;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

using FastChat.Broker.Connections;
using FastChat.Broker.Doors;
using FastChat.Broker.Transport;
using FastChat.TestSupport;

using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;

using ChannelBinding = FastChat.Protocol.ChannelBinding;

namespace FastChat.Broker.Tests.Doors;

/// <summary>Both ways to speak TLS, with the framework's client at the other end, over real sockets.</summary>
[TestFixture("libssl")]
[TestFixture("SslStream")]
public sealed class HandshakerTests(string kind)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private TestAuthority _authority = null!;
    private EpollTransport _transport = null!;
    private IConnectionListener _listener = null!;

    [SetUp]
    public async Task ListenAsync()
    {
        Assume.That(EpollTransport.IsSupported && Libssl.IsSupported, "Linux with OpenSSL 3");
        _authority = new TestAuthority();
        _transport = new EpollTransport(2, NullLogger.Instance);
        _listener = await _transport.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _listener.DisposeAsync();
        _transport.Dispose();
        _authority.Dispose();
    }

    [Test]
    public async Task Bytes_go_both_ways_in_order([Values(SslProtocols.Tls12, SslProtocols.Tls13)] SslProtocols version)
    {
        (SslStream client, Server server) = await ConnectAsync(version: version);
        Assert.That((client.SslProtocol, client.NegotiatedApplicationProtocol), Is.EqualTo((version, new SslApplicationProtocol("fastchat/1"))));
        if (kind == "libssl")
        {
            // The client would rather have AES-256.
            Assert.That(client.NegotiatedCipherSuite, Is.EqualTo(version == SslProtocols.Tls13 ? TlsCipherSuite.TLS_AES_128_GCM_SHA256 : TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256));
        }

        byte[] sent = RandomNumberGenerator.GetBytes(1_000_000);
        Task echoing = EchoAsync(server.Connection.Transport);
        Task sending = Task.Run(async () =>
        {
            for (int at = 0, size = 1; at < sent.Length; at += size, size = (size * 7 % 40_009) + 1)
            {
                await client.WriteAsync(sent.AsMemory(at, Math.Min(size, sent.Length - at)));
            }
        });
        byte[] received = new byte[sent.Length];
        await client.ReadExactlyAsync(received).AsTask().WaitAsync(Patience);
        await sending;
        Assert.That(received, Is.EqualTo(sent));

        // The end is said in both directions.
        await client.ShutdownAsync();
        await echoing.WaitAsync(Patience);
        Assert.That(await client.ReadAsync(new byte[1]).AsTask().WaitAsync(Patience), Is.Zero);
        await EndAsync(client, server);
    }

    [Test]
    public async Task What_follows_a_handshake_in_the_same_segment_is_read()
    {
        // Written at once with the client's Finished, as far as the kernel is concerned: nothing of it may be lost between the handshake and the records.
        for (int round = 0; round < 20; round++)
        {
            (SslStream client, Server server) = await ConnectAsync(clientBehind: static stream => stream.WriteAsync(new byte[] { 1, 2, 3 }).AsTask());
            ReadResult result = await server.Connection.Transport.Input.ReadAtLeastAsync(3).AsTask().WaitAsync(Patience);
            Assert.That(result.Buffer.FirstSpan.ToArray(), Is.EqualTo(new byte[] { 1, 2, 3 }));
            server.Connection.Transport.Input.AdvanceTo(result.Buffer.End);
            await EndAsync(client, server);
        }
    }

    [Test]
    public async Task A_client_that_offers_another_protocol_is_refused_and_one_that_offers_none_is_let_in()
    {
        Assert.That(async () => await ConnectAsync(protocols: [SslApplicationProtocol.Http2]), Throws.InstanceOf<AuthenticationException>().Or.InstanceOf<IOException>());
        (SslStream client, Server server) = await ConnectAsync(protocols: []);
        await EndAsync(client, server);
    }

    [Test]
    public async Task The_names_of_a_clients_certificate_are_those_that_it_may_use()
    {
        using X509Certificate2 certificate = _authority.IssueClient("CN=admin", ["bot.example", "other.example"], "spiffe://example/bot");
        (SslStream client, Server server) = await ConnectAsync(ClientCertificates.Required, certificate: certificate);
        Assert.That(server.Names, Is.EqualTo(new[] { "dns:bot.example", "dns:other.example", "uri:spiffe://example/bot" }), "and not CN=admin");
        await EndAsync(client, server);
    }

    [Test]
    public async Task Nobody_is_named_without_a_certificate_where_none_is_required()
    {
        (SslStream client, Server server) = await ConnectAsync(ClientCertificates.Accepted);
        Assert.That(server.Names, Is.Empty);
        await EndAsync(client, server);
    }

    [Test]
    public async Task A_certificate_that_is_not_good_lets_nobody_in([Values("none", "expired", "foreign", "its own", "a server's")] string what)
    {
        using TestAuthority other = new("other");
        using X509Certificate2? certificate = what switch
        {
            "expired" => _authority.IssueClient("CN=bot", ["bot.example"], validFromDays: -9, validToDays: -2),
            "foreign" => other.IssueClient("CN=bot", ["bot.example"]),
            "its own" => other.Certificate,
            "a server's" => _authority.IssueServer(),
            _ => null,
        };
        (SslStream client, Server server) = await ConnectAsync(ClientCertificates.Required, certificate: certificate, mayFail: true);
        Assert.That(server.Names, Is.Null);
        await EndAsync(client, server);
    }

    [Test]
    public async Task Both_ends_know_the_same_binding_and_that_to_a_session_is_another_each_time([Values(SslProtocols.Tls12, SslProtocols.Tls13)] SslProtocols version)
    {
        List<string> sessions = [];
        for (int i = 0; i < 2; i++)
        {
            (SslStream client, Server server) = await ConnectAsync(version: version);
            IReadOnlyList<ChannelBinding> bindings = server.Facts!.Bindings;
            Assert.That(bindings.Select(binding => binding.Type), Is.EqualTo(
                kind == "libssl" && version == SslProtocols.Tls13 ? new[] { ChannelBinding.Exporter, ChannelBinding.ServerEndPoint } : [ChannelBinding.ServerEndPoint]));
            using X509Certificate2 shown = new(client.RemoteCertificate!);
            Assert.That(bindings[^1].Data.ToArray(), Is.EqualTo(ChannelBinding.ToCertificate(shown)!.Data.ToArray()));
            Assert.That(BytesOf(client.TransportContext.GetChannelBinding(ChannelBindingKind.Endpoint)!), Is.EqualTo((byte[])[.. "tls-server-end-point:"u8, .. bindings[^1].Data.Span]), "as the framework has it");
            sessions.AddRange(bindings.SkipLast(1).Select(binding => Convert.ToHexString(binding.Data.Span)));
            await EndAsync(client, server);
        }

        Assert.That(sessions, Is.Unique.And.All.Length.EqualTo(64));
    }

    [Test]
    public async Task The_binding_to_a_session_is_what_another_program_exports_of_it()
    {
        using X509Certificate2 own = _authority.IssueServer();
        TlsMaterial material = new(X509CertificateLoader.LoadPkcs12(own.Export(X509ContentType.Pfx), null, X509KeyStorageFlags.Exportable), [], _authority.Trust, ClientCertificates.Off);
        using LibsslHandshaker handshaker = new(material, new Turnstile(1, TimeProvider.System));
        ProcessStartInfo start = new("openssl", ["s_client", "-connect", _listener.EndPoint.ToString()!, "-tls1_3", "-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process? openssl = null;
        try
        {
            openssl = Process.Start(start);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Ignore("the openssl program is not here");
        }

        using Process client = openssl!;
        using CancellationTokenSource late = new(Patience);
        ConnectionContext connection = (await _listener.AcceptAsync(late.Token))!;
        TlsFacts facts = (await handshaker.ShakeHandsAsync(connection, TlsProtocol.FastChat, late.Token))!;
        string exported = string.Empty;
        while (exported.Length == 0 && await client.StandardOutput.ReadLineAsync(late.Token) is { } line)
        {
            exported = line.Trim().StartsWith("Keying material: ", StringComparison.Ordinal) ? line.Split(' ')[^1] : string.Empty;
        }

        client.Kill();
        await client.WaitForExitAsync(late.Token);
        await connection.DisposeAsync();
        Assert.That(exported, Is.EqualTo(Convert.ToHexString(facts.Bindings[0].Data.Span)).And.Length.EqualTo(64));
    }

    private static byte[] BytesOf(System.Security.Authentication.ExtendedProtection.ChannelBinding binding)
    {
        // SEC_CHANNEL_BINDINGS: a head whose last two numbers are size and place of the application's data.
        byte[] all = new byte[binding.Size];
        System.Runtime.InteropServices.Marshal.Copy(binding.DangerousGetHandle(), all, 0, all.Length);
        return all[^BitConverter.ToInt32(all, 24)..];
    }

    private async Task<(SslStream Client, Server Server)> ConnectAsync(
        ClientCertificates mode = ClientCertificates.Off,
        SslProtocols version = SslProtocols.None,
        List<SslApplicationProtocol>? protocols = null,
        X509Certificate2? certificate = null,
        Func<SslStream, Task>? clientBehind = null,
        bool mayFail = false)
    {
        using X509Certificate2 own = _authority.IssueServer();
        TlsMaterial material = new(X509CertificateLoader.LoadPkcs12(own.Export(X509ContentType.Pfx), null, X509KeyStorageFlags.Exportable), [], _authority.Trust, mode);
        Turnstile turns = new(1, TimeProvider.System);
        ITlsHandshaker handshaker = kind == "libssl" ? new LibsslHandshaker(material, turns) : new SslStreamHandshaker(material, turns);
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(_listener.EndPoint);
        ConnectionContext connection = (await _listener.AcceptAsync())!;
        IDuplexPipe below = connection.Transport;
        using CancellationTokenSource late = new(Patience);
        Task<TlsFacts?> serving = handshaker.ShakeHandsAsync(connection, TlsProtocol.FastChat, late.Token);
        SslStream client = new(new NetworkStream(socket, ownsSocket: true));
        try
        {
            await client.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = "localhost",
                    EnabledSslProtocols = version,
                    ApplicationProtocols = protocols ?? [new SslApplicationProtocol("fastchat/1")],
                    ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, null, offline: true),
                    CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, CustomTrustStore = { _authority.Certificate } },
                },
                late.Token);
            await (clientBehind?.Invoke(client) ?? Task.CompletedTask);
        }
        catch (Exception refused) when (refused is AuthenticationException or IOException && mayFail)
        {
            // TLS 1.3 tells a client of its certificate's end only when it reads; TLS 1.2 within the handshake.
        }

        return (client, new Server(connection, below, await serving.WaitAsync(Patience)));
    }

    private static async Task EchoAsync(IDuplexPipe pipes)
    {
        while (true)
        {
            ReadResult result = await pipes.Input.ReadAsync();
            foreach (ReadOnlyMemory<byte> part in result.Buffer)
            {
                part.Span.CopyTo(pipes.Output.GetSpan(part.Length));
                pipes.Output.Advance(part.Length);
            }

            pipes.Input.AdvanceTo(result.Buffer.End);
            await pipes.Output.FlushAsync();
            if (result.IsCompleted)
            {
                await pipes.Output.CompleteAsync();
                return;
            }
        }
    }

    private static async Task EndAsync(SslStream client, Server server)
    {
        await server.Connection.Transport.Output.CompleteAsync();
        await client.DisposeAsync();
        if (!ReferenceEquals(server.Connection.Transport, server.Below))
        {
            await ((IAsyncDisposable)server.Connection.Transport).DisposeAsync();
            server.Connection.Transport = server.Below;
        }

        await server.Connection.DisposeAsync();
    }

    private sealed record Server(ConnectionContext Connection, IDuplexPipe Below, TlsFacts? Facts)
    {
        public IReadOnlyList<string>? Names => Facts?.CertificateNames;
    }
}
