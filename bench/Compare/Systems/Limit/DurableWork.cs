using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.Limit;

/// <summary>
/// Durable publishes at the machine's limit: whatever arrived is written as it is with one call and made durable with one sync, then each publish is answered. No routing, no search for duplicates, no index. While
/// a second thread syncs one batch the loop receives the next; a batch so small that receiving has no work to overlap with is synced by the loop itself, which saves two wake-ups. The loop's thread, but for the
/// batch that was handed over: it is the second thread's until it says so.
/// </summary>
internal sealed class DurableWork : LimitWork, IDisposable
{
    /// <summary>Up to here the loop syncs itself: receiving and answering a publish takes half a microsecond, so that these are less than the two wake-ups.</summary>
    private const int InlineMax = 16;

    private readonly LimitLoop _loop;
    private readonly LogFile _log;
    private readonly Thread _syncer;
    private readonly AutoResetEvent _handedOver = new(false);
    private readonly AutoResetEvent _done = new(false);
    private CommitBatch _filling = new();
    private CommitBatch _syncing = new();
    private bool _isSyncing;
    private volatile bool _isEnding;
    private ulong _sequence;

    public DurableWork(LimitLoop loop, LogFile log)
    {
        _loop = loop;
        _log = log;
        _syncer = new Thread(Sync) { IsBackground = true, Name = "sync" };
        _syncer.Start();
    }

    /// <inheritdoc/>
    public override void Publish(LimitConnection from, uint request, ReadOnlySpan<byte> frame)
    {
        if (!_filling.TryAdd(from, request, frame))
        {
            // Everybody waits for the disk: nothing more is received until it has what there is.
            Finish(Timeout.Infinite);
            Commit();
            _ = _filling.TryAdd(from, request, frame);
        }
    }

    /// <inheritdoc/>
    public override void EndRound()
    {
        if (Finish(patience: 0) && _filling.Count > 0)
        {
            Commit();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Finish(Timeout.Infinite);
        _isEnding = true;
        _handedOver.Set();
        _syncer.Join();
        _handedOver.Dispose();
        _done.Dispose();
    }

    /// <summary>Answers the batch that was handed over, when it is done; false when it is not yet.</summary>
    private bool Finish(int patience)
    {
        if (_isSyncing && _done.WaitOne(patience))
        {
            _isSyncing = false;
            Answer();
        }

        return !_isSyncing;
    }

    private void Commit()
    {
        (_filling, _syncing) = (_syncing, _filling);
        if (_syncing.Count <= InlineMax)
        {
            _log.Write(_syncing.Bytes);
            Answer();
        }
        else
        {
            _isSyncing = true;
            _handedOver.Set();
        }
    }

    private void Answer()
    {
        long now = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        foreach ((LimitConnection from, uint request) in _syncing.Waiting)
        {
            _sequence++;
            if (from.Socket >= 0)
            {
                new Published(Courtesies.Epoch, _sequence, Durability.Fsynced, false, now).Write(
                    FrameWriter.Begin(from.Output, FrameType.Published, request, Published.Size));
            }
        }

        _syncing.Clear();
    }

    private void Sync()
    {
        for (_handedOver.WaitOne(); !_isEnding; _handedOver.WaitOne())
        {
            _log.Write(_syncing.Bytes);
            _done.Set();
            _loop.Wake();
        }
    }
}
