namespace FastChat.Campaigns;

/// <summary>
/// The disk answers EIO: once, or from then on, to a call on one kind of file of the store, at a random moment. What a failed sync was to bring to the medium is not there afterwards
/// (<see cref="PowerCut"/>), as a kernel may have it, so whoever acknowledged it in spite of the error has lost it. When the call belongs to a commit, the broker must say that it has failed, stay so and
/// acknowledge nothing more; in the background it may go on, or fail when it needs what is missing.
/// </summary>
/// <param name="directory">For the library and its logs.</param>
/// <param name="isHidden">The sync of a commit fails and says that it did not, as in a broker that does not look: what must be caught.</param>
internal sealed class IoError(string directory, bool isHidden = false) : ICrash, IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private static readonly Place[] s_places =
    [
        new("journal sync", FaultCall.Sync, ".journal", IsFinal: true, SkipMax: 100),
        new("journal write", FaultCall.Write, ".journal", IsFinal: true, SkipMax: 100),
        new("table file write", FaultCall.Write, "/incoming/", IsFinal: false, SkipMax: 20),
        new("table file sync", FaultCall.Sync, "/incoming/", IsFinal: false, SkipMax: 3),
        new("rename", FaultCall.Rename, "/rocksdb/", IsFinal: false, SkipMax: 1),
        new("manifest write", FaultCall.Write, "/MANIFEST", IsFinal: false, SkipMax: 3),
        new("manifest sync", FaultCall.Sync, "/MANIFEST", IsFinal: false, SkipMax: 3),
        new("small state write", FaultCall.Write, ".log", IsFinal: false, SkipMax: 3),
        new("small state sync", FaultCall.Sync, ".log", IsFinal: false, SkipMax: 2),
        new("table read", FaultCall.Read, ".sst", IsFinal: false, SkipMax: 10),
        new("witness sync", FaultCall.Msync, string.Empty, IsFinal: false, SkipMax: 1),
    ];

    private readonly FaultPage _page = new(Path.Combine(directory, "faults"));
    private readonly PowerCut _cut = new(directory);
    private readonly SortedDictionary<string, int> _outcomes = [];
    private Place _place = s_places[0];
    private bool _isWhileStarting;
    private long _failedBefore;

    /// <summary>Calls that failed.</summary>
    public long? Met => _page.Failed;

    public string Summary => string.Join(", ", _outcomes.Select(outcome => $"{outcome.Key} {outcome.Value}"));

    public BrokerProcessOptions Arm(BrokerProcessOptions process, Random random)
    {
        // Every third time in one of the two that commits wait for; the others are many.
        _place = isHidden ? s_places[0] : random.Next(3) == 0 ? s_places[random.Next(2)] : s_places[random.Next(s_places.Length)];
        _isWhileStarting = !_place.IsFinal && random.Next(2) == 0;
        _failedBefore = _page.Failed;
        if (_isWhileStarting)
        {
            Fail(random);
        }

        BrokerProcessOptions armed = _cut.Arm(process, random);
        return armed with { Environment = new Dictionary<string, string>(armed.Environment.Union(_page.Environment(directory, process.DataDirectory)).DistinctBy(one => one.Key)), MayEndEarly = true };
    }

    public async Task StrikeAsync(Stage stage)
    {
        string outcome;
        if (stage.Broker.HasExited)
        {
            outcome = stage.Broker.ExitCode == 1 && _page.Failed > _failedBefore ? "start refused"
                : throw new InvalidOperationException($"{_place.Name}: the start ended with {stage.Broker.ExitCode}:\n{stage.Broker.StandardError}");
        }
        else
        {
            outcome = await FailWhileServingAsync(stage);
        }

        _page.Fail(FaultCall.None, string.Empty, 0, 0);
        await stage.Broker.KillAsync();
        _outcomes[$"{_place.Name}: {outcome}"] = _outcomes.GetValueOrDefault($"{_place.Name}: {outcome}") + 1;
    }

    public void WhileDown(string dataDirectory, Random random) => _cut.WhileDown(dataDirectory, random);

    public void Dispose() => _page.Dispose();

    private void Fail(Random random) =>
        _page.Fail(_place.Call, _place.InPath, random.Next(_place.SkipMax), isHidden || random.Next(2) == 0 ? int.MaxValue : 1, isHidden);

    private async Task<string> FailWhileServingAsync(Stage stage)
    {
        if (!_isWhileStarting)
        {
            await Task.Delay(stage.Random.Next(10, 1000), stage.Cancellation);
            Fail(stage.Random);
        }

        TimeSpan patience = _place.IsFinal ? 6 * s_patience : s_patience;
        if (!await Watch.IsEverAsync(() => Task.FromResult(_page.Failed > _failedBefore), patience, stage.Cancellation))
        {
            return _place.IsFinal ? throw new InvalidOperationException($"{_place.Name}: the broker never came there") : "not reached";
        }

        if (!await Watch.IsEverAsync(() => Watch.HasHealthAsync(stage.Broker, 503, stage.Cancellation), TimeSpan.FromSeconds(_place.IsFinal ? 5 : 2), stage.Cancellation))
        {
            return _place.IsFinal ? throw new InvalidOperationException($"{_place.Name}: the broker does not say that its store has failed") : "went on";
        }

        // What was acknowledged before the failure may still be on its way to the clients; then nothing is.
        await Task.Delay(300, stage.Cancellation);
        long acknowledged = stage.Round.AcknowledgedSoFar;
        await Task.Delay(stage.Random.Next(200, 700), stage.Cancellation);
        if (stage.Round.AcknowledgedSoFar != acknowledged)
        {
            throw new InvalidOperationException($"{_place.Name}: {stage.Round.AcknowledgedSoFar - acknowledged} publishes were acknowledged after the store had failed");
        }

        if (!await Watch.HasHealthAsync(stage.Broker, 503, stage.Cancellation))
        {
            throw new InvalidOperationException($"{_place.Name}: the broker recovered from a failure that is final");
        }

        return "failed for good";
    }

    private sealed record Place(string Name, FaultCall Call, string InPath, bool IsFinal, int SkipMax);
}
