using System.Collections.Concurrent;

namespace FastChat.Client.Tests;

/// <summary>
/// A small broker that follows protocol.md: dense logs, exactly once by (device, client message id), subscriptions that begin behind a position, credit. It serves every
/// connection that <see cref="Open"/> makes, and can break each after so many bytes. What a test checks at the end is the logs.
/// </summary>
internal sealed class MiniBroker
{
    private readonly Lock _state = new();
    private readonly Dictionary<ConversationId, Log> _logs = [];
    private readonly ConcurrentBag<Task> _serving = [];
    private int _opened;

    /// <summary>What each connection (from 0) may read and write before it breaks; the client's view.</summary>
    public Func<int, (long Read, long Written)> Cuts { get; init; } = _ => (long.MaxValue, long.MaxValue);

    public int RecordsPerFrame { get; init; } = 2;

    public MemoryTransport? LastClientStream { get; private set; }

    public int Opened => _opened;


    public ClientOptions Options => new()
    {
        Token = "token",
        Seed = 1,
        OpenTransport = Open,
        Reconnect = new ReconnectPolicy { FirstDelay = TimeSpan.Zero, LaterDelay = TimeSpan.Zero, SpreadMax = TimeSpan.Zero },
    };

    public IReadOnlyList<string> Texts(ConversationId conversation)
    {
        lock (_state)
        {
            return LogOf(conversation).Records.Select(TextOf).ToArray();
        }
    }

    public async Task StoppedAsync() => await Task.WhenAll(_serving).Within();

    private static string TextOf(byte[] bytes)
    {
        ReadOnlySpan<byte> rest = bytes;
        Assert.That(MessageRecord.TryRead(ref rest, out MessageRecord record), Is.True);
        return System.Text.Encoding.UTF8.GetString(record.Body);
    }

    private Log LogOf(ConversationId conversation)
    {
        if (!_logs.TryGetValue(conversation, out Log? log))
        {
            _logs[conversation] = log = new Log();
        }

        return log;
    }

    private ValueTask<Stream> Open(CancellationToken cancellationToken)
    {
        (MemoryTransport client, MemoryTransport broker) = MemoryTransport.CreatePair();
        (long read, long written) = Cuts(_opened++);
        client.CutAfter(read, written);
        LastClientStream = client;
        _serving.Add(ServeAsync(new Peer(broker)));
        return ValueTask.FromResult<Stream>(client);
    }

    /// <summary>Serves one connection to its end.</summary>
    public async Task ServeAsync(Peer peer)
    {
        try
        {
            if (await peer.ReadOrEndAsync() is not { Type: FrameType.Hello } hello)
            {
                return;
            }

            Connection connection = new(Hello.Parse(hello.Map).Window);
            await peer.SendAsync(target => FrameWriter.Write(target, FrameType.Welcome, 0, Welcomes.Plain.ToMap()));
            while (await peer.ReadOrEndAsync() is { Type: not FrameType.Close } frame)
            {
                await HandleAsync(peer, connection, frame);
                await DeliverAsync(peer, connection);
            }
        }
        catch (IOException)
        {
            // The cut; everything that arrived before it has been handled.
        }
        finally
        {
            await peer.BreakAsync();
        }
    }

    private async Task HandleAsync(Peer peer, Connection connection, SentFrame frame)
    {
        switch (frame.Type)
        {
            case FrameType.Publish:
                (ulong sequence, bool isDuplicate) = Append(frame.Body);
                await peer.PublishedAsync(frame.Request, sequence, isDuplicate);
                break;
            case FrameType.Subscribe:
                await SubscribeAsync(peer, connection, frame);
                break;
            case FrameType.Unsubscribe:
                connection.Next.Remove(ConversationId.Read(frame.Body));
                await peer.SendAsync(target => FrameWriter.Write(target, FrameType.Unsubscribed, frame.Request, frame.Body));
                break;
            case FrameType.Fetch:
                await FetchAsync(peer, frame);
                break;
            case FrameType.Credit:
                connection.Balance += Credit.TryRead(frame.Body, out Credit credit) ? credit.Bytes : throw new AssertionException("Credit");
                break;
            case FrameType.ResolveConversation:
                await peer.ReplyAsync(frame.Request, new ConversationInfo { Conversation = Posts.Lobby, Kind = ConversationKind.Public, Name = "lobby", Epoch = 1 }.ToMap());
                break;
            case FrameType.Ping:
                await peer.SendAsync(target => FrameWriter.Write(target, FrameType.Pong, frame.Request, frame.Body));
                break;
            default:
                throw new AssertionException($"the client sent {frame.Type}");
        }
    }

