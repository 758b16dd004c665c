namespace FastChat.Client.Tests;

internal sealed class ReadTests
{
    [Test]
    public async Task History_and_live_messages_come_as_one_stream_with_every_field()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        await using IAsyncEnumerator<ChatMessage> reader = client.ReadAsync(Posts.Lobby, new LogPosition(2, 6)).GetAsyncEnumerator();
        Task<bool> moving = reader.MoveNextAsync().AsTask();
        SentFrame frame = await peer.ReadAsync(FrameType.Subscribe);
        Assert.That(Subscribe.TryRead(frame.Body, out Subscribe subscribe) ? subscribe : default, Is.EqualTo(new Subscribe(Posts.Lobby, new LogPosition(2, 6))));
        await peer.SubscribedAsync(frame.Request, SubscribeStatus.Resumed, 2, 7, 7);
        await peer.DeliverAsync(Posts.Lobby, 2, Records.Make(7, new ClientMessageId(9), MessageKind.Text, "héllo"u8, sender: new UserId(0xBE)));
        Assert.That(await moving.Within(), Is.True);
        ChatMessage message = reader.Current;
        Assert.Multiple(() =>
        {
            Assert.That(message.Conversation, Is.EqualTo(Posts.Lobby));
            Assert.That(message.Position, Is.EqualTo(new LogPosition(2, 7)));
            Assert.That(message.Sender, Is.EqualTo(new UserId(0xBE)));
            Assert.That(message.Publisher, Is.EqualTo(Welcomes.User));
            Assert.That(message.Device, Is.EqualTo(new DeviceId(7)));
            Assert.That(message.ClientMessageId, Is.EqualTo(new ClientMessageId(9)));
            Assert.That(message.Kind, Is.EqualTo(MessageKind.Text));
            Assert.That(message.Text, Is.EqualTo("héllo"));
            Assert.That(message.SentAt, Is.EqualTo(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000)));
            Assert.That(message.IsErased, Is.False);
        });
        await peer.DeliverAsync(Posts.Lobby, 2, Records.Text(8, "live"), Records.Text(9, "on"));
        Assert.That(await TextsAsync(reader, 2), Is.EqualTo(new[] { "live", "on" }));
    }

    [Test]
    public async Task A_reconnect_goes_on_behind_what_was_received_and_nothing_is_asked_twice()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer first) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        await using IAsyncEnumerator<ChatMessage> reader = client.ReadAsync(Posts.Lobby).GetAsyncEnumerator();
        Task<bool> moving = reader.MoveNextAsync().AsTask();
        SentFrame frame = await first.ReadAsync(FrameType.Subscribe);
        await first.SubscribedAsync(frame.Request, SubscribeStatus.Resumed, 5, 1, 3);
        await first.DeliverAsync(Posts.Lobby, 5, Records.Text(1, "a"), Records.Text(2, "b"), Records.Text(3, "c"));
        Assert.That(await moving.Within(), Is.True);
        await first.BreakAsync();

        Peer second = await broker.AcceptAsync();
        await second.WelcomeAsync();
        SentFrame again = await second.ReadAsync(FrameType.Subscribe);
        Assert.That(Subscribe.TryRead(again.Body, out Subscribe subscribe) ? subscribe.After : default, Is.EqualTo(new LogPosition(5, 3)));

        // A Deliver before Subscribed is nobody's.
        await second.DeliverAsync(Posts.Lobby, 5, Records.Text(77, "stray"));
        await second.SubscribedAsync(again.Request, SubscribeStatus.Resumed, 5, 4, 4);
        await second.DeliverAsync(Posts.Lobby, 5, Records.Text(4, "d"));
        Assert.That(await TextsAsync(reader, 3), Is.EqualTo(new[] { "b", "c", "d" }));
    }

    [TestCase("gap")]
    [TestCase("repeated")]
    [TestCase("epoch")]
    [TestCase("checksum")]
    [TestCase("hole inside")]
    [TestCase("count")]
    [TestCase("empty")]
    [TestCase("tail")]
    [TestCase("short")]
    public async Task What_does_not_continue_the_stream_is_not_delivered_and_the_client_resumes(string defect)
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer first) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        await using IAsyncEnumerator<ChatMessage> reader = client.ReadAsync(Posts.Lobby).GetAsyncEnumerator();
        Task<bool> moving = reader.MoveNextAsync().AsTask();
        SentFrame frame = await first.ReadAsync(FrameType.Subscribe);
        await first.SubscribedAsync(frame.Request, SubscribeStatus.Resumed, 1, 1, 9);
        await first.DeliverAsync(Posts.Lobby, 1, Records.Text(1, "a"));
        Assert.That(await moving.Within(), Is.True);

        byte[] damaged = Records.Text(2, "bad");
        damaged[^1] ^= 1;
        Task sent = defect switch
        {
            "gap" => first.DeliverAsync(Posts.Lobby, 1, Records.Text(3, "bad")),
            "repeated" => first.DeliverAsync(Posts.Lobby, 1, Records.Text(1, "bad")),
            "epoch" => first.DeliverAsync(Posts.Lobby, 2, Records.Text(2, "bad")),
            "checksum" => first.DeliverAsync(Posts.Lobby, 1, damaged),
            "hole inside" => first.DeliverAsync(Posts.Lobby, 1, Records.Text(2, "bad"), Records.Text(4, "bad")),
            "count" => SendBodyAsync(first, count: 2, Records.Text(2, "bad")),
            "empty" => SendBodyAsync(first, count: 0, []),
            "tail" => SendBodyAsync(first, count: 1, [.. Records.Text(2, "bad"), 0]),
            _ => first.SendAsync(target => FrameWriter.Write(target, FrameType.Deliver, 0, new byte[Deliver.FixedSize - 1])),
        };
        await sent;
        SentFrame close = await first.ReadAsync(FrameType.Close);
        Assert.That(Failure.TryRead(close.Body, out Failure failure) ? (CloseCode)failure.Code : default, Is.EqualTo(CloseCode.BadFrame));

        Peer second = await broker.AcceptAsync();
        await second.WelcomeAsync();
        SentFrame again = await second.ReadAsync(FrameType.Subscribe);
        Assert.That(Subscribe.TryRead(again.Body, out Subscribe subscribe) ? subscribe.After : default, Is.EqualTo(new LogPosition(1, 1)));
        await second.SubscribedAsync(again.Request, SubscribeStatus.Resumed, 1, 2, 9);
        await second.DeliverAsync(Posts.Lobby, 1, Records.Text(2, "good"));
        Assert.That(await TextsAsync(reader, 1), Is.EqualTo(new[] { "good" }));
    }

    [Test]
    public async Task A_Subscribed_that_skips_or_repeats_is_a_violation([Values(1ul, 7ul)] ulong first)
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        await using IAsyncEnumerator<ChatMessage> reader = client.ReadAsync(Posts.Lobby, new LogPosition(1, 3)).GetAsyncEnumerator();
        Task<bool> moving = reader.MoveNextAsync().AsTask();
        SentFrame frame = await peer.ReadAsync(FrameType.Subscribe);
        await peer.SubscribedAsync(frame.Request, SubscribeStatus.Resumed, 1, first, 9);
        await peer.ReadAsync(FrameType.Close);
        Assert.That(moving.IsCompleted, Is.False);
        await client.DisposeAsync().Within();
        await moving.Fails<ConnectionException>();
    }

    [Test]
    public async Task A_changed_epoch_is_told_behind_everything_that_was_delivered()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer first) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        IAsyncEnumerator<ChatMessage> reader = client.ReadAsync(Posts.Lobby).GetAsyncEnumerator();
        Task<bool> moving = reader.MoveNextAsync().AsTask();
        SentFrame frame = await first.ReadAsync(FrameType.Subscribe);
        await first.SubscribedAsync(frame.Request, SubscribeStatus.Resumed, 1, 1, 2);
        await first.DeliverAsync(Posts.Lobby, 1, Records.Text(1, "a"), Records.Text(2, "b"));
        Assert.That(await moving.Within(), Is.True);
        await first.BreakAsync();
        Peer second = await broker.AcceptAsync();
        await second.WelcomeAsync();
        SentFrame again = await second.ReadAsync(FrameType.Subscribe);
        await second.SubscribedAsync(again.Request, SubscribeStatus.EpochChanged, 2, 0, 1);

        Assert.That(await TextsAsync(reader, 1), Is.EqualTo(new[] { "b" }));
        EpochChangedException change = await reader.MoveNextAsync().AsTask().Fails<EpochChangedException>();
        Assert.That((change.Position, change.Epoch, change.Head), Is.EqualTo((new LogPosition(1, 2), 2u, 1ul)));

        // The conversation can be read again, from where the application decides.
        Task<bool> rereading = client.ReadAsync(Posts.Lobby, new LogPosition(2, 1)).GetAsyncEnumerator().MoveNextAsync().AsTask();
        await second.ErrorAsync((await second.ReadAsync(FrameType.Unsubscribe)).Request, ErrorCode.NotSubscribed);
        SentFrame fresh = await second.ReadAsync(FrameType.Subscribe);
        await second.SubscribedAsync(fresh.Request, SubscribeStatus.Resumed, 2, 2, 2);
        await second.DeliverAsync(Posts.Lobby, 2, Records.Text(2, "c"));
        Assert.That(await rereading.Within(), Is.True);
    }

    [Test]
    public async Task Truncated_history_is_told_with_where_to_go_on()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        Task<bool> moving = client.ReadAsync(Posts.Lobby).GetAsyncEnumerator().MoveNextAsync().AsTask();
        SentFrame frame = await peer.ReadAsync(FrameType.Subscribe);
        await peer.SubscribedAsync(frame.Request, SubscribeStatus.Truncated, 4, 101, 200);
        HistoryTruncatedException truncated = await moving.Fails<HistoryTruncatedException>();
        Assert.That((truncated.First, truncated.Head, truncated.ResumeAfter), Is.EqualTo((101ul, 200ul, new LogPosition(4, 100))));
        await peer.ReadAsync(FrameType.Unsubscribe);
    }

    [Test]
    public async Task From_the_head_on_survives_a_reconnect_without_a_gap()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer first) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        Task<bool> moving = client.ReadAsync(Posts.Lobby, new LogPosition(0, LogPosition.Latest)).GetAsyncEnumerator().MoveNextAsync().AsTask();
        SentFrame frame = await first.ReadAsync(FrameType.Subscribe);
        await first.SubscribedAsync(frame.Request, SubscribeStatus.Resumed, 1, 51, 50);
        Task<TimeSpan> barrier = client.PingAsync();
        SentFrame ping = await first.ReadAsync(FrameType.Ping);
        await first.SendAsync(target => FrameWriter.Write(target, FrameType.Pong, ping.Request, ping.Body));
        await barrier.Within();
        await first.BreakAsync();
        Peer second = await broker.AcceptAsync();
        await second.WelcomeAsync();
        SentFrame again = await second.ReadAsync(FrameType.Subscribe);
        Assert.That(Subscribe.TryRead(again.Body, out Subscribe subscribe) ? subscribe.After : default, Is.EqualTo(new LogPosition(1, 50)));
        Assert.That(moving.IsCompleted, Is.False);
    }

    [Test]
    public async Task Being_removed_ends_the_stream_behind_the_last_message()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        await using IAsyncEnumerator<ChatMessage> reader = client.ReadAsync(Posts.Lobby).GetAsyncEnumerator();
        Task<bool> moving = reader.MoveNextAsync().AsTask();
        SentFrame frame = await peer.ReadAsync(FrameType.Subscribe);
        await peer.SubscribedAsync(frame.Request, SubscribeStatus.Resumed, 1, 1, 0);
        await peer.DeliverAsync(Posts.Lobby, 1, Records.Text(1, "you are out"));
        await peer.SendAsync(target => new Unsubscribe(Posts.Lobby).Write(FrameWriter.Begin(target, FrameType.Unsubscribed, 0, Unsubscribe.Size)));
        Assert.That(await moving.Within(), Is.True);
        Assert.That(await reader.MoveNextAsync().Within(), Is.False);
    }

    [Test]
    public async Task A_refused_subscription_fails_and_a_passing_refusal_is_asked_again()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        Task<bool> moving = client.ReadAsync(Posts.Lobby).GetAsyncEnumerator().MoveNextAsync().AsTask();
        await peer.ErrorAsync((await peer.ReadAsync(FrameType.Subscribe)).Request, ErrorCode.Overloaded, retryAfterMs: 5);
        await peer.ErrorAsync((await peer.ReadAsync(FrameType.Subscribe)).Request, ErrorCode.NoSuchConversation);
        RequestException error = await moving.Fails<RequestException>();
        Assert.That(error.Code, Is.EqualTo(ErrorCode.NoSuchConversation));
    }

    [Test]
    public async Task A_conversation_is_read_once_at_a_time_and_again_when_the_first_reader_stopped()
    {
        MiniBroker broker = new();
        await using FastChatClient client = await FastChatClient.ConnectAsync(broker.Options).Within();
        await client.PublishTextAsync(Posts.Lobby, "a").AsTask().Within();
        for (int i = 0; i < 50; i++)
        {
            await using IAsyncEnumerator<ChatMessage> reader = client.ReadAsync(Posts.Lobby).GetAsyncEnumerator();
            Assert.That(await reader.MoveNextAsync().Within(), Is.True);
            await client.ReadAsync(Posts.Lobby).GetAsyncEnumerator().MoveNextAsync().AsTask().Fails<InvalidOperationException>();
        }
    }

    [Test]
    public async Task Cancelling_ends_the_enumeration_and_unsubscribes()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        using CancellationTokenSource cancel = new();
        Task<bool> moving = client.ReadAsync(Posts.Lobby, cancellationToken: cancel.Token).GetAsyncEnumerator().MoveNextAsync().AsTask();
        await peer.ReadAsync(FrameType.Subscribe);
        await cancel.CancelAsync();
        await moving.Fails<OperationCanceledException>();
        await peer.ReadAsync(FrameType.Unsubscribe);
    }

    [Test]
    public async Task Credit_is_given_back_as_the_application_consumes_and_the_window_holds_over_reconnects()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer first) = await broker.ConnectAsync(broker.Options with { Window = 8192 });
        await using FastChatClient owned = client;
        await using IAsyncEnumerator<ChatMessage> reader = client.ReadAsync(Posts.Lobby).GetAsyncEnumerator();
        Task<bool> moving = reader.MoveNextAsync().AsTask();
        SentFrame frame = await first.ReadAsync(FrameType.Subscribe);
        await first.SubscribedAsync(frame.Request, SubscribeStatus.Resumed, 1, 1, 9);
        byte[] body = new byte[1500];
        int frameSize = FrameHeader.Size + Deliver.FixedSize + MessageRecord.SizeOf(onBehalf: false, body.Length);
        for (ulong i = 1; i <= 5; i++)
        {
            await first.DeliverAsync(Posts.Lobby, 1, Records.Make(i, default, MessageKind.Opaque, body));
        }

        // Two are consumed when the third is asked for: over a quarter of the window, so credit comes; the rest lies here.
        Assert.That(await moving.Within(), Is.True);
        Assert.That(await reader.MoveNextAsync().Within(), Is.True);
        Assert.That(await reader.MoveNextAsync().Within(), Is.True);
        SentFrame credit = await first.ReadAsync(FrameType.Credit);
        Assert.That(Credit.TryRead(credit.Body, out Credit given) ? given.Bytes : 0, Is.EqualTo((uint)(2 * frameSize)));
        Task<TimeSpan> barrier = client.PingAsync();
        SentFrame ping = await first.ReadAsync(FrameType.Ping);
        await first.SendAsync(target => FrameWriter.Write(target, FrameType.Pong, ping.Request, ping.Body));
        await barrier.Within();
        await first.BreakAsync();

        Peer second = await broker.AcceptAsync();
        Hello hello = await second.WelcomeAsync();
        Assert.That(hello.Window, Is.EqualTo((uint)(8192 - (3 * frameSize))), "three frames are still here");
        await second.ReadAsync(FrameType.Subscribe);
        Assert.That(await reader.MoveNextAsync().Within(), Is.True);
        Assert.That(await reader.MoveNextAsync().Within(), Is.True);
        SentFrame more = await second.ReadAsync(FrameType.Credit);
        Assert.That(Credit.TryRead(more.Body, out Credit last) ? last.Bytes : 0, Is.EqualTo((uint)(2 * frameSize)));
    }

    [Test]
    public async Task What_nobody_reads_any_more_gives_its_credit_back()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync(broker.Options with { Window = 4096 });
        await using FastChatClient owned = client;
        IAsyncEnumerator<ChatMessage> reader = client.ReadAsync(Posts.Lobby).GetAsyncEnumerator();
        Task<bool> moving = reader.MoveNextAsync().AsTask();
        SentFrame frame = await peer.ReadAsync(FrameType.Subscribe);
        await peer.SubscribedAsync(frame.Request, SubscribeStatus.Resumed, 1, 1, 9);
        byte[] body = new byte[1000];
        long total = 0;
        for (ulong i = 1; i <= 3; i++)
        {
            await peer.DeliverAsync(Posts.Lobby, 1, Records.Make(i, default, MessageKind.Opaque, body));
            total += FrameHeader.Size + Deliver.FixedSize + MessageRecord.SizeOf(onBehalf: false, body.Length);
        }

        Assert.That(await moving.Within(), Is.True);
        await reader.DisposeAsync();
        await peer.DeliverAsync(Posts.Lobby, 1, Records.Make(4, default, MessageKind.Opaque, body));
        total += total / 3;
        long given = 0;
        while (given < total)
        {
            SentFrame next = (await peer.ReadOrEndAsync().Within())!;
            given += next.Type == FrameType.Credit && Credit.TryRead(next.Body, out Credit credit) ? credit.Bytes : 0;
        }

        Assert.That(given, Is.EqualTo(total));
    }

    [Test]
    public async Task A_broker_that_does_not_count_its_credit_is_closed()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync(broker.Options with { Window = 4096 });
        await using FastChatClient owned = client;
        Task<bool> moving = client.ReadAsync(Posts.Lobby).GetAsyncEnumerator().MoveNextAsync().AsTask();
        SentFrame frame = await peer.ReadAsync(FrameType.Subscribe);
        await peer.SubscribedAsync(frame.Request, SubscribeStatus.Resumed, 1, 1, 9);
        await peer.DeliverAsync(Posts.Lobby, 1, Records.Make(1, default, MessageKind.Opaque, new byte[5000]));
        await peer.DeliverAsync(Posts.Lobby, 1, Records.Make(2, default, MessageKind.Opaque, new byte[10]));
        Assert.That(await moving.Within(), Is.True);
        await peer.ReadAsync(FrameType.Close);
        await (await broker.AcceptAsync()).WelcomeAsync();
    }

    [Test]
    public async Task A_long_conversation_flows_through_a_small_window()
    {
        MiniBroker broker = new() { RecordsPerFrame = 7 };
        await using FastChatClient client = await FastChatClient.ConnectAsync(broker.Options with { Window = 4096 }).Within();
        Outcomes outcomes = new();
        for (int i = 0; i < 3000; i++)
        {
            await client.PostTextAsync(Posts.Lobby, $"message number {i}", outcomes, i);
        }

        Task reading = Task.Run(async () =>
        {
            ulong next = 1;
            await foreach (ChatMessage message in client.ReadAsync(Posts.Lobby))
            {
                Assert.That(message.Sequence, Is.EqualTo(next));
                if (next++ == 3000)
                {
                    break;
                }
            }
        });
        await reading.Within();
    }

    [Test]
    public async Task Lag_and_notices_reach_the_application_and_unknown_frames_do_not_harm()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        TaskCompletionSource<LagNotice> lagged = new();
        TaskCompletionSource<ClientNotice> noticed = new();
        client.Lagged += lagged.SetResult;
        client.NoticeReceived += noticed.SetResult;
        await peer.SendAsync(target => FrameWriter.Write(target, (FrameType)0x9F, 0, "future"u8));
        await peer.SendAsync(target => new Lag(Posts.Lobby, 1, 180, 204).Write(FrameWriter.Begin(target, FrameType.Lag, 0, Lag.Size)));
        await peer.SendAsync(target => FrameWriter.Write(target, FrameType.Notice, 0, new ControlMap().Set("event", "added").SetId("conversation", Posts.Attic.Value)));
        Assert.That(await lagged.Task.Within(), Is.EqualTo(new LagNotice(Posts.Lobby, 180, 204)));
        Assert.That(await noticed.Task.Within(), Is.EqualTo(new ClientNotice("added", Posts.Attic)));
        await peer.SendAsync(target => FrameWriter.Write(target, FrameType.Ping, 5, "body"u8));
        SentFrame pong = await peer.ReadAsync(FrameType.Pong);
        Assert.That((pong.Request, System.Text.Encoding.ASCII.GetString(pong.Body)), Is.EqualTo((5u, "body")));
    }

    [TestCase((FrameType)0x1D)]
    [TestCase(FrameType.Signal, Description = "of one byte")]
    [TestCase(FrameType.Publish)]
    [TestCase(FrameType.Welcome)]
    [TestCase(FrameType.None)]
    public async Task A_frame_that_may_not_come_closes_the_connection(FrameType type)
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        await peer.SendAsync(target => FrameWriter.Write(target, type, 0, "x"u8));
        await peer.ReadAsync(FrameType.Close);
        await (await broker.AcceptAsync()).WelcomeAsync();
    }

    private static Task SendBodyAsync(Peer peer, uint count, byte[] records) => peer.SendAsync(target =>
    {
        Span<byte> body = FrameWriter.Begin(target, FrameType.Deliver, 0, Deliver.FixedSize + records.Length);
        Deliver.WriteFixed(body, Posts.Lobby, 1, count);
        records.CopyTo(body[Deliver.FixedSize..]);
    });

    private static async Task<List<string?>> TextsAsync(IAsyncEnumerator<ChatMessage> reader, int count)
    {
        List<string?> texts = [];
        while (texts.Count < count)
        {
            Assert.That(await reader.MoveNextAsync().Within(), Is.True);
            texts.Add(reader.Current.Text);
        }

        return texts;
    }
}
