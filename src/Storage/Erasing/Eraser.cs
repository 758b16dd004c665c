using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Storage;

/// <summary>
/// Makes true on the disk what is noted to be erased, many records at a time, on a thread of its own (docs/decisions/0025-erasing.md). A pass:
/// <list type="number">
/// <item>What is noted now is what it erases, or cuts off. All of it was appended in commits that lie in the journal files of this moment, or in the tables.</item>
/// <item>Those files are moved and renewed (<see cref="SegmentPool.BeginRenewal"/>): afterwards no journal file has a body of it, and, what matters more, no restart applies those commits again.</item>
/// <item>What was cut off leaves the tables (<see cref="LogCutter"/>), and the chunks in the log table are written anew with tombstones (<see cref="ChunkRewriter"/>).</item>
/// <item>RocksDB merges the files that have all that, and readers let go of the iterators that keep them (<see cref="TablePurge"/>).</item>
/// <item>The entries of small state go, and last the readers' note of them.</item>
/// </list>
/// Cut off anywhere, the note is still there and the next pass repeats everything, which changes nothing that is done. Only small state is written outside a commit, and only to take away a note
/// whose work is done: if that is lost, or comes back with the journal, one more pass finds nothing to do.
/// <para>Commits go on: the committer is held for the moment in which the current file is taken from it, and finds another one ready.</para>
/// </summary>
internal sealed class Eraser : IDisposable
{
    /// <summary>Of the time it takes at most a fifth: merging tables is work for the device, also when somebody deletes message by message for hours.</summary>
    private const int RestFactor = 4;

    private static readonly TimeSpan s_restMax = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(10);

    private readonly RocksDbConversationLog _log;
    private readonly RocksDbStore _tables;
    private readonly SegmentMover _mover;
    private readonly SegmentPool _pool;
    private readonly DiskRoom _room;
    private readonly NotedErasures _noted;
    private readonly StorageOptions _options;
    private readonly ChunkRewriter _rewriter;
    private readonly LogCutter _cutter;
    private readonly TablePurge _purge;
    private readonly TablePurge _dedupePurge;
    private readonly TablePurge _statePurge;

    /// <summary>Prefixes of keys of small state whose deleted values are to leave the files, too. Its lock is its own.</summary>
    private readonly List<byte[]> _deleted = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly AutoResetEvent _wake = new(initialState: false);
    private readonly Thread _thread;
    private long? _since;
    private long _restUntil;
    private int _damaged;
    private long _erased;
    private long _asked;
    private long _answered;
    private long _passes;
    private long _milliseconds;

    public Eraser(RocksDbConversationLog log, StoreDirectory directory, SegmentMover mover, NotedErasures noted, StorageOptions options)
    {
        _log = log;
        _tables = directory.Tables;
        _mover = mover;
        _pool = directory.Journal;
        _room = directory.Room;
        _noted = noted;
        _options = options;
        _rewriter = new ChunkRewriter(_tables);
        _cutter = new LogCutter(_tables);
        _purge = new TablePurge(_tables, Table.Log, log.LetReadersReopen, _stop.Token);
        _dedupePurge = new TablePurge(_tables, Table.Dedupe, static () => { }, _stop.Token);
        _statePurge = new TablePurge(_tables, Table.State, static () => { }, _stop.Token);
        _thread = new Thread(Run) { Name = "fastchat-eraser", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Records whose body is gone, since the store was opened.</summary>
    public long Erased => Volatile.Read(ref _erased);

    /// <summary>What passes have cost, since the store was opened.</summary>
    public ErasureWork Work => new(Volatile.Read(ref _passes), TimeSpan.FromMilliseconds(Volatile.Read(ref _milliseconds)), _rewriter.BytesWritten);

    /// <summary>Called at each step with its name, on the eraser's thread. For tests.</summary>
    internal Action<string>? Reached { get; set; }

    /// <summary>Something was noted. Committer.</summary>
    public void Wake() => _wake.Set();

    /// <summary>Has a pass made now that begins after this call, and waits for it. Any thread but the committer's.</summary>
    /// <exception cref="StorageFullException">There is no room for it; it will be made later.</exception>
    /// <exception cref="StorageException">The store has failed.</exception>
    /// <exception cref="ObjectDisposedException">The log is closed.</exception>
    public void RunNow(IReadOnlyList<byte[]>? deletedPrefixes = null)
    {
        lock (_deleted)
        {
            _deleted.AddRange(deletedPrefixes ?? []);
        }

        long mine = Interlocked.Increment(ref _asked);
        while (Volatile.Read(ref _answered) < mine)
        {
            ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, _log);
            if (_log.Failure is { } failure)
            {
                throw new StorageException($"The store has failed: {failure.Message}", failure);
            }

            if (_room.IsShort)
            {
                throw new StorageFullException("There is no room on the disk to erase records.");
            }

            _wake.Set();
            Thread.Sleep(s_poll);
        }
    }

    /// <summary>Ends the thread; what is not done is done after the next start.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _tables.StopMerging();
        _thread.Join();
        _stop.Dispose();
        _wake.Dispose();
    }

