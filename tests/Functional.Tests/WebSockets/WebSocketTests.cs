using System.Net.Sockets;
using System.Net.WebSockets;

namespace FastChat.Functional.Tests;

/// <summary>The same protocol through the other doors: WebSocket and Unix domain socket.</summary>
public sealed class WebSocketTests
{
    private TestBroker _broker = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _broker = await TestBroker.StartAsync(
        new System.Text.Json.Nodes.JsonObject { ["allowed_origins"] = new System.Text.Json.Nodes.JsonArray("https://chat.example") },
        ["--unix", "DIR/broker.sock"]);

    [OneTimeTearDown]
    public async Task StopAsync() => await _broker.DisposeAsync();

    [Test]
    public async Task The_whole_exchange_over_a_WebSocket()
    {
        using ClientWebSocket socket = await OpenAsync();
        Assert.That(socket.SubProtocol, Is.EqualTo("fastchat.v1"));
        await ExchangeAsync(new ScriptedPeer(WebSocketStream.Create(socket, WebSocketMessageType.Binary, TimeSpan.FromSeconds(5))), "ws");
    }

    [Test]
    public async Task The_whole_exchange_over_a_Unix_socket()
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(_broker.Directory.PathOf("broker.sock")));
        await ExchangeAsync(new ScriptedPeer(new NetworkStream(socket, ownsSocket: true)), "unix");
    }

    [Test]
    public async Task Message_borders_carry_no_meaning()
    {
        using ClientWebSocket socket = await OpenAsync();
        byte[] hello = RawFrame.ToBytes(
            FrameType.Hello, 0, new Hello { Name = _broker.NewName(), Password = TestBroker.Password, Register = true }.ToMap());
        byte[] ping = RawFrame.ToBytes((byte)FrameType.Ping, 7, "split"u8);
        byte[] both = [.. hello, .. ping];
        foreach (byte value in both[..20])
        {
            await socket.SendAsync(new[] { value }, WebSocketMessageType.Binary, true, CancellationToken.None);
        }

        // An empty message, a message of two fragments, the rest with the next frame in one.
        await socket.SendAsync(Array.Empty<byte>(), WebSocketMessageType.Binary, true, CancellationToken.None);
        await socket.SendAsync(both.AsMemory(20, 5), WebSocketMessageType.Binary, false, CancellationToken.None);
        await socket.SendAsync(both.AsMemory(25, 5), WebSocketMessageType.Binary, true, CancellationToken.None);
        await socket.SendAsync(both.AsMemory(30), WebSocketMessageType.Binary, true, CancellationToken.None);
        ScriptedPeer peer = new(WebSocketStream.Create(socket, WebSocketMessageType.Binary, TimeSpan.FromSeconds(5)));
        await peer.ReceiveAsync(FrameType.Welcome);
        Assert.That((await peer.ReceiveAsync(FrameType.Pong, 7)).Body, Is.EqualTo("split"u8.ToArray()));
    }

    [Test]
    public async Task Each_message_of_the_broker_holds_whole_frames()
    {
        using ClientWebSocket socket = await OpenAsync();
        await socket.SendAsync(
            RawFrame.ToBytes(FrameType.Hello, 0, new Hello { Name = _broker.NewName(), Password = TestBroker.Password, Register = true }.ToMap()),
            WebSocketMessageType.Binary, true, CancellationToken.None);
        for (uint request = 1; request <= 200; request++)
        {
            await socket.SendAsync(RawFrame.ToBytes((byte)FrameType.Ping, request, new byte[64]), WebSocketMessageType.Binary, true, CancellationToken.None);
        }

        int frames = 0;
        while (frames < 201)
        {
            (WebSocketMessageType type, byte[] message) = await ReceiveAsync(socket);
            Assert.That(type, Is.EqualTo(WebSocketMessageType.Binary));
            int at = 0;
            while (at < message.Length)
            {
                at += 8 + (message[at] | (message[at + 1] << 8) | (message[at + 2] << 16));
                frames++;
            }

            Assert.That(at, Is.EqualTo(message.Length), "a frame is split over two messages");
        }
    }

    [Test]
    public async Task A_text_message_is_refused_with_1003()
    {
        using ClientWebSocket socket = await OpenAsync();
        await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, true, CancellationToken.None);
        Assert.That(await ReceiveCloseAsync(socket), Is.EqualTo(1003));
    }

    [Test]
    public async Task A_text_message_after_login_is_refused_with_1003()
    {
        using ClientWebSocket socket = await OpenAsync();
        await SignInAsync(socket);
        await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, true, CancellationToken.None);
        Assert.That(await ReceiveCloseAsync(socket), Is.EqualTo(1003));
    }

    [TestCase(CloseCode.FrameTooLarge, "ffffff1000000000")]
    [TestCase(CloseCode.OutOfState, "0000001001000000")]
    [TestCase(CloseCode.BadFrame, "0000000000000000")]
    [TestCase(CloseCode.BadFrame, "000000 0100000000")]
    public async Task The_close_status_is_the_close_code(CloseCode code, string hex)
    {
        using ClientWebSocket socket = await OpenAsync();
        byte[] bytes = Convert.FromHexString(hex.Replace(" ", string.Empty, StringComparison.Ordinal));
        await socket.SendAsync(bytes, WebSocketMessageType.Binary, true, CancellationToken.None);
        (WebSocketMessageType type, byte[] message) = await ReceiveAsync(socket);
        Assert.That(type, Is.EqualTo(WebSocketMessageType.Binary), "the Close frame comes first");
        Assert.That(Failure.TryRead(message.AsSpan(8), out Failure failure), Is.True);
        Assert.That((CloseCode)failure.Code, Is.EqualTo(code));
        Assert.That(await ReceiveCloseAsync(socket), Is.EqualTo((int)code));
    }

    [Test]
    public async Task A_violation_after_login_has_its_status()
    {
        using ClientWebSocket socket = await OpenAsync();
        await SignInAsync(socket);
        await socket.SendAsync(RawFrame.ToBytes((byte)FrameType.Deliver, 0, []), WebSocketMessageType.Binary, true, CancellationToken.None);
        Assert.That(await ReceiveCloseAsync(socket), Is.EqualTo((int)CloseCode.OutOfState));
    }

    [TestCase("https://evil.example", 403)]
    [TestCase("null", 403)]
    [TestCase("https://chat.example.evil.example", 403)]
    [TestCase("http://chat.example", 403)]
    [TestCase("https://chat.example", 101)]
    [TestCase("", 101)]
    public async Task Foreign_origins_are_refused(string origin, int status) => Assert.That(await UpgradeAsync(origin), Is.EqualTo(status));

    [Test]
    public async Task The_brokers_own_origin_is_welcome() =>
        Assert.That(await UpgradeAsync(_broker.Process.Http.GetLeftPart(UriPartial.Authority)), Is.EqualTo(101));

    /// <summary>What is not plain goes through the HTTP server, and must come to the same.</summary>
    [TestCase("", 101)]
    [TestCase("X-Forwarded-For: 192.0.2.1\t\r\n", 101)]
    [TestCase("Content-Length: 0\r\n", 101)]
    [TestCase("Origin: https://evil.example\r\n", 403)]
    [TestCase("Origin: https://evil.example\r\nX: \t\r\n", 403)]
    [TestCase("Origin: https://chat.example\r\nOrigin: https://evil.example\r\n", 403)]
    [TestCase("Sec-WebSocket-Version: 8\r\n", 400)]
    [TestCase("Host: other.example\r\n", 400)]
    public async Task Odd_upgrades_are_answered_as_plain_ones_are(string header, int status)
    {
        Assert.That(await UpgradeRawAsync(header, inPieces: false), Is.EqualTo(status));
        Assert.That(await UpgradeRawAsync(header, inPieces: true), Is.EqualTo(status));
    }

    private async Task<int> UpgradeRawAsync(string header, bool inPieces)
    {
        using TcpClient client = new();
        await client.ConnectAsync(_broker.Process.Http.Host, _broker.Process.Http.Port);
        string head = $"GET /ws HTTP/1.1\r\nHost: {_broker.Process.Http.Authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + $"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{(header.Contains("Version", StringComparison.Ordinal) ? string.Empty : "Sec-WebSocket-Version: 13\r\n")}{header}\r\n";
        NetworkStream stream = client.GetStream();
        for (int at = 0, size = inPieces ? 50 : head.Length; at < head.Length; at += size)
        {
            await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(head[at..Math.Min(head.Length, at + size)]));
            await Task.Delay(inPieces ? 5 : 0);
        }

        using StreamReader reader = new(stream);
        string[] line = (await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(10)))!.Split(' ');
        return int.Parse(line[1], System.Globalization.CultureInfo.InvariantCulture);
    }

    [Test]
    public async Task The_other_pages()
    {
        using HttpClient client = new();
        Assert.That(await _broker.GetHealthAsync(), Is.EqualTo(200));
        using HttpResponseMessage plain = await client.GetAsync(new Uri(_broker.Process.Http, "/ws"));
        Assert.That((int)plain.StatusCode, Is.EqualTo(400));
        using HttpResponseMessage nothing = await client.GetAsync(new Uri(_broker.Process.Http, "/nothing"));
        Assert.That((int)nothing.StatusCode, Is.EqualTo(404));
        Assert.That(nothing.Headers.Server, Is.Empty);
    }

    private async Task ExchangeAsync(ScriptedPeer peer, string name)
    {
        Welcome welcome = await peer.RegisterAsync(_broker.NewName(), TestBroker.Password);
        await using SignedInPeer client = new(peer, welcome);
        ConversationId room = (await client.OpenAsync(name)).Conversation;
        await client.SubscribeAsync(room);
        byte[] body = new byte[65_536];
        Random.Shared.NextBytes(body);
        uint request = client.NextRequest();
        await peer.SendAsync(FrameType.Publish, request, Bodies.Publish(room, body, MessageKind.Opaque));
        List<ReceivedFrame> both = [await client.ReceiveAsync(), await client.ReceiveAsync()];
        Assert.That(Bodies.ReadPublished(both.Single(frame => frame.Type == FrameType.Published)).Sequence, Is.EqualTo(1));
        StoredMessage delivered = Bodies.ReadRecords(both.Single(frame => frame.Type == FrameType.Deliver)).Single();
        Assert.That(delivered.Body.AsSpan().SequenceEqual(body), Is.True);
        Assert.That((await client.ReadAllAsync(room)).Single().Sender, Is.EqualTo(welcome.User));
        await client.PingAsync();
    }

    private async Task<ClientWebSocket> OpenAsync()
    {
        ClientWebSocket socket = new();
        socket.Options.AddSubProtocol("fastchat.v1");
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(10));
        await socket.ConnectAsync(new UriBuilder(_broker.Process.Http) { Scheme = "ws", Path = "/ws" }.Uri, deadline.Token);
        return socket;
    }

    private async Task SignInAsync(ClientWebSocket socket)
    {
        Hello hello = new() { Name = _broker.NewName(), Password = TestBroker.Password, Register = true };
        await socket.SendAsync(RawFrame.ToBytes(FrameType.Hello, 0, hello.ToMap()), WebSocketMessageType.Binary, true, CancellationToken.None);
        (_, byte[] message) = await ReceiveAsync(socket);
        Assert.That((FrameType)message[3], Is.EqualTo(FrameType.Welcome));
    }

    private async Task<int> UpgradeAsync(string origin)
    {
        using HttpClient client = new() { Timeout = TimeSpan.FromSeconds(10) };
        using HttpRequestMessage request = new(HttpMethod.Get, new Uri(_broker.Process.Http, "/ws"));
        request.Headers.Add("Connection", "Upgrade");
        request.Headers.Add("Upgrade", "websocket");
        request.Headers.Add("Sec-WebSocket-Version", "13");
        request.Headers.Add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        if (origin.Length > 0)
        {
            request.Headers.Add("Origin", origin);
        }

        using HttpResponseMessage answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        return (int)answer.StatusCode;
    }

    private static async Task<(WebSocketMessageType Type, byte[] Message)> ReceiveAsync(ClientWebSocket socket)
    {
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(10));
        byte[] buffer = new byte[512 * 1024];
        int size = 0;
        while (true)
        {
            ValueWebSocketReceiveResult received = await socket.ReceiveAsync(buffer.AsMemory(size), deadline.Token);
            size += received.Count;
            if (received.EndOfMessage)
            {
                return (received.MessageType, buffer[..size]);
            }
        }
    }

    private static async Task<int> ReceiveCloseAsync(ClientWebSocket socket)
    {
        while ((await ReceiveAsync(socket)).Type != WebSocketMessageType.Close)
        {
            // Frames before the end, Close among them.
        }

        return (int)socket.CloseStatus!.Value;
    }
}
