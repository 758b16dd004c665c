using System.CommandLine;
using System.Globalization;

using FastChat.Bench.Compare;
using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;
using FastChat.Bench.Load.Scenarios;

namespace FastChat.Bench.Load;

/// <summary><c>bench/load.sh SCENARIO …</c>: the options, their checks, one comparison and its last line.</summary>
internal static class LoadCommand
{
    private static readonly Dictionary<string, (Scenario Scenario, IScenario Work)> s_scenarios = new(StringComparer.Ordinal)
    {
        ["durable"] = (Scenario.Durable, new DurableScenario()),
        ["latency"] = (Scenario.Latency, new LatencyScenario()),
        ["fanout"] = (Scenario.FanOut, new FanOutScenario()),
        ["rooms"] = (Scenario.Rooms, new RoomsScenario()),
        ["corpus"] = (Scenario.Corpus, new CorpusScenario()),
        ["growth"] = (Scenario.Growth, new GrowthScenario()),
        ["storm"] = (Scenario.Storm, new StormScenario()),
        ["idle"] = (Scenario.Idle, new IdleScenario()),
        ["catchup"] = (Scenario.CatchUp, new CatchUpScenario()),
        ["presence"] = (Scenario.Presence, new PresenceScenario()),
        ["inbox"] = (Scenario.Inbox, new InboxScenario()),
        ["channel"] = (Scenario.Channel, new ChannelScenario()),
        ["quiet"] = (Scenario.Quiet, new QuietScenario()),
    };

