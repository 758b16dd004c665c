using Microsoft.Extensions.Time.Testing;

namespace FastChat.Client.Tests;

/// <summary>Who is there, and who types: what the client makes of the broker's frames, and what it sends of the user's own.</summary>
internal sealed class PresenceTests
{
    private static readonly UserId Ben = new(0xB);
    private static readonly UserId Cleo = new(0xC);
    private static readonly Welcome Signalling = Welcomes.Plain with { Signals = true };

    [Test]
    public async Task A_watch_begins_with_everybody_goes_on_with_changes_and_survives_a_reconnect()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync(welcome: Signalling);
        await using FastChatClient owned = client;
        await using IAsyncEnumerator<PresenceUpdate> watch = client.WatchPresenceAsync(Posts.Lobby).GetAsyncEnumerator();
        Task<bool> next = watch.MoveNextAsync().AsTask();

        await AnswerAsync(peer, 1, Entry(Ben, Availability.Online), Entry(Cleo, Availability.Offline));
        PresenceUpdate everybody = await TakeAsync(watch, next);
        Assert.That((everybody.IsRestart, everybody.Online, everybody.Members), Is.EqualTo((true, 1, 2)));
        Assert.That(everybody.Entries!.Select(static entry => entry.User), Is.EqualTo(new[] { Ben, Cleo }));

        next = watch.MoveNextAsync().AsTask();
        await PresenceAsync(peer, PresenceShape.Changes, 2, Entry(Cleo, Availability.Away, "at sea"));
        PresenceUpdate change = await TakeAsync(watch, next);
        Assert.That((change.IsRestart, change.Online), Is.EqualTo((false, 2)));
        Assert.That(change.Entries!.Single(), Is.EqualTo(Entry(Cleo, Availability.Away, "at sea")));

        next = watch.MoveNextAsync().AsTask();
        await peer.BreakAsync();
        Peer second = await broker.AcceptAsync();
        await second.WelcomeAsync(Signalling);

