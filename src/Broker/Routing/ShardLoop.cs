using System.Diagnostics;
using System.Numerics;

using FastChat.Broker.Diagnostics;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Shared;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>
/// Runs some of the shards, on a thread of its own. It drains their rings, applies what changes state to the current turn, hands the turn to the committer as soon as that
/// is free, and releases the turn's effects when it is durable: acknowledgements first, then fan-out, then whatever other shards are owed.
/// <para>
/// Two turns: while one syncs, the next one fills; a small one is synced by the loop itself when the committer is idle. There is no timer and no target size: a turn is what arrived during the previous sync. When a turn is full,
/// the rings are left alone, and their producers feel it.
/// </para>
/// <para>
/// Waking: a producer sets the shard's bit in <c>_ready</c> behind its message, a full fence; only the first to set a bit looks whether anybody runs the loop. Whoever runs it
/// says that nobody does before looking at the bits for the last time. One thread runs it at a time: its own, or for one turn an I/O thread that would otherwise have to wake it (<see cref="Errands"/>).
/// </para>
/// </summary>
internal sealed class ShardLoop : IDisposable, IErrand, IWork
{
    /// <summary>A turn takes no further command beyond this: 4 MiB sync in a few milliseconds, and bound what a restart replays.</summary>
    private const int TurnBytesMax = 4 * 1024 * 1024;

    /// <summary>A turn takes no further command beyond this many acknowledgements.</summary>
    private const int TurnCommandsMax = 32 * 1024;

    /// <summary>
    /// A parked loop looks again after this long even if nobody woke it: a wake-up that was lost to a defect must not become a message that is never
    /// acknowledged. Twenty looks a second cost nothing that can be measured.
    /// </summary>
    private static readonly TimeSpan ParkMax = TimeSpan.FromMilliseconds(50);

    /// <summary>Messages taken from one ring before the others have their turn.</summary>
    private const int DrainMax = 1024;

    private readonly int _index;
    private readonly int _commitHereMax;
    private readonly ShardSlot[] _slots;
    private readonly ulong[] _ready;
    private readonly IConversationLog _log;
    private readonly PeerTable _peers;
    private readonly CommitPipeline _pipeline;
    private readonly ShardLoopCallbacks _callbacks;
    private readonly DirtyOutboxes _dirty;
    private readonly IWorker _worker;
    private readonly BrokerMetrics _metrics;
    private readonly RecordSealer? _sealer;
    private readonly TimeProvider _clock;
    private readonly int _loops;
    private readonly RecentDurations _acknowledgements;
    private readonly BusyConversations _busy = new();
    private Turn _current;
    private Turn _spare;
    private Turn? _syncing;
    private int _runner;
    private bool _hasFailed;
    private int _stopping;
    private int _syncState;

    private const int OwnThread = 0;
    private const int Nobody = 1;
    private const int Helper = 2;

    private const int SyncPending = 0;
    private const int SyncDone = 1;
    private const int SyncFailed = 2;

    public ShardLoop(
        int index, IReadOnlyList<Shard> shards, RoutingOptions options, IConversationLog log, CommitPipeline pipeline, PeerTable peers, BrokerMetrics metrics,
        TimeProvider clock, Workers workers, ShardLoopCallbacks callbacks)
    {
        _index = index;
        _commitHereMax = options.CommitHereMax;
        _log = log;
        _peers = peers;
        _pipeline = pipeline;
        _callbacks = callbacks;
        _metrics = metrics;
        _clock = clock;
        _loops = options.Loops;
        _acknowledgements = new RecentDurations(clock);
        _dirty = new DirtyOutboxes(index);
        _slots = shards.Select(shard => new ShardSlot(new MpscRing(options.RingBytes), shard, new Delivery(index, shard, log, _dirty, metrics), new SignalRelay(index, shard, _dirty))).ToArray();
        _ready = new ulong[(shards.Count + 63) / 64];
        _sealer = options.Vault?.CreateSealer();
        _current = new Turn(log.Epoch, _sealer);
        _spare = new Turn(log.Epoch, _sealer);
        _worker = workers.Add($"fastchat-loop-{index}", this);
    }

    /// <summary>Begins.</summary>
    public void Start() => _worker.Start();

    /// <summary>A shard's ring, for the router.</summary>
    public MpscRing RingOf(int slot) => _slots[slot].Ring;

    /// <summary>Bytes that wait in the rings; a snapshot for metrics.</summary>
    public long QueuedBytes => _slots.Sum(slot => slot.Ring.UsedBytes);

    /// <summary>Subscriptions in this loop's shards; a snapshot for metrics.</summary>
    public int Subscriptions => _slots.Sum(slot => slot.Delivery.Count);

    /// <summary>Subscriptions that are behind; a snapshot for metrics.</summary>
    public int Pulling => _slots.Sum(slot => slot.Delivery.PullingCount);

