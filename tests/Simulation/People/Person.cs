using System.Globalization;

using FastChat.Cli;
using FastChat.Client;
using FastChat.History;

namespace FastChat.Simulation;

/// <summary>
/// Somebody with a program on the real client library: publishes in bursts, reads live and from wherever they were, fetches pages, repeats what was answered, adds and removes members, pauses. The
/// program dies now and then; the next one goes on with what a program would have kept on its disk: what was sent and not answered, and how far each conversation was read.
/// </summary>
internal sealed class Person : IResident
{
    /// <summary>Longer than a message is on its way: who has got none for so long has all, or will never get it.</summary>
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(2);

    private readonly SimulatedWorld _world;
    private readonly SimulatedNetwork _network;
    private readonly Community _community;
    private readonly Account _account;
    private readonly Chance _chance;
    private readonly Posts _posts;
    private readonly Dictionary<ConversationId, LogPosition> _positions = [];
    private readonly TimeSpan _pace;
    private FastChatClient? _client;
    private Life? _life;
    private int _lives;
    private string _doing = "nothing";
    private bool _isDone;
    private long _readAt;

    public Person(SimulatedWorld world, SimulatedNetwork network, Community community, Account account)
    {
        _world = world;
        _network = network;
        _community = community;
        _account = account;
        _chance = world.Chance.Split();
        _posts = new Posts(community, _chance.Split());
        _pace = _chance.Span(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(10));
        Link = new SimulatedLink(
            string.Create(CultureInfo.InvariantCulture, $"10.0.0.{account.Number}"), _chance.Span(TimeSpan.FromMicroseconds(50), TimeSpan.FromMilliseconds(150)),
            _chance.Span(TimeSpan.FromMicroseconds(10), TimeSpan.FromMilliseconds(50)));
    }

    /// <summary>The way to the broker.</summary>
    public SimulatedLink Link { get; }

    /// <summary>The program that runs, or the last one that did.</summary>
    public SimulatedProcess? Process { get; private set; }

    /// <summary>True when they publish nothing any more, everything is answered, and no message has come for a while.</summary>
    public bool IsSettled { get; private set; }

    /// <summary>Publishes that were acknowledged.</summary>
    public long Acknowledged => _posts.Acknowledged;

    /// <summary>For messages: who, what they wait for, and where their client stands.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Process?.Name} ({_doing}, {_posts.Open} unanswered, {_client?.SendQueueBytes} bytes, {_client?.State})");

    /// <summary>Starts the program.</summary>
    public void Begin()
    {
        _lives++;
        IsSettled = false;
        string name = string.Create(CultureInfo.InvariantCulture, $"person-{_account.Number}-{_lives}");
        Process = new SimulatedProcess(_world, name);
        _life = new Life(name, Process);
        Process.Begin(() => LiveAsync(_life));
    }

    /// <summary>The program dies, as by kill -9.</summary>
    public void Kill()
    {
        Process!.Kill();
        _network.ResetAll(Process);
        _client = null;
    }

    /// <summary>No more chatting: what is under way is to come to its end.</summary>
    public void Finish() => _isDone = true;

    /// <summary>Looks whether the own list of conversations is what the groups say, says that everything was answered, while it is still connected, and ends the program in order.</summary>
    public Task EndAsync()
    {
        TaskCompletionSource ended = new();
        Process!.Begin(async () =>
        {
            ConversationPage list = await _client!.ListConversationsAsync();
            HashSet<ConversationId> own = [.. _community.LastMembers.Where(group => group.Value.Contains(_account.User)).Select(group => group.Key)];
            if (!own.SetEquals(list.Conversations.Select(conversation => conversation.Conversation)))
            {
                _world.Defects.Add($"{_life!.Name} is a member of {string.Join(", ", own)} and has {string.Join(", ", list.Conversations.Select(conversation => conversation.Conversation))} in their list");
            }

            if (_posts.Open == 0)
            {
                _community.History.Write(new HistoryEvent { Process = _life!.Name, Op = HistoryOp.End });
            }

            await _client.DisposeAsync();
            ended.SetResult();
        });
        return ended.Task;
    }

