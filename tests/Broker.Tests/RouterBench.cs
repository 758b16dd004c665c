using System.Buffers;
using System.Collections.Concurrent;

using FastChat.Broker.Conversations;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>The real router with its loops and committer over an in-memory log; connections are <see cref="TestPeer"/>s.</summary>
internal sealed class RouterBench : IDisposable
{
    private readonly BrokerMetrics _metrics = new();
    private ulong _nextDevice = 100;

    /// <param name="commitHereMax">0 for tests that hold a sync open and expect the loops to go on.</param>
    public RouterBench(InMemoryConversationLog? log = null, int shards = 4, int loops = 2, int ringBytes = 256 * 1024, int commitHereMax = 0, TimeProvider? clock = null)
    {
        Log = log ?? new InMemoryConversationLog();
        Router = new Router(
            new RoutingOptions(shards, loops, ringBytes, 1000, commitHereMax) { Vault = Log.Vault },
            Log,
            new PeerTable(64),
            _metrics,
            clock ?? TimeProvider.System,
            Workers.Threads,
            new RouterEvents(Failures.Enqueue, Damages.Enqueue, (user, conversation, role) => ListChanges.Enqueue((user, conversation, MemberRoles.IsMember(role)))));
    }

    public InMemoryConversationLog Log { get; }

    public Router Router { get; }

    public ConcurrentQueue<Exception> Failures { get; } = new();

    public ConcurrentQueue<CorruptRecordException> Damages { get; } = new();

    public ConcurrentQueue<(UserId User, ConversationId Conversation, bool Added)> ListChanges { get; } = new();

    public TestPeer Connect(UserId user, int budgetBytes = 1 << 20, uint window = 0) => Connect(user, budgetBytes, window, takesSignals: false);

    public TestPeer ConnectForSignals(UserId user, int budgetBytes = 1 << 20) => Connect(user, budgetBytes, window: 0, takesSignals: true);

    private TestPeer Connect(UserId user, int budgetBytes, uint window, bool takesSignals)
    {
        Peer peer = new(ShardBench.ActorOf(user, _nextDevice++), "somebody", new Outbox(Router.LoopCount, budgetBytes, window)) { TakesSignals = takesSignals };
        Assert.That(Router.Peers.TryAdd(peer), Is.True);
        return new TestPeer(this, peer);
    }

    public async Task CreateAsync(ConversationId id, ConversationKind kind, UserId creator, params UserId[] members)
    {
        CommandResult made = await ExecuteAsync(
            CommandKind.CreateConversation, creator, id, new CreateConversationCommand(id, new ConversationMeta(kind, creator, 1, null, null), false, members).ToBytes());
        Assert.That(made.Created, Is.True);
    }

    public Task<CommandResult> RemoveAsync(ConversationId id, UserId by, UserId user) =>
        ExecuteAsync(CommandKind.ChangeMembers, by, id, new ChangeMembersCommand(id, MemberRole.None, [user]).ToBytes());

    public Task<CommandResult> ExecuteAsync(CommandKind kind, UserId by, ConversationId id, byte[] body) => Router
        .ExecuteAsync(kind, ShardBench.ActorOf(by), Router.Map.ShardOf(id.Value), body, CancellationToken.None)
        .WaitAsync(TestPeer.Patience);

    public void Dispose()
    {
        Router.Dispose();
        _metrics.Dispose();
    }
}

/// <summary>A frame that left an outbox.</summary>
internal sealed record SentFrame(FrameType Type, uint Request, byte[] Body)
{
    public Published Published => FastChat.Protocol.Published.TryRead(Body, out Published value) ? value : throw new InvalidOperationException();

    public Subscribed Subscribed => FastChat.Protocol.Subscribed.TryRead(Body, out Subscribed value) ? value : throw new InvalidOperationException();

    public Lag Lag => FastChat.Protocol.Lag.TryRead(Body, out Lag value) ? value : throw new InvalidOperationException();

    public ErrorCode Error => (ErrorCode)Failure.Code;

    /// <summary>All of an Error.</summary>
    public Failure Failure => FastChat.Protocol.Failure.TryRead(Body, out Failure value) ? value : throw new InvalidOperationException();

    /// <summary>Sequences of a Deliver frame's records.</summary>
    public ulong[] Sequences
    {
        get
        {
            Assert.That(Deliver.TryRead(Body, out Deliver deliver), Is.True);
            ulong[] sequences = StoredRecord.Parse(deliver.Records).Select(record => record.Sequence).ToArray();
            Assert.That(deliver.Count, Is.EqualTo(sequences.Length));
            return sequences;
        }
    }
}

