using System.Collections.Concurrent;
using System.Diagnostics;

using FastChat.Broker.Conversations;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Shared;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>Sizes of the routing.</summary>
/// <param name="Shards">Shards of the store.</param>
/// <param name="Loops">Threads that run them.</param>
/// <param name="RingBytes">Bytes of each shard's ring.</param>
/// <param name="ConversationsMax">Conversations in memory, over all shards.</param>
/// <param name="CommitHereMax">
/// A turn of at most so many commands is committed by its loop, if the committer has nothing to do: two thread wake-ups less for each message, tens of microseconds each on a virtual
/// machine. Behind a larger turn there is more to apply than a sync takes, and the committer syncs meanwhile. 0: the committer commits everything.
/// </param>
internal sealed record RoutingOptions(int Shards, int Loops, int RingBytes, int ConversationsMax, int CommitHereMax = RoutingOptions.CommitHereMaxDefault)
{
    /// <summary>Measured: decision 0013.</summary>
    public const int CommitHereMaxDefault = 64;

    /// <summary>The keys of the bodies; null while they are stored as they are.</summary>
    public KeyVault? Vault { get; init; }
}

/// <summary>What the routing tells the house around it. Called on loop and pool threads; must not block.</summary>
/// <param name="Failed">Nothing can be acknowledged any more. Once.</param>
/// <param name="Damaged">A record on disk is damaged.</param>
/// <param name="ListChanged">A user's list of conversations has changed, durably: (user, conversation, what they are there now).</param>
internal sealed record RouterEvents(
    Action<Exception> Failed, Action<CorruptRecordException> Damaged, Action<UserId, ConversationId, MemberRole> ListChanged)
{
    /// <summary>A user's own copy of a cursor is durable: (user, conversation, thread or 0, the cursor).</summary>
    public Action<UserId, ConversationId, ulong, ReadCursor> CursorMoved { get; init; } = static (_, _, _, _) => { };

    /// <summary>A publish of this connection was refused because the policy does not allow it.</summary>
    public Action<Peer> PublishDenied { get; init; } = static _ => { };
}

/// <summary>
/// The way into the shards, for handlers and write loops: puts commands into rings, and lets control handlers wait for results. Owns the loops and the
/// committer. Any thread.
/// </summary>
internal sealed class Router : IDisposable
{
    private static readonly TimeSpan RoomPoll = TimeSpan.FromMilliseconds(1);

    private readonly ShardLoop[] _loops;
    private readonly IConversationLog _log;
    private readonly CommitPipeline _pipeline;
    private readonly TimeProvider _clock;
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<CommandResult>> _waiting = new();
    private readonly EffectForwarder _forwarder;
    private Exception? _failure;
    private long _ticket;

    public Router(RoutingOptions options, IConversationLog log, PeerTable peers, BrokerMetrics metrics, TimeProvider clock, Workers workers, RouterEvents events)
    {
        Map = new ShardMap(options.Shards);
        Peers = peers;
        _log = log;
        _clock = clock;
        _forwarder = new EffectForwarder(this, events);
        _pipeline = new CommitPipeline(
            CommitEnvironment.Of(log) with { Observe = metrics.Committed, Time = clock, Workers = workers },
            batch => LoopOf(batch).OnSynced(true), (batch, _) => LoopOf(batch).OnSynced(false));
        ShardLoopCallbacks callbacks = new()
        {
            Complete = Complete,
            Forward = _forwarder.Forward,
            Fail = failure =>
            {
                if (Interlocked.CompareExchange(ref _failure, failure, null) is null)
                {
                    events.Failed(failure);
                }

                RefuseWaiting();
            },
            Damaged = events.Damaged,
            Denied = events.PublishDenied,
            SlotOf = id => Map.ShardOf(id) / options.Loops,
        };

        // An eighth more than a shard's share: conversations do not fall evenly, and a shard that is one over its own bound begins to read what it has just dropped.
        int conversationsMax = Math.Max(64, (int)(options.ConversationsMax / options.Shards * 9L / 8));
        Shard[] shards = Enumerable.Range(0, options.Shards)
            .Select(index => new Shard(index, Map, log, conversationsMax))
            .ToArray();
        _loops = Enumerable.Range(0, options.Loops)
            .Select(loop => new ShardLoop(
                loop, shards.Where((_, shard) => shard % options.Loops == loop).ToArray(), options, log, _pipeline, peers, metrics, clock, workers, callbacks))
            .ToArray();
        foreach (ShardLoop loop in _loops)
        {
            loop.Start();
        }

        _forwarder.Recover(log);
    }

