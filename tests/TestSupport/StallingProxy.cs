using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace FastChat.TestSupport;

/// <summary>Which way bytes go through a <see cref="StallingProxy"/>.</summary>
public enum ProxyDirection
{
    /// <summary>From the client to the server.</summary>
    ToServer,

    /// <summary>From the server to the client.</summary>
    ToClient,
}

/// <summary>
/// A TCP proxy on a loopback port that is as bad as a test wants the network to be: it stalls one direction, slices what it forwards into small writes,
/// delays them, and cuts connections after a number of bytes or at random places that a seed repeats. It never loses, repeats or changes a byte
/// that it forwards. Settings may be changed from any thread at any time and hold for all connections, present and future.
/// </summary>
public sealed class StallingProxy : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<ProxyLink, Task> _links = new();
    private readonly Task _accepting;
    private readonly object _cutDraw = new();
    private volatile IPEndPoint _target;
    private Random? _random;
    private int _randomBytesMax;
    private int _accepted;

    private StallingProxy(IPEndPoint target)
    {
        _target = target;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(512);
        EndPoint = (IPEndPoint)_listener.LocalEndPoint!;
        _accepting = AcceptAsync();
    }

    /// <summary>Where clients connect.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Where new connections go; change it when the server came back elsewhere.</summary>
    public IPEndPoint Target
    {
        get => _target;
        set => _target = value;
    }

    /// <summary>Connections that are open now.</summary>
    public int OpenCount => _links.Count;

    /// <summary>Connections accepted so far.</summary>
    public int AcceptedCount => Volatile.Read(ref _accepted);

    /// <summary>The settings of one direction.</summary>
    public ProxyLane ToServer { get; } = new();

    /// <summary>The settings of the other direction.</summary>
    public ProxyLane ToClient { get; } = new();

    /// <summary>Starts a proxy in front of <paramref name="target"/>.</summary>
    public static StallingProxy Start(IPEndPoint target) => new(target);

    /// <summary>The settings of a direction.</summary>
    public ProxyLane this[ProxyDirection direction] => direction == ProxyDirection.ToServer ? ToServer : ToClient;

    /// <summary>
    /// Cuts every connection accepted from now on after 0 to <paramref name="bytesMax"/> bytes, both directions counted together. The n-th connection draws the n-th number of the seed.
    /// </summary>
    public void CutAtRandom(int seed, int bytesMax)
    {
        lock (_cutDraw)
        {
            _random = new Random(seed);
            _randomBytesMax = bytesMax;
        }
    }

    /// <summary>Ends <see cref="CutAtRandom"/> for connections accepted from now on.</summary>
    public void StopCutting()
    {
        lock (_cutDraw)
        {
            _random = null;
        }
    }

    /// <summary>Resets every open connection on both sides.</summary>
    public void CutAll()
    {
        foreach (ProxyLink link in _links.Keys)
        {
            link.Cut();
        }
    }

    /// <summary>Closes the port and resets every connection.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _accepting;
        CutAll();
        await Task.WhenAll(_links.Values);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            Socket client;
            try
            {
                client = await _listener.AcceptAsync(_stopping.Token);
            }
            catch (Exception failure) when (failure is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }

            Interlocked.Increment(ref _accepted);
            ProxyLink link = new(this, client, DrawCut());
            Task run = link.RunAsync(_target);
            _links[link] = run;
            _ = run.ContinueWith(_ => _links.TryRemove(link, out Task? _), TaskScheduler.Default);
        }
    }

    private long DrawCut()
    {
        lock (_cutDraw)
        {
            return _random?.NextInt64(_randomBytesMax + 1L) ?? long.MaxValue;
        }
    }
}
