using System.Collections.Concurrent;
using System.Globalization;

using FastChat.Cli;
using FastChat.Client;
using FastChat.History;

namespace FastChat.Campaigns;

/// <summary>
/// Somebody who publishes and reads through everything that is done to the broker, and writes all of it into a history. The client library reconnects by itself; now and then the whole client is
/// thrown away, as a killed program would be, and the next one repeats what it does not know the outcome of, under the same ids.
/// </summary>
internal sealed class Chatter : IPublishObserver, IAsyncDisposable
{
    private readonly ClientOptions _options;
    private readonly HistoryWriter _writer;
    private readonly Random _random;
    private readonly string _name;
    private readonly SemaphoreSlim _window;
    private readonly ConcurrentDictionary<long, Message> _open = new();
    private readonly ConcurrentQueue<CloseCode> _closedByBroker = new();
    private readonly CancellationTokenSource _ended = new();
    private readonly List<Task> _reading = [];
    private readonly List<ConversationId> _followed = [];
    private FastChatClient _client = null!;
    private string _process = string.Empty;
    private int _lives;
    private bool _mustDie;
    private long _tag;
    private long _acknowledged;
    private long _read;
    private long _refused;

    private Chatter(string name, ClientOptions options, HistoryWriter writer, Random random)
    {
        _name = name;
        _options = options;
        _writer = writer;
        _random = random;
        _window = new SemaphoreSlim(random.Next(1, 129));
    }

    /// <summary>Publishes that were acknowledged.</summary>
    public long Acknowledged => Volatile.Read(ref _acknowledged);

    /// <summary>Records that subscriptions brought.</summary>
    public long Read => Volatile.Read(ref _read);

    /// <summary>Publishes that were refused for good.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Codes with which the broker closed connections.</summary>
    public IEnumerable<CloseCode> ClosedByBroker => _closedByBroker;

    /// <summary>Signs in.</summary>
    public static async Task<Chatter> ConnectAsync(string name, ClientOptions options, HistoryWriter writer, Random random, CancellationToken cancellation)
    {
        Chatter chatter = new(name, options, writer, random);
        await chatter.BeginLifeAsync(cancellation);
        return chatter;
    }

    /// <summary>Follows a conversation from its beginning, in each life anew.</summary>
    public void Follow(ConversationId conversation)
    {
        _followed.Add(conversation);
        FollowNow(conversation);
    }

    /// <summary>Lets the client be thrown away at its next pause. Any thread.</summary>
    public void RequestDeath() => Volatile.Write(ref _mustDie, true);

