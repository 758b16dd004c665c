using System.Diagnostics;
using System.Text.Json.Nodes;

namespace FastChat.Functional.Tests;

/// <summary>A crowd that connects and never says who it is. <c>FASTCHAT_IDLE_CONNECTIONS</c> makes it larger than the 2,000 of every day.</summary>
[NonParallelizable]
public sealed class IdleConnectionTests
{
    private const double LoginSeconds = 4;

    // What an idle transport of Kestrel costs with its buffers, and as much again for the timing of the collector.
    private const long BytesPerStrangerMax = 32 * 1024;

    [Test]
    public async Task Thousands_of_strangers_are_shown_the_door_and_nobody_else_feels_it()
    {
        int count = int.TryParse(Environment.GetEnvironmentVariable("FASTCHAT_IDLE_CONNECTIONS"), out int asked) ? asked : 2000;
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject
        {
            ["login_deadline_seconds"] = LoginSeconds,
            ["strangers_per_address_max"] = count,

            // Whoever measures publishes faster than a person may.
            ["limit_publishes_per_second"] = 100_000,
            ["limit_conversation_publishes_per_second"] = 100_000,
        });
        await using SignedInPeer client = await broker.RegisterAsync();
        ConversationId room = (await client.OpenAsync("room")).Conversation;
        await MeasureAsync(client, room, TimeSpan.FromSeconds(1));
        double quiet = await MeasureAsync(client, room, TimeSpan.FromSeconds(1));
        long before = broker.Process.ResidentBytes;

        Task<CloseCode>[] strangers = new Task<CloseCode>[count];
        for (int i = 0; i < count; i++)
        {
            strangers[i] = ReceiveCloseAsync(await broker.ConnectAsync());
        }

        double crowded = await MeasureAsync(client, room, TimeSpan.FromSeconds(1));
        long grown = broker.Process.PeakResidentBytes - before;
        CloseCode[] codes = await Task.WhenAll(strangers);
        TestContext.Out.WriteLine($"{count} strangers: {grown / 1024 / count} KiB each, publish median {quiet:F2} ms without and {crowded:F2} ms with them");

        Assert.That(codes, Is.All.EqualTo(CloseCode.LoginTimeout));
        Assert.That(grown, Is.LessThan((count * BytesPerStrangerMax) + (32L << 20)));

        // Ten times is no promise, but it tells a broker that walks all its connections for each message from one that does not.
        Assert.That(crowded, Is.LessThan(Math.Max(10 * quiet, 50)));
        await client.PingAsync();
        await using SignedInPeer newcomer = await broker.RegisterAsync();
        await newcomer.PingAsync();
    }

    private static async Task<CloseCode> ReceiveCloseAsync(ScriptedPeer peer)
    {
        await using (peer)
        {
            peer.Timeout = TimeSpan.FromSeconds(60);
            return (CloseCode)(await peer.ReceiveCloseAsync()).Code;
        }
    }

    /// <summary>The median time in milliseconds of publishes that follow one another.</summary>
    private static async Task<double> MeasureAsync(SignedInPeer client, ConversationId room, TimeSpan duration)
    {
        List<double> times = [];
        Stopwatch all = Stopwatch.StartNew();
        while (all.Elapsed < duration)
        {
            Stopwatch one = Stopwatch.StartNew();
            await client.PublishAsync(room, "tick"u8.ToArray());
            times.Add(one.Elapsed.TotalMilliseconds);
        }

        times.Sort();
        return times[times.Count / 2];
    }
}
