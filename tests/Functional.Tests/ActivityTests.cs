namespace FastChat.Functional.Tests;

/// <summary>What operators see of a broker at work: its numbers, its shards, where most is written, and what it refuses.</summary>
public sealed class ActivityTests
{
    [Test]
    public async Task An_operator_sees_where_most_is_written_and_what_was_refused()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using SignedInPeer ada = await broker.RegisterAsync("ada");
        await using SignedInPeer bob = await broker.RegisterAsync("bob");
        ConversationId lobby = (await ada.OpenAsync("lobby")).Conversation;
        ConversationId group = (await ada.CreateGroupAsync(null, bob.Welcome.User)).Conversation;
        await bob.SubscribeAsync(lobby);
        for (int i = 0; i < 20; i++)
        {
            await ada.PublishAsync(lobby, "much is said here"u8.ToArray());
        }

        await ada.PublishAsync(group, "and little here"u8.ToArray());
        for (int i = 0; i < 3; i++)
        {
            Assert.That((await bob.AskAsync(FrameType.GetActivity, new ControlMap())).ToFailure().Code, Is.EqualTo((ushort)ErrorCode.Forbidden));
        }

        await using SignedInPeer runner = await broker.SignInAsync(broker.ReadOperatorToken());
        BrokerActivity activity = await ActivityAsync(runner, static activity => activity.Refusals.Sum(static refusal => (long)refusal.Count) >= 3);
        Assert.That(activity.LoopsAnswered, Is.EqualTo(activity.Loops).And.GreaterThan(0));
        Assert.That(activity.Shards.Select(static shard => shard.Shard), Is.EqualTo(Enumerable.Range(0, 64)));
        Assert.That(activity.Shards.Sum(static shard => (long)shard.Messages), Is.GreaterThanOrEqualTo(21));
        Assert.That(activity.Shards.Sum(static shard => (long)shard.Delivered), Is.EqualTo(20), "to the only one who listens");
        Assert.That(activity.Shards.Sum(static shard => shard.Subscriptions), Is.EqualTo(1));

        ConversationActivity busiest = activity.Conversations[0];
        Assert.That((busiest.Conversation, busiest.Kind, busiest.Name, busiest.Messages), Is.EqualTo((lobby, ConversationKind.Public, "lobby", 20ul)));
        Assert.That(busiest.Bytes, Is.GreaterThan(20ul * 17));
        Assert.That(activity.Conversations.Single(one => one.Conversation == group).Messages, Is.LessThan(20));

        RefusalActivity refused = activity.Refusals.Single();
        Assert.That((refused.Act, refused.Detail, refused.Remote, refused.User, refused.Count), Is.EqualTo(("access_denied", "GetActivity", "127.0.0.1", bob.Welcome.User, 3ul)));
        Assert.That(refused.At, Is.EqualTo(activity.Time).Within(TimeSpan.FromMinutes(1)));
    }

    [Test]
    public async Task The_numbers_fit_into_one_answer_and_say_what_the_process_takes()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using SignedInPeer ada = await broker.RegisterAsync("ada");
        ConversationId lobby = (await ada.OpenAsync("lobby")).Conversation;
        await ada.PublishAsync(lobby, "hello"u8.ToArray());
        await using SignedInPeer runner = await broker.SignInAsync(broker.ReadOperatorToken());
        ControlMap stats = (await runner.AskAsync(FrameType.GetStats, new ControlMap())).ToMap().Map("stats")!;

        // The answer is a map, and a map ends at so many: one that was full would have dropped what was added last.
        Assert.That(stats.Count, Is.LessThan(ProtocolLimits.ControlMapMax));
        Assert.Multiple(() =>
        {
            Assert.That(stats.Number("fastchat.connections", 0), Is.EqualTo(2));
            Assert.That(stats.Number("fastchat.connections.websocket", 9), Is.Zero);
            Assert.That(stats.Number("fastchat.connections.local", 9), Is.Zero);
            Assert.That(stats.Number("fastchat.published", 0), Is.EqualTo(1));
            Assert.That(stats.Number("fastchat.received", 0), Is.GreaterThan(5));
            Assert.That(stats.Number("fastchat.sent", 0), Is.GreaterThan(5));
            Assert.That(stats.Number("fastchat.ack.p99", 0), Is.InRange(1, 60_000_000));
            Assert.That(stats.Number("fastchat.commit.p50", 0), Is.GreaterThan(0));
            Assert.That(stats.Number("fastchat.process.memory", 0), Is.GreaterThan(10 << 20));
            Assert.That(stats.Number("fastchat.process.cpu", 0), Is.GreaterThan(10_000));
            Assert.That(stats.Number("fastchat.process.processors", 0), Is.EqualTo((ulong)Environment.ProcessorCount));
            Assert.That(stats.Number("fastchat.process.uptime", 0), Is.GreaterThan(0));
            Assert.That(stats.Number("fastchat.gc.heap", 0), Is.GreaterThan(100_000));
            Assert.That(stats.Number("fastchat.disk.free", 0), Is.GreaterThan(0));
            Assert.That(stats.Number("fastchat.disk.used", 0), Is.GreaterThan(1000));
        });
    }

    /// <summary>The audit log counts repeats and tells them a second later.</summary>
    private static async Task<BrokerActivity> ActivityAsync(SignedInPeer runner, Predicate<BrokerActivity> isEnough)
    {
        BrokerActivity activity;
        long begun = Environment.TickCount64;
        do
        {
            activity = BrokerActivity.Parse((await runner.AskAsync(FrameType.GetActivity, new ControlMap())).ToMap());
        }
        while (!isEnough(activity) && Environment.TickCount64 - begun < 15_000);
        return activity;
    }
}