/// <summary>
/// A connection whose write loop is the test itself, so that the test decides when frames leave and when the log is read. Follows the rules of
/// <c>ConnectionWriteLoop</c>: orders before lanes, one chunk per pull, a report when nothing is left.
/// </summary>
internal sealed class TestPeer(RouterBench bench, Peer peer)
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private uint _nextRequest;

    public Peer Peer { get; } = peer;

    /// <summary>Everything that has left so far.</summary>
    public List<SentFrame> Frames { get; } = [];

    /// <summary>Pull orders that are not settled.</summary>
    public List<PullOrder> Orders { get; } = [];

    public IEnumerable<SentFrame> Of(FrameType type) => Frames.Where(frame => frame.Type == type);

    public ulong[] Delivered => Of(FrameType.Deliver).SelectMany(frame => frame.Sequences).ToArray();

    public uint Publish(ConversationId conversation, ulong id, byte[] body)
    {
        Peer.BeginPublish();
        return Post(CommandKind.Publish, conversation, ShardBench.PublishBody(conversation, id, body));
    }

    public uint Subscribe(ConversationId conversation, ulong after, uint epoch = 0)
    {
        byte[] body = new byte[Protocol.Subscribe.Size];
        new Subscribe(conversation, new LogPosition(epoch, after)).Write(body);
        Interlocked.Increment(ref Peer.Subscriptions);
        return Post(CommandKind.Subscribe, conversation, body);
    }

    public uint Unsubscribe(ConversationId conversation)
    {
        byte[] body = new byte[Protocol.Unsubscribe.Size];
        new Unsubscribe(conversation).Write(body);
        return Post(CommandKind.Unsubscribe, conversation, body);
    }

    public uint Post(CommandKind kind, ConversationId conversation, byte[] body)
    {
        uint request = ++_nextRequest;
        CommandHeader header = new(kind, Peer.Actor, request, CommandHeader.ReplyToPeer(Peer.Address), 1);
        int shard = bench.Router.Map.ShardOf(conversation.Value);
        Assert.That(SpinWait.SpinUntil(() => bench.Router.TryPost(shard, header, body), Patience), Is.True);
        return request;
    }

    /// <summary>What <c>Collect</c> of the write loop does: everything that waits leaves.</summary>
    public void Collect()
    {
        Outbox outbox = Peer.Outbox;
        while (outbox.TryTakeOrder(out PullOrder? order))
        {
            Orders.Add(order);
        }

        ArrayBufferWriter<byte> bytes = new();
        for (int loop = 0; loop < outbox.LaneCount; loop++)
        {
            outbox.LaneOf(loop)?.Drain(bytes);
        }

        while (outbox.TryTakeFrame(out byte[]? frame))
        {
            bytes.Write(frame);
        }

        for (ReadOnlySpan<byte> rest = bytes.WrittenSpan; rest.Length > 0;)
        {
            FrameHeader header = FrameHeader.Read(rest);
            Frames.Add(new SentFrame(header.Type, header.Request, rest.Slice(FrameHeader.Size, header.Length).ToArray()));
            rest = rest[(FrameHeader.Size + header.Length)..];
        }

        foreach (PullOrder order in Orders.ToArray())
        {
            if (order.HasEnded(out uint request))
            {
                byte[] body = new byte[Protocol.Unsubscribe.Size];
                order.Conversation.Write(body);
                Frames.Add(new SentFrame(FrameType.Unsubscribed, request, body));
                Orders.Remove(order);
            }
            else if (order.IsReleased)
            {
                Orders.Remove(order);
            }
        }
    }

    /// <summary>Sends one chunk of every open order; reports the orders that are done unless told not to.</summary>
    public void Pull(bool report = true)
    {
        foreach (PullOrder order in Orders.Where(order => !order.IsReported && Peer.Outbox.HasCredit))
        {
            ArrayBufferWriter<byte> records = new();
            LogPage page = bench.Log.ReadForward(order.Conversation, order.After, order.Through, int.MaxValue, ProtocolLimits.ChunkSizeMax, records);
            if (page.Count > 0)
            {
                byte[] body = new byte[Deliver.FixedSize + records.WrittenCount];
                Deliver.WriteFixed(body, order.Conversation, order.Epoch, (uint)page.Count);
                records.WrittenSpan.CopyTo(body.AsSpan(Deliver.FixedSize));
                Frames.Add(new SentFrame(FrameType.Deliver, 0, body));
                Peer.Outbox.UseCredit(FrameHeader.Size + body.Length);
                order.After = page.Last;
            }

            if (page.Complete && report)
            {
                Report(order);
            }
        }
    }

    public void Report(PullOrder order)
    {
        byte[] body = new byte[12];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(body, order.Subscription);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(body.AsSpan(4), order.After + 1);
        Post(CommandKind.CaughtUp, order.Conversation, body);
        order.IsReported = true;
    }

    /// <summary>Plays the write loop until something holds.</summary>
    public async Task UntilAsync(Func<bool> holds, bool pulling = true)
    {
        using CancellationTokenSource timeout = new(Patience);
        while (true)
        {
            Collect();
            if (holds())
            {
                return;
            }

            if (pulling && Orders.Any(order => !order.IsReported && Peer.Outbox.HasCredit))
            {
                Pull();
                continue;
            }

            try
            {
                await Peer.Outbox.Work.WaitAsync().AsTask().WaitAsync(timeout.Token);

                // The loop may have offered its own thread (RaiseHere). What a test does next may wait for that very loop, which a write loop never does.
                await Task.Yield();
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException(
                    $"nothing came: in flight {Peer.InFlight}, waiting {Peer.Outbox.HasWaiting}, queued {bench.Router.QueuedBytes} bytes, failure {bench.Router.Failure}");
            }
        }
    }

    /// <summary>Plays the write loop until a request is answered.</summary>
    public async Task<SentFrame> AnswerAsync(uint request, bool pulling = true)
    {
        await UntilAsync(() => Frames.Exists(frame => frame.Request == request), pulling);
        return Frames.Single(frame => frame.Request == request);
    }
}
