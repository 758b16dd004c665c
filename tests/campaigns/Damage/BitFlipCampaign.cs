using System.Diagnostics;

using FastChat.Client;

namespace FastChat.Campaigns;

/// <summary>
/// The medium lies: in a copy of a store, something in one file is not what was written. Then the broker either refuses to open it, or says so to whoever reads what is damaged, or serves
/// everything as it was. What it never does is to serve other bytes, fewer messages, or to crash.
/// </summary>
internal sealed class BitFlipCampaign(CampaignOptions options, Func<string, Random, Damage> inflict, TextWriter progress)
{
    private const int Messages = 30_000;
    private const int Conversations = 6;

    private readonly Variants _variants = new(options.With, options.WorkDirectory);
    private readonly string _directory = options.WorkDirectory;

    private readonly SortedDictionary<string, int> _outcomes = [];
    private string _token = string.Empty;
    private IReadOnlyList<FinishedConversation> _written = [];

    private string Pristine => Path.Combine(_directory, "pristine");

    private string Store => Path.Combine(_directory, "store");

    private string StatePath => Path.Combine(_directory, "state.json");

    /// <summary>Runs it.</summary>
    public async Task<CampaignResult> RunAsync(CancellationToken cancellation)
    {
        long begun = Stopwatch.GetTimestamp();
        progress.WriteLine($"{options.Name}: seed {options.Seed}, {options.Cycles} cycles, {_directory}");
        Directory.CreateDirectory(_directory);
        if (CampaignState.Load(StatePath) is not { } state)
        {
            state = await WriteStoreAsync(cancellation);
            state.Save(StatePath);
        }

        _token = state.Tokens[0];
        _written = state.Conversations;
        CampaignResult result = state.Result;
        double before = result.Seconds;
        while (result.Cycles < options.Cycles && result.IsClean && !(Stopwatch.GetElapsedTime(begun) > options.Limit))
        {
            cancellation.ThrowIfCancellationRequested();

            // A cycle depends on nothing but the seed and its number, so that one alone can be done again.
            CopyStore();
            Damage damage = inflict(Store, options.RandomOf(result.Cycles));
            (Verdict verdict, string what) = await JudgeAsync(cancellation);
            result = result with
            {
                Cycles = result.Cycles + 1,
                Detected = result.Detected + (verdict == Verdict.Detected ? 1 : 0),
                Harmless = result.Harmless + (verdict == Verdict.Harmless ? 1 : 0),
                ServedWrong = result.ServedWrong + (verdict == Verdict.Wrong ? 1 : 0),
                Violations = result.Violations + (verdict == Verdict.Wrong ? 1 : 0),
                Seconds = before + Stopwatch.GetElapsedTime(begun).TotalSeconds,
            };
            (state with { Result = result }).Save(StatePath);
            string outcome = $"{damage.Kind} {verdict}".ToLowerInvariant();
            _outcomes[outcome] = _outcomes.GetValueOrDefault(outcome) + 1;
            if (verdict == Verdict.Wrong)
            {
                progress.WriteLine($"{options.Name}: cycle {result.Cycles}: {damage.What} at {damage.Offset} of {Path.GetRelativePath(Store, damage.File)}: {what}; kept: {_directory}");
            }
            else if (result.Cycles % 50 == 0)
            {
                progress.WriteLine($"{options.Name}: {result.ToJson()} ({Summary})");
            }
        }

        progress.WriteLine($"{options.Name}: {Summary}");
        if (result.IsClean)
        {
            Directory.Delete(_directory, recursive: true);
        }

        return result;
    }

    private string Summary => string.Join(", ", _outcomes.Select(outcome => $"{outcome.Key} {outcome.Value}"));

