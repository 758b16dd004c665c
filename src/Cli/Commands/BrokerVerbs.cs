using System.CommandLine;
using System.Text.Json;

using FastChat.Client;

namespace FastChat.Cli;

/// <summary><c>admin stats</c> and <c>admin drain</c>: how a broker does, and its end. As its operator.</summary>
internal static class BrokerVerbs
{
    private const string MetricPrefix = "fastchat.";

    /// <summary><c>admin stats [--every SECONDS]</c>.</summary>
    public static Command BuildStats()
    {
        Option<string?> data = Admin.DataOption();
        Option<double> every = new("--every") { Description = "Go on, and print again after so many seconds", HelpName = "SECONDS" };
        Command command = new("stats", "Print what the broker counts (docs/operations.md)") { data, every };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => StatsAsync(invocation, parsed.GetValue(data), parsed.GetValue(every), token))(parsed, cancellation));
        return command;
    }

    /// <summary><c>admin drain</c>.</summary>
    public static Command BuildDrain()
    {
        Option<string?> data = Admin.DataOption();
        Command command = new("drain", "Have the broker answer what it accepted, send its clients away, and end") { data };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => DrainAsync(invocation, parsed.GetValue(data), token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> StatsAsync(Invocation invocation, string? data, double every, CancellationToken cancellation)
    {
        FastChatClient client = await Admin.ConnectAsync(invocation, data, cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            while (true)
            {
                Print(invocation, await client.GetStatsAsync(cancellation).ConfigureAwait(false));
                invocation.Json.Flush();
                if (every <= 0)
                {
                    return ExitCodes.Done;
                }

                await Task.Delay(TimeSpan.FromSeconds(Math.Clamp(every, 0.1, 86_400)), cancellation).ConfigureAwait(false);
            }
        }
    }

    private static void Print(Invocation invocation, IReadOnlyDictionary<string, ulong> stats)
    {
        KeyValuePair<string, ulong>[] ordered = [.. stats.Select(stat => KeyValuePair.Create(KeyOf(stat.Key), stat.Value)).OrderBy(stat => stat.Key, StringComparer.Ordinal)];
        if (invocation.IsHuman)
        {
            foreach ((string name, ulong value) in ordered)
            {
                invocation.PrintHuman($"{SafeText.OneLine(name),-28} {value,16:N0}");
            }

            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        foreach ((string name, ulong value) in ordered)
        {
            json.WriteNumber(name, value);
        }

        invocation.Json.End();
    }

    /// <summary>A metric's name as a key of a line: <c>fastchat.ring.queued</c> is <c>ring_queued</c>.</summary>
    private static string KeyOf(string metric) =>
        (metric.StartsWith(MetricPrefix, StringComparison.Ordinal) ? metric[MetricPrefix.Length..] : metric).Replace('.', '_');

    private static async Task<int> DrainAsync(Invocation invocation, string? data, CancellationToken cancellation)
    {
        FastChatClient client = await Admin.ConnectAsync(invocation, data, cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            await client.DrainBrokerAsync(cancellation).ConfigureAwait(false);
        }

        invocation.Json.Begin().WriteBoolean("draining", true);
        invocation.Json.End();
        return ExitCodes.Done;
    }
}