    private (ulong Sequence, bool IsDuplicate) Append(byte[] body)
    {
        Assert.That(Publish.TryRead(body, out Publish publish), Is.True);
        lock (_state)
        {
            Log log = LogOf(publish.Conversation);
            if (log.ById.TryGetValue(publish.ClientMessageId, out ulong known))
            {
                return (known, true);
            }

            ulong sequence = (ulong)log.Records.Count + 1;
            log.Records.Add(Records.Make(sequence, publish.ClientMessageId, publish.Kind, publish.Body, publish.OnBehalfOf));
            log.ById.Add(publish.ClientMessageId, sequence);
            return (sequence, false);
        }
    }

    private async Task SubscribeAsync(Peer peer, Connection connection, SentFrame frame)
    {
        Assert.That(Subscribe.TryRead(frame.Body, out Subscribe subscribe), Is.True);
        Assert.That(connection.Next.ContainsKey(subscribe.Conversation), Is.False, "ALREADY_SUBSCRIBED");
        ulong head;
        lock (_state)
        {
            head = (ulong)LogOf(subscribe.Conversation).Records.Count;
        }

        ulong after = subscribe.After.Sequence == LogPosition.Latest ? head : subscribe.After.Sequence;
        Assert.That(after, Is.LessThanOrEqualTo(head), "POSITION_AHEAD");
        connection.Next[subscribe.Conversation] = after + 1;
        await peer.SubscribedAsync(frame.Request, SubscribeStatus.Resumed, epoch: 1, after + 1, head);
    }

    private async Task DeliverAsync(Peer peer, Connection connection)
    {
        foreach (ConversationId conversation in connection.Next.Keys.ToArray())
        {
            while (connection.Balance > 0 && Slice(conversation, connection.Next[conversation], RecordsPerFrame) is { Length: > 0 } records)
            {
                connection.Balance -= FrameHeader.Size + Deliver.FixedSize + records.Sum(record => record.Length);
                connection.Next[conversation] += (ulong)records.Length;
                await peer.DeliverAsync(conversation, 1, records);
            }
        }
    }

    private async Task FetchAsync(Peer peer, SentFrame frame)
    {
        Assert.That(Fetch.TryRead(frame.Body, out Fetch fetch), Is.True);
        byte[][] records = Slice(fetch.Conversation, fetch.Position.Sequence + 1, fetch.CountMax == 0 ? int.MaxValue : (int)fetch.CountMax);
        foreach (byte[][] chunk in records.Chunk(RecordsPerFrame))
        {
            await peer.SendAsync(target => Records.WriteFrame(target, FrameType.Chunk, frame.Request, fetch.Conversation, 1, chunk));
        }

        ulong head;
        lock (_state)
        {
            head = (ulong)LogOf(fetch.Conversation).Records.Count;
        }

        ulong first = records.Length == 0 ? 0 : fetch.Position.Sequence + 1;
        ulong last = fetch.Position.Sequence + (ulong)records.Length;
        FetchEnd end = new(last >= head, 1, (uint)records.Length, first, records.Length == 0 ? 0 : last, head);
        await peer.SendAsync(target => end.Write(FrameWriter.Begin(target, FrameType.FetchEnd, frame.Request, FetchEnd.Size)));
    }

    private byte[][] Slice(ConversationId conversation, ulong first, int count)
    {
        lock (_state)
        {
            return LogOf(conversation).Records.Skip((int)first - 1).Take(count).ToArray();
        }
    }

    private sealed class Log
    {
        public List<byte[]> Records { get; } = [];

        public Dictionary<ClientMessageId, ulong> ById { get; } = [];
    }

    private sealed class Connection(long window)
    {
        public long Balance { get; set; } = window;

        public Dictionary<ConversationId, ulong> Next { get; } = [];
    }
}