    /// <summary>Live records handed to those who listen, since the start; a snapshot for metrics.</summary>
    public long Delivered => _slots.Sum(slot => slot.Delivery.Delivered);

    /// <summary>Adds how long acknowledgements took of late to the sums (<see cref="RecentDurations.AddTo"/>): from the read that brought the publish to its Published in the outbox. Any thread.</summary>
    public void AddAcknowledgementsTo(Span<long> sums) => _acknowledgements.AddTo(sums);

    /// <summary>Tells the thread that a slot's ring has a new message. Any thread.</summary>
    public void Notify(int slot)
    {
        ulong bit = 1ul << (slot & 63);
        if ((Interlocked.Or(ref _ready[slot >> 6], bit) & bit) == 0 && Volatile.Read(ref _runner) == Nobody && !Errands.TryLeave(this))
        {
            Wake();
        }
    }

    /// <summary>
    /// One turn on the thread of whoever brought the message, while the loop's own thread sleeps. It is only one: whoever helps has work of their own, and more than one turn is worth a wake-up.
    /// </summary>
    void IErrand.Run()
    {
        if (Interlocked.CompareExchange(ref _runner, Helper, Nobody) != Nobody)
        {
            return;
        }

        try
        {
            FinishSync();
            DrainReady();
            SubmitTurn();
            FinishSync();
            _dirty.Flush();
        }
        catch (Exception defect)
        {
            // It is never nobody's again, so that no other thread can begin a turn before its own has ended.
            FailFor(defect);
            Interlocked.Exchange(ref _runner, OwnThread);
            _worker.Wake();
            return;
        }

        Interlocked.Exchange(ref _runner, Nobody);
        if (HasWork || Volatile.Read(ref _stopping) != 0)
        {
            Wake();
        }
    }

    /// <summary>The turn's batch was made durable, or could not be. The thread that committed: the committer's, or whoever runs this loop.</summary>
    public void OnSynced(bool isDurable)
    {
        Volatile.Write(ref _syncState, isDurable ? SyncDone : SyncFailed);
        Interlocked.MemoryBarrier();
        Wake();
    }

    /// <summary>The batch that is being synced, so that the owner of the pipeline can tell whose it is.</summary>
    public bool Owns(CommitBatch batch) => ReferenceEquals(_current.Batch, batch) || ReferenceEquals(_spare.Batch, batch) || ReferenceEquals(_syncing?.Batch, batch);