    private async Task LiveAsync(Life life)
    {
        TailRecording recording = new(_community.History, life.Name);
        FastChatClient client = await FastChatClient.ConnectAsync(
            new ClientOptions
            {
                Token = _account.Token,
                TimeProvider = life.Process.Clock,
                Seed = (int)_chance.Next(),
                ReadObserver = recording,
                OpenTransport = cancellation => _network.DialAsync(life.Process, Link, cancellation),
                Window = _chance.OneIn(3) ? 4096u : 1u << 20,
                SendQueueBytesMax = _chance.OneIn(3) ? 8 * 1024 : 1 << 20,
                Reconnect = new ReconnectPolicy { DelayMax = TimeSpan.FromSeconds(2), RetryFirstConnect = true },
            },
            state =>
            {
                recording.OnStateChanged(state);
                if (state.Phase == ConnectionPhase.Connected)
                {
                    _community.Count("connected");
                }
            });
        client.Lagged += _ => _community.Count("lagged");
        recording.Attach(client);
        _client = client;
        foreach (ConversationId conversation in _positions.Keys.ToArray())
        {
            Follow(life, client, conversation);
        }

        await _posts.RepeatUnknownAsync(client, life.Name);
        Deeds deeds = new(_community, _account, _chance, _posts, client, life.Name);
        while (!_isDone)
        {
            if (_chance.OneIn(4))
            {
                ConversationId conversation = _chance.Of([.. _community.Conversations]);
                if (!life.Followed.Contains(conversation))
                {
                    _positions[conversation] = _chance.Below(3) switch { 0 => LogPosition.Start, 1 => _positions.GetValueOrDefault(conversation), _ => new LogPosition(0, LogPosition.Latest) };
                    Follow(life, client, conversation);
                }
            }

            _doing = "a deed";
            await deeds.DoAsync();
            _doing = "a pause";
            await Task.Delay(_chance.Span(_pace / 10, _pace * 3), life.Process.Clock);
        }

        _doing = "the last answers";
        await client.FlushAsync();
        _doing = "the last messages";
        do
        {
            await Task.Delay(s_quiet, life.Process.Clock);
        }
        while (_world.Now - _readAt < s_quiet.Ticks * 100);
        IsSettled = true;
    }

    private void Follow(Life life, FastChatClient client, ConversationId conversation)
    {
        life.Followed.Add(conversation);
        _ = FollowAsync(life, client, conversation);
    }

    private async Task FollowAsync(Life life, FastChatClient client, ConversationId conversation)
    {
        try
        {
            await foreach (ChatMessage message in client.ReadAsync(conversation, _positions[conversation]))
            {
                _positions[conversation] = message.Position;
                _readAt = _world.Now;
                _community.Count("read");
                if (_chance.OneIn(40) && !_isDone)
                {
                    // Somebody who reads slowly, or not at all for a while.
                    await Task.Delay(_chance.Span(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(3)), life.Process.Clock);
                }
            }
        }
        catch (EpochChangedException)
        {
            _community.Count("epoch changed");
            _positions[conversation] = LogPosition.Start;
            Follow(life, client, conversation);
            return;
        }
        catch (RequestException)
        {
            // Not a member, or not any more.
        }
        catch (ConnectionException)
        {
            // The program ends.
            return;
        }

        // Removed, or never allowed: they may try again when somebody has added them.
        await Task.Delay(_chance.Span(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(5)), life.Process.Clock);
        life.Followed.Remove(conversation);
    }

    /// <summary>One run of the program.</summary>
    private sealed record Life(string Name, SimulatedProcess Process)
    {
        public HashSet<ConversationId> Followed { get; } = [];
    }
}