    private void Run()
    {
        try
        {
            WaitHandle[] signals = [_wake, _stop.Token.WaitHandle];
            while (!_stop.IsCancellationRequested)
            {
                if (TimeToWait() is var wait && wait != TimeSpan.Zero)
                {
                    WaitHandle.WaitAny(signals, wait);
                    continue;
                }

                RunPass();
            }
        }
        catch (Exception stopped) when (stopped is OperationCanceledException or ObjectDisposedException)
        {
            // The log is being closed. What is noted stays so, in small state.
        }
        catch (Exception failure)
        {
            _log.Fail(failure, "erased");
        }
    }

    /// <summary>Until the next pass; infinite when there is nothing to do.</summary>
    private TimeSpan TimeToWait()
    {
        if (Volatile.Read(ref _asked) > Volatile.Read(ref _answered))
        {
            return TimeSpan.Zero;
        }

        int waiting = _noted.Count - _damaged;
        if (waiting <= 0)
        {
            _since = null;
            return Timeout.InfiniteTimeSpan;
        }

        long now = Environment.TickCount64;
        _since ??= now;
        long due = waiting >= _options.EraseWaitingMax ? _since.Value : _since.Value + (long)_options.EraseDelay.TotalMilliseconds;
        return TimeSpan.FromMilliseconds(Math.Max(0, Math.Max(due, _restUntil) - now));
    }

    private void RunPass()
    {
        long began = Environment.TickCount64;
        long answers = Volatile.Read(ref _asked);
        try
        {
            _since = null;
            if (TryPass())
            {
                Volatile.Write(ref _passes, _passes + 1);
                Volatile.Write(ref _answered, answers);
            }
        }
        catch (StorageFullException)
        {
            _room.RanOut();
            _stop.Token.WaitHandle.WaitOne(DiskRoom.Poll);
        }

        long now = Environment.TickCount64;
        Volatile.Write(ref _milliseconds, _milliseconds + now - began);
        _restUntil = now + Math.Min(RestFactor * (now - began), (long)s_restMax.TotalMilliseconds);
    }

    private bool TryPass()
    {
        byte[][] deleted;
        lock (_deleted)
        {
            deleted = [.. _deleted];
        }

        NotedWork noted = _log.BeginErasing();
        Reach("erase-begun");
        RenewJournal();
        Reach("erase-renewed");
        _cutter.Run(noted, _stop.Token);
        Reach("erase-cut");
        _rewriter.Run(noted.Erased, _stop.Token);
        Reach("erase-rewritten");
        if (!_purge.TryRun(ChangedChunks()) || !_dedupePurge.TryRun(_cutter.Publishes) || !TryPurgeState(deleted))
        {
            return false;
        }

        Reach("erase-purged");
        Forget(noted);
        Reach("erase-forgotten");
        return true;
    }

