using System.Net;
using System.Net.Sockets;

namespace FastChat.TestSupport;

/// <summary>One connection through a <see cref="StallingProxy"/>: two sockets and a pump per direction.</summary>
internal sealed class ProxyLink : IDisposable
{
    private readonly StallingProxy _proxy;
    private readonly Socket _client;
    private readonly Socket _server = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly CancellationTokenSource _ended = new();
    private long _bytesUntilCut;

    public ProxyLink(StallingProxy proxy, Socket client, long bytesUntilCut)
    {
        _proxy = proxy;
        _client = client;
        _client.NoDelay = true;
        _bytesUntilCut = bytesUntilCut;
    }

    public async Task RunAsync(IPEndPoint target)
    {
        try
        {
            await _server.ConnectAsync(target, _ended.Token);
            await Task.WhenAll(PumpAsync(_client, _server, _proxy.ToServer), PumpAsync(_server, _client, _proxy.ToClient));
        }
        catch (Exception failure) when (failure is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The target refuses, or the link was cut: either way the client must notice, and it does by the reset below.
            Cut();
        }

        Dispose();
    }

    /// <summary>Resets both sides.</summary>
    public void Cut()
    {
        _ended.Cancel();
        Reset(_client);
        Reset(_server);
    }

    /// <summary>Closes both sides. The token source stays: it holds no timer, and a late cut may still touch it.</summary>
    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    private async Task PumpAsync(Socket source, Socket target, ProxyLane lane)
    {
        byte[] buffer = new byte[16 * 1024];
        try
        {
            while (true)
            {
                await lane.WaitAsync(_ended.Token);
                int count = await source.ReceiveAsync(buffer, _ended.Token);
                if (count == 0)
                {
                    target.Shutdown(SocketShutdown.Send);
                    return;
                }

                await ForwardAsync(buffer.AsMemory(0, count), target, lane);
            }
        }
        catch (Exception failure) when (failure is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // A reset on one side becomes a reset on the other, as on a wire.
            Cut();
        }
    }

    private async Task ForwardAsync(ReadOnlyMemory<byte> bytes, Socket target, ProxyLane lane)
    {
        while (!bytes.IsEmpty)
        {
            await lane.WaitAsync(_ended.Token);
            if (lane.Delay > TimeSpan.Zero)
            {
                await Task.Delay(lane.Delay, _ended.Token);
            }

            int wanted = lane.SliceSize > 0 ? Math.Min(lane.SliceSize, bytes.Length) : bytes.Length;
            int taken = lane.Take((int)Math.Min(wanted, Math.Max(0, Volatile.Read(ref _bytesUntilCut))));
            if (taken == 0)
            {
                Cut();
                return;
            }

            Interlocked.Add(ref _bytesUntilCut, -taken);

            // Counted first: who has received a byte finds it counted.
            lane.Count(taken);
            await SendAllAsync(target, bytes[..taken]);
            bytes = bytes[taken..];
        }
    }

    private async Task SendAllAsync(Socket target, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int sent = await target.SendAsync(bytes, _ended.Token);
            bytes = bytes[sent..];
        }
    }

    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
            // Closed already: there is nothing left to reset.
            return;
        }

        socket.Dispose();
    }
}
