using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace FastChat.Functional.Tests;

/// <summary>The PROXY protocol, version 2, at the real process: from listed proxies it is required and says where clients come from, from everybody else it is no header but wrong bytes.</summary>
public sealed class ProxyTests
{
    private static readonly byte[] s_signature = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];

    [Test]
    public async Task A_proxy_that_is_listed_says_where_clients_come_from([Values] bool hasTls)
    {
        using TestCertificate certificate = new();
        await using TestBroker broker = await TestBroker.StartAsync(
            new JsonObject { ["proxy_from"] = new JsonArray("127.0.0.1"), ["tls_handshake_seconds"] = 1 },
            hasTls ? ["--tls-certificate", certificate.CertificateFile, "--tls-key", certificate.KeyFile] : []);
        NetworkStream line = await ConnectAsync(broker);
        await line.WriteAsync(Header(IPAddress.Parse("203.0.113.7")));
        Stream stream = hasTls ? await certificate.ProtectAsync(line) : line;
        await using (ScriptedPeer peer = new(stream))
        {
            await peer.RegisterAsync("ada", TestBroker.Password);
        }

        // Without a header, with half of one, and with one that is none: no Welcome, no matter what follows.
        byte[] hello = RawFrame.ToBytes(FrameType.Hello, 0, new Hello { Name = "ada", Password = TestBroker.Password }.ToMap());
        foreach (byte[] first in (byte[][])[hello, [.. s_signature, .. hello], Header(IPAddress.Loopback)[..20], [.. s_signature, 0x21, 0x11, 0xFF, 0xFF], []])
        {
            await using NetworkStream wrong = await ConnectAsync(broker);
            await wrong.WriteAsync(first);
            using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(10));
            byte[] answer = new byte[64];
            int count = 0;
            try
            {
                count = await wrong.ReadAsync(answer, deadline.Token);
            }
            catch (IOException)
            {
                // Reset: closed as well.
            }

            Assert.That(count < 4 || answer[3] != (byte)FrameType.Welcome, Is.True);
        }

        Assert.That(await broker.Process.TerminateAsync(), Is.Zero);
        string audit = await File.ReadAllTextAsync(Directory.GetFiles(Path.Combine(broker.Process.DataDirectory, "audit")).Single());
        Assert.That(audit, Does.Contain("\"act\":\"registered\"").And.Contain("\"from\":\"203.0.113.7\""));
        Assert.That(audit, Does.Contain("\"act\":\"transport_refused\""));
    }

    [Test]
    public async Task From_others_it_is_no_header()
    {
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject { ["proxy_from"] = new JsonArray("10.0.0.0/8") });
        await using ScriptedPeer peer = new(await ConnectAsync(broker));
        await peer.SendAsync((byte[])[.. Header(IPAddress.Parse("203.0.113.7")), .. RawFrame.ToBytes(FrameType.Hello, 0, new Hello { Name = "ada", Password = TestBroker.Password, Register = true }.ToMap())]);
        Failure close = await peer.ReceiveCloseAsync();
        Assert.That((CloseCode)close.Code, Is.EqualTo(CloseCode.FrameTooLarge).Or.EqualTo(CloseCode.BadFrame).Or.EqualTo(CloseCode.OutOfState));
        await using SignedInPeer direct = await broker.RegisterAsync("bob");
        await direct.PingAsync();
    }

    /// <summary>Version 2, PROXY, TCP over IPv4, with a TLV that means nothing.</summary>
    public static byte[] Header(IPAddress source) =>
        [.. s_signature, 0x21, 0x11, 0, 17, .. source.GetAddressBytes(), 127, 0, 0, 1, 0xC0, 0x00, 0x1C, 0xE8, 0xEE, 0, 2, 7, 7];

    private static async Task<NetworkStream> ConnectAsync(TestBroker broker)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(broker.Process.Tcp);
        return new NetworkStream(socket, ownsSocket: true);
    }
}
