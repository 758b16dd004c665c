using System.Globalization;

using FastChat.Cli;
using FastChat.Client;
using FastChat.History;

namespace FastChat.Simulation;

/// <summary>
/// Somebody's device with a program on the real client library. It follows conversations, keeps a picture of them, does whatever its owner does, vanishes for a while and comes back. When its program dies the next
/// one goes on with what a program would have on its disk: unanswered messages, positions, and the picture.
/// </summary>
internal sealed class Device : IResident
{
    /// <summary>Longer than a message is on its way.</summary>
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(2);

    private readonly SimulatedWorld _world;
    private readonly SimulatedNetwork _network;
    private readonly Town _town;
    private readonly SimulatedProcess _keeper;
    private readonly Chance _chance;
    private readonly TownPosts _posts;
    private readonly TimeSpan _pace;
    private Life? _life;
    private FastChatClient? _client;
    private FastChatClient? _new;
    private int _lives;
    private string _doing = "nothing";
    private long _readAt;
    private bool _isAway;

    public Device(SimulatedWorld world, SimulatedNetwork network, Town town, Citizen owner, int number, SimulatedProcess keeper)
    {
        _world = world;
        _network = network;
        _town = town;
        _keeper = keeper;
        Owner = owner;
        Number = number;
        _chance = world.Chance.Split();
        _posts = new TownPosts(town, _chance.Split());
        _pace = _chance.Span(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(20));
        Link = new SimulatedLink(
            string.Create(CultureInfo.InvariantCulture, $"10.{number}.{owner.Number / 250}.{owner.Number % 250}"), _chance.Span(TimeSpan.FromMicroseconds(50), TimeSpan.FromMilliseconds(150)),
            _chance.Span(TimeSpan.FromMicroseconds(10), TimeSpan.FromMilliseconds(50)));
    }

    /// <inheritdoc/>
    public SimulatedLink Link { get; }

    /// <inheritdoc/>
    public SimulatedProcess? Process { get; private set; }

    /// <summary>Whose it is.</summary>
    public Citizen Owner { get; }

    /// <summary>Which of theirs, from 0.</summary>
    public int Number { get; }

    /// <summary>What it knows.</summary>
    public Picture Picture { get; } = new();

    /// <summary>Conversations of its owner's that have to be made before anything else happens.</summary>
    public Queue<RoomPlan> Founding { get; } = new();

    /// <summary>True when nothing is under way any more.</summary>
    public bool IsSettled { get; private set; }

    /// <summary>For messages.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Process?.Name} ({_doing}, {_posts.Open} unanswered, {_client?.State})");

    /// <inheritdoc/>
    public void Begin()
    {
        if (Process is { IsAlive: true })
        {
            return;
        }

        _lives++;
        IsSettled = false;
        string name = string.Create(CultureInfo.InvariantCulture, $"device-{Owner.Number}-{Number}-{_lives}");
        Process = new SimulatedProcess(_world, name);
        _life = new Life(name, Process);
        Process.Begin(() => LiveAsync(_life));
    }

    /// <inheritdoc/>
    public void Kill()
    {
        Process!.Kill();
        _network.ResetAll(Process);
        _client = null;
    }

    /// <summary>Compares what it knows with what a device that is new is told.</summary>
    public Task CompareAsync()
    {
        TaskCompletionSource compared = new();
        Process!.Begin(async () =>
        {
            _doing = "the comparison";
            string name = $"{_life!.Name}-new";
            _new = await ConnectAsync(_life, Owner.Devices, name, null);

            // Whoever was away because all their devices were idle is here again by this one: that takes a moment to be told.
            await Task.Delay(TimeSpan.FromSeconds(30), Process.Clock);
            Acts acts = new(_town, Owner, _chance, _posts, _new, name, Picture);
            await new TownComparison(_world, _town, this, _life.Name).RunAsync(_client!, _new, acts, _life.Watched, Process.Clock);
            compared.SetResult();
        });
        return compared.Task;
    }