    /// <summary>Which shard owns what.</summary>
    public ShardMap Map { get; }

    /// <summary>The signed-in connections.</summary>
    public PeerTable Peers { get; }

    /// <summary>Number of loops, which is the number of lanes of an outbox.</summary>
    public int LoopCount => _loops.Length;

    /// <summary>Why nothing is accepted any more; null while everything is well.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>True while the disk has no room: what would have to be stored is refused, by whoever posts it.</summary>
    public bool IsFull => _log.IsFull;

    /// <summary>Bytes that wait in the rings; a snapshot.</summary>
    public long QueuedBytes => _loops.Sum(loop => loop.QueuedBytes);

    /// <summary>Subscriptions; a snapshot.</summary>
    public int Subscriptions => _loops.Sum(loop => loop.Subscriptions);

    /// <summary>Subscriptions that are behind; a snapshot.</summary>
    public int Pulling => _loops.Sum(loop => loop.Pulling);

    /// <summary>Live records handed to those who listen, since the start; a snapshot.</summary>
    public long Delivered => _loops.Sum(loop => loop.Delivered);

    /// <summary>How long acknowledgements took in the last ten to twenty seconds, µs: what this share of them did not take longer than.</summary>
    public long AcknowledgementPercentile(double share)
    {
        Span<long> sums = stackalloc long[RecentDurations.Buckets];
        sums.Clear();
        foreach (ShardLoop loop in _loops)
        {
            loop.AddAcknowledgementsTo(sums);
        }

        return RecentDurations.Percentile(sums, share);
    }

    /// <summary>What shards owe one another and is being carried; a snapshot.</summary>
    public int OwedCount => _forwarder.Count;

    /// <summary>Puts a command into the ring of a shard. False when the ring is full: the caller keeps the command and its order.</summary>
    public bool TryPost(int shard, in CommandHeader header, ReadOnlySpan<byte> bodyStart, ReadOnlySpan<byte> bodyRest = default)
    {
        ShardLoop loop = _loops[shard % _loops.Length];
        int slot = shard / _loops.Length;
        MpscRing ring = loop.RingOf(slot);
        if (!ring.TryClaim(CommandHeader.Size + bodyStart.Length + bodyRest.Length, out Span<byte> payload))
        {
            return false;
        }

        header.Write(payload);
        bodyStart.CopyTo(payload[CommandHeader.Size..]);
        bodyRest.CopyTo(payload[(CommandHeader.Size + bodyStart.Length)..]);
        ring.Publish(payload);
        loop.Notify(slot);
        return true;
    }

    /// <summary>Completes after a moment in which a full ring may have drained. Overload only: nothing on the way of an ordinary message waits.</summary>
    public Task WaitForRoomAsync(CancellationToken cancellation) => Task.Delay(RoomPoll, _clock, cancellation);

    /// <summary>Runs a state-changing command in a shard and completes when its outcome is durable; refuses it while there is no room.</summary>
    public Task<CommandResult> ExecuteAsync(CommandKind kind, Actor actor, int shard, byte[] body, CancellationToken cancellation, bool areAttachmentsVouchedFor = false) => IsFull
        ? Task.FromResult(new CommandResult(ErrorCode.StoreFull, "the disk has no room"))
        : ExecuteOwedAsync(kind, actor, shard, body, cancellation, areAttachmentsVouchedFor);

