using System.Net.Sockets;
using System.Text;

namespace FastChat.Functional.Tests;

/// <summary>Attacks on the WebSocket endpoint by number (tests/attacks.md, 23 to 31), in bytes: what no WebSocket library would send.</summary>
public sealed class WebSocketAttackTests
{
    private static readonly byte[] s_mask = [1, 2, 3, 4];

    private AttackStage _stage = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _stage = await AttackStage.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _stage.DisposeAsync();

    [TearDown]
    public Task CheckAsync() => _stage.CheckAsync();

    [TestCase("permessage-deflate")]
    [TestCase("permessage-deflate; client_max_window_bits; server_no_context_takeover")]
    [TestCase("x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=15")]
    [Unseen("an offer that is not taken is no offence")]
    public async Task No_compression_is_agreed_to(string offer)
    {
        await using Stream stream = await ConnectAsync();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"{RawWebSocket.Head}Sec-WebSocket-Extensions: {offer}\r\n\r\n"));
        string answer = await RawWebSocket.ReadHeadAsync(stream);
        Assert.That(answer, Does.StartWith("HTTP/1.1 101").And.Not.Contain("Sec-WebSocket-Extensions").IgnoreCase);
    }

    [TestCase(0xC2, 0x80, "compressed, without having agreed to it")]
    [TestCase(0xA2, 0x80, "the second reserved bit")]
    [TestCase(0x92, 0x80, "the third reserved bit")]
    [TestCase(0x83, 0x80, "a reserved opcode")]
    [TestCase(0x8B, 0x80, "a reserved control opcode")]
    [TestCase(0x80, 0x80, "a continuation of nothing")]
    [TestCase(0x82, 0x00, "without a mask")]
    [TestCase(0x09, 0x80, "a ping in fragments")]
    [TestCase(0x08, 0x80, "a close in fragments")]
    [TestCase(0x89, 0xFE, "a ping of 126 bytes")]
    [TestCase(0x88, 0x81, "a close of one byte")]
    [Noted("protocol_violated", "websocket")]
    public async Task A_frame_that_breaks_the_rules_is_answered_with_1002(int first, int second, string what)
    {
        await using RawWebSocket socket = await UpgradeAsync();
        byte[] length = (second & 0x7F) == 126 ? [0, 126] : [];
        byte[] mask = (second & 0x80) != 0 ? s_mask : [];
        await socket.Stream.WriteAsync((byte[])[(byte)first, (byte)second, .. length, .. mask, .. new byte[200]]);
        Assert.That(await socket.ReceiveCloseAsync(), Is.EqualTo(1002), what);
    }

    [TestCase(999)]
    [TestCase(1005)]
    [TestCase(1006)]
    [TestCase(1015)]
    [TestCase(65535)]
    [Noted("protocol_violated", "websocket")]
    public async Task A_close_with_a_code_that_nobody_may_send_is_answered_with_1002(int code)
    {
        await using RawWebSocket socket = await UpgradeAsync();
        byte[] body = [(byte)((code >> 8) ^ s_mask[0]), (byte)(code ^ s_mask[1])];
        await socket.Stream.WriteAsync((byte[])[0x88, 0x82, .. s_mask, .. body]);
        Assert.That(await socket.ReceiveCloseAsync(), Is.EqualTo(1002));
    }

    [Test]
    [Noted("protocol_violated")]
    public async Task A_frame_of_8_exabytes_is_not_waited_for()
    {
        await using RawWebSocket socket = await UpgradeAsync();
        long before = _stage.Broker.Process.ResidentBytes;

        // The header is legal for a WebSocket; the first frame of the protocol within it is not.
        await socket.Stream.WriteAsync((byte[])[0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, .. s_mask, .. new byte[4096]]);
        Assert.That(await socket.ReceiveCloseAsync(), Is.EqualTo((int)CloseCode.BadFrame).Or.EqualTo((int)CloseCode.FrameTooLarge).Or.EqualTo((int)CloseCode.OutOfState));
        Assert.That(_stage.Broker.Process.ResidentBytes - before, Is.LessThan(16 << 20));
    }

    [TestCase(0x89, Description = "pings")]
    [TestCase(0x8A, Description = "pongs")]
    [TestCase(0x02, Description = "empty fragments that never end")]
    [TestCase(0x82, Description = "empty messages")]
    [Unseen("a stranger, whom the login deadline ends (DeadlineTests)")]
    public async Task Floods_of_nothing_cost_only_who_sends_them(int opcode)
    {
        await using RawWebSocket socket = await UpgradeAsync();
        byte[] frame = [(byte)opcode, 0x80, .. s_mask];
        byte[] next = opcode == 0x02 ? [0x00, 0x80, .. s_mask] : frame;
        await socket.Stream.WriteAsync(frame);
        byte[] many = [.. Enumerable.Repeat(next, 10_000).SelectMany(bytes => bytes)];
        long before = _stage.Broker.Process.ResidentBytes;
        using CancellationTokenSource stop = new();
        Task sending = Task.Run(async () =>
        {
            for (int i = 0; i < 40 && !stop.IsCancellationRequested; i++)
            {
                await socket.Stream.WriteAsync(many, stop.Token);
            }
        });
        for (int i = 0; i < 20; i++)
        {
            await _stage.Witness.PublishAsync(_stage.Room, "meanwhile"u8.ToArray()).WaitAsync(TimeSpan.FromSeconds(5));
        }

        Assert.That(_stage.Broker.Process.ResidentBytes - before, Is.LessThan(64 << 20));
        await stop.CancelAsync();
        await Task.WhenAny(sending, Task.Delay(TimeSpan.FromSeconds(5)));
        _ = sending.Exception;
    }

    [Test]
    [Noted("protocol_violated", "OutOfState")]
    public async Task A_token_in_the_address_is_neither_used_nor_written_down()
    {
        const string Canary = "canary-token-in-the-address";
        await using Stream stream = await ConnectAsync();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"{RawWebSocket.Head.Replace("/ws", $"/ws?token={Canary}&access_token={Canary}", StringComparison.Ordinal)}\r\n"));
        Assert.That(await RawWebSocket.ReadHeadAsync(stream), Does.StartWith("HTTP/1.1 101"));

        // Still a stranger: the first frame is Hello.
        await stream.WriteAsync((byte[])[0x82, 0x88, .. s_mask, .. Masked(RawFrame.ToBytes((byte)FrameType.Ping, 1, []))]);
        Assert.That(await new RawWebSocket(stream).ReceiveCloseAsync(), Is.EqualTo((int)CloseCode.OutOfState));
        Assert.That(_stage.Broker.Process.StandardError, Does.Not.Contain(Canary));
        foreach (string file in Directory.GetFiles(Path.Combine(_stage.Broker.Process.DataDirectory, "audit")))
        {
            Assert.That(await File.ReadAllTextAsync(file), Does.Not.Contain(Canary));
        }
    }

    [TestCase("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /ws HTTP/1.1\r\n\r\n")]
    [TestCase("GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2;\nxx\r\nab\r\n0\r\n\r\n")]
    [TestCase("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")]
    [TestCase("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")]
    [TestCase("GET /healthz HTTP/1.1\nHost: localhost\nX: y\n z\n\n")]
    [TestCase("GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 10\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")]
    [TestCase("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]
    [Unseen("the HTTP server answers for itself, and nothing of it reaches the broker")]
    public async Task Ambiguous_requests_and_other_versions_open_nothing(string request)
    {
        await using Stream stream = await ConnectAsync();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request));
        ((NetworkStream)stream).Socket.Shutdown(SocketShutdown.Send);
        byte[] all = new byte[16 * 1024];
        int count = await stream.ReadAtLeastAsync(all, all.Length, throwOnEndOfStream: false).AsTask().WaitAsync(TimeSpan.FromSeconds(10));
        string answer = Encoding.ASCII.GetString(all, 0, count);

        // One answer at the most, whatever it is, and never an upgrade.
        Assert.That(answer, Does.Not.Contain("101 Switching").And.Not.Contain("   at "));
        Assert.That(answer.Split("HTTP/1.1 ").Length - 1, Is.LessThanOrEqualTo(1));
    }

    private static byte[] Masked(byte[] bytes) => [.. bytes.Select((value, index) => (byte)(value ^ s_mask[index & 3]))];

    private Task<Stream> ConnectAsync() => RawWebSocket.ConnectAsync(_stage.Broker.Process.Http);

    private Task<RawWebSocket> UpgradeAsync() => RawWebSocket.OpenAsync(_stage.Broker.Process.Http);
}