    /// <summary>Says that everything was answered, while it is still connected, and ends in order.</summary>
    public Task EndAsync()
    {
        TaskCompletionSource ended = new();
        Process!.Begin(async () =>
        {
            _doing = "the end";
            if (_posts.Open == 0)
            {
                _town.History.Write(new HistoryEvent { Process = _life!.Name, Op = HistoryOp.End });
            }

            await _client!.DisposeAsync();
            await _new!.DisposeAsync();
            ended.SetResult();
        });
        return ended.Task;
    }

    private async Task<FastChatClient> ConnectAsync(Life life, int device, string process, Action? onConnected)
    {
        TailRecording recording = new(_town.History, process);
        FastChatClient client = await FastChatClient.ConnectAsync(
            new ClientOptions
            {
                Token = Owner.TokenOf(device),
                TimeProvider = life.Process.Clock,
                Seed = (int)_chance.Next(),
                ReadObserver = recording,
                OpenTransport = cancellation => _network.DialAsync(life.Process, Link, cancellation),
                Window = _chance.OneIn(3) ? 4096u : 1u << 20,
                Reconnect = new ReconnectPolicy { DelayMax = TimeSpan.FromSeconds(2), RetryFirstConnect = true },
            },
            state =>
            {
                recording.OnStateChanged(state);
                if (state.Phase == ConnectionPhase.Connected)
                {
                    onConnected?.Invoke();
                }
            });
        recording.Attach(client);
        return client;
    }

