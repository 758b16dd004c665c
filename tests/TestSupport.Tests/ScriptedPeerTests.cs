using System.Net;
using System.Net.Sockets;

using FastChat.Protocol;

namespace FastChat.TestSupport.Tests;

/// <summary>The scripted peer against another one: what it sends, what it says when the other side goes another way.</summary>
public sealed class ScriptedPeerTests
{
    private ScriptedPeer _client = null!;
    private ScriptedPeer _server = null!;

    [SetUp]
    public async Task Connect()
    {
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        _client = await ScriptedPeer.ConnectAsync((IPEndPoint)listener.LocalEndPoint!);
        _server = new ScriptedPeer(new NetworkStream(await listener.AcceptAsync(), ownsSocket: true));
        _client.Timeout = TimeSpan.FromSeconds(5);
    }

    [TearDown]
    public async Task Close()
    {
        await _client.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Test]
    public async Task Signs_in_with_the_bytes_of_the_vectors()
    {
        Task<Welcome> signIn = _client.SignInAsync(new Hello { Client = "vectors/1", Name = "Ada", Password = "correct horse", Register = true });
        await _server.ExpectAsync(VectorFile.Read("hello")[0].Bytes);
        await _server.SendAsync(VectorFile.Read("welcome")[0].Bytes);
        Assert.That((await signIn).Token, Does.StartWith("fct_"));
    }

    [Test]
    public async Task A_refusal_is_told_with_its_code_and_reason()
    {
        Task<Welcome> signIn = _client.SignInAsync("token");
        await _server.ReceiveAsync(FrameType.Hello);
        byte[] body = new byte[100];
        int size = new Failure((ushort)CloseCode.TokenInvalid, 0, "unknown").Write(body);
        await _server.SendAsync(FrameType.Close, 0, body.AsMemory(0, size));
        Assert.That(async () => await signIn, Throws.TypeOf<ScriptException>().With.Message.Contains("TokenInvalid").And.Message.Contains("unknown"));
    }

    [Test]
    public async Task Frames_in_slices_are_whole_again()
    {
        byte[] frames = [.. VectorFile.ReadFrames().SelectMany(vector => vector.Bytes)];
        Task sending = _client.SendSlicedAsync(frames, 61);
        foreach (Vector vector in VectorFile.ReadFrames())
        {
            Assert.That((await _server.ReceiveAsync()).ToBytes(), Is.EqualTo(vector.Bytes), vector.Name);
        }

        await sending;
    }

    [Test]
    public async Task Another_frame_another_byte_silence_and_the_end_are_told_apart()
    {
        await _server.SendAsync(FrameType.Ping, 1);
        Assert.That(async () => await _client.ReceiveAsync(FrameType.Pong), Throws.TypeOf<ScriptException>().With.Message.Contains("Ping request=1"));
        await _server.SendAsync(new byte[] { 1, 2, 3 });
        Assert.That(async () => await _client.ExpectAsync(new byte[] { 1, 9, 3 }), Throws.TypeOf<ScriptException>().With.Message.Contains("byte 1 of 3"));
        Assert.That(await _client.IsSilentAsync(TimeSpan.FromMilliseconds(50)), Is.True);
        _client.Timeout = TimeSpan.FromMilliseconds(100);
        Assert.That(async () => await _client.ReceiveAsync(), Throws.TypeOf<TimeoutException>());
        await _server.SendAsync(new byte[] { 1, 2, 3 });
        await _server.DisposeAsync();
        Assert.That(async () => await _client.ReceiveOrEndAsync(), Throws.TypeOf<ScriptException>().With.Message.Contains("after 3 bytes of a header"));
    }

    [Test]
    public async Task A_close_must_be_the_last_frame()
    {
        byte[] close = VectorFile.Read("close")[0].Bytes;
        await _server.SendAsync((byte[])[.. VectorFile.Read("ping")[0].Bytes, .. close]);
        Task<Failure> closing = _client.ReceiveCloseAsync();
        await _server.DisposeAsync();
        Assert.That((await closing).Code, Is.EqualTo((ushort)CloseCode.Normal));
    }

    [Test]
    public async Task Records_are_listed_by_sequence()
    {
        await _server.SendAsync(VectorFile.Read("deliver")[1].Bytes);
        Assert.That((await _client.ReceiveAsync(FrameType.Deliver)).ToSequences(), Is.EqualTo(new ulong[] { 7, 8, 9 }));
    }

    [Test]
    public async Task An_abort_is_an_end()
    {
        _server.Abort();
        Assert.That(await _client.ReceiveOrEndAsync(), Is.Null);
    }
}
