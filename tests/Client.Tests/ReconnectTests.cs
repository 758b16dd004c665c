using Microsoft.Extensions.Time.Testing;

namespace FastChat.Client.Tests;

internal sealed class ReconnectTests
{
    /// <summary>
    /// The promise of the whole client: cut the first connection behind every single byte, in either direction, and the application sees every message once, in order, and
    /// one receipt for each. The second connection is cut as well, at a place that wanders.
    /// </summary>
    [TestCase(true)]
    [TestCase(false)]
    public async Task Nothing_is_lost_doubled_or_reordered_wherever_the_connection_breaks(bool isReadCut)
    {
        (long read, long written) = await MeasureAsync();
        long length = isReadCut ? read : written;
        Assert.That(length, Is.GreaterThan(500), "the exchange is worth cutting");
        for (long cut = 1; cut <= length; cut++)
        {
            long second = cut * 37 % length;
            MiniBroker broker = new()
            {
                Cuts = connection => connection switch
                {
                    0 => isReadCut ? (cut, long.MaxValue) : (long.MaxValue, cut),
                    1 => isReadCut ? (long.MaxValue, Math.Max(1, second)) : (Math.Max(1, second), long.MaxValue),
                    _ => (long.MaxValue, long.MaxValue),
                },
            };
            await ExchangeAsync(broker, $"cut behind byte {cut}, then {second}");
        }
    }