    /// <summary>The same for what follows from something durable: it cannot be refused, and waits for room.</summary>
    public async Task<CommandResult> ExecuteOwedAsync(CommandKind kind, Actor actor, int shard, byte[] body, CancellationToken cancellation, bool areAttachmentsVouchedFor = false)
    {
        if (body.Length > ProtocolLimits.ClientFrameSizeMax)
        {
            return new CommandResult(ErrorCode.BadRequest, "the request is too large");
        }

        ulong ticket = (ulong)Interlocked.Increment(ref _ticket);
        TaskCompletionSource<CommandResult> done = new(Continuation.Asynchronously);
        _waiting[ticket] = done;
        try
        {
            CommandHeader header = new(kind, actor, 0, ticket, NowMicros()) { AreAttachmentsVouchedFor = areAttachmentsVouchedFor };
            while (!TryPost(shard, header, body) && Failure is null)
            {
                await WaitForRoomAsync(cancellation);
            }

            // Looked at behind the post: whoever fails later finds the ticket.
            if (Failure is not null)
            {
                return Refusal;
            }

            return await done.Task.WaitAsync(cancellation);
        }
        finally
        {
            _waiting.TryRemove(ticket, out _);
        }
    }

    /// <summary>The durable heads of conversations, in their order; null of one that is not in memory.</summary>
    public async Task<ulong?[]> HeadsAsync(IReadOnlyList<ConversationId> conversations, CancellationToken cancellation)
    {
        ulong?[] heads = new ulong?[conversations.Count];
        await Task.WhenAll(Enumerable.Range(0, conversations.Count)
            .GroupBy(index => Map.ShardOf(conversations[index].Value))
            .SelectMany(shard => shard.Chunk(HeadsQuery.CountMax).Select(indexes => AskAsync(shard.Key, indexes))));
        return heads;

        async Task AskAsync(int shard, int[] indexes)
        {
            byte[] body = new byte[indexes.Length * Id128.Size];
            for (int i = 0; i < indexes.Length; i++)
            {
                conversations[indexes[i]].Write(body.AsSpan(i * Id128.Size));
            }

            CommandResult result = await ExecuteOwedAsync(CommandKind.Heads, default, shard, body, cancellation);
            for (int i = 0; i < indexes.Length; i++)
            {
                heads[indexes[i]] = result.Heads?[i];
            }
        }
    }

    /// <summary>What the loops have to tell of themselves, in their order; null of one that has not said anything within this time: it waits for the disk, or has failed.</summary>
    public Task<LoopReport?[]> ReportsAsync(TimeSpan patience)
    {
        return Task.WhenAll(Enumerable.Range(0, _loops.Length).Select(AskAsync));

        async Task<LoopReport?> AskAsync(int loop)
        {
            using CancellationTokenSource late = new(patience, _clock);
            try
            {
                // The shard of a loop's own number is among its shards.
                return (await ExecuteOwedAsync(CommandKind.Report, default, loop, [], late.Token)).Report;
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }
    }

    /// <summary>The broker's clock, µs since 1970-01-01 UTC.</summary>
    public long NowMicros() => (_clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>Finishes what is in the rings, commits it and ends the threads.</summary>
    public void Dispose()
    {
        foreach (ShardLoop loop in _loops)
        {
            loop.Dispose();
        }

        _pipeline.Dispose();

        // Whoever still waits, or comes later, is told: what they posted stays in a ring that nobody reads.
        Interlocked.CompareExchange(ref _failure, new ObjectDisposedException(nameof(Router)), null);
        RefuseWaiting();
    }

    private CommandResult Refusal => new(ErrorCode.StoreUnavailable, Failure is ObjectDisposedException ? "the broker is stopping" : "the store failed");

    private void RefuseWaiting()
    {
        foreach (ulong ticket in _waiting.Keys)
        {
            Complete(ticket, Refusal);
        }
    }

    private void Complete(ulong ticket, CommandResult result)
    {
        if (_waiting.TryGetValue(ticket, out TaskCompletionSource<CommandResult>? done))
        {
            done.TrySetResult(result);
        }
    }

    /// <summary>Whose batch it is. A loop and not Array.Find: a closure would be made for every commit.</summary>
    private ShardLoop LoopOf(CommitBatch batch)
    {
        foreach (ShardLoop loop in _loops)
        {
            if (loop.Owns(batch))
            {
                return loop;
            }
        }

        throw new UnreachableException("a committed batch belongs to a loop");
    }
}
