namespace FastChat.Storage;

/// <summary>
/// The single writer between the shards' loops and the log.
/// <para>
/// Order 1, of a producer: batches submitted by one thread are committed, and called back, in the order of submission. Order 2, of time:
/// when Submit of A returned before Submit of B was called, A is in the same commit before B or in an earlier one. Callbacks come in commit
/// order, on the thread that committed, after the commit that holds the batch is durable, and never again after the first that failed.
/// </para>
/// <para>
/// There is no timer: a group is what was submitted while the previous one synced. A sync costs 0.2–0.3 ms whether it carries 256 B or
/// 64 KB, so waiting to fatten a group would only add to latency; load fattens groups by itself.
/// </para>
/// <para>
/// Who owns a batch: the producer until <see cref="Submit"/>, then the pipeline (nobody may change it), and the producer's side again from
/// the moment its callback is entered. Each batch is submitted once at a time, so what is in flight is bounded by the batches that exist:
/// give each loop two, and one fills while the other syncs.
/// </para>
/// <para>
/// Hand-over: a stack linked through the batches themselves, pushed with compare-and-swap and taken whole with one exchange, then
/// reversed. Taking all at once is what makes it safe (no A-B-A) and what makes the group. A ring was rejected: it would need a bound and
/// an answer for "full", and the batches in flight are bounded already.
/// </para>
/// <para>
/// Commit in place: waking the committer and being woken by it costs more than the sync where threads wake slowly. Whoever submits while nobody writes and nothing waits may therefore write itself
/// (<see cref="TryCommitHere"/>). There is one writer at any time: a role that is taken by compare-and-swap, by the committer as well. A caller that would have to block for long is refused: the
/// last commit says how long it will take.
/// </para>
/// <para>
/// A full disk is no failure (<see cref="StorageFullException"/>): nothing of the group was written, so the committer keeps it and tries again until there is room. What comes meanwhile waits behind it,
/// in order; who submits is expected to look at <see cref="IConversationLog.IsFull"/> and to take on no more.
/// </para>
/// Failure is final: see <see cref="IConversationLog.Commit"/>. The group that failed and everything submitted later is given to
/// <c>failed</c>, in order; nothing is tried again.
/// </summary>
public sealed class CommitPipeline : IDisposable, IWork
{
    /// <summary>Looks at the stack this often before parking: about 10 µs, shorter than waking a thread, too short to take a core away.</summary>
    private const int SpinsBeforeParking = 20;

    /// <summary>A parked committer looks again after this long even if nobody woke it, so that a lost wake-up could only ever cost time.</summary>
    private static readonly TimeSpan ParkMax = TimeSpan.FromMilliseconds(50);

    /// <summary>A commit that took longer than this has the next one made by the committer: a loop that waits for a slow disk serves nobody.</summary>
    private static readonly TimeSpan HereMax = TimeSpan.FromMilliseconds(2);

    /// <summary>How long to wait before a group that found no room is tried again.</summary>
    private static readonly TimeSpan RoomPoll = TimeSpan.FromMilliseconds(100);

    private readonly CommitEnvironment _environment;
    private readonly Action<CommitBatch> _committed;
    private readonly Action<CommitBatch, Exception> _failed;
    private readonly IWorker _worker;
    private CommitBatch[] _group = new CommitBatch[16];
    private int _groupCount;
    private CommitBatch? _submitted;
    private Exception? _failure;
    private TimeSpan _lastDuration;
    private int _writing;
    private int _parked;
    private int _stopping;