    /// <summary>Applies and commits what is in the rings, then ends the thread.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _stopping, 1) == 0)
        {
            Interlocked.MemoryBarrier();
            _worker.Wake();
            _worker.Join();
            _sealer?.Dispose();
        }
    }

    void IWork.Run()
    {
        try
        {
            while (DoWhatIsThere() || !Park())
            {
            }
        }
        catch (Exception defect)
        {
            FailFor(defect);
        }
    }

    TimeSpan IWork.RunOnce()
    {
        try
        {
            while (!_hasFailed && DoWhatIsThere())
            {
            }
        }
        catch (Exception defect)
        {
            FailFor(defect);
        }

        Interlocked.Exchange(ref _runner, Nobody);
        if (!_hasFailed && HasWork)
        {
            Wake();
        }

        return Timeout.InfiniteTimeSpan;
    }

    /// <summary>True when there was something.</summary>
    private bool DoWhatIsThere()
    {
        bool worked = FinishSync();
        worked |= DrainReady();
        worked |= SubmitTurn();
        _dirty.Flush();
        return worked;
    }

    /// <summary>A loop that stopped in the middle of a turn must not be followed by an acknowledgement.</summary>
    private void FailFor(Exception defect)
    {
        _hasFailed = true;
        _callbacks.Fail(defect);
    }

    private bool FinishSync()
    {
        if (_syncing is null || Volatile.Read(ref _syncState) == SyncPending)
        {
            return false;
        }

        Turn turn = _syncing;
        if (_syncState == SyncFailed)
        {
            _callbacks.Fail(_pipeline.Failure!);
            RefuseAll(turn);
        }
        else
        {
            Release(turn);
        }

        turn.Reset();
        _syncing = null;
        _spare = turn;
        return true;
    }

    /// <summary>Everything in the turn is durable: tell those who wait, and those who listen.</summary>
    private void Release(Turn turn)
    {
        Failpoint.Reach("turn-durable");
        Span<byte> body = stackalloc byte[Published.Size];
        Span<long> durations = _acknowledgements.WindowOfOneWriter();
        long now = NowMicros();
        foreach (ref readonly Acknowledgement acknowledgement in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(turn.Acknowledgements))
        {
            if (_peers.Find(acknowledgement.Peer) is { } peer)
            {
                acknowledgement.Answer.Write(body);
                peer.Outbox.Append(_index, FrameType.Published, acknowledgement.Request, body);
                peer.EndPublish();
                _dirty.Mark(peer);
            }

            RecentDurations.Count(durations, now - acknowledgement.Answer.SentAtMicros);
        }

        Failpoint.Reach("turn-acknowledged");
        foreach (ref readonly SealedChunk chunk in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(turn.Chunks))
        {
            ShardSlot slot = SlotOf(chunk.Conversation.Id);
            slot.Count(chunk);
            _busy.Add(chunk.Conversation.Id, chunk.Count, chunk.Length, now);
            slot.Delivery.FanOut(chunk, turn.RecordsOf(chunk));
        }

        foreach (ConversationState ended in turn.Ended)
        {
            SlotOf(ended.Id).Delivery.EndAll(ended);
        }

        foreach (Receipt receipt in turn.Receipts)
        {
            SlotOf(receipt.Conversation.Id).Delivery.Tell(receipt);
        }

        foreach ((ulong ticket, CommandResult result) in turn.Results)
        {
            _callbacks.Complete(ticket, result);
        }

        foreach (OutgoingEffect effect in turn.Outgoing)
        {
            _callbacks.Forward(effect);
        }

        Failpoint.Reach("turn-released");
        _metrics.Published(turn.Acknowledgements.Count);
    }

    /// <summary>Nothing of the turn is known to be durable. Publishers learn it by the close of their connection; waiting handlers here.</summary>
    private void RefuseAll(Turn turn)
    {
        foreach ((ulong ticket, _) in turn.Results)
        {
            _callbacks.Complete(ticket, new CommandResult(ErrorCode.StoreUnavailable, "the store failed"));
        }
    }

    private bool DrainReady()
    {
        bool worked = false;
        for (int word = 0; word < _ready.Length; word++)
        {
            if (IsFull || Volatile.Read(ref _ready[word]) == 0)
            {
                continue;
            }

            ulong bits = Interlocked.Exchange(ref _ready[word], 0);
            while (bits != 0)
            {
                int slot = (word << 6) + BitOperations.TrailingZeroCount(bits);
                bits &= bits - 1;
                if (IsFull || !Drain(_slots[slot]))
                {
                    Interlocked.Or(ref _ready[word], 1ul << (slot & 63));
                }

                worked = true;
            }
        }

        return worked;
    }

    /// <summary>
    /// A turn behind one that waits for room on the disk takes everything that the rings hold: their producers take on no more publishes by then, and a Subscribe or Fetch must not wait behind those that are
    /// there. So it is bounded by the rings.
    /// </summary>
    private bool IsFull =>
        (_current.Batch.SizeBytes + _pendingBytes > TurnBytesMax || _current.Acknowledgements.Count + _current.Results.Count >= TurnCommandsMax) && !_log.IsFull;

    private long _pendingBytes;

    /// <summary>True when the ring is empty.</summary>
    private bool Drain(ShardSlot slot)
    {
        for (int taken = 0; taken < DrainMax && !IsFull; taken++)
        {
            if (!slot.Ring.TryPeek(out ReadOnlySpan<byte> message))
            {
                return true;
            }

            CommandHeader command = CommandHeader.Read(message);
            Execute(slot, command, message[CommandHeader.Size..]);
            slot.Ring.Release();
        }

        return slot.Ring.IsEmpty;
    }

    private void Execute(ShardSlot slot, in CommandHeader command, ReadOnlySpan<byte> body)
    {
        if (command.Kind <= CommandKind.LastReplicated)
        {
            Apply(slot, command, body);
            return;
        }

        if (command.Kind == CommandKind.Detach)
        {
            slot.Delivery.Detach(command.Peer);
            return;
        }

        if (command.Kind == CommandKind.Heads)
        {
            _callbacks.Complete(command.ReplyTo, new CommandResult(ErrorCode.None) { Heads = HeadsQuery.Answer(slot.Shard.Conversations, body) });
            return;
        }

        if (command.Kind == CommandKind.Report)
        {
            _callbacks.Complete(command.ReplyTo, new CommandResult(ErrorCode.None) { Report = Report() });
            return;
        }

        if (command.Kind == CommandKind.Tell)
        {
            slot.Delivery.Tell(body);
            return;
        }

        if (command.Kind == CommandKind.CaughtUp)
        {
            slot.Delivery.CaughtUp(body);
            return;
        }

        if (_peers.Find(command.Peer) is not { } peer)
        {
            return;
        }

        switch (command.Kind)
        {
            case CommandKind.Subscribe:
                slot.Delivery.Subscribe(command, peer, body, _current, _syncing);
                break;
            case CommandKind.Unsubscribe:
                slot.Delivery.Unsubscribe(command, peer, body);
                break;
            case CommandKind.Fetch:
                slot.Delivery.Fetch(command, peer, body, _current, _syncing);
                break;
            case CommandKind.Signal:
                (int relayed, int dropped) = slot.Signals.Relay(command, body, _current, _syncing);
                _metrics.Signal(relayed, dropped);
                break;
            default:
                throw new UnreachableException($"command {command.Kind} has no executor");
        }
    }

    private void Apply(ShardSlot slot, in CommandHeader command, ReadOnlySpan<byte> body)
    {
        Refusal refused;
        try
        {
            refused = slot.Shard.Apply(command, body, _current, _syncing);
        }
        catch (CorruptRecordException damage)
        {
            // Found while looking up what the command needs, before anything was changed: one conversation is damaged, the others go on.
            _callbacks.Damaged(damage);
            refused = new Refusal(ErrorCode.Internal, "the conversation's log is damaged");
        }

        if (refused.Code == ErrorCode.None)
        {
            // Only what waits in the turn counts: a refused command leaves nothing to commit, and a turn of nothing but such ones would never end.
            _pendingBytes += body.Length;
            return;
        }

        if (command.Kind != CommandKind.Publish)
        {
            _callbacks.Complete(command.ReplyTo, new CommandResult(refused.Code, refused.Reason) { RetryAfterMs = refused.RetryAfterMs });
            return;
        }

        if (_peers.Find(command.Peer) is not { } peer)
        {
            return;
        }

        System.Buffers.ArrayBufferWriter<byte> answer = new();
        FrameWriter.WriteError(answer, command.Request, refused.Code, refused.Reason, refused.RetryAfterMs);
        peer.Outbox.Append(_index, FrameType.Error, command.Request, answer.WrittenSpan[FrameHeader.Size..]);
        peer.EndPublish();
        _dirty.Mark(peer);
        _metrics.Refused();
        _metrics.Error(refused.Code);
        if (refused.Code == ErrorCode.Forbidden)
        {
            _callbacks.Denied(peer);
        }
    }

    /// <summary>Hands the current turn to the committer when that is free.</summary>
    private bool SubmitTurn()
    {
        if (_syncing is not null || _current.IsEmpty)
        {
            return false;
        }

        Shard.SealOpen(_current);
        _pendingBytes = 0;
        Turn turn = _current;
        if (turn.Batch.Count == 0)
        {
            // Answers that wait for nothing but earlier turns: those are durable, or else nothing is any more. A retry is answered by what the turn before it was to store.
            if (_pipeline.IsFailed)
            {
                RefuseAll(turn);
            }
            else
            {
                Release(turn);
            }

            turn.Reset();
            return true;
        }

        _current = _spare;
        _syncing = turn;
        Volatile.Write(ref _syncState, SyncPending);
        if (turn.Acknowledgements.Count + turn.Results.Count <= _commitHereMax)
        {
            // What the turn before made durable leaves before this thread waits for the device again.
            _dirty.Flush();
            if (_pipeline.TryCommitHere(turn.Batch))
            {
                return true;
            }
        }

        _pipeline.Submit(turn.Batch);
        return true;
    }

    /// <summary>Waits for work; true when the thread is to end.</summary>
    private bool Park()
    {
        if (Volatile.Read(ref _stopping) != 0 && _syncing is null && !HasWork)
        {
            return true;
        }

        Interlocked.Exchange(ref _runner, Nobody);
        if (!HasWork)
        {
            _worker.Sleep(ParkMax);
        }

        // Whoever woke it has named it already; otherwise it takes over itself, unless somebody is helping.
        while (Interlocked.CompareExchange(ref _runner, OwnThread, Nobody) == Helper)
        {
            _worker.Sleep(ParkMax);
        }

        return _hasFailed;
    }

    private bool HasWork
    {
        get
        {
            if (_syncing is not null && IsFull)
            {
                // Nothing can be taken before the other turn is durable: looking at the rings again would only burn the core that syncs.
                return Volatile.Read(ref _syncState) != SyncPending;
            }

            foreach (ref ulong word in _ready.AsSpan())
            {
                if (Volatile.Read(ref word) != 0)
                {
                    return true;
                }
            }

            return _syncing is not null && Volatile.Read(ref _syncState) != SyncPending;
        }
    }

    private void Wake()
    {
        if (Volatile.Read(ref _runner) == Nobody && Interlocked.CompareExchange(ref _runner, OwnThread, Nobody) == Nobody)
        {
            _worker.Wake();
        }
    }

    private ShardSlot SlotOf(ConversationId conversation) => _slots[_callbacks.SlotOf(conversation.Value)];

    private long NowMicros() => (_clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private LoopReport Report() => new(
        [.. _slots.Select((slot, index) => slot.Report((index * _loops) + _index, _index))],
        _busy.Top(LoopReport.BusiestMax, NowMicros()));
}
