using System.Text;

namespace FastChat.Client.Tests;

internal sealed class PublishTests
{
    [Test]
    public async Task A_publish_is_encoded_as_asked_and_answered_with_its_receipt()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        PublishOptions options = new() { ClientMessageId = new ClientMessageId(0xAB), OnBehalfOf = new UserId(0xBE) };
        Task<PublishReceipt> publishing = client.PublishAsync(Posts.Attic, MessageKind.Opaque, new byte[] { 1, 2 }, options).AsTask();
        SentFrame frame = await peer.ReadAsync(FrameType.Publish);
        AssertPublish(frame.Body);
        await peer.PublishedAsync(frame.Request, 42, isDuplicate: true, epoch: 3);
        PublishReceipt receipt = await publishing.Within();
        Assert.That(receipt, Is.EqualTo(new PublishReceipt(3, 42, Durability.Fsynced, true, DateTimeOffset.FromUnixTimeSeconds(1_700_000_000))));
        Assert.That(receipt.Position, Is.EqualTo(new LogPosition(3, 42)));

        static void AssertPublish(byte[] body)
        {
            Assert.That(Publish.TryRead(body, out Publish publish), Is.True);
            Assert.That(publish.Conversation, Is.EqualTo(Posts.Attic));
            Assert.That(publish.ClientMessageId, Is.EqualTo(new ClientMessageId(0xAB)));
            Assert.That(publish.Kind, Is.EqualTo(MessageKind.Opaque));
            Assert.That(publish.OnBehalfOf, Is.EqualTo(new UserId(0xBE)));
            Assert.That(publish.Body.ToArray(), Is.EqualTo(new byte[] { 1, 2 }));
        }
    }

    [Test]
    public async Task Publishes_are_pipelined_answered_in_any_order_and_get_ids_of_their_own()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        Outcomes outcomes = new();
        byte[] body = new byte[8];
        for (int i = 0; i < 300; i++)
        {
            // One array for all: the post copies.
            BitConverter.TryWriteBytes(body, (long)i);
            await client.PostAsync(Posts.Lobby, default, MessageKind.Opaque, body, default, outcomes, i);
        }

        List<SentFrame> frames = [];
        for (int i = 0; i < 300; i++)
        {
            frames.Add(await peer.ReadAsync(FrameType.Publish));
            Assert.That(BitConverter.ToInt64(frames[i].Body.AsSpan(Publish.FixedSize)), Is.EqualTo(i));
        }

        Assert.That(frames.Select(frame => ClientMessageId.Read(frame.Body.AsSpan(16))).Distinct().Count(), Is.EqualTo(300));
        Assert.That(frames.Select(frame => frame.Request).Distinct().Count(), Is.EqualTo(300));
        for (int i = 299; i >= 0; i--)
        {
            await peer.PublishedAsync(frames[i].Request, (ulong)i + 1);
        }

        await client.FlushAsync().Within();
        Assert.That(outcomes.Order, Is.EqualTo(Enumerable.Range(0, 300).Reverse().Select(tag => (long)tag)));
        Assert.That(client.SendQueueBytes, Is.Zero);
    }

    [TestCase(ErrorCode.StoreFull)]
    [TestCase(ErrorCode.RateLimited)]
    public async Task What_was_refused_for_the_time_being_is_sent_again_in_order_and_before_anything_newer(ErrorCode code)
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        Outcomes outcomes = new();
        List<SentFrame> sent = [];
        await PostAsync(0, 4);
        await ReadAsync(4);

        // The first is stored; the second is refused, and with it what was on its way.
        await peer.PublishedAsync(sent[0].Request, 1);
        await peer.ErrorAsync(sent[1].Request, code, retryAfterMs: 200, isInOrder: true);
        await peer.ErrorAsync(sent[2].Request, code, retryAfterMs: 200, isInOrder: true);
        await Task.Delay(50);
        await PostAsync(4, 1);
        await peer.ErrorAsync(sent[3].Request, code, retryAfterMs: 200, isInOrder: true);
        long refused = TimeProvider.System.GetTimestamp();
        await ReadAsync(4);
        Assert.That(TimeProvider.System.GetElapsedTime(refused), Is.GreaterThan(TimeSpan.FromMilliseconds(150)), "the broker named a time");
        Assert.That(sent[4..].Select(frame => frame.Request), Is.EqualTo(sent[1..4].Select(frame => frame.Request).Append(sent[0].Request + 4)), "the same, in order, then the new one");
        Assert.That(sent[4..7].Select(frame => frame.Body), Is.EqualTo(sent[1..4].Select(frame => frame.Body)));

        // There is still no room, twice; then there is.
        for (int round = 0; round < 2; round++)
        {
            List<SentFrame> again = sent[^4..];
            foreach (SentFrame frame in again)
            {
                await peer.ErrorAsync(frame.Request, code, retryAfterMs: 1, isInOrder: true);
            }

            await ReadAsync(4);
            Assert.That(sent[^4..].Select(frame => frame.Request), Is.EqualTo(again.Select(frame => frame.Request)));
        }

        Assert.That(outcomes.Order, Is.EqualTo([0L]), "nobody was told of a failure");
        foreach (SentFrame frame in sent[^4..])
        {
            await peer.PublishedAsync(frame.Request, 2);
        }

        await client.FlushAsync().Within();
        Assert.That(outcomes.Order, Is.EqualTo([0L, 1, 2, 3, 4]));
        Assert.That(client.SendQueueBytes, Is.Zero);

        async Task PostAsync(int first, int count)
        {
            for (int i = first; i < first + count; i++)
            {
                await client.PostAsync(Posts.Lobby, default, MessageKind.Opaque, new[] { (byte)i }, default, outcomes, i);
            }
        }

        async Task ReadAsync(int count)
        {
            for (int i = 0; i < count; i++)
            {
                sent.Add(await peer.ReadAsync(FrameType.Publish));
            }
        }
    }

    [Test]
    public async Task Who_is_refused_for_its_rate_has_half_as_many_under_way_and_then_more_again()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        Outcomes outcomes = new();
        for (int i = 0; i < 400; i++)
        {
            await client.PostAsync(Posts.Lobby, default, MessageKind.Opaque, new[] { (byte)i }, default, outcomes, i);
        }

        List<SentFrame> sent = [];
        while (sent.Count < 400)
        {
            sent.Add(await peer.ReadAsync(FrameType.Publish));
        }

        foreach (SentFrame frame in sent)
        {
            await peer.ErrorAsync(frame.Request, ErrorCode.RateLimited, retryAfterMs: 1, isInOrder: true);
        }

        List<SentFrame> again = [];
        for (int i = 0; i < 200; i++)
        {
            again.Add(await peer.ReadAsync(FrameType.Publish));
        }

        Task<SentFrame> next = peer.ReadAsync(FrameType.Publish);
        Assert.That(await Task.WhenAny(next, Task.Delay(100)), Is.Not.SameAs(next), "half of them, until answers come");
        Assert.That(again.Select(frame => frame.Request), Is.EqualTo(sent.Take(200).Select(frame => frame.Request)));
        for (int i = 0; i < 400; i++)
        {
            await peer.PublishedAsync(sent[i].Request, (ulong)i + 1);
            if (i < 200)
            {
                again.Add(i == 0 ? await next.Within() : await peer.ReadAsync(FrameType.Publish));
            }
        }

        await client.FlushAsync().Within();
        Assert.That(outcomes.Order, Is.EqualTo(Enumerable.Range(0, 400).Select(i => (long)i)));
        Assert.That(again.Select(frame => frame.Request), Is.EqualTo(sent.Select(frame => frame.Request)));
    }

    [Test]
    public async Task A_new_connection_repeats_at_once_what_a_full_disk_refused_on_the_last_one()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        Task<PublishReceipt> publishing = client.PublishTextAsync(Posts.Lobby, "a").AsTask();
        SentFrame first = await peer.ReadAsync(FrameType.Publish);
        await peer.ErrorAsync(first.Request, ErrorCode.StoreFull, retryAfterMs: 3_600_000, isInOrder: true);
        await peer.BreakAsync();
        Peer next = await broker.AcceptAsync();
        await next.WelcomeAsync();
        SentFrame again = await next.ReadAsync(FrameType.Publish);
        Assert.That((again.Request, again.Body), Is.EqualTo((first.Request, first.Body)));
        await next.PublishedAsync(again.Request, 1);
        Assert.That((await publishing.Within()).Sequence, Is.EqualTo(1));
    }

    [Test]
    public async Task An_error_reaches_its_publish_alone()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        Task<PublishReceipt> refused = client.PublishTextAsync(Posts.Lobby, "a").AsTask();
        SentFrame first = await peer.ReadAsync(FrameType.Publish);
        Task<PublishReceipt> accepted = client.PublishTextAsync(Posts.Lobby, "b").AsTask();
        SentFrame second = await peer.ReadAsync(FrameType.Publish);
        await peer.ErrorAsync(first.Request, ErrorCode.Overloaded, retryAfterMs: 250);
        await peer.PublishedAsync(second.Request, 1);
        RequestException error = await refused.Fails<RequestException>();
        Assert.That(
            (error.Code, error.Scope, error.IsRetryable, error.RetryAfter, error.Reason),
            Is.EqualTo((ErrorCode.Overloaded, ErrorScope.Request, true, TimeSpan.FromMilliseconds(250), "scripted")));
        Assert.That((await accepted.Within()).Sequence, Is.EqualTo(1));
    }

    [Test]
    public async Task What_the_broker_would_refuse_is_refused_without_asking()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync(welcome: Welcomes.Plain with { BodySizeMax = 10 });
        RequestException large = await client.PublishTextAsync(Posts.Lobby, "eleven bytes").AsTask().Fails<RequestException>();
        Assert.That(large.Code, Is.EqualTo(ErrorCode.BodyTooLarge));
        RequestException lone = Assert.Throws<RequestException>(() => _ = client.PublishTextAsync(Posts.Lobby, "\uD800").AsTask())!;
        Assert.That(lone.Code, Is.EqualTo(ErrorCode.InvalidText));
        await client.DisposeAsync().Within();
        await peer.ReadAsync(FrameType.Close);
    }

    [Test]
    public async Task A_full_send_queue_holds_posts_back_in_their_order()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync(broker.Options with { SendQueueBytesMax = 1024 });
        await using FastChatClient owned = client;
        Outcomes outcomes = new();
        byte[] large = new byte[400];
        ValueTask PostAsync(byte[] body, long tag) => client.PostAsync(Posts.Lobby, default, MessageKind.Opaque, body, default, outcomes, tag);

        Task first = PostAsync(large, 0).AsTask();
        Task second = PostAsync(large, 1).AsTask();
        Task third = PostAsync(large, 2).AsTask();
        Task small = PostAsync([], 3).AsTask();
        Assert.That((first.IsCompleted, second.IsCompleted, third.IsCompleted), Is.EqualTo((true, true, false)));
        Assert.That(small.IsCompleted, Is.False, "it would fit, and waits behind the one that does not");
        Assert.That(client.SendQueueBytes, Is.InRange(800, 1024));

        SentFrame sent = await peer.ReadAsync(FrameType.Publish);
        await peer.ReadAsync(FrameType.Publish);
        await peer.PublishedAsync(sent.Request, 1);
        await Task.WhenAll(third, small).Within();
        SentFrame next = await peer.ReadAsync(FrameType.Publish);
        SentFrame last = await peer.ReadAsync(FrameType.Publish);
        Assert.That((next.Body.Length, last.Body.Length), Is.EqualTo((Publish.FixedSize + 400, Publish.FixedSize)));
    }

    [Test]
    public async Task A_post_that_waits_can_be_cancelled_and_was_not_posted()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync(broker.Options with { SendQueueBytesMax = 1024 });
        await using FastChatClient owned = client;
        Outcomes outcomes = new();
        await client.PostAsync(Posts.Lobby, default, MessageKind.Opaque, new byte[900], default, outcomes, 0);
        using CancellationTokenSource cancel = new();
        Task cancelled = client.PostAsync(Posts.Lobby, default, MessageKind.Opaque, new byte[900], default, outcomes, 1, cancel.Token).AsTask();
        Task behind = client.PostAsync(Posts.Lobby, default, MessageKind.Opaque, new byte[10], default, outcomes, 2).AsTask();
        await cancel.CancelAsync();
        await cancelled.Fails<OperationCanceledException>();
        await behind.Within();
        await peer.ReadAsync(FrameType.Publish);
        Assert.That((await peer.ReadAsync(FrameType.Publish)).Body, Has.Length.EqualTo(Publish.FixedSize + 10));
    }

    [Test]
    public async Task No_more_publishes_are_in_flight_than_the_broker_takes_and_requests_pass_them_by()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync(welcome: Welcomes.Plain with { InFlightMax = 3 });
        await using FastChatClient owned = client;
        Outcomes outcomes = new();
        for (int i = 0; i < 10; i++)
        {
            await client.PostTextAsync(Posts.Lobby, $"m{i}", outcomes, i);
        }

        List<SentFrame> frames = [];
        for (int i = 0; i < 3; i++)
        {
            frames.Add(await peer.ReadAsync(FrameType.Publish));
        }

        Task<TimeSpan> ping = client.PingAsync();
        SentFrame probe = await peer.ReadAsync(FrameType.Ping);
        await peer.SendAsync(target => FrameWriter.Write(target, FrameType.Pong, probe.Request, probe.Body));
        Assert.That(await ping.Within(), Is.GreaterThanOrEqualTo(TimeSpan.Zero));
        for (int i = 0; i < 10; i++)
        {
            await peer.PublishedAsync(frames[i].Request, (ulong)i + 1);
            if (i < 7)
            {
                frames.Add(await peer.ReadAsync(FrameType.Publish));
            }
        }

        await client.FlushAsync().Within();
        Assert.That(frames.Select(frame => Encoding.UTF8.GetString(frame.Body.AsSpan(Publish.FixedSize))), Is.EqualTo(Enumerable.Range(0, 10).Select(i => $"m{i}")));
    }

    [Test]
    public async Task A_second_answer_to_a_publish_is_a_violation_and_ends_the_connection_only()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        Outcomes outcomes = new();
        await client.PostTextAsync(Posts.Lobby, "m", outcomes, 1);
        SentFrame frame = await peer.ReadAsync(FrameType.Publish);
        await peer.PublishedAsync(frame.Request, 1);
        await peer.PublishedAsync(frame.Request, 1);
        SentFrame close = await peer.ReadAsync(FrameType.Close);
        Assert.That(Failure.TryRead(close.Body, out Failure failure) ? (CloseCode)failure.Code : default, Is.EqualTo(CloseCode.BadFrame));
        await (await broker.AcceptAsync()).WelcomeAsync();
        Assert.That((outcomes.Count, outcomes.Repeated), Is.EqualTo((1, 0)));
    }

    [TestCase(0u)]
    [TestCase(SendQueue.PublishBit)]
    [TestCase(SendQueue.PublishBit + 5)]
    [TestCase(7u)]
    public async Task An_answer_to_what_was_not_asked_is_a_violation(uint request)
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        await peer.PublishedAsync(request, 1);
        await peer.ReadAsync(FrameType.Close);
        await (await broker.AcceptAsync()).WelcomeAsync();
    }

    [Test]
    public async Task An_observer_that_throws_ends_the_client_with_its_exception()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        InvalidOperationException defect = new("a defect of the application");
        await client.PostTextAsync(Posts.Lobby, "m", new ThrowingObserver(defect), 1);
        Task<PublishReceipt> other = client.PublishTextAsync(Posts.Lobby, "n").AsTask();
        SentFrame frame = await peer.ReadAsync(FrameType.Publish);
        await peer.PublishedAsync(frame.Request, 1);
        ConnectionException error = await other.Fails<ConnectionException>();
        Assert.That(error.InnerException, Is.SameAs(defect));
        await client.Completion.Within();
        Assert.That(client.State.LastClose?.Cause, Is.SameAs(defect));
        await client.DisposeAsync().Within();
    }

    [Test]
    public async Task Dispose_fails_what_is_unanswered_and_Completion_tells_what_observers_threw_then()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        InvalidOperationException defect = new("a defect of the application");
        await client.PostTextAsync(Posts.Lobby, "m", new ThrowingObserver(defect), 1);
        Outcomes outcomes = new();
        await client.PostTextAsync(Posts.Lobby, "n", outcomes, 2);
        await peer.ReadAsync(FrameType.Publish);
        await client.DisposeAsync().Within();
        Assert.That(outcomes.Error(2), Is.TypeOf<ConnectionException>());
        AggregateException told = (AggregateException)client.Completion.Exception!.InnerException!;
        Assert.That(told.InnerExceptions, Is.EqualTo(new[] { defect }));
    }

    [Test]
    public async Task Posts_from_many_threads_over_breaking_connections_arrive_once_and_each_thread_in_order()
    {
        MiniBroker broker = new() { Cuts = connection => (connection is > 0 and < 20 ? 3_000 + (connection * 777) : long.MaxValue, connection == 0 ? 20_000 : long.MaxValue) };
        FastChatClient client = await FastChatClient.ConnectAsync(broker.Options with { SendQueueBytesMax = 20_000 }).Within();
        const int Threads = 4;
        const int Each = 2_000;
        Outcomes outcomes = new();
        await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Run(async () =>
        {
            for (int i = 0; i < Each; i++)
            {
                await client.PostTextAsync(Posts.Lobby, $"{thread}:{i}", outcomes, (thread * Each) + i);
            }
        }))).Within();
        await client.FlushAsync().Within();
        await client.DisposeAsync().Within();
        await broker.StoppedAsync();

        Assert.That(broker.Opened, Is.GreaterThan(15), "the connection broke again and again");
        Assert.That((outcomes.Count, outcomes.Repeated), Is.EqualTo((Threads * Each, 0)));
        IReadOnlyList<string> texts = broker.Texts(Posts.Lobby);
        Assert.That(texts, Has.Count.EqualTo(Threads * Each));
        for (int thread = 0; thread < Threads; thread++)
        {
            string prefix = $"{thread}:";
            Assert.That(texts.Where(text => text.StartsWith(prefix, StringComparison.Ordinal)), Is.EqualTo(Enumerable.Range(0, Each).Select(i => prefix + i)));
        }
    }

    private sealed class ThrowingObserver(Exception defect) : IPublishObserver
    {
        public void OnPublished(long tag, in PublishReceipt receipt) => throw defect;

        public void OnFailed(long tag, ClientException error) => throw defect;
    }
}