    /// <summary>Starts the committer.</summary>
    /// <param name="committed">Called for each durable batch; must not throw or block: the next commit waits for it.</param>
    /// <param name="failed">Called for each batch that was not made durable, or may not have been.</param>
    public CommitPipeline(CommitEnvironment environment, Action<CommitBatch> committed, Action<CommitBatch, Exception> failed)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(committed);
        ArgumentNullException.ThrowIfNull(failed);
        _environment = environment;
        _committed = committed;
        _failed = failed;
        _worker = environment.Workers.Add("fastchat-commit", this);
        _worker.Start();
    }

    /// <summary>Why nothing is committed any more; null while it is. Once set it stays.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>True once a commit failed.</summary>
    public bool IsFailed => Failure is not null;

    /// <summary>
    /// Commits a batch on the calling thread, callback included, when nobody writes, nothing waits, the last commit was quick and there is room; otherwise does nothing and returns false. Any
    /// thread that may block for the time of a sync.
    /// </summary>
    /// <exception cref="InvalidOperationException">The batch is in flight already.</exception>
    /// <exception cref="ObjectDisposedException">The pipeline was disposed.</exception>
    public bool TryCommitHere(CommitBatch batch)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _stopping) != 0, this);
        if (Volatile.Read(ref _submitted) is not null || !TryBecomeWriter())
        {
            return false;
        }

        // Again, as the writer: what was submitted before this batch must not be committed behind it.
        bool mayCommit = Volatile.Read(ref _submitted) is null && _lastDuration <= HereMax;
        try
        {
            if (mayCommit)
            {
                Claim(batch);
                mayCommit = TryCommit([batch], isFullFinal: false);
                if (!mayCommit)
                {
                    Release(batch);
                }
            }
        }
        finally
        {
            LeaveWriter();
        }

        return mayCommit;
    }

    /// <summary>Hands a batch over. Any thread; never blocks. The batch must not be touched until its callback.</summary>
    /// <exception cref="InvalidOperationException">The batch is in flight already.</exception>
    /// <exception cref="ObjectDisposedException">The pipeline was disposed.</exception>
    public void Submit(CommitBatch batch)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _stopping) != 0, this);
        Claim(batch);
        CommitBatch? top = Volatile.Read(ref _submitted);
        while (true)
        {
            batch.Next = top;
            CommitBatch? seen = Interlocked.CompareExchange(ref _submitted, batch, top);
            if (ReferenceEquals(seen, top))
            {
                break;
            }

            top = seen;
        }

        // The exchange above and the committer's of _parked are full fences: either it sees the batch or we see it parked.
        WakeIfParked();
    }

    /// <summary>Commits what was submitted, then ends the committer. Submit must not be called at the same time. Not from a callback.</summary>
    public void Dispose()
    {
        if (_worker.IsHere)
        {
            throw new InvalidOperationException("The pipeline cannot be disposed from its own callback.");
        }

        if (Interlocked.Exchange(ref _stopping, 1) == 0)
        {
            _worker.Wake();
            _worker.Join();
        }
    }

    void IWork.Run()
    {
        while (WaitForGroup())
        {
            while (!TryFinishGroup())
            {
                _worker.Sleep(RoomPoll);
            }
        }
    }

    TimeSpan IWork.RunOnce()
    {
        do
        {
            Volatile.Write(ref _parked, 0);
            while (_groupCount > 0 || TryTakeGroup())
            {
                if (!TryFinishGroup())
                {
                    return RoomPoll;
                }
            }

            Interlocked.Exchange(ref _parked, 1);
        }
        while (Volatile.Read(ref _submitted) is not null && Volatile.Read(ref _writing) == 0);
        return Timeout.InfiniteTimeSpan;
    }

    /// <summary>Commits the group and gives the role of the writer back; false when there was no room, and both stay.</summary>
    private bool TryFinishGroup()
    {
        Span<CommitBatch> group = _group.AsSpan(0, _groupCount);
        if (!TryCommit(group, isFullFinal: Volatile.Read(ref _stopping) != 0))
        {
            return false;
        }

        group.Clear();
        _groupCount = 0;
        Volatile.Write(ref _writing, 0);
        return true;
    }

    private static void Claim(CommitBatch batch)
    {
        if (Interlocked.Exchange(ref batch.Submitted, 1) != 0)
        {
            throw new InvalidOperationException("The batch is in flight already.");
        }
    }

    private bool TryBecomeWriter() => Interlocked.CompareExchange(ref _writing, 1, 0) == 0;

    /// <summary>Gives the role back, and wakes the committer for what it could not take meanwhile.</summary>
    private void LeaveWriter()
    {
        // A full fence, as in Submit: either the committer sees the role free or we see it parked.
        Interlocked.Exchange(ref _writing, 0);
        if (Volatile.Read(ref _submitted) is not null || Volatile.Read(ref _stopping) != 0)
        {
            WakeIfParked();
        }
    }

    private void WakeIfParked()
    {
        if (Volatile.Read(ref _parked) != 0 && Interlocked.Exchange(ref _parked, 0) != 0)
        {
            _worker.Wake();
        }
    }

    /// <summary>Takes everything submitted so far as the group, with the role of the writer; false, without the role, when there is nothing or another one writes.</summary>
    private bool TryTakeGroup()
    {
        if (Volatile.Read(ref _submitted) is null || !TryBecomeWriter())
        {
            return false;
        }

        // Only the committer takes, so what was seen is there still.
        _groupCount = Reverse(Interlocked.Exchange(ref _submitted, null)!);
        return true;
    }

    /// <summary>As <see cref="TryTakeGroup"/>, but waits; false when stopping.</summary>
    private bool WaitForGroup()
    {
        for (int spins = 0; ; spins++)
        {
            if (TryTakeGroup())
            {
                return true;
            }

            // A submit that came before Dispose is visible by now: look once more.
            if (Volatile.Read(ref _stopping) != 0 && Volatile.Read(ref _submitted) is null)
            {
                return false;
            }

            if (spins < SpinsBeforeParking)
            {
                Thread.SpinWait(16);
                continue;
            }

            Interlocked.Exchange(ref _parked, 1);
            bool isIdle = Volatile.Read(ref _submitted) is null ? Volatile.Read(ref _stopping) == 0 : Volatile.Read(ref _writing) != 0;
            if (isIdle)
            {
                _worker.Sleep(ParkMax);
            }

            Volatile.Write(ref _parked, 0);
            spins = 0;
        }
    }

    private int Reverse(CommitBatch newest)
    {
        int count = 0;
        for (CommitBatch? batch = newest; batch is not null; batch = batch.Next)
        {
            count++;
        }

        if (count > _group.Length)
        {
            _group = new CommitBatch[Math.Max(count, 2 * _group.Length)];
        }

        int index = count;
        for (CommitBatch? batch = newest; batch is not null;)
        {
            CommitBatch? next = batch.Next;
            batch.Next = null;
            _group[--index] = batch;
            batch = next;
        }

        return count;
    }

    /// <summary>False: there was no room, and nothing has happened to the group.</summary>
    /// <param name="isFullFinal">Nobody will try again: no room is a failure like any other.</param>
    private bool TryCommit(ReadOnlySpan<CommitBatch> group, bool isFullFinal)
    {
        int called = 0;
        try
        {
            if (!IsFailed)
            {
                long started = _environment.Time.GetTimestamp();
                _environment.Commit(group);
                _lastDuration = _environment.Time.GetElapsedTime(started);
                Observe(group, _lastDuration);
                while (called < group.Length)
                {
                    Release(group[called]);
                    _committed(group[called++]);
                }

                return true;
            }
        }
        catch (StorageFullException) when (called == 0 && !isFullFinal)
        {
            return false;
        }
        catch (Exception failure)
        {
            // A callback that throws ends here too: what it left half done cannot be known, so nothing more is acknowledged.
            Interlocked.CompareExchange(ref _failure, failure, null);
        }

        Exception reason = Failure!;
        for (; called < group.Length; called++)
        {
            Release(group[called]);
            _failed(group[called], reason);
        }

        return true;
    }

    private static void Release(CommitBatch batch) => Volatile.Write(ref batch.Submitted, 0);

    private void Observe(ReadOnlySpan<CommitBatch> group, TimeSpan duration)
    {
        if (_environment.Observe is not { } observe)
        {
            return;
        }

        int entries = 0;
        long bytes = 0;
        foreach (CommitBatch batch in group)
        {
            entries += batch.Count;
            bytes += batch.SizeBytes;
        }

        observe(new CommitObservation(group.Length, entries, bytes, duration));
    }
}
