using System.Text;

using FastChat.Broker.Diagnostics;
using FastChat.Protocol;
using FastChat.Storage;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Maintenance;

/// <summary>Takes a backup into a directory, on the calling thread; null for a store that has no files.</summary>
internal delegate BackupResult TakeBackup(string directory, int keep, Action<BackupProgress> progress, CancellationToken stop);

/// <summary>
/// The backups of a running broker: one at a time, each on a thread of its own, because it copies for minutes; whoever asked for it asks how it goes. It belongs to the broker and not to a
/// connection, so that an operator's terminal may close; stopping the broker ends it. Any thread.
/// </summary>
internal sealed class BackupRuns(TakeBackup? take, ILogger log) : IDisposable
{
    private readonly Lock _gate = new();
    private BackupStatus _status = new();
    private CancellationTokenSource? _stop;
    private Thread? _thread;
    private bool _isClosed;

    /// <summary>False for a store that has no files.</summary>
    public bool IsSupported => take is not null;

    /// <summary>The latest backup, and how it goes.</summary>
    public BackupStatus Status
    {
        get
        {
            lock (_gate)
            {
                return _status;
            }
        }
    }

    /// <summary>Begins one, unless one is under way or the broker is stopping.</summary>
    public bool TryBegin(string directory, int keep)
    {
        lock (_gate)
        {
            if (_status.IsRunning || _isClosed)
            {
                return false;
            }

            _stop?.Dispose();
            _stop = new CancellationTokenSource();
            _status = new BackupStatus { Run = _status.Run + 1, IsRunning = true };
            CancellationToken stop = _stop.Token;
            _thread = new Thread(() => Run(directory, keep, stop)) { Name = "fastchat-backup", IsBackground = true };
            _thread.Start();
            return true;
        }
    }

    /// <summary>Has the one under way end without a backup.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _stop?.Cancel();
        }
    }

    /// <summary>Stops, and returns when the store is not read any more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isClosed = true;
        }

        Stop();
        _thread?.Join();
        _stop?.Dispose();
    }

    private void Run(string directory, int keep, CancellationToken stop)
    {
        try
        {
            BackupResult taken = take!(directory, keep, progress => Update(status => status with { DoneBytes = (ulong)progress.DoneBytes, TotalBytes = (ulong)progress.TotalBytes }), stop);
            BrokerLog.BackupTaken(log, taken.Info.Number, taken.Info.Commit, taken.Info.Files, taken.Info.Bytes, taken.CopiedBytes);
            Update(status => status with
            {
                IsRunning = false,
                DoneBytes = (ulong)taken.Info.Bytes,
                TotalBytes = (ulong)taken.Info.Bytes,
                Backup = (ulong)taken.Info.Number,
                TakenAtMicros = (ulong)((taken.Info.TakenAt - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond),
                Epoch = taken.Info.Epoch,
                Commit = taken.Info.Commit,
                Files = (ulong)taken.Info.Files,
                CopiedBytes = (ulong)taken.CopiedBytes,
                Dropped = (ulong)taken.Dropped,
            });
        }
        catch (OperationCanceledException)
        {
            Fail("it was stopped");
        }
        catch (StorageException failure)
        {
            BrokerLog.BackupFailed(log, failure);
            Fail(failure.Message);
        }
        catch (Exception defect)
        {
            BrokerLog.BackupFailed(log, defect);
            Fail("a defect of the broker; its log says more");
        }
    }

    private void Fail(string reason)
    {
        byte[] text = Encoding.UTF8.GetBytes(reason);
        string fits = text.Length <= ProtocolLimits.ReasonSizeMax ? reason : Encoding.UTF8.GetString(text, 0, ProtocolLimits.ReasonSizeMax - 3).TrimEnd('\uFFFD');
        Update(status => status with { IsRunning = false, Failure = fits });
    }

    private void Update(Func<BackupStatus, BackupStatus> change)
    {
        lock (_gate)
        {
            _status = change(_status);
        }
    }
}
