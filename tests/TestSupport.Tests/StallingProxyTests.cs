using System.Net;
using System.Net.Sockets;

namespace FastChat.TestSupport.Tests;

/// <summary>A network that lies about being bad would make the tests that lean on it worthless: each way of being bad is shown.</summary>
public sealed class StallingProxyTests
{
    private readonly List<Socket> _sockets = [];
    private Socket _listener = null!;
    private StallingProxy _proxy = null!;

    [SetUp]
    public void Start()
    {
        _listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        _proxy = StallingProxy.Start((IPEndPoint)_listener.LocalEndPoint!);
    }

    [TearDown]
    public async Task Stop()
    {
        await _proxy.DisposeAsync();
        _listener.Dispose();
        _sockets.ForEach(socket => socket.Dispose());
        _sockets.Clear();
    }

    [Test]
    public async Task Bytes_pass_unchanged_in_both_directions([Values(0, 1, 7)] int sliceSize)
    {
        (ScriptedPeer client, ScriptedPeer server) = await ConnectAsync();
        _proxy.ToServer.SliceSize = sliceSize;
        byte[] sent = Random(sliceSize == 0 ? 1_000_000 : 3_000);
        Task sending = client.SendAsync(sent);
        Assert.That(await server.ReceiveBytesAsync(sent.Length), Is.EqualTo(sent));
        await sending;
        await server.SendAsync(sent.AsMemory(0, 100));
        await client.ExpectAsync(sent.AsMemory(0, 100));
        Assert.That(_proxy.ToServer.ForwardedBytes, Is.EqualTo(sent.Length));
        Assert.That(_proxy.ToClient.ForwardedBytes, Is.EqualTo(100));
    }

    [Test]
    public async Task The_end_of_one_direction_passes_and_the_other_goes_on()
    {
        (ScriptedPeer client, ScriptedPeer server) = await ConnectAsync();
        client.EndSending();
        Assert.That(await server.ReceiveOrEndAsync(), Is.Null);
        await server.SendAsync(new byte[] { 1, 2, 3 });
        await client.ExpectAsync(new byte[] { 1, 2, 3 });
    }

    [Test]
    public async Task A_stalled_direction_is_silent_until_it_goes_on_and_the_other_is_not()
    {
        (ScriptedPeer client, ScriptedPeer server) = await ConnectAsync();
        _proxy.ToServer.Stall();
        await client.SendAsync(new byte[] { 1, 2, 3 });
        await server.SendAsync(new byte[] { 4 });
        await client.ExpectAsync(new byte[] { 4 });
        Assert.That(await server.IsSilentAsync(TimeSpan.FromMilliseconds(150)), Is.True);
        _proxy.ToServer.Resume();
        await server.ExpectAsync(new byte[] { 1, 2, 3 });
    }

    [Test]
    public async Task A_stalled_direction_pushes_back()
    {
        (ScriptedPeer client, _) = await ConnectAsync();
        _proxy.ToServer.Stall();
        client.Timeout = TimeSpan.FromMilliseconds(500);
        Assert.That(async () => await client.SendAsync(new byte[64_000_000]), Throws.TypeOf<TimeoutException>());
    }

    [Test]
    public async Task A_cut_comes_after_exactly_the_given_bytes()
    {
        (ScriptedPeer client, ScriptedPeer server) = await ConnectAsync();
        _proxy.ToServer.CutAfter(1_000);
        byte[] sent = Random(5_000);
        await client.SendAsync(sent);
        await server.ExpectAsync(sent.AsMemory(0, 1_000));
        Assert.That(await server.ReceiveOrEndAsync(), Is.Null);
        Assert.That(await client.ReceiveOrEndAsync(), Is.Null);

        (client, server) = await ConnectAsync();
        await client.SendAsync(sent);
        await server.ExpectAsync(sent);
    }

    [Test]
    public async Task A_seed_cuts_at_the_same_places_again()
    {
        long[] first = await CutsAsync(seed: 5);
        long[] second = await CutsAsync(seed: 5);
        Assert.That(second, Is.EqualTo(first));
        Assert.That(first.Distinct().Count(), Is.GreaterThan(1));
    }

    [Test]
    public async Task A_delay_holds_bytes_back()
    {
        (ScriptedPeer client, ScriptedPeer server) = await ConnectAsync();
        _proxy.ToServer.Delay = TimeSpan.FromMilliseconds(300);
        await client.SendAsync(new byte[] { 1 });
        Assert.That(await server.IsSilentAsync(TimeSpan.FromMilliseconds(100)), Is.True);
        await server.ExpectAsync(new byte[] { 1 });
    }

    [Test]
    public async Task All_connections_are_cut_and_a_new_target_is_used()
    {
        (ScriptedPeer client, _) = await ConnectAsync();
        _proxy.CutAll();
        Assert.That(await client.ReceiveOrEndAsync(), Is.Null);

        _proxy.Target = new IPEndPoint(IPAddress.Loopback, 1);
        Assert.That(await IsRefusedAsync(), Is.True, "a target that refuses ends the connection");
        Assert.That(_proxy.AcceptedCount, Is.EqualTo(2));
    }

    /// <summary>The reset may come while the client still connects, or after.</summary>
    private async Task<bool> IsRefusedAsync()
    {
        try
        {
            await using ScriptedPeer refused = await ScriptedPeer.ConnectAsync(_proxy.EndPoint);
            return await refused.ReceiveOrEndAsync() is null;
        }
        catch (SocketException failure)
        {
            return failure.SocketErrorCode == SocketError.ConnectionReset;
        }
    }

    private async Task<long[]> CutsAsync(int seed)
    {
        List<long> cuts = [];
        _proxy.CutAtRandom(seed, bytesMax: 500);
        for (int i = 0; i < 5; i++)
        {
            long before = _proxy.ToServer.ForwardedBytes;
            (ScriptedPeer client, _) = await ConnectAsync();
            await client.SendAsync(new byte[1_000]);
            Assert.That(await client.ReceiveOrEndAsync(), Is.Null);
            cuts.Add(_proxy.ToServer.ForwardedBytes - before);
        }

        _proxy.StopCutting();
        return [.. cuts];
    }

    private async Task<(ScriptedPeer Client, ScriptedPeer Server)> ConnectAsync()
    {
        ScriptedPeer client = await ScriptedPeer.ConnectAsync(_proxy.EndPoint);
        Socket accepted = await _listener.AcceptAsync();
        _sockets.Add(accepted);
        return (client, new ScriptedPeer(new NetworkStream(accepted)));
    }

    private static byte[] Random(int size)
    {
        byte[] bytes = new byte[size];
        new Random(11).NextBytes(bytes);
        return bytes;
    }
}
