using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>A real haproxy in front of the real broker, both with the settings that docs/operations.md gives: TLS passed through and ended, clients' own addresses, health checks, a restart behind it, and one balancer behind another.</summary>
[Platform("Linux")]
public sealed class HaproxyTests
{
    private const int ConnectionsPerAddress = 4;

    /// <summary>Lines of the audit log that say that something was refused.</summary>
    private static readonly string[] s_refusals = ["transport_refused", "connection_refused", "protocol_violated", "sign_in_refused", "limit_reached"];

    private TestCertificate _certificate = null!;
    private TestBroker _broker = null!;
    private Haproxy _haproxy = null!;
    private int _passed, _ended, _web;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        Haproxy.Find();
        _certificate = new TestCertificate();
        int[] ports = Haproxy.FreePorts(7);
        (_passed, _ended, _web) = (ports[0], ports[1], ports[2]);
        JsonObject settings = (JsonObject)JsonNode.Parse(Haproxy.With(
            Haproxy.Example("{"),
            ("127.0.0.1:7401", At(ports[3])), ("127.0.0.1:7402", At(ports[4])), ("127.0.0.1:7481", At(ports[5])), ("127.0.0.1:7482", At(ports[6])),
            ("\"server.pem\"", JsonSerializer.Serialize(_certificate.CertificateFile)), ("\"server.key\"", JsonSerializer.Serialize(_certificate.KeyFile))))!;

        // The clients here have addresses of this machine, which is trusted otherwise.
        settings["limit_trusted"] = new JsonArray();
        settings["limit_connections_per_address"] = ConnectionsPerAddress;
        _broker = await TestBroker.StartAsync(settings, ports: (ports[3], ports[5]));

