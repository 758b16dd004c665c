using System.Diagnostics;
using System.Globalization;

using FastChat.Client;
using FastChat.History;

namespace FastChat.Campaigns;

/// <summary>
/// Something is done to the broker's process again and again while people chat. The store lives through all of it and grows. A round of faults has conversations and a history of its own, judged when it
/// is over; and at the very end everything that any round stored is read once more and must be what it was.
/// </summary>
internal sealed class ChatCampaign(CampaignOptions options, IFaults faults, TextWriter progress)
{
    private const int People = 8;
    private const string Password = "correct horse battery staple";

    private readonly string _directory = options.WorkDirectory;

    private readonly Variants _variants = new(options.With, options.WorkDirectory);

    private CampaignState _state = new() { Result = new CampaignResult { Campaign = options.Name, Seed = options.Seed, Acked = 0, Lost = 0 } };

    private string StatePath => Path.Combine(_directory, "state.json");

    /// <summary>Runs it, or goes on with it.</summary>
    public async Task<CampaignResult> RunAsync(CancellationToken cancellation)
    {
        long begun = Stopwatch.GetTimestamp();
        Say($"seed {options.Seed}, {options.Cycles} cycles, {_directory}");
        Directory.CreateDirectory(_directory);
        _state = CampaignState.Load(StatePath) ?? _state;
        _state = faults.KeepsStore ? _state : _state with { Tokens = [], Conversations = [] };
        double before = _state.Result.Seconds;
        BrokerProcess broker = await BrokerProcess.StartAsync(_variants.Apply(faults.Prepare(new BrokerProcessOptions
        {
            DataDirectory = Path.Combine(_directory, "store"),
            ReadyTimeout = TimeSpan.FromMinutes(2),
        })));
        await using (broker)
        {
            if (_state.Tokens.Count == 0)
            {
                _state = _state with { Tokens = await RegisterAsync(broker, cancellation) };
                _state.Save(StatePath);
            }

            while (_state.Result.Cycles < options.Cycles && _state.Result.IsClean && !(Stopwatch.GetElapsedTime(begun) > options.Limit))
            {
                await TryRunRoundAsync(broker, cancellation);
                _state = _state with { Result = _state.Result with { Seconds = before + Stopwatch.GetElapsedTime(begun).TotalSeconds } };
                _state.Save(StatePath);
                Say($"round {_state.Rounds}: {_state.Result.ToJson()}{(faults.Summary is { } summary ? $" ({summary})" : string.Empty)}");
            }

            if (_state.Result.IsClean)
            {
                await ReadEverythingAgainAsync(broker, cancellation);
            }

            CampaignResult result = faults.AddTo(_state.Result) with { Seconds = before + Stopwatch.GetElapsedTime(begun).TotalSeconds };
            if (result.IsClean)
            {
                await broker.KillAsync();
                Directory.Delete(_directory, recursive: true);
            }
            else
            {
                await broker.KillAsync();
                await faults.KeepAsync(_directory);
                Say($"kept: {_directory}\n{broker.StandardError}");
            }

            return result;
        }
    }

    /// <summary>A round that cannot be finished is a violation as well: a start that is refused, somebody who is never answered, a promise that was not exercised.</summary>
    private async Task TryRunRoundAsync(BrokerProcess broker, CancellationToken cancellation)
    {
        try
        {
            await RunRoundAsync(broker, cancellation);
        }
        catch (Exception failure) when (failure is InvalidOperationException or TimeoutException or ClientException)
        {
            Say(failure.ToString());
            _state = _state with { Result = _state.Result with { Violations = _state.Result.Violations + 1 } };
        }
    }

