using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using FastChat.Client;

namespace FastChat.Cli;

/// <summary><c>replay FILE…</c>: publishes chat logs, a conversation per file and a user per nick, and with --verify reads everything back.</summary>
internal static class Replay
{
    private const int ConnectionsDefault = 4;
    private const int ConnectionsMax = 256;

    // A broker that is killed and started again should find its replay waiting, not asleep.
    private static readonly ReconnectPolicy Persistent = new() { DelayMax = TimeSpan.FromSeconds(2) };

    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string[]> files = new("FILE") { Description = "Chat logs of lines '[HH:MM] <nick> text'", Arity = ArgumentArity.OneOrMore };
        Option<string> prefix = new("--prefix") { Description = "Put in front of every conversation's name", HelpName = "P", DefaultValueFactory = static _ => string.Empty };
        Option<int> connections = new("--connections") { Description = "Connections to publish over", HelpName = "N", DefaultValueFactory = static _ => ConnectionsDefault };
        Option<bool> verify = new("--verify") { Description = "Read everything back through a fresh session and compare bytes" };
        Option<string?> data = new("--data") { Description = "The broker's data directory, where its operator token is (found by itself for a broker of this machine)", HelpName = "DIR" };
        Option<string?> history = new("--history") { Description = "Write what was sent and answered (and with --verify what was read) for check-history", HelpName = "FILE" };
        Command command = new("replay", "Replay chat logs") { files, prefix, connections, verify, data, history };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation,
            new Settings(
                parsed.GetRequiredValue(files), parsed.GetRequiredValue(prefix), parsed.GetValue(connections), parsed.GetValue(verify), parsed.GetValue(data),
                parsed.GetValue(history)),
            TimeProvider.System,
            token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, Settings settings, TimeProvider time, CancellationToken cancellation)
    {
        if (settings.Connections is < 1 or > ConnectionsMax)
        {
            throw CliException.Usage($"--connections: 1 to {ConnectionsMax} are expected");
        }

        ReplayPlan plan = ReplayPlan.Load(settings.Files, settings.Prefix);
        ClientOptions options = SignIn(invocation, settings.Data);
        using ReplayRecording? recording = settings.History is null ? null : new ReplayRecording(settings.History, plan.Files.Length, time);
        ReplayTally tally = new(plan.Files, time, recording);
        await PublishAsync(invocation, plan, tally, options, settings.Connections, recording, time, cancellation).ConfigureAwait(false);

        ReplayFindings findings = settings.IsVerified
            ? await VerifyAsync(invocation, plan, options, recording, time, cancellation).ConfigureAwait(false)
            : plan.Files.Select(ReplayVerifier.JudgeAcknowledgements).Aggregate(static (left, right) => left + right);
        Print(invocation.Json, plan, tally, findings);
        invocation.Json.Flush();
        return Judge(plan, tally, findings, settings.IsVerified);
    }

    private static ClientOptions SignIn(Invocation invocation, string? data)
    {
        // An account named on the command line is meant; otherwise the operator, whose right this is.
        string? token = invocation.User is null || data is not null
            ? RunningServer.FindOperatorToken(invocation.Server, data, Environment.GetEnvironmentVariable)
            : null;
        ClientOptions options = token is null ? invocation.SignIn() : new ClientOptions { Token = token };
        return options with { Reconnect = Persistent };
    }

    private static async Task PublishAsync(
        Invocation invocation,
        ReplayPlan plan,
        ReplayTally tally,
        ClientOptions options,
        int connections,
        ReplayRecording? recording,
        TimeProvider time,
        CancellationToken cancellation)
    {
        List<FastChatClient> clients = [];
        try
        {
            for (int i = 0; i < connections; i++)
            {
                string name = string.Create(CultureInfo.InvariantCulture, $"connection {i + 1} of {connections}");

                // Nobody at the address is a mistake worth saying at once; once somebody answered there, a refusal is a broker that restarts.
                ClientOptions patient = options with { Reconnect = Persistent with { RetryFirstConnect = i > 0 } };
                clients.Add(await ConnectAsync(invocation, patient, name, recording?.Connections(ReplayRecording.ProcessOf(i)), cancellation).ConfigureAwait(false));
            }

            await plan.PrepareAsync(clients[0], recording, cancellation).ConfigureAwait(false);
            using ProgressLine progress = new(() => ProgressText(tally, plan.MessageCount, time), time);
            await new ReplayPublisher(plan, tally, recording).RunAsync(clients, cancellation).ConfigureAwait(false);
            for (int i = 0; i < clients.Count; i++)
            {
                recording?.OnEnd(ReplayRecording.ProcessOf(i));
            }
        }
        finally
        {
            foreach (FastChatClient client in clients)
            {
                await client.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private static async Task<FastChatClient> ConnectAsync(
        Invocation invocation, ClientOptions options, string name, ConnectionRecording? recording, CancellationToken cancellation)
    {
        Action<ConnectionState> notes = ConnectionNotes.ToStandardError(name);
        FastChatClient client = await invocation.ConnectAsync(options, recording is null ? notes : notes + recording.OnStateChanged, cancellation).ConfigureAwait(false);
        recording?.Attach(client);
        return client;
    }

    private static async Task<ReplayFindings> VerifyAsync(
        Invocation invocation, ReplayPlan plan, ClientOptions options, ReplayRecording? recording, TimeProvider time, CancellationToken cancellation)
    {
        ClientOptions fresh = options with { Reconnect = Persistent with { RetryFirstConnect = true } };
        FastChatClient reader = await ConnectAsync(invocation, fresh, "reader", recording?.Connections(ReplayReader.Process), cancellation).ConfigureAwait(false);
        await using (reader.ConfigureAwait(false))
        {
            long read = 0;
            using ProgressLine progress = new(
                () => string.Create(CultureInfo.InvariantCulture, $"read back {Interlocked.Read(ref read):N0} of {plan.MessageCount:N0}"), time);
            ReplayFindings findings = await ReplayReader.VerifyAsync(
                reader, plan.Files, count => Interlocked.Add(ref read, count), recording, cancellation).ConfigureAwait(false);
            recording?.OnEnd(ReplayReader.Process);
            return findings;
        }
    }

    private static string ProgressText(ReplayTally tally, long messages, TimeProvider time)
    {
        double seconds = time.GetElapsedTime(tally.Started).TotalSeconds;
        return string.Create(CultureInfo.InvariantCulture, $"acknowledged {tally.Acked:N0} of {messages:N0}  ({tally.Acked / Math.Max(seconds, 0.001):N0}/s)");
    }

    private static void Print(JsonLines lines, ReplayPlan plan, ReplayTally tally, in ReplayFindings findings)
    {
        Utf8JsonWriter json = lines.Begin();
        json.WriteNumber("files", plan.Files.Length);
        json.WriteNumber("users", plan.UserCount);
        json.WriteNumber("messages", plan.MessageCount);
        json.WriteNumber("acked", tally.Acked);
        json.WriteNumber("verified", findings.Verified);
        json.WriteNumber("lost", findings.Lost);
        json.WriteNumber("duplicated", findings.Duplicated);
        json.WriteNumber("reordered", findings.Reordered);
        json.WriteNumber("seconds", Math.Round(tally.Elapsed.TotalSeconds, 3));
        lines.End();
    }

    private static int Judge(ReplayPlan plan, ReplayTally tally, in ReplayFindings findings, bool isVerified)
    {
        if (findings.Foreign > 0)
        {
            Invocation.Note($"fastchat replay: {findings.Foreign} other messages stand in these conversations");
        }

        bool good = findings is { Lost: 0, Duplicated: 0, Reordered: 0 } && tally.Acked == plan.MessageCount && (!isVerified || findings.Verified == plan.MessageCount);
        if (good)
        {
            return ExitCodes.Done;
        }

        string refused = tally.Refused > 0 ? $", {tally.Refused} refused ({tally.FirstReason})" : string.Empty;
        throw new CliException(
            $"of {plan.MessageCount} messages {tally.Acked} were acknowledged{refused}; lost {findings.Lost}, duplicated {findings.Duplicated}, reordered {findings.Reordered}, altered {findings.Altered}");
    }

    private sealed record Settings(string[] Files, string Prefix, int Connections, bool IsVerified, string? Data, string? History);
}
