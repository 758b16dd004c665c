using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.Json.Nodes;

namespace FastChat.Functional.Tests;

/// <summary>Attacks on TLS and what is in front of it by number (tests/attacks.md, 32 to 35, 71 and 72), at the real process. Certificates of clients are looked at by <c>HandshakerTests</c>, records by <c>TlsSessionTests</c>.</summary>
public sealed class TlsAttackTests
{
    private const byte Alert = 21, ProtocolVersion = 70;

    private AttackStage _stage = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _stage = await AttackStage.StartAsync(new JsonObject { ["tls_handshake_seconds"] = 1, ["tls_reload_seconds"] = 0.2, ["tls_handshakes_max"] = 8 });

    [OneTimeTearDown]
    public async Task StopAsync() => await _stage.DisposeAsync();

    [TearDown]
    public Task CheckAsync() => _stage.CheckAsync();

    [Test]
    [Noted("transport_refused", "handshake_failed")]
    public async Task Nothing_in_the_clear_is_taken_where_TLS_is_spoken()
    {
        byte[] hello = RawFrame.ToBytes(FrameType.Hello, 0, new Hello { Name = "witness", Password = TestBroker.Password }.ToMap());
        foreach (byte[] first in new[] { hello, "STARTTLS\r\n"u8.ToArray(), "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray(), new byte[100] })
        {
            foreach (System.Net.IPEndPoint address in new[] { _stage.Broker.Process.TlsTcp!, new System.Net.IPEndPoint(_stage.Broker.Process.TlsTcp!.Address, _stage.Broker.Process.TlsHttp!.Port) })
            {
                await using NetworkStream stream = await ConnectAsync(address);
                await stream.WriteAsync(first);
                byte[] answer = await ReadToEndAsync(stream);

                // An alert at the most: no frame, no page.
                Assert.That(answer.Length == 0 || answer[0] == Alert, Is.True, Convert.ToHexString(answer));
            }
        }

        // Bytes that were sent before the handshake are not read as if they had come through it.
        await using NetworkStream injected = await ConnectAsync(_stage.Broker.Process.TlsTcp!);
        await injected.WriteAsync(hello);
        await using SslStream late = new(injected);
        Assert.That(async () => await late.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", RemoteCertificateValidationCallback = _stage.Certificate.IsTheOne }), Throws.InstanceOf<Exception>());
    }

    [Test]
    [Noted("transport_refused", "handshake_timeout")]
    public async Task Who_does_not_finish_the_handshake_makes_room()
    {
        // More than may shake hands at once: halves of a ClientHello, single bytes, nothing at all.
        List<NetworkStream> halves = [];
        byte[][] beginnings = [[], [0x16], [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03]];
        for (int i = 0; i < 60; i++)
        {
            NetworkStream half = await ConnectAsync(_stage.Broker.Process.TlsTcp!);
            await half.WriteAsync(beginnings[i % beginnings.Length]);
            halves.Add(half);
        }

        await using (SignedInPeer account = await _stage.RegisterAsync())
        await using (SignedInPeer behind = await _stage.SignInAsync(account, "tls"))
        {
            await behind.PingAsync();
        }

        // Each of them is shown the door within the deadline, waiting in the line included.
        foreach (NetworkStream half in halves)
        {
            byte[] rest = await ReadToEndAsync(half);
            Assert.That(rest.Length == 0 || rest[0] == Alert, Is.True);
            await half.DisposeAsync();
        }
    }

    [TestCase(0x0301)]
    [TestCase(0x0302)]
    [Noted("transport_refused", "handshake_failed")]
    public async Task Versions_before_1_2_are_refused_with_the_alert_that_says_so(int version)
    {
        // A ClientHello of its time: no supported_versions, one cipher suite, one compression.
        byte[] random = new byte[32];
        byte[] body = [(byte)(version >> 8), (byte)version, .. random, 0, 0, 2, 0xC0, 0x0A, 1, 0];
        byte[] handshake = [1, 0, 0, (byte)body.Length, .. body];
        byte[] record = [0x16, 0x03, 0x01, 0, (byte)handshake.Length, .. handshake];
        await using NetworkStream stream = await ConnectAsync(_stage.Broker.Process.TlsTcp!);
        await stream.WriteAsync(record);
        byte[] answer = await ReadToEndAsync(stream);
        Assert.That(answer, Has.Length.EqualTo(7), Convert.ToHexString(answer));
        Assert.That((answer[0], answer[5], answer[6]), Is.EqualTo((Alert, (byte)2, ProtocolVersion)));
    }

    [TestCase(SslProtocols.Tls12)]
    [TestCase(SslProtocols.Tls13)]
    [Noted("protocol_violated", "tls_record")]
    public async Task Garbage_behind_the_handshake_ends_the_connection(SslProtocols version)
    {
        await using SslStream good = await _stage.Certificate.ConnectAsync(_stage.Broker.Process.TlsTcp!, version);
        Assert.That(good.SslProtocol, Is.EqualTo(version));
        Assert.That(good.NegotiatedApplicationProtocol.ToString(), Is.EqualTo("fastchat/1"));

        // Under the stream, past TLS: a record that no key has sealed.
        await using Tapped tapped = await Tapped.ConnectAsync(_stage, version);
        await tapped.Below.WriteAsync((byte[])[0x17, 0x03, 0x03, 0, 40, .. new byte[40]]);
        byte[] rest = await ReadToEndAsync(tapped.Below);
        Assert.That(rest, Is.Not.Empty, "an alert, sealed");
    }

    [Test]
    [Noted("settings_refused", "tls_certificate")]
    [Noted("certificate_loaded")]
    public async Task A_new_certificate_is_shown_without_a_restart_and_a_broken_one_is_not()
    {
        await using SignedInPeer account = await _stage.RegisterAsync();
        await using SignedInPeer old = await _stage.SignInAsync(account, "tls");

        // Half a file: the certificate from before goes on.
        string whole = await File.ReadAllTextAsync(_stage.Certificate.CertificateFile);
        await File.WriteAllTextAsync(_stage.Certificate.CertificateFile, whole[..(whole.Length / 2)]);
        await Task.Delay(600);
        await using (SignedInPeer meanwhile = await _stage.SignInAsync(account, "tls"))
        {
            await meanwhile.PingAsync();
        }

        _stage.Certificate.Issue();
        SignedInPeer? fresh = null;
        for (int i = 0; fresh is null && i < 50; i++)
        {
            try
            {
                fresh = await _stage.SignInAsync(account, "tls");
            }
            catch (AuthenticationException)
            {
                await Task.Delay(100);
            }
        }

        Assert.That(fresh, Is.Not.Null, "the new one is shown");
        await fresh!.PingAsync();
        await fresh.DisposeAsync();
        await old.PingAsync();
    }

    [Test]
    [Unseen("it does not start, and says why")]
    public async Task A_listener_that_others_can_reach_needs_TLS()
    {
        CliResult refused = await CliProcess.RunAsync(_stage.Broker.Directory.Path, "serve", "--data", _stage.Broker.Directory.PathOf("other"), "--listen", "0.0.0.0:0", "--http", "127.0.0.1:0");
        Assert.That(refused.ExitCode, Is.EqualTo(2), refused.ToString());
        Assert.That(refused.Error, Does.Contain("TLS").And.Not.Contain("   at "));
    }

    private static async Task<NetworkStream> ConnectAsync(System.Net.IPEndPoint address)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(address);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private static async Task<byte[]> ReadToEndAsync(Stream stream)
    {
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(15));
        using MemoryStream all = new();
        try
        {
            await stream.CopyToAsync(all, deadline.Token);
        }
        catch (IOException)
        {
            // A reset is an end as well.
        }

        return all.ToArray();
    }

    /// <summary>A connection through TLS of which the bytes below can be written, too.</summary>
    private sealed class Tapped(SslStream above, NetworkStream below) : IAsyncDisposable
    {
        public NetworkStream Below => below;

        public static async Task<Tapped> ConnectAsync(AttackStage stage, SslProtocols version)
        {
            NetworkStream below = await TlsAttackTests.ConnectAsync(stage.Broker.Process.TlsTcp!);
            SslStream above = new(below);
            await above.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                EnabledSslProtocols = version,
                RemoteCertificateValidationCallback = stage.Certificate.IsTheOne,
            });
            return new Tapped(above, below);
        }

        public async ValueTask DisposeAsync() => await above.DisposeAsync();
    }
}