    [TestCase(CloseCode.Normal)]
    [TestCase(CloseCode.Draining)]
    [TestCase((CloseCode)4099)]
    [TestCase(CloseCode.StoreUnavailable)]
    [TestCase((CloseCode)4199)]
    public async Task Codes_below_4200_bring_the_client_back_with_its_session(CloseCode code)
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer first) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        await first.CloseAsync(code);
        Peer second = await broker.AcceptAsync();
        Hello hello = await second.WelcomeAsync();
        Assert.That(hello.Session, Is.EqualTo(Welcomes.Plain.Session));
        await Patience.Until(() => client.State.Phase == ConnectionPhase.Connected, "it is back");
        Assert.That(client.State.LastClose?.Code, Is.EqualTo(code));
    }

    [TestCase(CloseCode.TokenInvalid)]
    [TestCase(CloseCode.SessionReplaced)]
    [TestCase((CloseCode)4299)]
    [TestCase(CloseCode.BadFrame)]
    [TestCase((CloseCode)4399)]
    public async Task Codes_from_4200_end_the_client_and_everything_that_waits(CloseCode code)
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        Task<PublishReceipt> publish = client.PublishTextAsync(Posts.Lobby, "hello").AsTask();
        Task<ConversationInfo> resolve = client.ResolveConversationAsync("lobby");
        Task<HistoryPage> fetch = client.FetchAsync(Posts.Lobby, default, FetchDirection.Forward);
        ValueTask<bool> read = client.ReadAsync(Posts.Lobby).GetAsyncEnumerator().MoveNextAsync();
        Task flush = client.FlushAsync();
        await peer.CloseAsync(code);

        foreach (Task waiting in new[] { publish, resolve, fetch, read.AsTask(), flush })
        {
            ConnectionException error = await waiting.Fails<ConnectionException>();
            Assert.That((error.Code, error.IsFinal, error.IsRetryable), Is.EqualTo((code, true, false)));
        }

        await client.Completion.Within();
        Assert.That(client.State.Phase, Is.EqualTo(ConnectionPhase.Closed));
        Assert.That(broker.Connections, Is.EqualTo(1));
        await client.PublishTextAsync(Posts.Lobby, "late").AsTask().Fails<ConnectionException>();
        await client.PingAsync().Fails<ConnectionException>();
        await client.ReadAsync(Posts.Lobby).GetAsyncEnumerator().MoveNextAsync().AsTask().Fails<ConnectionException>();
        await client.DisposeAsync().Within();
    }

    [Test]
    public async Task Unanswered_publishes_come_again_in_order_with_their_ids_before_newer_ones()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer first) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        Outcomes outcomes = new();
        for (int i = 0; i < 5; i++)
        {
            await client.PostTextAsync(Posts.Lobby, $"m{i}", outcomes, i);
        }

        List<SentFrame> sent = [];
        for (int i = 0; i < 5; i++)
        {
            sent.Add(await first.ReadAsync(FrameType.Publish));
        }

        // The second and the fourth were answered; the first and third overtook nobody.
        await first.PublishedAsync(sent[1].Request, 2);
        await first.PublishedAsync(sent[3].Request, 4);
        await Patience.Until(() => outcomes.Count == 2, "two answers");
        await first.BreakAsync();
        Peer second = await broker.AcceptAsync();
        await client.PostTextAsync(Posts.Lobby, "newer", outcomes, 5);
        await second.WelcomeAsync();

        List<SentFrame> again = [];
        for (int i = 0; i < 4; i++)
        {
            again.Add(await second.ReadAsync(FrameType.Publish));
        }

        Assert.That(again[..3].Select(frame => frame.Body), Is.EqualTo(new[] { sent[0].Body, sent[2].Body, sent[4].Body }));
        Assert.That(System.Text.Encoding.UTF8.GetString(again[3].Body.AsSpan(Publish.FixedSize)), Is.EqualTo("newer"));
        foreach (SentFrame frame in again)
        {
            await second.PublishedAsync(frame.Request, 9, isDuplicate: true);
        }

        await client.FlushAsync().Within();
        Assert.That(outcomes.Receipt(0).IsDuplicate, Is.True);
        Assert.That(outcomes.Receipt(1).IsDuplicate, Is.False);
        Assert.That((outcomes.Count, outcomes.Repeated, client.SendQueueBytes), Is.EqualTo((6, 0, 0L)));
    }

    [Test]
    public async Task Idempotent_requests_survive_a_break_and_others_fail_retryably()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer first) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        Task<ConversationInfo> resolve = client.ResolveConversationAsync("lobby", create: true);
        await first.ReadAsync(FrameType.ResolveConversation);
        Task<MembersAdded> add = client.AddMembersAsync(Posts.Lobby, [new UserId(1)]);
        await first.ReadAsync(FrameType.AddMembers);
        Task<HistoryPage> fetch = client.FetchAsync(Posts.Lobby, default, FetchDirection.Forward);
        SentFrame firstFetch = await first.ReadAsync(FrameType.Fetch);
        await first.SendAsync(target => Records.WriteFrame(target, FrameType.Chunk, firstFetch.Request, Posts.Lobby, 1, [Records.Text(1, "half")]));
        Task<TimeSpan> ping = client.PingAsync();
        await first.ReadAsync(FrameType.Ping);
        await first.BreakAsync();

        ConnectionException error = await add.Fails<ConnectionException>();
        Assert.That((error.IsRetryable, error.IsFinal), Is.EqualTo((true, false)));
        await ping.Fails<ConnectionException>();

        Peer second = await broker.AcceptAsync();
        await second.WelcomeAsync();
        SentFrame again = await second.ReadAsync(FrameType.ResolveConversation);
        await second.ReplyAsync(again.Request, new ConversationInfo { Conversation = Posts.Lobby, Name = "lobby" }.ToMap());
        SentFrame fetchAgain = await second.ReadAsync(FrameType.Fetch);
        await second.SendAsync(target => Records.WriteFrame(target, FrameType.Chunk, fetchAgain.Request, Posts.Lobby, 1, [Records.Text(1, "whole"), Records.Text(2, "page")]));
        FetchEnd end = new(true, 1, 2, 1, 2, 2);
        await second.SendAsync(target => end.Write(FrameWriter.Begin(target, FrameType.FetchEnd, fetchAgain.Request, FetchEnd.Size)));
        Assert.That((await resolve.Within()).Conversation, Is.EqualTo(Posts.Lobby));
        Assert.That((await fetch.Within()).Messages.Select(message => message.Text), Is.EqualTo(new[] { "whole", "page" }));
    }

    [Test]
    public async Task A_request_made_while_disconnected_waits_and_is_sent_once()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer first) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        await first.BreakAsync();
        Peer second = await broker.AcceptAsync();
        Task<MembersAdded> add = client.AddMembersAsync(Posts.Lobby, [new UserId(1)]);
        await second.WelcomeAsync();
        SentFrame frame = await second.ReadAsync(FrameType.AddMembers);
        await second.ReplyAsync(frame.Request, new ControlMap().Set("added", 1).Set("sequence", 3));
        Assert.That(await add.Within(), Is.EqualTo(new MembersAdded(1, 3)));
        await client.DisposeAsync().Within();
        await second.ReadAsync(FrameType.Close);
    }

    [Test]
    public async Task Answers_in_the_batch_that_broke_the_connection_still_make_room()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer first) = await broker.ConnectAsync(broker.Options with { SendQueueBytesMax = 1024 });
        await using FastChatClient owned = client;
        Outcomes outcomes = new();
        await client.PostAsync(Posts.Lobby, default, MessageKind.Opaque, new byte[900], default, outcomes, 0);
        Task flush = client.FlushAsync();
        Task waiting = client.PostAsync(Posts.Lobby, default, MessageKind.Opaque, new byte[900], default, outcomes, 1).AsTask();
        SentFrame frame = await first.ReadAsync(FrameType.Publish);
        await first.SendAsync(target =>
        {
            new Published(1, 1, Durability.Fsynced, false, 0).Write(FrameWriter.Begin(target, FrameType.Published, frame.Request, Published.Size));
            FrameWriter.Write(target, FrameType.Publish, 0, "no broker sends this"u8);
        });
        Peer second = await broker.AcceptAsync();
        await second.WelcomeAsync();
        await waiting.Within();
        await flush.Within();
        await second.ReadAsync(FrameType.Publish);
    }

    /// <summary>So that the broker can tell one that it reads late from one that is later.</summary>
    [Test]
    public async Task Hellos_are_numbered_also_those_that_were_given_up()
    {
        ScriptedBroker broker = new();
        ClientOptions options = broker.Options with { ConnectTimeout = TimeSpan.FromMilliseconds(200) };
        (FastChatClient client, Peer first) = await broker.ConnectAsync(options);
        await using FastChatClient owned = client;
        await first.BreakAsync();
        await broker.AcceptAsync();
        Peer third = await broker.AcceptAsync();
        Hello hello = await third.WelcomeAsync();
        Assert.That(hello.Attempt, Is.EqualTo(3));
        await Patience.Until(() => client.State.Phase == ConnectionPhase.Connected, "it is back");
    }

    [Test]
    public async Task Dispose_does_not_wait_for_a_broker_that_takes_no_bytes()
    {
        ScriptedBroker broker = new(pauseBytes: 4096);
        (FastChatClient client, Peer _) = await broker.ConnectAsync();
        Outcomes outcomes = new();
        for (int i = 0; i < 100; i++)
        {
            await client.PostAsync(Posts.Lobby, default, MessageKind.Opaque, new byte[1000], default, outcomes, i);
        }

        await client.DisposeAsync().Within();
        Assert.That(outcomes.Count, Is.EqualTo(100));
    }

    [Test]
    public async Task Attempts_are_counted_and_end_the_client_when_they_are_limited()
    {
        ScriptedBroker broker = new();
        ClientOptions options = broker.Options with { Reconnect = broker.Options.Reconnect with { AttemptsMax = 3 } };
        List<ConnectionPhase> phases = [];
        (FastChatClient client, Peer peer) = await broker.ConnectAsync(options);
        client.StateChanged += state => phases.Add(state.Phase);
        broker.Refusal = new IOException("gone");
        await peer.BreakAsync();
        await client.Completion.Within();
        Assert.That(broker.Connections, Is.EqualTo(1 + 3));
        Assert.That(phases.Count(phase => phase == ConnectionPhase.Waiting), Is.EqualTo(3));
        Assert.That(phases[^1], Is.EqualTo(ConnectionPhase.Closed));
        await client.DisposeAsync();
    }

    [Test]
    public void Pauses_follow_the_close_code()
    {
        ReconnectPolicy policy = new();
        Random random = new(5);
        CloseReason broken = new(CloseCode.None, "", TimeSpan.Zero, null);
        CloseReason draining = new(CloseCode.Draining, "", TimeSpan.Zero, null);
        CloseReason overloaded = new(CloseCode.Overloaded, "", TimeSpan.Zero, null);
        CloseReason timed = new(CloseCode.Overloaded, "", TimeSpan.FromSeconds(40), null);
        CloseReason ours = new(CloseCode.BadFrame, "", TimeSpan.Zero, null) { IsLocal = true };
        Assert.Multiple(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                Assert.That(policy.DelayBefore(0, broken, random).TotalMilliseconds, Is.InRange(37, 50));
                Assert.That(policy.DelayBefore(3, broken, random).TotalMilliseconds, Is.InRange(300, 400));
                Assert.That(policy.DelayBefore(60, broken, random).TotalSeconds, Is.InRange(22, 30));
                Assert.That(policy.DelayBefore(0, draining, random).TotalSeconds, Is.InRange(0, 1));
                Assert.That(policy.DelayBefore(0, overloaded, random).TotalMilliseconds, Is.InRange(375, 500));
                Assert.That(policy.DelayBefore(2, overloaded, random).TotalMilliseconds, Is.InRange(1500, 2000));
                Assert.That(policy.DelayBefore(9, timed, random).TotalSeconds, Is.InRange(40, 50));
                Assert.That(policy.DelayBefore(0, ours, random).TotalMilliseconds, Is.InRange(37, 50));
            }

            Assert.That(ours.Advice, Is.EqualTo(ReconnectAdvice.Now));
            Assert.That(Enumerable.Range(0, 100).Max(_ => policy.DelayBefore(0, draining, random).TotalMilliseconds), Is.GreaterThan(800), "spread over the second");
        });
    }

    [Test]
    public async Task A_quiet_connection_is_kept_alive_and_a_silent_one_given_up()
    {
        ScriptedBroker broker = new();
        FakeTimeProvider time = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync(
            broker.Options with { TimeProvider = time }, Welcomes.Plain with { HeartbeatMs = 1000 });
        await using FastChatClient owned = client;
        await Patience.Until(() => client.State.Phase == ConnectionPhase.Connected, "connected");

        // Ticks come every half second; the loops must have armed their timer before the clock moves.
        Task<SentFrame> ping = peer.ReadAsync(FrameType.Ping);
        while (!ping.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(500));
            await Task.Delay(5);
        }

        Assert.That((await ping).Request, Is.Not.Zero);
        Task<Peer> second = broker.AcceptAsync();
        while (!second.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(500));
            await Task.Delay(5);
        }

        await (await second).WelcomeAsync();
        Assert.That(client.State.LastClose?.Code, Is.EqualTo(CloseCode.HeartbeatTimeout));
    }

    private static async Task<(long Read, long Written)> MeasureAsync()
    {
        MiniBroker broker = new();
        await ExchangeAsync(broker, "uncut");
        return (broker.LastClientStream!.BytesRead, broker.LastClientStream.BytesWritten);
    }

    /// <summary>Three messages to one conversation and three to another, read back from the first; everything checked.</summary>
    private static async Task ExchangeAsync(MiniBroker broker, string what)
    {
        ClientOptions options = broker.Options;
        options = options with { Reconnect = options.Reconnect with { RetryFirstConnect = true } };
        FastChatClient client = await FastChatClient.ConnectAsync(options).Within();
        string[] texts = ["one", "two", "three"];
        Outcomes outcomes = new();
        List<ChatMessage> read = [];
        Task reading = Task.Run(async () =>
        {
            await foreach (ChatMessage message in client.ReadAsync(Posts.Lobby))
            {
                read.Add(message);
                if (read.Count == texts.Length)
                {
                    break;
                }
            }
        });
        for (int i = 0; i < texts.Length; i++)
        {
            await client.PostTextAsync(Posts.Lobby, texts[i], outcomes, i);
            await client.PostTextAsync(Posts.Attic, texts[i], outcomes, 100 + i);
        }

        await client.FlushAsync().Within();
        await reading.Within();
        ConversationInfo info = await client.ResolveConversationAsync("lobby").Within();
        HistoryPage page = await client.FetchAsync(Posts.Attic, default, FetchDirection.Forward).Within();
        await client.DisposeAsync().Within();
        await broker.StoppedAsync();

        Assert.That(broker.Texts(Posts.Lobby), Is.EqualTo(texts), what);
        Assert.That(broker.Texts(Posts.Attic), Is.EqualTo(texts), what);
        Assert.That(read.Select(message => message.Text), Is.EqualTo(texts), what);
        Assert.That(read.Select(message => message.Sequence), Is.EqualTo(new ulong[] { 1, 2, 3 }), what);
        Assert.That(page.Messages.Select(message => message.Text), Is.EqualTo(texts), what);
        Assert.That(info.Conversation, Is.EqualTo(Posts.Lobby), what);
        Assert.That((outcomes.Count, outcomes.Repeated), Is.EqualTo((2 * texts.Length, 0)), what);
        for (int i = 0; i < texts.Length; i++)
        {
            Assert.That(outcomes.Receipt(i).Sequence, Is.EqualTo((ulong)i + 1), what);
            Assert.That(outcomes.Receipt(100 + i).Sequence, Is.EqualTo((ulong)i + 1), what);
        }
    }
}