    /// <summary>What was cut off and what was written anew, in the order of the log. A chunk that was written anew lies behind what was cut off of its conversation.</summary>
    private List<(byte[] First, byte[] Last)> ChangedChunks()
    {
        List<(byte[] First, byte[] Last)> changed = [.. _cutter.Chunks];
        foreach (byte[] key in _rewriter.Keys)
        {
            changed.Add((key, key));
        }

        changed.Sort(static (left, right) => left.First.AsSpan().SequenceCompareTo(right.First));
        return changed;
    }

    /// <summary>The journal files that had the values are gone by now; what is left is RocksDB's: its own log and its tables.</summary>
    private bool TryPurgeState(byte[][] deleted)
    {
        if (deleted.Length == 0)
        {
            return true;
        }

        if (!_statePurge.TryRunPrefixes(deleted))
        {
            return false;
        }

        lock (_deleted)
        {
            _deleted.RemoveRange(0, deleted.Length);
        }

        return true;
    }

    /// <summary>Waits until no journal file is left of before the pass. The current one is taken from the committer when another one is ready for it.</summary>
    private void RenewJournal()
    {
        _mover.Wake();
        while (!_pool.IsRenewed)
        {
            if (_log.Failure is not null)
            {
                throw new OperationCanceledException("Nothing is moved any more.");
            }

            if (_pool.HasFreshSpare && !_room.IsShort)
            {
                _log.RetireFile();
            }

            _stop.Token.WaitHandle.WaitOne(s_poll);
            _stop.Token.ThrowIfCancellationRequested();
        }

        _pool.SyncDeletions();
    }

    private void Forget(NotedWork noted)
    {
        _damaged = _rewriter.Damaged.Count + _cutter.Damaged.Count;
        CommitBatch batch = new(_log.Epoch);
        Span<byte> key = stackalloc byte[StateKeys.ErasureSize];
        List<ulong> gone = [];
        foreach ((ConversationId conversation, ulong[] sequences) in noted.Erased)
        {
            gone.Clear();
            foreach (ulong sequence in sequences)
            {
                if (!_rewriter.Damaged.Contains((conversation, sequence)))
                {
                    gone.Add(sequence);
                    StateKeys.WriteErasure(key, conversation, sequence);
                    ForgetEntry(batch, key);
                }
            }

            _noted.Forget(conversation, [.. gone]);
            Volatile.Write(ref _erased, _erased + gone.Count);
        }

        foreach ((ConversationId conversation, ulong first) in noted.Cuts.Where(cut => !_cutter.Damaged.Contains(cut.Conversation)))
        {
            ForgetEntries(batch, StateKeys.CutKind, conversation, first);
            _noted.ForgetCut(conversation, first);
        }

        foreach ((ConversationId conversation, ulong below) in noted.Forgotten)
        {
            ForgetEntries(batch, StateKeys.ForgottenKind, conversation, below);
            _noted.ForgetForgotten(conversation, below);
        }
    }

    /// <summary>Takes away the entries of a kind of a conversation up to a sequence: a log that is cut off often has one for each time.</summary>
    private void ForgetEntries(CommitBatch batch, byte kind, ConversationId conversation, ulong through)
    {
        byte[] key = new byte[StateKeys.CutSize];
        StateKeys.WriteOfRecord(key, kind, conversation.Value, 0);
        using RocksDbIterator cursor = _tables.CreateIterator(Table.State);
        for (cursor.Seek(key); cursor.Valid && StateKeys.TryReadCut(cursor.Key, kind, out ConversationId other, out ulong sequence) && other == conversation && sequence <= through; cursor.Next())
        {
            ForgetEntry(batch, cursor.Key);
        }
    }

    private void ForgetEntry(CommitBatch batch, ReadOnlySpan<byte> key)
    {
        batch.Delete(Table.State, key);
        _tables.WriteUnsynced(batch.Representation.Span);
        batch.Reset();
    }

    private void Reach(string step)
    {
        Failpoint.Reach(step);
        Reached?.Invoke(step);
    }
}
