using System.Globalization;
using System.Text;

namespace FastChat.Functional.Tests;

/// <summary>
/// What RFC 6455 asks of a server, case by case, with the section numbers that test suites of this protocol have in common. Their cases want every message back; what gives something back here is
/// the protocol within: a message that is to be echoed is made of Pings of FastChat, and its echo are their Pongs. Text messages are refused by design (1003), so the cases about UTF-8 come down to
/// that and to reasons of closing.
/// </summary>
[TestFixture("plain")]
[TestFixture("through the HTTP server")]
[TestFixture("TLS")]
public sealed class WebSocketConformanceTests(string door)
{
    private const int ProtocolError = 1002, UnsupportedData = 1003, InvalidPayload = 1007;

    private static readonly int[] s_sizes = [0, 125, 126, 127, 128, 65_535, 65_536];

    private TestCertificate? _certificate;
    private TestBroker _broker = null!;
    private string _token = null!;
    private ConversationId _room;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _certificate = door == "TLS" ? new TestCertificate() : null;
        _broker = await TestBroker.StartAsync(
            new System.Text.Json.Nodes.JsonObject { ["http_plain"] = "127.0.0.1:0" },
            _certificate is null ? null : ["--tls-certificate", _certificate.CertificateFile, "--tls-key", _certificate.KeyFile]);
        await using SignedInPeer account = await RegisterAsync();
        _token = account.Welcome.Token!;
        _room = (await account.OpenAsync("echo")).Conversation;
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        // None of it made the broker write a stack trace.
        Assert.That(_broker.Process.StandardError, Does.Not.Contain("   at "));
        await _broker.DisposeAsync();
        _certificate?.Dispose();
    }

    /// <summary>1.1: text of any size is not what is spoken here.</summary>
    [TestCaseSource(nameof(s_sizes))]
    public async Task Text_is_refused(int size)
    {
        await using RawWebSocket socket = await OpenAsync();
        await socket.SendChoppedAsync(RawWebSocket.Frame(RawWebSocket.Text, new byte[size]), int.MaxValue);
        await ExpectCloseAsync(socket, UnsupportedData);
    }

    /// <summary>1.2: the three ways in which a length is written, and their borders; 1.2.8: in pieces.</summary>
    [TestCaseSource(nameof(s_sizes))]
    public async Task A_binary_message_arrives_whatever_its_size(int size)
    {
        foreach (int piece in (int[])[int.MaxValue, 997])
        {
            await using RawWebSocket socket = await SignInAsync();
            byte[] message = Pings(size, 1, out int count);
            await socket.SendChoppedAsync(RawWebSocket.Frame(RawWebSocket.Binary, message), piece);
            await ExpectPongsAsync(socket, message, count);
            await CloseAsync(socket);
        }
    }

    /// <summary>2.1 to 2.4, 2.6: a ping is answered with its own bytes.</summary>
    [TestCase(0, int.MaxValue)]
    [TestCase(13, int.MaxValue)]
    [TestCase(125, int.MaxValue)]
    [TestCase(125, 1)]
    public async Task A_ping_is_answered_with_its_own_bytes(int size, int piece)
    {
        await using RawWebSocket socket = await SignInAsync();
        byte[] payload = Bytes(size);
        await socket.SendChoppedAsync(RawWebSocket.Frame(RawWebSocket.Ping, payload), piece);
        await ExpectPongAsync(socket, payload);
        await CloseAsync(socket);
    }

    /// <summary>2.5.</summary>
    [Test]
    public async Task A_ping_of_126_bytes_is_an_error() => await RefusedAsync(RawWebSocket.Frame(RawWebSocket.Ping, Bytes(126)), ProtocolError);

    /// <summary>2.7 to 2.9: a pong that nobody asked for is nothing.</summary>
    [TestCase(0)]
    [TestCase(20)]
    public async Task A_pong_that_nobody_asked_for_is_passed_over(int size)
    {
        await using RawWebSocket socket = await SignInAsync();
        await socket.SendAsync(RawWebSocket.Pong, Bytes(size));
        await socket.SendAsync(RawWebSocket.Ping, Bytes(9));
        await ExpectPongAsync(socket, Bytes(9));
        await CloseAsync(socket);
    }

    /// <summary>2.10, 2.11: ten pings, answered in order.</summary>
    [TestCase(int.MaxValue)]
    [TestCase(1)]
    public async Task Ten_pings_are_answered_in_order(int piece)
    {
        await using RawWebSocket socket = await SignInAsync();
        byte[][] payloads = [.. Enumerable.Range(0, 10).Select(i => Encoding.ASCII.GetBytes($"payload-{i}"))];
        await socket.SendChoppedAsync(Join([.. payloads.Select(payload => RawWebSocket.Frame(RawWebSocket.Ping, payload))]), piece);
        foreach (byte[] payload in payloads)
        {
            await ExpectPongAsync(socket, payload);
        }

        await CloseAsync(socket);
    }

    /// <summary>3: reserved bits without an extension that gives them a meaning. The answer to what came before them may be overtaken by the end.</summary>
    [Test]
    public async Task Reserved_bits_are_an_error([Range(1, 7)] int reserved, [Values(RawWebSocket.Binary, RawWebSocket.Ping, RawWebSocket.Close)] int opcode, [Values(int.MaxValue, 1)] int piece)
    {
        await using RawWebSocket socket = await SignInAsync();
        await socket.SendChoppedAsync(Join(RawWebSocket.Frame(RawWebSocket.Binary, Pings(72, 1, out _)), RawWebSocket.Frame(opcode, [], reserved: reserved), RawWebSocket.Frame(RawWebSocket.Ping, [])), piece);
        await ExpectCloseAsync(socket, ProtocolError);
    }

    /// <summary>4: opcodes that mean nothing yet, with and without bytes.</summary>
    [Test]
    public async Task Reserved_opcodes_are_an_error([Values(3, 4, 5, 6, 7, 11, 12, 13, 14, 15)] int opcode, [Values(0, 64)] int size, [Values(int.MaxValue, 1)] int piece)
    {
        await using RawWebSocket socket = await SignInAsync();
        await socket.SendChoppedAsync(Join(RawWebSocket.Frame(RawWebSocket.Binary, Pings(72, 1, out _)), RawWebSocket.Frame(opcode, Bytes(size)), RawWebSocket.Frame(RawWebSocket.Ping, [])), piece);
        await ExpectCloseAsync(socket, ProtocolError);
    }

    /// <summary>5.1, 5.2: control frames are not sent in fragments.</summary>
    [TestCase(RawWebSocket.Ping)]
    [TestCase(RawWebSocket.Pong)]
    [TestCase(RawWebSocket.Close)]
    public async Task Control_frames_in_fragments_are_an_error(int opcode) =>
        await RefusedAsync(Join(RawWebSocket.Frame(opcode, "fragment1"u8, isFinal: false), RawWebSocket.Frame(RawWebSocket.Continuation, "fragment2"u8)), ProtocolError);

    /// <summary>5.3 to 5.8, 10.1: a message in fragments, with pings between them, which are answered before it is whole.</summary>
    [Test]
    public async Task Fragments_make_a_message([Values(2, 5, 50)] int fragments, [Values] bool withPings, [Values(int.MaxValue, 1)] int piece)
    {
        await using RawWebSocket socket = await SignInAsync();
        byte[] message = Pings(3_600, 1, out int count);
        List<byte[]> frames = [];
        int size = message.Length / fragments;
        for (int i = 0; i < fragments; i++)
        {
            byte[] part = i == fragments - 1 ? message[(i * size)..] : message[(i * size)..((i + 1) * size)];
            frames.Add(RawWebSocket.Frame(i == 0 ? RawWebSocket.Binary : RawWebSocket.Continuation, part, isFinal: i == fragments - 1));
            if (withPings && i < fragments - 1)
            {
                frames.Add(RawWebSocket.Frame(RawWebSocket.Ping, BitConverter.GetBytes(i)));
            }
        }

        await socket.SendChoppedAsync(Join([.. frames]), piece);
        List<byte[]> pongs = [];
        await ExpectPongsAsync(socket, message, count, pongs);
        while (withPings && pongs.Count < fragments - 1)
        {
            pongs.Add((await ReceiveAsync(socket, RawWebSocket.Pong)).Payload);
        }

        Assert.That(pongs, Is.EqualTo(withPings ? Enumerable.Range(0, fragments - 1).Select(BitConverter.GetBytes) : []));
        await CloseAsync(socket);
    }

    /// <summary>5.9 to 5.18: fragments that do not belong together.</summary>
    [TestCase("a continuation of nothing, the last one", new[] { 0x80 })]
    [TestCase("a continuation of nothing, not the last one", new[] { 0x00 })]
    [TestCase("a continuation behind a whole message", new[] { 0x82, 0x80 })]
    [TestCase("a continuation behind a whole message, not the last one", new[] { 0x82, 0x00 })]
    [TestCase("a continuation behind a message of fragments", new[] { 0x02, 0x80, 0x80 })]
    [TestCase("a message within another one", new[] { 0x02, 0x82 })]
    [TestCase("a message in fragments within another one", new[] { 0x02, 0x02 })]
    public async Task Fragments_that_do_not_belong_together_are_an_error(string what, int[] heads)
    {
        foreach (int piece in (int[])[int.MaxValue, 1])
        {
            await using RawWebSocket socket = await SignInAsync();
            byte[] part = Pings(8, 1, out _);
            await socket.SendChoppedAsync(Join([.. heads.Select(head => RawWebSocket.Frame(head & 0x0F, part, (head & 0x80) != 0))]), piece);
            await ExpectCloseAsync(socket, ProtocolError, what);
        }
    }

    /// <summary>6: text is refused however well or badly it is encoded, in one frame and in fragments.</summary>
    [TestCase("48656c6c6f")]
    [TestCase("cebae1bdb9cf83cebcceb5")]
    [TestCase("f4908080")]
    [TestCase("eda080")]
    [TestCase("c0af")]
    [TestCase("ff")]
    public async Task Text_is_refused_whatever_is_in_it(string hex)
    {
        byte[] text = Convert.FromHexString(hex);
        await RefusedAsync(RawWebSocket.Frame(RawWebSocket.Text, text), UnsupportedData);
        await RefusedAsync(Join(RawWebSocket.Frame(RawWebSocket.Text, text.AsSpan(0, 1), isFinal: false), RawWebSocket.Frame(RawWebSocket.Continuation, text.AsSpan(1))), UnsupportedData);
    }

    /// <summary>7.1: whoever closes is answered with a close, and with nothing that was sent behind it.</summary>
    [TestCase("close")]
    [TestCase("message close")]
    [TestCase("close close")]
    [TestCase("close ping")]
    [TestCase("close message")]
    [TestCase("fragment close fragment")]
    [TestCase("large close ping")]
    public async Task A_close_is_the_last_thing(string order)
    {
        await using RawWebSocket socket = await SignInAsync();
        int expected = 0;
        List<byte[]> frames = [];
        foreach (string step in order.Split(' '))
        {
            bool counts = !order.Contains("fragment", StringComparison.Ordinal) && !frames.Exists(frame => (frame[0] & 0x0F) == RawWebSocket.Close);
            byte[] message = Pings(step == "large" ? 262_144 : 72, 1, out int count);
            expected += counts && step is "message" or "large" ? count : 0;
            frames.Add(step switch
            {
                "close" => RawWebSocket.Frame(RawWebSocket.Close, Closing(1000)),
                "ping" => RawWebSocket.Frame(RawWebSocket.Ping, []),
                "fragment" when frames.Count == 0 => RawWebSocket.Frame(RawWebSocket.Binary, message.AsSpan(0, 4), isFinal: false),
                "fragment" => RawWebSocket.Frame(RawWebSocket.Continuation, message.AsSpan(4)),
                _ => RawWebSocket.Frame(RawWebSocket.Binary, message),
            });
        }

        await socket.SendChoppedAsync(Join([.. frames]), int.MaxValue);
        WebSocketFrame? last = null;
        int answered = 0;
        while (await socket.ReceiveMessageAsync() is { } message)
        {
            Assert.That(last?.Opcode, Is.Not.EqualTo(RawWebSocket.Close), "something came behind the close");
            Assert.That(message.Opcode, Is.Not.EqualTo(RawWebSocket.Pong), "what came behind the close was answered");
            answered += message.Opcode == RawWebSocket.Binary ? FramesOf(message.Payload).Count(frame => frame.Type == FrameType.Pong) : 0;
            last = message;
        }

        Assert.That((last?.Opcode, last?.Status), Is.EqualTo((RawWebSocket.Close, 1000)));
        Assert.That(answered, Is.LessThanOrEqualTo(expected));
    }

    /// <summary>7.3, 7.7: what a close may hold is sent back.</summary>
    [TestCase(1000, 0)]
    [TestCase(1001, 0)]
    [TestCase(1002, 5)]
    [TestCase(1003, 0)]
    [TestCase(1007, 0)]
    [TestCase(1008, 0)]
    [TestCase(1009, 0)]
    [TestCase(1010, 0)]
    [TestCase(1011, 123)]
    [TestCase(3000, 0)]
    [TestCase(3999, 0)]
    [TestCase(4000, 0)]
    [TestCase(4999, 123)]
    public async Task A_close_is_answered_with_its_status(int status, int reasonSize)
    {
        await using RawWebSocket socket = await SignInAsync();
        await socket.SendAsync(RawWebSocket.Close, Closing(status, new string('x', reasonSize)));
        await ExpectCloseAsync(socket, status);

        // Nobody has to have signed in for it.
        await using RawWebSocket stranger = await OpenAsync();
        await stranger.SendAsync(RawWebSocket.Close, Closing(status));
        await ExpectCloseAsync(stranger, status);
    }

    /// <summary>7.3.1.</summary>
    [Test]
    public async Task A_close_without_a_status_is_answered_as_a_normal_one() => await RefusedAsync(RawWebSocket.Frame(RawWebSocket.Close, []), 1000);

    /// <summary>7.3.2, 7.3.6.</summary>
    [TestCase(1)]
    [TestCase(126)]
    [TestCase(500)]
    public async Task A_close_of_a_wrong_size_is_an_error(int size) => await RefusedAsync(RawWebSocket.Frame(RawWebSocket.Close, new byte[size]), ProtocolError);

    /// <summary>7.5.1.</summary>
    [TestCase("cebae1bdb9cf83cebcceb5eda080656469746564")]
    [TestCase("ff")]
    public async Task A_reason_that_is_no_text_is_an_error(string hex)
    {
        await using RawWebSocket socket = await SignInAsync();
        await socket.SendAsync(RawWebSocket.Close, (byte[])[.. Closing(1000), .. Convert.FromHexString(hex)]);
        Assert.That(await socket.ReceiveCloseAsync(), Is.EqualTo(InvalidPayload).Or.EqualTo(ProtocolError));
    }

    /// <summary>7.9, 7.13: statuses that nobody may send.</summary>
    [Test]
    public async Task A_close_with_a_status_that_nobody_may_send_is_an_error([Values(0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)] int status) =>
        await RefusedAsync(RawWebSocket.Frame(RawWebSocket.Close, Closing(status)), ProtocolError);

    /// <summary>9.1 to 9.4: many megabytes as one message, in one frame or in fragments of any size.</summary>
    [Test]
    public async Task Large_messages_arrive_whole([Values(64, 1024, 8192)] int kilobytes, [Values(int.MaxValue, 65_536, 4_096, 256)] int fragment)
    {
        await using RawWebSocket socket = await SignInAsync();
        ClientMessageId[] ids = [.. Enumerable.Range(0, Math.Max(1, kilobytes / 64)).Select(i => new ClientMessageId(new UInt128((ulong)Random.Shared.NextInt64(), (ulong)i + 1)))];
        byte[] body = Bytes(60_000);
        byte[] message = Join([.. ids.Select((id, i) => RawFrame.ToBytes((byte)FrameType.Publish, (uint)i + 1, Bodies.Publish(_room, body, MessageKind.Opaque, id)))]);
        Task sending = SendFragmentsAsync(socket, message, fragment);
        List<ReceivedFrame> answers = [];
        while (answers.Count < ids.Length)
        {
            answers.AddRange(FramesOf((await ReceiveAsync(socket, RawWebSocket.Binary)).Payload));
        }

        await sending;
        Assert.That(answers.Select(answer => (answer.Type, answer.Request)), Is.EqualTo(ids.Select((_, i) => (FrameType.Published, (uint)i + 1))));
        await CloseAsync(socket);
    }

    /// <summary>9.7, 9.8: a thousand messages of a size, each answered.</summary>
    [Test]
    public async Task A_thousand_messages_are_answered_in_order([Values(8, 72, 125, 126, 1024, 4096)] int size)
    {
        await using RawWebSocket socket = await SignInAsync();
        byte[][] messages = new byte[1000][];
        int all = 0;
        for (int i = 0; i < messages.Length; i++)
        {
            messages[i] = Pings(size, (uint)all + 1, out int count);
            all += count;
        }

        Task sending = SendAllAsync();
        await ExpectPongsAsync(socket, Join(messages), all);
        await sending;
        await CloseAsync(socket);

        async Task SendAllAsync()
        {
            foreach (byte[] message in messages)
            {
                await socket.SendAsync(RawWebSocket.Binary, message);
            }
        }
    }

    /// <summary>12, 13: no compression is agreed to, however it is offered, and all goes on without.</summary>
    [TestCase("permessage-deflate")]
    [TestCase("permessage-deflate; client_max_window_bits")]
    [TestCase("permessage-deflate; client_no_context_takeover; server_no_context_takeover")]
    [TestCase("permessage-deflate; server_max_window_bits=9; client_max_window_bits=15")]
    [TestCase("permessage-deflate; server_max_window_bits=8, permessage-deflate; client_max_window_bits, permessage-deflate")]
    [TestCase("permessage-bzip2; client_max_compress_level=1, x-webkit-deflate-frame")]
    public async Task Compression_is_not_agreed_to(string offer)
    {
        await using RawWebSocket socket = await OpenAsync($"Sec-WebSocket-Extensions: {offer}\r\n");
        await SignInAsync(socket);
        byte[] message = Pings(65_536, 1, out int count);
        await socket.SendAsync(RawWebSocket.Binary, message);
        await ExpectPongsAsync(socket, message, count);
        await socket.SendChoppedAsync(RawWebSocket.Frame(RawWebSocket.Binary, message, reserved: 4), int.MaxValue);
        await ExpectCloseAsync(socket, ProtocolError);
    }

    /// <summary>Frames that leave here: unmasked, binary, never in more fragments than a message needs, and a mask is demanded of the client.</summary>
    [Test]
    public async Task A_frame_without_a_mask_is_an_error()
    {
        await using RawWebSocket socket = await SignInAsync();
        await socket.Stream.WriteAsync((byte[])[0x82, 8, .. Pings(8, 1, out _)]);
        await ExpectCloseAsync(socket, ProtocolError);
    }

    private static byte[] Bytes(int size) => [.. Enumerable.Range(0, size).Select(i => (byte)(i * 31))];

    private static byte[] Join(params byte[][] parts) => [.. parts.SelectMany(part => part)];

    private static byte[] Closing(int status, string reason = "") => [(byte)(status >> 8), (byte)status, .. Encoding.UTF8.GetBytes(reason)];

    /// <summary>Pings of FastChat of together <paramref name="size"/> bytes, which is 0 or at least a header.</summary>
    private static byte[] Pings(int size, uint first, out int count)
    {
        List<byte> all = new(size);
        count = 0;
        while (all.Count < size)
        {
            int left = size - all.Count;
            int frame = left <= 72 ? left : Math.Min(72, left - 8);
            all.AddRange(RawFrame.ToBytes((byte)FrameType.Ping, first + (uint)count, Bytes(frame - 8)));
            count++;
        }

        return [.. all];
    }

    private static List<ReceivedFrame> FramesOf(ReadOnlySpan<byte> message)
    {
        List<ReceivedFrame> frames = [];
        while (message.Length > 0)
        {
            int length = message[0] | (message[1] << 8) | (message[2] << 16);
            frames.Add(new ReceivedFrame((FrameType)message[3], BitConverter.ToUInt32(message[4..]), message.Slice(8, length).ToArray()));
            message = message[(8 + length)..];
        }

        return frames;
    }

    private static async Task SendFragmentsAsync(RawWebSocket socket, ReadOnlyMemory<byte> message, int size)
    {
        for (int at = 0; at < message.Length;)
        {
            int count = Math.Min(size, message.Length - at);
            await socket.SendAsync(at == 0 ? RawWebSocket.Binary : RawWebSocket.Continuation, message.Slice(at, count), isFinal: at + count == message.Length);
            at += count;
        }
    }

    private static async Task<WebSocketFrame> ReceiveAsync(RawWebSocket socket, int opcode)
    {
        WebSocketFrame? message = await socket.ReceiveMessageAsync();
        Assert.That(message, Is.Not.Null, "the stream ended");
        Assert.That(message!.Opcode, Is.EqualTo(opcode), message.Opcode == RawWebSocket.Close ? message.Status.ToString(CultureInfo.InvariantCulture) : string.Empty);
        return message;
    }

    private static async Task ExpectPongAsync(RawWebSocket socket, byte[] payload) => Assert.That((await ReceiveAsync(socket, RawWebSocket.Pong)).Payload, Is.EqualTo(payload));

    /// <summary>The Pongs of FastChat that answer <paramref name="pings"/>, in order; pongs of the WebSocket between them go to <paramref name="pongs"/>.</summary>
    private static async Task ExpectPongsAsync(RawWebSocket socket, byte[] pings, int count, List<byte[]>? pongs = null)
    {
        List<ReceivedFrame> answers = [];
        while (answers.Count < count)
        {
            WebSocketFrame? message = await socket.ReceiveMessageAsync();
            Assert.That(message, Is.Not.Null, "the stream ended");
            if (message!.Opcode == RawWebSocket.Pong && pongs is not null)
            {
                pongs.Add(message.Payload);
                continue;
            }

            Assert.That(message.Opcode, Is.EqualTo(RawWebSocket.Binary));
            answers.AddRange(FramesOf(message.Payload));
        }

        List<ReceivedFrame> asked = FramesOf(pings);
        Assert.That(answers.Select(frame => frame.Type), Is.All.EqualTo(FrameType.Pong));
        Assert.That(answers.Select(frame => (frame.Request, Convert.ToHexString(frame.Body))), Is.EqualTo(asked.Select(frame => (frame.Request, Convert.ToHexString(frame.Body)))));
    }

    private static async Task ExpectCloseAsync(RawWebSocket socket, int status, string what = "")
    {
        Assert.That(await socket.ReceiveCloseAsync(), Is.EqualTo(status), what);
        WebSocketFrame? more = await socket.ReceiveAsync();
        Assert.That(more, Is.Null, $"a close is the end of the stream, and {more?.Opcode} {Convert.ToHexString(more?.Payload ?? [])} came behind it");
    }

    /// <summary>Ends as two who understand each other do.</summary>
    private static async Task CloseAsync(RawWebSocket socket)
    {
        await socket.SendAsync(RawWebSocket.Close, Closing(1000));
        await ExpectCloseAsync(socket, 1000);
    }

    /// <summary>Bytes that end a connection with a status, whether or not somebody signed in on it.</summary>
    private async Task RefusedAsync(byte[] bytes, int status)
    {
        foreach (int piece in (int[])[int.MaxValue, 1])
        {
            await using RawWebSocket socket = await SignInAsync();
            await socket.SendChoppedAsync(bytes, piece);
            await ExpectCloseAsync(socket, status);
            await using RawWebSocket stranger = await OpenAsync();
            await stranger.SendChoppedAsync(bytes, piece);
            await ExpectCloseAsync(stranger, status);
        }
    }

    private async Task<SignedInPeer> RegisterAsync()
    {
        ScriptedPeer peer = new(_certificate is null
            ? new System.Net.Sockets.NetworkStream(await ConnectAsync(), ownsSocket: true)
            : await _certificate.ConnectAsync(_broker.Process.TlsTcp!));
        return new SignedInPeer(peer, await peer.RegisterAsync("echo", TestBroker.Password));
    }

    private async Task<System.Net.Sockets.Socket> ConnectAsync()
    {
        System.Net.Sockets.Socket socket = new(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        await socket.ConnectAsync(_broker.Process.Tcp);
        return socket;
    }

    /// <summary>A WebSocket; a header that browsers do not send takes the long way, through the HTTP server.</summary>
    private Task<RawWebSocket> OpenAsync(string headers = "") =>
        RawWebSocket.OpenAsync(_certificate is null ? _broker.Process.Http : _broker.Process.TlsHttp!, headers + (door == "through the HTTP server" ? "Content-Length: 0\r\n" : string.Empty), _certificate);

    private async Task<RawWebSocket> SignInAsync()
    {
        RawWebSocket socket = await OpenAsync();
        await SignInAsync(socket);
        return socket;
    }

    private async Task SignInAsync(RawWebSocket socket)
    {
        await socket.SendAsync(RawWebSocket.Binary, RawFrame.ToBytes(FrameType.Hello, 0, new Hello { Client = "raw", Token = _token }.ToMap()));
        Assert.That(FramesOf((await ReceiveAsync(socket, RawWebSocket.Binary)).Payload)[0].Type, Is.EqualTo(FrameType.Welcome));
    }
}
