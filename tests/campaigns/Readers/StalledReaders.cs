using System.Diagnostics;
using System.Globalization;

using FastChat.Client;

namespace FastChat.Campaigns;

/// <summary>
/// Of many readers a tenth reads no further, again and again, while messages come at a fixed rate. Then the broker's memory must stay bounded, and the others must get theirs as before: the p99 of their
/// deliveries with and without stalled ones, in turn. When the stalled ones read again, they get everything that they missed.
/// </summary>
/// <param name="whileStalled">Something else that happens to the broker meanwhile, for the proof that it would be seen.</param>
/// <param name="isHarmless">Nobody is stalled at all: what must be noticed.</param>
internal sealed class StalledReaders(CampaignOptions options, TextWriter progress, Action<BrokerProcess>? whileStalled = null, bool isHarmless = false)
{
    /// <summary>How much slower the others may become.</summary>
    private const double RatioMax = 2;

    /// <summary>What a stalled reader may cost: what the outbox holds for it (256 KiB), and as much again.</summary>
    private const long BytesForEach = 512 << 10;

    private const int RoomsMax = 100;
    private const int ReadersOfOneUser = 500;
    private const int ReadersOfALargeRun = 5000;
    private const string Password = "correct horse battery staple";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Below this a p99 is what the machine does, and no ratio of it means anything. A small run shows that the campaign works and that the stalled are not in the way; a machine that also does something
    /// else makes tens of milliseconds of its few seconds.
    /// </summary>
    private readonly double _noiseMs = options.Readers >= ReadersOfALargeRun ? 5 : 100;

    private readonly int _perSecondInRoom = options.Readers >= ReadersOfALargeRun ? 2 : 4;

    /// <summary>Until a stalled reader's window is full, or one that reads again has everything.</summary>
    private readonly TimeSpan _settling = TimeSpan.FromSeconds(options.Readers >= ReadersOfALargeRun ? 8 : 4);

    private readonly string _directory = options.WorkDirectory;
    private readonly TimeSpan _measured = TimeSpan.FromSeconds(options.Readers >= ReadersOfALargeRun ? 10 : 2);
    private CampaignState _state = new() { Result = new CampaignResult { Campaign = options.Name, Seed = options.Seed, Acked = 0, Readers = options.Readers, Stalled = options.Readers / 10 } };

    private string StatePath => Path.Combine(_directory, "state.json");

    /// <summary>Runs it, or goes on with it: a pair that is finished is not measured again.</summary>
    public async Task<CampaignResult> RunAsync(CancellationToken cancellation)
    {
        long begun = Stopwatch.GetTimestamp();
        Say($"seed {options.Seed}, {options.Cycles} cycles, {_directory}");
        Directory.CreateDirectory(_directory);
        _state = CampaignState.Load(StatePath) ?? _state;
        double before = _state.Result.Seconds;
        await using BrokerProcess broker = await BrokerProcess.StartAsync(new BrokerProcessOptions { DataDirectory = Path.Combine(_directory, $"store-{Guid.NewGuid():N}") });
        CampaignResult result = _state.Result;
        try
        {
            await MeasureAsync(broker, begun, before, cancellation);
            result = Judge();
        }
        catch (Exception failure) when (failure is InvalidOperationException or InvalidDataException or TimeoutException or ClientException)
        {
            Say($"{failure}\n{broker.StandardError}");
            result = Judge() with { Violations = 1 };
        }

        result = result with { Seconds = before + Stopwatch.GetElapsedTime(begun).TotalSeconds };
        if (result.IsClean)
        {
            await broker.KillAsync();
            Directory.Delete(_directory, recursive: true);
        }

        return result;
    }

    private async Task MeasureAsync(BrokerProcess broker, long begun, double before, CancellationToken cancellation)
    {
        string[] tokens = await RegisterAsync(broker, (options.Readers / ReadersOfOneUser) + 1, cancellation);
        await using FastChatClient client = await FastChatClient.ConnectAsync(OptionsOf(broker) with { Token = tokens[0] }, cancellationToken: cancellation);
        ConversationId[] rooms = new ConversationId[Math.Min(RoomsMax, Math.Max(1, options.Readers / 20))];
        for (int i = 0; i < rooms.Length; i++)
        {
            rooms[i] = (await client.CreateConversationAsync(ConversationKind.Public, string.Create(CultureInfo.InvariantCulture, $"room-{i}"), cancellationToken: cancellation)).Conversation;
        }

        await using ReaderCrowd crowd = new(options.Readers);
        await crowd.ConnectAsync(broker.Tcp, tokens, rooms, cancellation);
        Say($"{options.Readers} readers in {rooms.Length} conversations, {_perSecondInRoom} messages a second in each; RSS {broker.ResidentBytes >> 20} MiB");
        SteadyPublisher publisher = new(client, rooms, _perSecondInRoom * rooms.Length);
        using CancellationTokenSource stop = new();
        Task publishing = publisher.RunAsync(stop.Token);
        try
        {
            await Task.Delay(_settling, cancellation);
            while (_state.Result.Cycles < options.Cycles && !(Stopwatch.GetElapsedTime(begun) > options.Limit))
            {
                StalledPair pair = await MeasurePairAsync(broker, crowd, cancellation);
                _state = _state with
                {
                    Pairs = [.. _state.Pairs, pair],
                    Result = _state.Result with { Cycles = _state.Result.Cycles + 1, Seconds = before + Stopwatch.GetElapsedTime(begun).TotalSeconds },
                };
                _state.Save(StatePath);
                Say($"pair {_state.Result.Cycles}: {pair}");
            }
        }
        finally
        {
            await stop.CancelAsync();
            await publishing;
        }

        _state = _state with { Result = _state.Result with { Acked = _state.Result.Acked + publisher.Acknowledged } };
        Require(publisher.Failed == 0, $"{publisher.Failed} publishes failed");
        await CatchUpAsync(crowd, publisher, rooms.Length, cancellation);
    }