        string both = _broker.Directory.PathOf("chat.pem");
        await File.WriteAllTextAsync(both, await File.ReadAllTextAsync(_certificate.CertificateFile) + "\n" + await File.ReadAllTextAsync(_certificate.KeyFile));
        string configuration = Haproxy.With(
            Haproxy.Example("# haproxy.cfg"),
            ("bind :7400", "bind " + At(_passed)), ("bind :7443", "bind " + At(_ended)), ("bind :7480", "bind " + At(_web)), ("/etc/haproxy/chat.pem", both),
            ("broker 127.0.0.1:7401", "broker " + At(ports[3])), ("broker 127.0.0.1:7402", "broker " + At(ports[4])), ("broker 127.0.0.1:7482", "broker " + At(ports[6])),
            ("port 7482", string.Create(CultureInfo.InvariantCulture, $"port {ports[6]} inter 500ms")));
        _haproxy = await Haproxy.StartAsync(configuration, _web);
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_haproxy is not null)
        {
            await _haproxy.DisposeAsync();
        }

        if (_broker is not null)
        {
            await _broker.DisposeAsync();
        }

        _certificate?.Dispose();
    }

    [Test]
    public async Task Clients_are_who_they_are_for_limits_and_the_audit_log([Values("passed", "ended", "web")] string way)
    {
        IPAddress one = IPAddress.Parse("127.0.0.2"), another = IPAddress.Parse("127.0.0.3");
        List<SignedInPeer> held = [];
        try
        {
            for (int i = 0; i < ConnectionsPerAddress; i++)
            {
                held.Add(await RegisterAsync(way, one));
            }

            await using (ScriptedPeer tooMany = new(await OpenAsync(way, one)))
            {
                await tooMany.SendAsync(FrameType.Hello, 0, new Hello { Name = "nobody", Password = TestBroker.Password }.ToMap());
                Assert.That((CloseCode)(await tooMany.ReceiveCloseAsync()).Code, Is.EqualTo(CloseCode.TooManyConnections));
            }

            held.Add(await RegisterAsync(way, another));
            foreach (SignedInPeer peer in held)
            {
                await peer.PingAsync();
            }
        }
        finally
        {
            foreach (SignedInPeer peer in held)
            {
                await peer.DisposeAsync();
            }
        }

        List<JsonElement> audit = await ReadAuditAsync(lines => lines.Any(static line => IsFrom(line, "connection_refused", "127.0.0.2")));
        Assert.That(audit.Count(line => IsFrom(line, "registered", "127.0.0.2")), Is.GreaterThanOrEqualTo(ConnectionsPerAddress));
        Assert.That(audit.Count(line => IsFrom(line, "registered", "127.0.0.3")), Is.GreaterThanOrEqualTo(1));
        Assert.That(audit.Where(static line => IsFrom(line, "connection_refused", "127.0.0.3") || IsFrom(line, "registered", "127.0.0.9")), Is.Empty);
    }

    [Test]
    public async Task Health_checks_of_every_kind_leave_no_trace()
    {
        // Beside the example's, checks that only connect: with LOCAL and nothing behind it, and with nothing at all. Fifty a second each, on the listeners with TLS and without.
        int[] ports = Haproxy.FreePorts(1);
        StringBuilder more = new(Haproxy.With("""
            defaults
                mode tcp
                timeout connect 5s
                timeout client 1m
                timeout server 1m
                timeout check 5s
                source 127.0.0.9

            listen checks
                bind PORT

            """, ("PORT", At(ports[0]))));
        IPEndPoint[] listeners = [_broker.Process.TlsTcp!, _broker.Process.Tcp, IPEndPoint.Parse(_broker.Process.TlsHttp!.Authority), IPEndPoint.Parse(_broker.Process.Http.Authority)];
        foreach (IPEndPoint listener in listeners)
        {
            more.Append(CultureInfo.InvariantCulture, $"    server local-{listener.Port} {listener} send-proxy-v2 check inter 20ms\n");
            more.Append(CultureInfo.InvariantCulture, $"    server silent-{listener.Port} {listener} send-proxy-v2 no-check-send-proxy check inter 20ms\n");
        }

        string errors = _broker.Process.StandardError;
        string said = _haproxy.Said;
        await using (Haproxy checks = await Haproxy.StartAsync(more.ToString(), ports[0]))
        {
            await Task.Delay(TimeSpan.FromSeconds(2));
            Assert.That(checks.Said, Does.Not.Contain("DOWN"));
        }

        // Somebody's own garbage is noted all the while, and behind everything that came before it.
        await using (ScriptedPeer garbage = new(await OpenAsync("ended", IPAddress.Parse("127.0.0.4"))))
        {
            await garbage.SendAsync(new byte[8]);
            await garbage.ReceiveUntilAsync(static frame => frame.Type == FrameType.Close);
        }

        List<JsonElement> audit = await ReadAuditAsync(lines => lines.Any(static line => IsFrom(line, "protocol_violated", "127.0.0.4")));
        Assert.That(audit.Where(static line => s_refusals.Any(act => IsFrom(line, act, "127.0.0.9"))), Is.Empty);
        Assert.That(Without(_broker.Process.StandardError, errors), Does.Not.Contain("fail:").And.Not.Contain("warn:"));
        Assert.That(Without(_haproxy.Said, said), Does.Not.Contain("DOWN"), "the example's own checks find it well");
    }

    [Test]
    public async Task The_broker_is_killed_behind_it_and_nobody_loses_anything([Values("passed", "ended")] string way)
    {
        const int Messages = 600;
        await using FastChatClient writer = await ClientAsync(way, $"writer-{way}");
        await using FastChatClient reader = await ClientAsync(way, $"reader-{way}");
        ConversationId room = (await writer.ResolveConversationAsync($"room-{way}", create: true)).Conversation;
        using CancellationTokenSource late = new(TimeSpan.FromSeconds(60));
        Task<List<string>> reading = Task.Run(async () =>
        {
            List<string> read = [];
            await foreach (ChatMessage message in reader.ReadAsync(room, cancellationToken: late.Token))
            {
                if (message.Kind == MessageKind.Text)
                {
                    read.Add(Encoding.UTF8.GetString(message.Body.Span));
                    if (read.Count == Messages)
                    {
                        break;
                    }
                }
            }

            return read;
        });

        List<Task<PublishReceipt>> publishes = [];
        for (int i = 0; i < Messages; i++)
        {
            publishes.Add(writer.PublishTextAsync(room, i.ToString(CultureInfo.InvariantCulture), cancellationToken: late.Token).AsTask());
            await Task.Delay(2);
            if (i == Messages / 2)
            {
                await _broker.Process.RestartAsync();
            }
        }

        PublishReceipt[] receipts = await Task.WhenAll(publishes);
        Assert.That(receipts.Select(static receipt => receipt.Position.Sequence), Is.Ordered.And.Unique);
        Assert.That(await reading, Is.EqualTo(Enumerable.Range(0, Messages).Select(static i => i.ToString(CultureInfo.InvariantCulture))));
    }

    [Test]
    public async Task Behind_two_balancers_the_address_is_still_the_clients()
    {
        await using Haproxy outer = await StartOuterAsync(out int port);
        IPAddress client = IPAddress.Parse("127.0.0.5");
        await using (SignedInPeer peer = await SignInAsync(await ConnectAsync(port, client)))
        {
            await peer.PingAsync();
        }

        List<JsonElement> audit = await ReadAuditAsync(lines => lines.Any(static line => IsFrom(line, "registered", "127.0.0.5")));
        Assert.That(audit.Where(static line => IsFrom(line, "registered", "127.0.0.9")), Is.Empty);
    }

    [Test]
    public async Task What_a_client_says_of_itself_through_one_balancer_or_two_is_no_header()
    {
        await using Haproxy outer = await StartOuterAsync(out int port);
        byte[] hello = RawFrame.ToBytes(FrameType.Hello, 0, new Hello { Name = "forger", Password = TestBroker.Password, Register = true }.ToMap());
        byte[] forged = [.. ProxyTests.Header(IPAddress.Parse("203.0.113.9"))];
        byte[] text = Encoding.ASCII.GetBytes("PROXY TCP4 203.0.113.9 127.0.0.1 1 2\r\n");
        foreach (byte[] first in (byte[][])[[.. forged, .. hello], [.. forged, .. forged, .. hello], [.. text, .. hello], [.. hello[..5], .. forged, .. hello]])
        {
            foreach (int entrance in (int[])[port, _ended])
            {
                Stream stream = await ConnectAsync(entrance, IPAddress.Parse("127.0.0.6"));
                await using ScriptedPeer peer = new(entrance == port ? stream : await _certificate.ProtectAsync(stream));
                await peer.SendAsync(first);
                Failure close = await peer.ReceiveCloseAsync();
                Assert.That((CloseCode)close.Code, Is.EqualTo(CloseCode.FrameTooLarge).Or.EqualTo(CloseCode.BadFrame).Or.EqualTo(CloseCode.OutOfState));
            }
        }

        List<JsonElement> audit = await ReadAuditAsync(lines => lines.Any(static line => IsFrom(line, "protocol_violated", "127.0.0.6")));
        Assert.That(audit.Where(static line => line.TryGetProperty("from", out JsonElement from) && from.GetString() == "203.0.113.9"), Is.Empty);
        await using SignedInPeer other = await RegisterAsync("passed", IPAddress.Parse("127.0.0.7"));
        await other.PingAsync();
    }

    private static string At(int port) => new IPEndPoint(IPAddress.Loopback, port).ToString();

    private static bool IsFrom(JsonElement line, string act, string address) =>
        line.GetProperty("act").GetString() == act && line.TryGetProperty("from", out JsonElement from) && from.GetString() == address;

    private static string Without(string text, string beginning) => text[beginning.Length..];

    private static async Task<Stream> ConnectAsync(int port, IPAddress from)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(from, 0));
        await socket.ConnectAsync(IPAddress.Loopback, port);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private static async Task<SignedInPeer> SignInAsync(Stream stream)
    {
        ScriptedPeer peer = new(stream, TimeSpan.FromSeconds(20));
        return new SignedInPeer(peer, await peer.SignInAsync(new Hello { Client = "scripted", Name = $"u{Guid.NewGuid():N}"[..20], Password = TestBroker.Password, Register = true }));
    }

    private async Task<SignedInPeer> RegisterAsync(string way, IPAddress from) => await SignInAsync(await OpenAsync(way, from));

    private async Task<Stream> OpenAsync(string way, IPAddress from)
    {
        if (way != "web")
        {
            return await _certificate.ProtectAsync(await ConnectAsync(way == "passed" ? _passed : _ended, from));
        }

        using SocketsHttpHandler handler = new()
        {
            ConnectCallback = async (_, _) => await ConnectAsync(_web, from),
            SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = _certificate.IsTheOne },
        };
        using HttpMessageInvoker invoker = new(handler);
        ClientWebSocket socket = new();
        socket.Options.AddSubProtocol("fastchat.v1");
        await socket.ConnectAsync(new Uri($"wss://localhost:{_web}/ws"), invoker, CancellationToken.None);
        return WebSocketStream.Create(socket, WebSocketMessageType.Binary, TimeSpan.FromSeconds(5));
    }

    /// <summary>A balancer that speaks to the example's, which takes its header; nothing of TLS here.</summary>
    private Task<Haproxy> StartOuterAsync(out int port)
    {
        int[] ports = Haproxy.FreePorts(2);
        port = ports[0];
        return Haproxy.StartAsync(
            Haproxy.With(
                """
                defaults
                    mode tcp
                    timeout connect 5s
                    timeout client 1m
                    timeout server 1m

                listen inner
                    bind INNER accept-proxy
                    server broker BROKER source 127.0.0.9 send-proxy-v2

                listen outer
                    bind OUTER
                    server inner INNER send-proxy-v2
                """,
                ("INNER", At(ports[1])), ("OUTER", At(ports[0])), ("BROKER", _broker.Process.Tcp.ToString())),
            port);
    }

    private Task<FastChatClient> ClientAsync(string way, string name) => FastChatClient.ConnectAsync(new ClientOptions
    {
        Endpoint = ClientEndpoint.Parse($"tls://localhost:{(way == "passed" ? _passed : _ended)}"),
        Tls = new ClientTlsOptions { Expected = _certificate.Current },
        Name = name,
        Password = TestBroker.Password,
        Register = true,
        Reconnect = new ReconnectPolicy { FirstDelay = TimeSpan.FromMilliseconds(20), DelayMax = TimeSpan.FromMilliseconds(200), SpreadMax = TimeSpan.FromMilliseconds(20), RetryFirstConnect = true },
    });

    /// <summary>The audit log, once it holds what is waited for: it is written a moment behind what it tells of.</summary>
    private async Task<List<JsonElement>> ReadAuditAsync(Func<List<JsonElement>, bool>? holds = null)
    {
        for (int attempt = 0; ; attempt++)
        {
            List<JsonElement> lines = [];
            foreach (string file in Directory.GetFiles(Path.Combine(_broker.Process.DataDirectory, "audit")).Order())
            {
                string text = await File.ReadAllTextAsync(file);
                lines.AddRange(text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => JsonDocument.Parse(line).RootElement));
            }

            if (holds?.Invoke(lines) ?? true)
            {
                return lines;
            }

            Assert.That(attempt, Is.LessThan(100), "the audit log does not say what was waited for");
            await Task.Delay(100);
        }
    }
}