    /// <summary>A store with something in every kind of file: tables of several starts, and a journal that a killed process left.</summary>
    private async Task<CampaignState> WriteStoreAsync(CancellationToken cancellation)
    {
        if (Directory.Exists(Pristine))
        {
            // Whoever was interrupted while writing it begins again.
            Directory.Delete(Pristine, recursive: true);
        }

        FinishedConversation[] written = new FinishedConversation[Conversations];
        string token = string.Empty;
        await using BrokerProcess broker = await BrokerProcess.StartAsync(_variants.Apply(new BrokerProcessOptions { DataDirectory = Pristine }));
        ClientOptions signIn = OptionsOf(broker) with { Name = "writer", Password = "correct horse battery staple", Register = true };
        List<ConversationId> conversations = [];
        Random random = new(1);
        for (int life = 0; life < 3; life++)
        {
            await using FastChatClient client = await FastChatClient.ConnectAsync(signIn, cancellationToken: cancellation);
            token = client.Token!;
            signIn = OptionsOf(broker) with { Token = token };
            while (conversations.Count < Conversations)
            {
                conversations.Add((await client.CreateConversationAsync(ConversationKind.Public, $"room-{conversations.Count}", cancellationToken: cancellation)).Conversation);
            }

            List<Task> published = [];
            for (int i = 0; i < Messages / 3; i++)
            {
                byte[] body = new byte[random.Next(16, 600)];
                random.NextBytes(body);
                published.Add(client.PublishAsync(conversations[random.Next(Conversations)], MessageKind.Opaque, body, cancellationToken: cancellation).AsTask());
            }

            await Task.WhenAll(published);
            if (life < 2)
            {
                // The next start brings what the journal has into tables.
                await broker.RestartAsync();
                continue;
            }

            LogReading reading = new(client, writer: null);
            for (int i = 0; i < Conversations; i++)
            {
                written[i] = await reading.ReadAsync(conversations[i], cancellation);
            }
        }

        await broker.KillAsync();
        return new CampaignState
        {
            Result = new CampaignResult { Campaign = options.Name, Seed = options.Seed, Detected = 0, ServedWrong = 0, Harmless = 0 },
            Tokens = [token],
            Conversations = written,
        };
    }

    private async Task<(Verdict Verdict, string What)> JudgeAsync(CancellationToken cancellation)
    {
        BrokerProcess broker;
        try
        {
            broker = await BrokerProcess.StartAsync(_variants.Apply(new BrokerProcessOptions { DataDirectory = Store }));
        }
        catch (InvalidOperationException refused)
        {
            // A typed refusal ends with 1; anything else is a process that fell over.
            return refused.Message.Contains("exit code 1 ", StringComparison.Ordinal) ? (Verdict.Detected, refused.Message) : (Verdict.Wrong, refused.Message);
        }

        await using (broker)
        {
            try
            {
                await using FastChatClient client = await FastChatClient.ConnectAsync(OptionsOf(broker) with { Token = _token }, cancellationToken: cancellation);
                LogReading reading = new(client, writer: null);
                foreach (FinishedConversation written in _written)
                {
                    FinishedConversation read = await reading.ReadAsync(ConversationId.TryParse(written.Id, out ConversationId id) ? id : default, cancellation);
                    if (read != written)
                    {
                        return (Verdict.Wrong, $"was {written}, is {read}");
                    }
                }

                return (Verdict.Harmless, string.Empty);
            }
            catch (ClientException said) when (!broker.HasExited && said is not ConnectionException { Code: CloseCode.TokenInvalid })
            {
                return (Verdict.Detected, said.Message);
            }
            catch (ClientException said)
            {
                return (Verdict.Wrong, $"{said.Message}\n{broker.StandardError}");
            }
        }
    }

    private void CopyStore()
    {
        if (Directory.Exists(Store))
        {
            Directory.Delete(Store, recursive: true);
        }

        foreach (string file in Directory.EnumerateFiles(Pristine, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(Store, Path.GetRelativePath(Pristine, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    private ClientOptions OptionsOf(BrokerProcess broker) => _variants.Reach(broker) with { Reconnect = ReconnectPolicy.None };

    private enum Verdict
    {
        Detected,
        Harmless,
        Wrong,
    }
}
