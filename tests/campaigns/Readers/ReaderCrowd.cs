using System.Net;

namespace FastChat.Campaigns;

/// <summary>Thousands of readers, spread over conversations; the first tenth of them may be stalled, and the deliveries to the others are timed.</summary>
internal sealed class ReaderCrowd : IAsyncDisposable
{
    private const int ConnectingMax = 64;

    private readonly CancellationTokenSource _stop = new();
    private readonly LightReader[] _readers;
    private readonly List<Task> _running = [];
    private LatencyCounts? _counts;

    /// <summary>Makes them; a tenth of them is what may stall.</summary>
    public ReaderCrowd(int readers)
    {
        _readers = Enumerable.Range(0, readers).Select(_ => new LightReader((_, _) => { })).ToArray();
        for (int i = StallingCount; i < readers; i++)
        {
            _readers[i] = new LightReader((_, planned) => Volatile.Read(ref _counts)?.Record(planned));
        }
    }

    /// <summary>How many of them can be stalled.</summary>
    public int StallingCount => _readers.Length / 10;

    /// <summary>Records that those who can be stalled were brought.</summary>
    public long RecordsOfStalling => Stalling.Sum(reader => reader.Records);

    /// <summary>The first failure of anybody; null while all is well.</summary>
    public Exception? Failure => _running.FirstOrDefault(task => task.IsFaulted)?.Exception?.InnerException;

    private IEnumerable<LightReader> Stalling => _readers.Take(StallingCount);

    /// <summary>Connects them all, so many of them with each token, each to a conversation in turn.</summary>
    public async Task ConnectAsync(IPEndPoint broker, IReadOnlyList<string> tokens, IReadOnlyList<ConversationId> conversations, CancellationToken cancellation)
    {
        await Parallel.ForEachAsync(Enumerable.Range(0, _readers.Length), new ParallelOptions { MaxDegreeOfParallelism = ConnectingMax, CancellationToken = cancellation }, async (i, token) =>
            await _readers[i].ConnectAsync(broker, tokens[i % tokens.Count], conversations[i % conversations.Count], token));
        _running.AddRange(_readers.Select(reader => reader.RunAsync(_stop.Token)));
    }

    /// <summary>From now on the deliveries to those who never stall are counted here; null: not at all.</summary>
    public void Measure(LatencyCounts? counts) => Volatile.Write(ref _counts, counts);

    /// <summary>A tenth of them reads no further.</summary>
    public void Stall()
    {
        foreach (LightReader reader in Stalling)
        {
            reader.Stall();
        }
    }

    /// <summary>They read again.</summary>
    public void Resume()
    {
        foreach (LightReader reader in Stalling)
        {
            reader.Resume();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (LightReader reader in _readers)
        {
            reader.Dispose();
        }

        // Each ends by its token or its socket.
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }
}