    /// <summary>The command.</summary>
    public static RootCommand Make()
    {
        Argument<string> scenario = new("SCENARIO") { Description = string.Join(", ", s_scenarios.Keys) };
        Option<string> system = new("--system") { Description = "what to measure: " + string.Join(", ", SystemCatalog.Names), DefaultValueFactory = _ => "fastchat" };
        Option<string[]> versus = new("--vs") { Description = "another system to do the same work in turn; may be repeated", AllowMultipleArgumentsPerToken = true };
        Option<string> transport = new("--transport") { Description = "what its clients speak: tcp, tls, ws (a system that cannot refuses)", DefaultValueFactory = _ => "tcp" };
        Option<double> seconds = new("--seconds") { Description = "measured seconds of a run", DefaultValueFactory = _ => 10 };
        Option<double> warmUp = new("--warm-up") { Description = "seconds before them that do not count", DefaultValueFactory = _ => 3 };
        Option<int> connections = new("--connections") { Description = "connections (durable, latency: 64; fanout: 1,000 subscribers; rooms: 5,000; idle, storm, presence: 18,000)" };
        Option<int> outstanding = new("--outstanding") { Description = "unanswered publishes of a connection (durable: 64), of the publisher (fanout: 512)" };
        Option<int> conversations = new("--conversations") { Description = "conversations published to (rooms: 100 rooms; inbox: 5,000 of the person's)", DefaultValueFactory = _ => 1000 };
        Option<int> size = new("--size") { Description = "bytes of a message body", DefaultValueFactory = _ => 128 };
        Option<int> rate = new("--rate") { Description = "messages a second where a rate is fixed (latency: 10,000; fanout's lone messages: 20)" };
        Option<int> messages = new("--messages") { Description = "messages of the conversation that is read (catchup: 1,000,000)" };
        Option<int> readers = new("--readers") { Description = "who read it at once, after one alone did (catchup: 50)" };
        Option<int> runs = new("--runs") { Description = "turns; a turn runs each system once", DefaultValueFactory = _ => 3 };
        Option<bool> pin = new("--pin") { Description = "server on processor 0, generator on processor 1" };
        Option<string?> corpus = new("--corpus") { Description = "corpus: directory of the chat logs, *.raw.txt" };
        Option<int> largest = new("--largest") { Description = "growth: conversations at the largest step, where ten times as many messages are stored (1,000,000); channel: members of the large one (100,000); quiet: conversations (200,000)" };
        Option<string?> history = new("--history")
        {
            Description = "also record what fastchat's clients did and saw in FILE, for ./fastchat check-history FILE; in FILE.1, FILE.2, … when there are several --runs; recording is slow",
        };
        Option<string?> json = new("--json") { Description = "also write the result with every run to FILE (bench/report reads it)" };

        AddRange(seconds, 0.5, 3600);
        AddRange(warmUp, 0, 600);
        AddRange(connections, 1, 19_000);
        AddRange(outstanding, 1, 4096);
        AddRange(conversations, 1, 10_000_000);
        AddRange(size, Payloads.NumberSize, 65_536);
        AddRange(rate, 1, 10_000_000);
        AddRange(largest, 1, 10_000_000);
        AddRange(messages, 1, 4_000_000);
        AddRange(readers, 1, 1000);
        AddRange(runs, 1, 100);
        scenario.AcceptOnlyFromAmong([.. s_scenarios.Keys]);
        system.AcceptOnlyFromAmong([.. SystemCatalog.Names]);
        versus.AcceptOnlyFromAmong([.. SystemCatalog.Names]);
        transport.AcceptOnlyFromAmong("tcp", "tls", "ws");

        RootCommand command = new("Loads a chat system, alone or in turn with others, and measures it (bench/README.md).")
        {
            scenario, system, versus, transport, seconds, warmUp, connections, outstanding, conversations, size, rate, runs, pin, json, corpus, largest,
            messages, readers, history,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            (Scenario kind, IScenario work) = s_scenarios[parsed.GetValue(scenario)!];
            RunSettings settings = work.WithDefaults(new RunSettings
            {
                Scenario = kind,
                Seconds = parsed.GetValue(seconds),
                WarmUpSeconds = parsed.GetValue(warmUp),
                Connections = parsed.GetValue(connections),
                Outstanding = parsed.GetValue(outstanding),
                Conversations = kind is Scenario.Rooms or Scenario.Inbox && parsed.GetResult(conversations) is not { Implicit: false } ? 0 : parsed.GetValue(conversations),
                Size = parsed.GetValue(size),
                Rate = parsed.GetValue(rate),
                Transport = parsed.GetValue(transport)!,
                Pin = parsed.GetValue(pin),
                Largest = parsed.GetValue(largest),
                Corpus = parsed.GetValue(corpus),
                Messages = parsed.GetValue(messages),
                Readers = parsed.GetValue(readers),
                History = parsed.GetValue(history),
            });
            string[] systems = [parsed.GetValue(system)!, .. parsed.GetValue(versus) ?? []];
            return await RunAsync(work, settings, systems, parsed.GetValue(runs), parsed.GetValue(json), cancellation).ConfigureAwait(false);
        });
        return command;
    }

    private static async Task<int> RunAsync(IScenario work, RunSettings settings, string[] systems, int runs, string? jsonFile, CancellationToken cancellation)
    {
        if (settings.History is not null && !SystemCatalog.Make(systems[0])!.IsRecordable)
        {
            await Console.Error.WriteLineAsync($"--history records fastchat only: what is checked is what fastchat promises, not {systems[0]} (docs/history-format.md)").ConfigureAwait(false);
            return 2;
        }

        foreach (string name in systems)
        {
            SystemUnderTest candidate = SystemCatalog.Make(name)!;
            string? noChat = work.IsOfChat && candidate is not FastChatSystem ? "it has no members, lists and presence of its own" : null;
            if ((noChat ?? candidate.WhyNot(settings.Scenario)) is { } reason)
            {
                await Console.Error.WriteLineAsync($"{name} takes no part in {settings.Scenario.ToString().ToLowerInvariant()}: {reason}").ConfigureAwait(false);
                return 2;
            }

            if (candidate.WhyNotOver(settings.Transport) is { } obstacle)
            {
                await Console.Error.WriteLineAsync($"{name} takes no part over {settings.Transport}: {obstacle}").ConfigureAwait(false);
                return 2;
            }
        }

        string directory = Path.Combine(SourceTree.Root, "artifacts", "bench", "run-" + Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        try
        {
            MachineFacts machine = MachineFacts.Read();
            Comparison comparison = new(work, settings, systems.Distinct().ToArray(), runs, directory, Console.Error, !Console.IsErrorRedirected);
            await comparison.RunAsync(cancellation).ConfigureAwait(false);
            if (jsonFile is not null)
            {
                await File.WriteAllTextAsync(jsonFile, ResultJson.Of(comparison, settings, machine, withRuns: true), cancellation).ConfigureAwait(false);
            }

            Console.WriteLine(ResultJson.Of(comparison, settings, machine, withRuns: false));
            string[] broken = [.. comparison.Rows.SelectMany(rows => rows.Value).SelectMany(row => row.Broken ?? []).Distinct()];
            foreach (string promise in broken)
            {
                await Console.Error.WriteLineAsync($"broken: {promise}").ConfigureAwait(false);
            }

            return broken.Length == 0 ? 0 : 1;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("interrupted: the server is stopped and its data removed; there is no result").ConfigureAwait(false);
            return 130;
        }
        catch (Exception failure) when (failure is UnavailableException or RunFailedException or IOException or OperationCanceledException)
        {
            await Console.Error.WriteLineAsync(failure.Message).ConfigureAwait(false);
            return 1;
        }
        finally
        {
            if (Directory.Exists(directory))
            {
                Directory.Delete(directory, recursive: true);
            }
        }
    }

    private static void AddRange<T>(Option<T> option, T smallest, T largest)
        where T : IComparable<T>
    {
        option.Validators.Add(result =>
        {
            if (!result.Implicit && result.GetValueOrDefault<T>() is { } value && (value.CompareTo(smallest) < 0 || value.CompareTo(largest) > 0))
            {
                result.AddError($"{option.Name} is from {smallest} to {largest}");
            }
        });
    }
}
