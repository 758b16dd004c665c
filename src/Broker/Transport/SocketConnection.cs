using System.Globalization;
using System.IO.Pipelines;
using System.Net;

using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace FastChat.Broker.Transport;

/// <summary>
/// An accepted socket as Kestrel's handlers know connections. It is small: two halves that hold no memory while nothing moves, no task of its own, and everything that most handlers never
/// ask for is made when it is asked for.
/// </summary>
internal sealed class SocketConnection : ConnectionContext, IDuplexPipe, IReadinessTarget
{
    private const Readiness Ending = Readiness.PeerEnded | Readiness.HungUp | Readiness.Failed;
    private const Readiness ForReader = Readiness.Read | Ending;
    private const Readiness ForWriter = Readiness.Write | Readiness.HungUp | Readiness.Failed;

    private readonly IoThreads _threads;
    private readonly SocketReader _reader;
    private readonly SocketWriter _writer;
    private readonly PeerName _remote;
    private readonly long _number;
    private readonly FeatureList _features = new();
    private int _socket;
    private string? _id;
    private IDictionary<object, object?>? _items;
    private CancellationTokenSource? _closed;

    /// <param name="threads">Who tells it of changes.</param>
    /// <param name="socket">Not blocking; the connection's from now on.</param>
    /// <param name="remote">Where it comes from.</param>
    /// <param name="number">Number of the connection.</param>
    public SocketConnection(IoThreads threads, int socket, in PeerName remote, long number)
    {
        _threads = threads;
        _socket = socket;
        _remote = remote;
        _number = number;
        _reader = new SocketReader(socket, this);
        _writer = new SocketWriter(socket);
        Transport = this;
    }

    /// <inheritdoc/>
    public PipeReader Input => _reader;

    /// <inheritdoc/>
    public PipeWriter Output => _writer;

    /// <inheritdoc/>
    public override IDuplexPipe Transport { get; set; }

    /// <inheritdoc/>
    public override string ConnectionId
    {
        get => _id ?? _number.ToString(CultureInfo.InvariantCulture);
        set => _id = value;
    }

    /// <inheritdoc/>
    public override IFeatureCollection Features => _features;

    /// <inheritdoc/>
    public override IDictionary<object, object?> Items
    {
        get => _items ??= new ConnectionItems();
        set => _items = value;
    }

    /// <inheritdoc/>
    public override EndPoint? RemoteEndPoint
    {
        get => _remote.ToEndPoint();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override unsafe EndPoint? LocalEndPoint
    {
        get
        {
            byte* address = stackalloc byte[PeerName.SizeMax];
            int size = PeerName.SizeMax;
            return Libc.LocalAddress(_socket, address, &size) == 0 ? new PeerName(new ReadOnlySpan<byte>(address, Math.Min(size, PeerName.SizeMax))).ToEndPoint() : null;
        }

        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override CancellationToken ConnectionClosed
    {
        get => (Volatile.Read(ref _closed) ?? Interlocked.CompareExchange(ref _closed, new CancellationTokenSource(), null) ?? _closed).Token;
        set => throw new NotSupportedException();
    }

    /// <summary>Speaks TLS from here on, in both directions, beginning with what was received and not consumed. Once, by whoever reads and writes, between two reads and two flushes.</summary>
    public void Protect(TlsSession tls)
    {
        _writer.Protect(tls);
        _reader.Protect(tls);
    }

    /// <summary>Begins to hear of the socket.</summary>
    public void Start() => _threads.Watch(_socket, this);

    /// <inheritdoc/>
    public void OnReady(Readiness readiness)
    {
        if ((readiness & ForWriter) != 0)
        {
            _writer.OnWritable();
        }

        if ((readiness & ForReader) != 0)
        {
            _reader.OnReadable((readiness & Ending) != 0);
        }
    }

    /// <summary>Ends both directions at once; whoever waits finds out. Any thread.</summary>
    public override void Abort(ConnectionAbortedException abortReason)
    {
        lock (_features)
        {
            // Under the lock: the number may belong to another connection once this one is disposed.
            if (_socket >= 0)
            {
                _ = Libc.Shutdown(_socket, how: 2);
            }
        }

        Volatile.Read(ref _closed)?.Cancel();
    }

    /// <summary>Gives the socket back; the handler has ended, so nobody reads or writes any more.</summary>
    public override ValueTask DisposeAsync()
    {
        Close();
        return base.DisposeAsync();
    }

    /// <summary>As <see cref="DisposeAsync"/>, which never waits.</summary>
    public void Close()
    {
        _reader.Complete();
        _writer.Complete();
        lock (_features)
        {
            if (_socket >= 0)
            {
                _threads.Forget(_socket);
                _ = Libc.Close(_socket);
                _socket = -1;
            }
        }

        Volatile.Read(ref _closed)?.Cancel();
    }
}
