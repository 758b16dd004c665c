using System.Collections.Concurrent;

namespace FastChat.Client.Tests;

/// <summary>Hands every connection that the client opens to the test.</summary>
internal sealed class ScriptedBroker
{
    private readonly ConcurrentQueue<Peer> _accepted = new();
    private TaskCompletionSource _arrival = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly int _pauseBytes;

    public ScriptedBroker(int pauseBytes = 1024 * 1024) => _pauseBytes = pauseBytes;

    public int Connections { get; private set; }

    /// <summary>Fails the opening of transports while it is set.</summary>
    public Exception? Refusal { get; set; }

    public ClientOptions Options => new()
    {
        Token = "token",
        Seed = 1,
        OpenTransport = Open,
        Reconnect = new ReconnectPolicy { FirstDelay = TimeSpan.Zero, LaterDelay = TimeSpan.Zero, SpreadMax = TimeSpan.Zero },
    };

    public async Task<Peer> AcceptAsync()
    {
        while (true)
        {
            Task arrival = _arrival.Task;
            if (_accepted.TryDequeue(out Peer? peer))
            {
                return peer;
            }

            await arrival.Within();
        }
    }

    /// <summary>A signed-in client and its peer.</summary>
    public async Task<(FastChatClient Client, Peer Peer)> ConnectAsync(ClientOptions? options = null, Welcome? welcome = null)
    {
        Task<FastChatClient> connecting = FastChatClient.ConnectAsync(options ?? Options);
        Peer peer = await AcceptAsync();
        await peer.WelcomeAsync(welcome);
        return (await connecting.Within(), peer);
    }

    private ValueTask<Stream> Open(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Connections++;
        if (Refusal is { } refusal)
        {
            return ValueTask.FromException<Stream>(refusal);
        }

        (MemoryTransport client, MemoryTransport broker) = MemoryTransport.CreatePair(_pauseBytes);
        _accepted.Enqueue(new Peer(broker));
        Interlocked.Exchange(ref _arrival, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        return ValueTask.FromResult<Stream>(client);
    }
}