    private async Task RunRoundAsync(BrokerProcess broker, CancellationToken cancellation)
    {
        int number = _state.Rounds + 1;
        Random random = options.RandomOf(number);
        string history = Path.Combine(_directory, string.Create(CultureInfo.InvariantCulture, $"round-{number}.history"));
        await using Round round = await Round.BeginAsync(OptionsOf(broker) with { Token = _state.Tokens[0] }, _state.Tokens, history, random, cancellation);

        Stage stage = new(broker, round, random, [.. _state.Restarts], cancellation);
        await faults.BeginRoundAsync(stage);
        int cycles = Math.Min(options.CyclesInRound, options.Cycles - (int)_state.Result.Cycles);
        for (int cycle = 0; cycle < cycles; cycle++)
        {
            await faults.RunCycleAsync(stage, isLast: cycle == cycles - 1);
        }

        (CheckReport report, FinishedConversation[] conversations) = await round.FinishAsync(cancellation);
        foreach (Violation violation in report.Details)
        {
            Say(violation.ToString());
        }

        foreach (PromiseReport unseen in report.Promises.Where(promise => report.Violations == 0 && promise.Judged == 0 && Exercised.Contains(promise.Promise)))
        {
            // A round in which a promise could not have been broken shows nothing about it.
            throw new InvalidOperationException($"round {number}: {unseen.Promise} was not exercised");
        }

        CampaignResult result = _state.Result.Plus(report);
        _state = _state with
        {
            Rounds = number,
            Restarts = stage.Restarts,
            Conversations = [.. _state.Conversations, .. conversations],
            Result = result with
            {
                Cycles = result.Cycles + cycles,
                Acked = result.Acked + round.Acknowledged,
                Stored = (result.Stored ?? 0) + conversations.Sum(one => (long)one.Head),
                RestartP99S = stage.Restarts.Count > 0 ? Percentile(stage.Restarts, 0.99) : null,
                RestartMaxS = stage.Restarts.Count > 0 ? stage.Restarts.Max() : null,
            },
        };
        if (report.Violations == 0)
        {
            File.Delete(history);
        }
    }

    /// <summary>What every round must give evidence for.</summary>
    private static Promise[] Exercised { get; } =
    [
        Promise.Durable, Promise.ExactlyOnce, Promise.NoPhantom, Promise.Dense, Promise.Agreement, Promise.RealTimeOrder, Promise.SenderOrder, Promise.LiveDelivery, Promise.Resume,
        Promise.CatchUp, Promise.FanOut,
    ];

    private async Task ReadEverythingAgainAsync(BrokerProcess broker, CancellationToken cancellation)
    {
        Say($"reading {_state.Conversations.Count} conversations again");
        await using FastChatClient client = await FastChatClient.ConnectAsync(OptionsOf(broker) with { Token = _state.Tokens[0] }, cancellationToken: cancellation);
        LogReading reading = new(client, writer: null);
        foreach (FinishedConversation before in _state.Conversations)
        {
            FinishedConversation now = await reading.ReadAsync(ConversationId.TryParse(before.Id, out ConversationId id) ? id : throw new InvalidDataException(StatePath), cancellation);
            if (now != before)
            {
                Say($"was {before}, is {now}");
                _state = _state with { Result = _state.Result with { Lost = _state.Result.Lost + 1, Violations = _state.Result.Violations + 1 } };
            }
        }
    }

    private async Task<string[]> RegisterAsync(BrokerProcess broker, CancellationToken cancellation)
    {
        string[] tokens = new string[People];
        for (int i = 0; i < People; i++)
        {
            // A name of its own each time: whoever was interrupted here begins again.
            ClientOptions options = OptionsOf(broker) with { Name = $"chatter-{i}-{Guid.NewGuid():N}", Password = Password, Register = true };
            await using FastChatClient client = await FastChatClient.ConnectAsync(options, cancellationToken: cancellation);
            tokens[i] = client.Token!;
        }

        return tokens;
    }

    private ClientOptions OptionsOf(BrokerProcess broker) => _variants.Reach(broker) with
    {
        // Whoever is cut is back within moments: the kill after a restart is to find everyone there.
        Reconnect = new ReconnectPolicy
        {
            FirstDelay = TimeSpan.FromMilliseconds(10),
            LaterDelay = TimeSpan.FromMilliseconds(20),
            DelayMax = TimeSpan.FromMilliseconds(50),
            SpreadMax = TimeSpan.FromMilliseconds(20),
            RetryFirstConnect = true,
        },
    };

    private static double Percentile(List<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        return sorted[(int)Math.Ceiling(share * sorted.Length) - 1];
    }

    private void Say(string text) => progress.WriteLine($"{options.Name}: {text}");
}