        // What the new connection says before it has answered is not this watch's.
        await PresenceAsync(second, PresenceShape.Changes, 9, Entry(Ben, Availability.DoNotDisturb));
        await AnswerAsync(second, 1, Entry(Ben, Availability.Offline));
        PresenceUpdate again = await TakeAsync(watch, next);
        Assert.That((again.IsRestart, again.Online), Is.EqualTo((true, 1)));
        Assert.That(again.Entries!.Single(), Is.EqualTo(Entry(Ben, Availability.Offline)));
    }

    [Test]
    public async Task Who_takes_slowly_gets_the_latest_state_of_each_and_not_every_one()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync(welcome: Signalling);
        await using FastChatClient owned = client;
        await using IAsyncEnumerator<PresenceUpdate> watch = client.WatchPresenceAsync(Posts.Lobby).GetAsyncEnumerator();
        Task<bool> first = watch.MoveNextAsync().AsTask();
        await AnswerAsync(peer, 1, Entry(Ben, Availability.Online));
        await TakeAsync(watch, first);

        foreach (Availability one in new[] { Availability.Away, Availability.DoNotDisturb, Availability.Online })
        {
            await PresenceAsync(peer, PresenceShape.Changes, 1, Entry(Ben, one));
        }

        await PresenceAsync(peer, PresenceShape.Changes, 2, Entry(Cleo, Availability.Online));

        // Everything before has been read when the ping is answered.
        await PingAsync(client, peer);
        PresenceUpdate latest = await TakeAsync(watch, watch.MoveNextAsync().AsTask());
        Assert.That(latest.Entries, Is.EqualTo(new[] { Entry(Ben, Availability.Online), Entry(Cleo, Availability.Online) }));

        await PresenceAsync(peer, PresenceShape.Changes, 2, Entry(Ben, Availability.Away));
        await PresenceAsync(peer, PresenceShape.Counts, 70);
        await PingAsync(client, peer);
        PresenceUpdate counted = await TakeAsync(watch, watch.MoveNextAsync().AsTask());
        Assert.That((counted.IsRestart, counted.Online, counted.Entries), Is.EqualTo((true, 70, (IReadOnlyList<PresenceEntry>?)null)), "numbers take the place of all entries");
    }

    [Test]
    public async Task A_watch_ends_when_the_user_is_removed_and_says_why_when_it_is_refused()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync(welcome: Signalling);
        await using FastChatClient owned = client;
        await using (IAsyncEnumerator<PresenceUpdate> watch = client.WatchPresenceAsync(Posts.Lobby).GetAsyncEnumerator())
        {
            Task<bool> next = watch.MoveNextAsync().AsTask();
            await AnswerAsync(peer, 1, Entry(Ben, Availability.Online));
            await TakeAsync(watch, next);
            next = watch.MoveNextAsync().AsTask();
            await PresenceAsync(peer, PresenceShape.Ended, 0);
            Assert.That(await next.Within(), Is.False);
        }

        await peer.ReadAsync(FrameType.WatchPresence);
        await using IAsyncEnumerator<PresenceUpdate> refused = client.WatchPresenceAsync(Posts.Attic).GetAsyncEnumerator();
        Task<bool> refusing = refused.MoveNextAsync().AsTask();
        SentFrame asked = await peer.ReadAsync(FrameType.WatchPresence);
        Assert.That(() => client.WatchPresenceAsync(Posts.Attic).GetAsyncEnumerator().MoveNextAsync().AsTask(), Throws.InvalidOperationException, "once at a time");
        await peer.ErrorAsync(asked.Request, ErrorCode.Forbidden);
        Assert.That((await refusing.Fails<RequestException>()).Code, Is.EqualTo(ErrorCode.Forbidden));
    }

    [Test]
    public async Task Leaving_a_watch_tells_the_broker_and_a_later_one_begins_anew()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync(welcome: Signalling);
        await using FastChatClient owned = client;
        await using (IAsyncEnumerator<PresenceUpdate> watch = client.WatchPresenceAsync(Posts.Lobby).GetAsyncEnumerator())
        {
            Task<bool> next = watch.MoveNextAsync().AsTask();
            await AnswerAsync(peer, 1, Entry(Ben, Availability.Online));
            await TakeAsync(watch, next);
        }

        SentFrame left = await peer.ReadAsync(FrameType.WatchPresence);
        Assert.That((left.Map.Id("conversation"), left.Map["watch"]), Is.EqualTo((Posts.Lobby.Value, (object)false)));
        await peer.ReplyAsync(left.Request, new ControlMap());
        await using IAsyncEnumerator<PresenceUpdate> later = client.WatchPresenceAsync(Posts.Lobby).GetAsyncEnumerator();
        Task<bool> begun = later.MoveNextAsync().AsTask();
        await AnswerAsync(peer, 0);
        Assert.That((await TakeAsync(later, begun)).Entries, Is.Empty);
    }

    [Test]
    public async Task Somebody_elses_typing_ends_with_its_time_with_a_message_with_stopped_and_with_the_connection()
    {
        FakeTimeProvider time = new();
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync(broker.Options with { TimeProvider = time }, Signalling);
        await using FastChatClient owned = client;
        List<(UserId User, SignalKind Kind)> heard = [];
        client.TypingChanged += notice =>
        {
            lock (heard)
            {
                heard.Add((notice.User, notice.Kind));
            }
        };
        await using IAsyncEnumerator<ChatMessage> reading = client.ReadAsync(Posts.Lobby).GetAsyncEnumerator();
        Task<bool> message = reading.MoveNextAsync().AsTask();
        SentFrame subscribe = await peer.ReadAsync(FrameType.Subscribe);
        await peer.SubscribedAsync(subscribe.Request, SubscribeStatus.Resumed, 1, 1, 0);

        await SignalAsync(peer, Ben, SignalKind.Typing, 8000);
        await ExpectAsync(heard, (Ben, SignalKind.Typing));
        time.Advance(TimeSpan.FromSeconds(5));
        await SignalAsync(peer, Ben, SignalKind.Typing, 8000);
        await PingAsync(client, peer);
        time.Advance(TimeSpan.FromSeconds(7));
        await PingAsync(client, peer);
        await ExpectAsync(heard);
        time.Advance(TimeSpan.FromSeconds(1));
        await ExpectAsync(heard, (Ben, SignalKind.Stopped));

        await SignalAsync(peer, Ben, SignalKind.Recording, 8000);
        await SignalAsync(peer, Ben, SignalKind.Stopped, 0);
        await ExpectAsync(heard, (Ben, SignalKind.Recording), (Ben, SignalKind.Stopped));

        await SignalAsync(peer, Ben, SignalKind.Typing, 8000);
        await peer.DeliverAsync(Posts.Lobby, 1, Records.Make(1, new ClientMessageId(1), MessageKind.Text, "hi"u8, Ben));
        await ExpectAsync(heard, (Ben, SignalKind.Typing), (Ben, SignalKind.Stopped));
        Assert.That(await message.Within(), Is.True);

        await SignalAsync(peer, Cleo, (SignalKind)9, 8000);
        await SignalAsync(peer, Cleo, SignalKind.Typing, 8000);
        await ExpectAsync(heard, (Cleo, SignalKind.Typing));
        await peer.BreakAsync();
        await ExpectAsync(heard, (Cleo, SignalKind.Stopped));
    }

    [Test]
    public async Task Own_typing_is_said_once_in_five_seconds_and_ended_once()
    {
        FakeTimeProvider time = new();
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync(broker.Options with { TimeProvider = time }, Signalling);
        await using FastChatClient owned = client;
        for (int key = 0; key < 20; key++)
        {
            await client.SignalTypingAsync(Posts.Lobby);
        }

        await client.SignalTypingAsync(Posts.Attic);
        await ExpectAsync(peer, Posts.Lobby, SignalKind.Typing);
        await ExpectAsync(peer, Posts.Attic, SignalKind.Typing);
        time.Advance(TimeSpan.FromSeconds(4));
        await client.SignalTypingAsync(Posts.Lobby);
        await PingAsync(client, peer);
        time.Advance(TimeSpan.FromSeconds(1));
        await client.SignalTypingAsync(Posts.Lobby);
        await client.SignalTypingAsync(Posts.Lobby, SignalKind.Recording);
        await client.SignalTypingAsync(Posts.Lobby, SignalKind.Stopped);
        await client.SignalTypingAsync(Posts.Lobby, SignalKind.Stopped);
        await ExpectAsync(peer, Posts.Lobby, SignalKind.Typing);
        await ExpectAsync(peer, Posts.Lobby, SignalKind.Recording);
        await ExpectAsync(peer, Posts.Lobby, SignalKind.Stopped);
        await PingAsync(client, peer);
    }

    [Test]
    public async Task A_broker_that_takes_no_signals_is_sent_none()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        await client.SignalTypingAsync(Posts.Lobby);
        await PingAsync(client, peer);
        Assert.That(() => client.SignalTypingAsync(Posts.Lobby, SignalKind.None), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    private static PresenceEntry Entry(UserId user, Availability availability, string status = "") => new(user, availability, 0, status);

    private static async Task<PresenceUpdate> TakeAsync(IAsyncEnumerator<PresenceUpdate> watch, Task<bool> next)
    {
        Assert.That(await next.Within(), Is.True);
        return watch.Current;
    }

    private static async Task AnswerAsync(Peer peer, int online, params PresenceEntry[] entries)
    {
        SentFrame asked = await peer.ReadAsync(FrameType.WatchPresence);
        Assert.That(asked.Map.Id("conversation"), Is.EqualTo(Posts.Lobby.Value));
        await peer.ReplyAsync(asked.Request, new PresenceSnapshot((uint)online, (uint)entries.Length, entries).ToMap());
    }

    private static Task PresenceAsync(Peer peer, PresenceShape shape, uint online, params PresenceEntry[] entries) => peer.SendAsync(target =>
    {
        Span<byte> body = FrameWriter.Begin(target, FrameType.Presence, 0, Presence.FixedSize + entries.Sum(static entry => entry.Size));
        Presence.WriteFixed(body, Posts.Lobby, shape, online, 100);
        body = body[Presence.FixedSize..];
        foreach (PresenceEntry entry in entries)
        {
            body = body[entry.Write(body)..];
        }
    });

    private static Task SignalAsync(Peer peer, UserId user, SignalKind kind, uint timeToLiveMs) => peer.SendAsync(target =>
        new RelayedSignal(Posts.Lobby, user, kind, timeToLiveMs).Write(FrameWriter.Begin(target, FrameType.Signal, 0, RelayedSignal.Size)));

    private static async Task PingAsync(FastChatClient client, Peer peer)
    {
        Task<TimeSpan> pinging = client.PingAsync();
        SentFrame ping = await peer.ReadAsync(FrameType.Ping);
        await peer.SendAsync(target => ping.Body.CopyTo(FrameWriter.Begin(target, FrameType.Pong, ping.Request, ping.Body.Length)));
        await pinging.Within();
    }

    private static async Task ExpectAsync(Peer peer, ConversationId conversation, SignalKind kind)
    {
        SentFrame frame = await peer.ReadAsync(FrameType.Signal);
        Assert.That(Signal.TryRead(frame.Body, out Signal signal), Is.True);
        Assert.That(signal, Is.EqualTo(new Signal(conversation, kind)));
    }

    private static async Task ExpectAsync(List<(UserId User, SignalKind Kind)> heard, params (UserId User, SignalKind Kind)[] expected)
    {
        await Patience.Until(
            () =>
            {
                lock (heard)
                {
                    return heard.Count >= expected.Length;
                }
            },
            $"{expected.Length} notices");
        lock (heard)
        {
            Assert.That(heard, Is.EqualTo(expected));
            heard.Clear();
        }
    }
}
