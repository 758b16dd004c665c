namespace FastChat.Functional.Tests;

/// <summary>One reader stops in a busy conversation: it alone falls behind, is told so, and gets everything in its order when it reads again.</summary>
public sealed class LagTests
{
    private const int Followers = 100;
    private const int BodySize = 16 * 1024;

    private TestBroker _broker = null!;
    private SignedInPeer _writer = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _broker = await TestBroker.StartAsync();
        _writer = await _broker.RegisterAsync();
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _writer.DisposeAsync();
        await _broker.DisposeAsync();
    }

    [Test]
    public async Task A_reader_without_credit_lags_alone()
    {
        ConversationId room = (await _writer.OpenAsync("credit")).Conversation;
        await using SignedInPeer slow = await _broker.SignInAsync(_writer.Welcome.Token!, window: 64 * 1024);
        await slow.SubscribeAsync(room);
        await PlayAsync(room, Followers, count: 60, async () => await slow.Peer.SendAsync(FrameType.Credit, 0, Bodies.Credit(100_000_000)), slow);
    }

    [Test]
    public async Task A_reader_that_does_not_read_lags_alone()
    {
        ConversationId room = (await _writer.OpenAsync("socket")).Conversation;
        await using SignedInPeer slow = await _broker.SignInAsync(_writer.Welcome.Token!, receiveBufferSize: 4096);
        await slow.SubscribeAsync(room);

        // More than the buffers of the kernel hold between the two, which grow to several MiB.
        await PlayAsync(room, followers: 10, count: 700, () => Task.CompletedTask, slow);
    }

    [Test]
    public async Task A_reader_that_gives_credit_drop_by_drop_gets_all_of_it()
    {
        const int Count = 40;
        ConversationId room = (await _writer.OpenAsync("drops")).Conversation;
        for (int i = 1; i <= Count; i++)
        {
            await _writer.PublishAsync(room, NewBody(i), MessageKind.Opaque);
        }

        await using SignedInPeer reader = await _broker.SignInAsync(_writer.Welcome.Token!, window: 1);
        await reader.SubscribeAsync(room, after: 0);
        ulong last = 0;
        while (last < Count)
        {
            ReceivedFrame frame = await reader.ReceiveAsync();
            foreach (StoredMessage message in Bodies.ReadRecords(frame))
            {
                Assert.That(message.Sequence, Is.EqualTo(++last));
            }

            if (last < Count)
            {
                // The balance is still below zero: nothing may come before the debt is paid.
                int debt = 8 + frame.Body.Length - 1;
                await reader.Peer.SendAsync(FrameType.Credit, 0, Bodies.Credit((uint)debt));
                await reader.PingAsync();
                await reader.Peer.SendAsync(FrameType.Credit, 0, Bodies.Credit(1));
            }
        }
    }

    private async Task PlayAsync(ConversationId room, int followers, int count, Func<Task> wake, SignedInPeer slow)
    {
        List<SignedInPeer> peers = [];
        try
        {
            for (int i = 0; i < followers; i++)
            {
                peers.Add(await _broker.SignInAsync(_writer.Welcome.Token!));
                await peers[i].SubscribeAsync(room);
            }

            long before = _broker.Process.ResidentBytes;
            Task<(ulong Last, List<Lag> Lags)>[] following = peers.Select(peer => FollowAsync(peer.Peer, (ulong)count)).ToArray();
            for (int i = 1; i <= count; i++)
            {
                await _writer.PublishAsync(room, NewBody(i), MessageKind.Opaque);
            }

            (ulong Last, List<Lag> Lags)[] ends = await Task.WhenAll(following);
            long grown = _broker.Process.ResidentBytes - before;
            TestContext.Out.WriteLine($"{followers} followers, {count} × {BodySize / 1024} KiB: resident +{grown >> 20} MiB");
            Assert.That(ends.Select(end => end.Last), Is.All.EqualTo((ulong)count));
            Assert.That(grown, Is.LessThan(96L << 20));

            await wake();
            (ulong last, List<Lag> lags) = await FollowAsync(slow.Peer, (ulong)count);
            Assert.That(last, Is.EqualTo((ulong)count));
            Assert.That(lags, Is.Not.Empty, "the reader was never told that it lags");
            Assert.That(lags, Has.Count.LessThanOrEqualTo(2), "one episode, and one more while it caught up at the most");

            // Live again.
            await _writer.PublishAsync(room, NewBody(count + 1), MessageKind.Opaque);
            ReceivedFrame live = await slow.ReceiveAsync();
            Assert.That(live.ToSequences(), Is.EqualTo(new[] { (ulong)count + 1 }));
        }
        finally
        {
            foreach (SignedInPeer peer in peers)
            {
                await peer.DisposeAsync();
            }
        }
    }

    /// <summary>Reads a subscription from 1 on, and checks that it has no gap, no duplicate, no wrong byte, and that each Lag stands in its place.</summary>
    private static async Task<(ulong Last, List<Lag> Lags)> FollowAsync(ScriptedPeer peer, ulong until)
    {
        peer.Timeout = TimeSpan.FromSeconds(30);
        List<Lag> lags = [];
        ulong last = 0;
        while (last < until)
        {
            ReceivedFrame frame = await peer.ReceiveUntilAsync(frame => frame.Type is FrameType.Deliver or FrameType.Lag or FrameType.Close);
            if (frame.Type == FrameType.Lag)
            {
                Assert.That(Lag.TryRead(frame.Body, out Lag lag), Is.True);
                Assert.That(lag.Next, Is.EqualTo(last + 1), "Lag stands where delivery from the log begins");
                lags.Add(lag);
                continue;
            }

            Assert.That(frame.Type, Is.EqualTo(FrameType.Deliver), $"{frame}");
            foreach (StoredMessage message in Bodies.ReadRecords(frame))
            {
                Assert.That(message.Sequence, Is.EqualTo(++last));
                Assert.That(BitConverter.ToInt32(message.Body), Is.EqualTo((int)last));
            }
        }

        return (last, lags);
    }

    private static byte[] NewBody(int number)
    {
        byte[] body = new byte[BodySize];
        BitConverter.TryWriteBytes(body, number);
        return body;
    }
}