    private async Task<StalledPair> MeasurePairAsync(BrokerProcess broker, ReaderCrowd crowd, CancellationToken cancellation)
    {
        long residentBefore = broker.ResidentBytes;
        (double quiet, long quietCount) = await MeasurePhaseAsync(crowd, cancellation);
        if (!isHarmless)
        {
            crowd.Stall();
        }

        // What is on its way to them, and what their windows allow, still goes.
        await Task.Delay(_settling, cancellation);
        long recordsBefore = crowd.RecordsOfStalling;
        (double stalled, long stalledCount) = await MeasurePhaseAsync(crowd, cancellation, () => whileStalled?.Invoke(broker));
        long missed = crowd.RecordsOfStalling - recordsBefore;
        long residentDuring = broker.ResidentBytes;
        crowd.Resume();
        await Task.Delay(_settling, cancellation);
        Require(missed == 0, $"those who were stalled were not: they read {missed} records");
        Require(quietCount > 0 && stalledCount > quietCount / 2, $"the others got {stalledCount} records while some were stalled, and {quietCount} before");
        Require(crowd.Failure is null, $"a reader failed: {crowd.Failure?.Message}");
        long allowed = residentBefore + (64L << 20) + (crowd.StallingCount * BytesForEach);
        Require(residentDuring <= allowed, $"the broker had {residentDuring >> 20} MiB resident, {residentBefore >> 20} before");
        return new StalledPair(quiet, stalled, residentBefore >> 20, residentDuring >> 20, broker.ResidentBytes >> 20);
    }

    private async Task<(double P99Ms, long Count)> MeasurePhaseAsync(ReaderCrowd crowd, CancellationToken cancellation, Action? meanwhile = null)
    {
        LatencyCounts counts = new();
        crowd.Measure(counts);
        meanwhile?.Invoke();
        await Task.Delay(_measured, cancellation);
        crowd.Measure(null);
        return (counts.Percentile(0.99), counts.Count);
    }

    /// <summary>In the end everybody has everything.</summary>
    private static async Task CatchUpAsync(ReaderCrowd crowd, SteadyPublisher publisher, int rooms, CancellationToken cancellation)
    {
        long expected = publisher.Acknowledged * crowd.StallingCount / rooms;
        await Watch.UntilAsync(
            () => Task.FromResult(crowd.Failure is null && crowd.RecordsOfStalling >= expected - (crowd.StallingCount * 2)), $"those who were stalled have all {expected} records", s_patience, cancellation);
    }

    private CampaignResult Judge()
    {
        if (_state.Pairs.Count == 0)
        {
            return _state.Result;
        }

        double quiet = Median(_state.Pairs.Select(pair => pair.QuietP99Ms));
        double stalled = Median(_state.Pairs.Select(pair => pair.StalledP99Ms));
        double ratio = Math.Max(stalled, _noiseMs) / Math.Max(quiet, _noiseMs);
        return _state.Result with
        {
            QuietP99Ms = quiet,
            StalledP99Ms = stalled,
            Ratio = Math.Round(ratio, 2),
            RssBeforeMb = _state.Pairs[0].ResidentBeforeMb,
            RssMaxMb = _state.Pairs.Max(pair => pair.ResidentDuringMb),
            RssAfterMb = _state.Pairs[^1].ResidentAfterMb,
            Violations = ratio > RatioMax ? 1 : 0,
        };
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    private static async Task<string[]> RegisterAsync(BrokerProcess broker, int count, CancellationToken cancellation)
    {
        string[] tokens = new string[count];
        for (int i = 0; i < count; i++)
        {
            ClientOptions signIn = OptionsOf(broker) with { Name = string.Create(CultureInfo.InvariantCulture, $"reader-{i}"), Password = Password, Register = true };
            await using FastChatClient client = await FastChatClient.ConnectAsync(signIn, cancellationToken: cancellation);
            tokens[i] = client.Token!;
        }

        return tokens;
    }

    private static ClientOptions OptionsOf(BrokerProcess broker) => new() { Endpoint = ClientEndpoint.Parse(broker.Tcp.ToString()) };

    private static void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new InvalidOperationException(what);
        }
    }

    private void Say(string text) => progress.WriteLine($"{options.Name}: {text}");
}

/// <summary>A while without stalled readers and a while with them.</summary>
internal sealed record StalledPair(double QuietP99Ms, double StalledP99Ms, long ResidentBeforeMb, long ResidentDuringMb, long ResidentAfterMb);