    private async Task LiveAsync(Life life)
    {
        _doing = "connecting";
        FastChatClient client = await ConnectAsync(life, Number, life.Name, () => _town.Count("connected"));
        client.Lagged += _ => _town.Count("lagged");
        client.TypingChanged += notice => _town.Count(notice.Kind == SignalKind.Stopped ? "typing stopped seen" : "typing seen");
        client.CursorMoved += _ => _town.Count("receipt seen");
        client.NoticeReceived += notice => _town.Count($"notice {notice.Event}");
        _client = client;
        foreach (ConversationId conversation in Picture.Read.Keys.ToArray())
        {
            Follow(life, client, conversation, Picture.Read[conversation].Position);
        }

        Acts acts = new(_town, Owner, _chance, _posts, client, life.Name, Picture);
        _doing = "what was unanswered";
        await _posts.RepeatUnknownAsync(client, life.Name);
        while (Founding.TryPeek(out RoomPlan? plan))
        {
            _doing = "founding";
            await acts.FoundAsync(plan);
            Founding.Dequeue();
        }

        while (!_town.IsFounded)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(500), life.Process.Clock);
        }

        _doing = "catching up";
        await acts.CatchUpAsync();
        while (!_town.IsEnding)
        {
            if (_chance.OneIn(3))
            {
                FollowSomething(life, client);
            }

            if (!life.IsWatching && _chance.OneIn(4))
            {
                Watch(life, client);
            }

            _doing = "a deed";
            await acts.DoAsync();
            if (_chance.OneIn(80) && !_town.IsEnding)
            {
                Vanish();
                return;
            }

            _doing = "a pause";
            await Task.Delay(_chance.Span(_pace / 10, _pace * 3), life.Process.Clock);
        }

        _doing = "the last messages";
        await client.FlushAsync();
        do
        {
            await Task.Delay(s_quiet, life.Process.Clock);
        }
        while (_world.Now - _readAt < s_quiet.Ticks * 100);
        IsSettled = true;
    }

    /// <summary>The program dies without a word, and for a while there is none: the battery is empty.</summary>
    private void Vanish()
    {
        TimeSpan away = _chance.Span(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(200));
        _town.Count("vanished");
        _town.Away += _isAway ? 0 : 1;
        _isAway = true;
        SimulatedProcess process = Process!;
        _keeper.Begin(async () =>
        {
            Kill();
            await Task.Delay(away, _keeper.Clock);
            _isAway = false;
            _town.Away--;
            _town.Count(ReferenceEquals(process, Process) ? "returned" : "returned before");
            Begin();
        });
    }

    private void FollowSomething(Life life, FastChatClient client)
    {
        ConversationId[] own = [.. Picture.Inbox.Values.Where(entry => MemberRoles.IsMember(entry.Conversation.Role)).Select(entry => entry.Conversation.Conversation)];
        if (life.Followed.Count > 8)
        {
            return;
        }

        ConversationId conversation = own.Length > 0 && !_chance.OneIn(8) ? _chance.Of(own) : _town.Rooms.Count > 0 ? _chance.Of(_town.Rooms).Id : default;
        if (!conversation.IsNone && !life.Followed.Contains(conversation))
        {
            bool isKnown = Picture.Read.TryGetValue(conversation, out ReadState? read);
            Follow(life, client, conversation, isKnown ? read!.Position : _chance.OneIn(2) ? LogPosition.Start : new LogPosition(0, LogPosition.Latest));
        }
    }

    private void Follow(Life life, FastChatClient client, ConversationId conversation, LogPosition after)
    {
        if (life.Followed.Add(conversation))
        {
            life.Process.Begin(() => FollowAsync(life, client, conversation, after));
        }
    }

    private async Task FollowAsync(Life life, FastChatClient client, ConversationId conversation, LogPosition after)
    {
        Room? room = _town.Rooms.Find(room => room.Id == conversation);
        try
        {
            await foreach (ChatMessage message in client.ReadAsync(conversation, after))
            {
                Picture.Take(message);
                _readAt = _world.Now;
                room?.Seen = Math.Max(room.Seen, message.Sequence);
                if (_chance.OneIn(60) && !_town.IsEnding)
                {
                    await Task.Delay(_chance.Span(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(3)), life.Process.Clock);
                }
            }

            _town.Count("reading ended");
        }
        catch (HistoryTruncatedException truncated)
        {
            // They may not read what lies before.
            _town.Count("history cut");
            life.Followed.Remove(conversation);
            Follow(life, client, conversation, truncated.ResumeAfter);
            return;
        }
        catch (RequestException refused)
        {
            _town.Count($"reading refused {refused.Code}");
        }
        catch (ConnectionException)
        {
            // The program ends.
            return;
        }

        // Removed, or never allowed: they may try again when somebody has added them.
        await Task.Delay(_chance.Span(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(20)), life.Process.Clock);
        life.Followed.Remove(conversation);
    }

    private void Watch(Life life, FastChatClient client)
    {
        ConversationId[] own = [.. Picture.Inbox.Values.Where(entry => MemberRoles.IsMember(entry.Conversation.Role)).Select(entry => entry.Conversation.Conversation)];
        if (own.Length > 0)
        {
            life.IsWatching = true;
            ConversationId watched = _chance.Of(own);
            life.Process.Begin(() => WatchAsync(life, client, watched));
        }
    }

    private async Task WatchAsync(Life life, FastChatClient client, ConversationId conversation)
    {
        try
        {
            await foreach (PresenceUpdate update in client.WatchPresenceAsync(conversation))
            {
                Picture.Take(update);
                life.Watched = conversation;
                _town.Count(update.IsRestart ? "presence restart" : "presence update");
            }

            _town.Count("watch ended");
        }
        catch (RequestException refused)
        {
            _town.Count($"watch refused {refused.Code}");
        }
        catch (ConnectionException)
        {
            return;
        }

        life.Watched = default;
        life.IsWatching = false;
    }

    /// <summary>True while it follows a conversation.</summary>
    public bool Follows(ConversationId conversation) => _life!.Followed.Contains(conversation);

    /// <summary>One run of the program.</summary>
    private sealed record Life(string Name, SimulatedProcess Process)
    {
        public HashSet<ConversationId> Followed { get; } = [];

        public bool IsWatching { get; set; }

        public ConversationId Watched { get; set; }
    }
}