    /// <summary>Publishes to these, the first more than the others, until it is told to stop.</summary>
    public async Task ChatAsync(IReadOnlyList<ConversationId> conversations, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            if (Volatile.Read(ref _mustDie))
            {
                Volatile.Write(ref _mustDie, false);
                await DieAndReturnAsync();
            }

            for (int burst = _random.Next(1, 40); burst > 0 && !stop.IsCancellationRequested; burst--)
            {
                ConversationId conversation = conversations[_random.Next(3) > 0 ? 0 : _random.Next(conversations.Count)];
                await PostAsync(new Message(conversation, NewId(), NewBody(), Attempt: 1));
            }

            await Task.Delay(_random.Next(0, 25), CancellationToken.None);
        }
    }

    /// <summary>Waits until everything is answered.</summary>
    public Task FlushAsync(CancellationToken cancellation) => _client.FlushAsync(cancellation);

    /// <summary>Ends in order.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_open.IsEmpty)
        {
            // While it is connected: whoever has left is owed nothing any more (P18).
            _writer.Write(new HistoryEvent { Process = _process, Op = HistoryOp.End });
        }

        await _client.DisposeAsync();
        await _ended.CancelAsync();
        await Task.WhenAll(_reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _window.Dispose();
        _ended.Dispose();
    }

    void IPublishObserver.OnPublished(long tag, in PublishReceipt receipt)
    {
        if (_open.TryRemove(tag, out Message? message))
        {
            _writer.Write(Of(message, HistoryPhase.Ok) with { Epoch = receipt.Epoch, Sequence = receipt.Sequence, Duplicate = receipt.IsDuplicate });
            Interlocked.Increment(ref _acknowledged);
        }

        _window.Release();
    }

    void IPublishObserver.OnFailed(long tag, ClientException error)
    {
        ushort code = error is RequestException refused ? (ushort)refused.Code : (ushort)0;
        bool isRefused = code is not (0 or (ushort)ErrorCode.Internal);
        if (_open.TryGetValue(tag, out Message? message))
        {
            _writer.Write(Of(message, isRefused ? HistoryPhase.Fail : HistoryPhase.Info) with { Code = code });
            if (isRefused)
            {
                _open.TryRemove(tag, out _);
                Interlocked.Increment(ref _refused);
            }
        }

        _window.Release();
    }

    private void FollowNow(ConversationId conversation)
    {
        FastChatClient client = _client;
        _reading.Add(Task.Run(async () =>
        {
            await foreach (ChatMessage _ in client.ReadAsync(conversation, LogPosition.Start, _ended.Token))
            {
                Interlocked.Increment(ref _read);
            }
        }));
    }

    private async Task BeginLifeAsync(CancellationToken cancellation)
    {
        _process = string.Create(CultureInfo.InvariantCulture, $"{_name}-{++_lives}");
        TailRecording recording = new(_writer, _process);
        _client = await FastChatClient.ConnectAsync(
            _options with { ReadObserver = recording },
            state =>
            {
                recording.OnStateChanged(state);
                if (state is { Phase: ConnectionPhase.Waiting, LastClose: { IsLocal: false, Code: not CloseCode.None } reason })
                {
                    _closedByBroker.Enqueue(reason.Code);
                }
            },
            cancellation);
        recording.Attach(_client);
    }

    /// <summary>Throws the client away with everything that is under way, and begins another life that repeats what has no outcome.</summary>
    private async Task DieAndReturnAsync()
    {
        await _client.DisposeAsync();
        await Task.WhenAll(_reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _reading.Clear();
        Message[] unknown = _open.OrderBy(entry => entry.Key).Select(entry => entry.Value).ToArray();
        _open.Clear();
        await BeginLifeAsync(CancellationToken.None);
        _followed.ForEach(FollowNow);
        foreach (Message message in unknown)
        {
            await PostAsync(message with { Attempt = message.Attempt + 1 });
        }
    }

    private async Task PostAsync(Message message)
    {
        await _window.WaitAsync();
        long tag = ++_tag;
        _open[tag] = message;
        _writer.Write(Of(message, HistoryPhase.Invoke) with { User = _client.User, Kind = MessageKind.Opaque, Hash = BodyHash.Of(message.Body) });
        await _client.PostAsync(message.Conversation, message.Id, MessageKind.Opaque, message.Body, default, this, tag, CancellationToken.None);
    }

    private HistoryEvent Of(Message message, HistoryPhase phase) => new()
    {
        Process = _process,
        Op = HistoryOp.Publish,
        Phase = phase,
        Conversation = message.Conversation,
        ClientMessageId = message.Id,
        Attempt = message.Attempt,
    };

    private ClientMessageId NewId() => new(new UInt128((ulong)_random.NextInt64() | 1, (ulong)_random.NextInt64()));

    /// <summary>Mostly lines of a chat, sometimes more than a chunk holds next to another.</summary>
    private byte[] NewBody()
    {
        byte[] body = new byte[_random.Next(100) switch { 0 => _random.Next(10_000, 40_000), < 10 => _random.Next(500, 3000), _ => _random.Next(16, 300) }];
        _random.NextBytes(body);
        return body;
    }

    private sealed record Message(ConversationId Conversation, ClientMessageId Id, byte[] Body, uint Attempt);
}
