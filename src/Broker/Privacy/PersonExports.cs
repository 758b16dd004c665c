using FastChat.Broker.Audit;
using FastChat.Broker.Diagnostics;
using FastChat.Protocol;
using FastChat.Shared;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Privacy;

/// <summary>How an export goes.</summary>
internal enum ExportState : byte
{
    /// <summary>Nobody asked for one, or it is over.</summary>
    None = 0,

    /// <summary>It waits, or is being written.</summary>
    Running = 1,

    /// <summary>It can be fetched.</summary>
    Ready = 2,

    /// <summary>It did not come about.</summary>
    Failed = 3,
}

/// <summary>An export as far as it is.</summary>
/// <param name="State">How it goes.</param>
internal sealed record Export(ExportState State)
{
    /// <summary>Conversations that were looked through.</summary>
    public ulong Looked { get; init; }

    /// <summary>Records in it.</summary>
    public ulong Records { get; init; }

    /// <summary>Bytes of the archive.</summary>
    public long Size { get; init; }

    /// <summary>Its SHA-256.</summary>
    public byte[]? Hash { get; init; }

    /// <summary>Until when it can be fetched, µs since 1970-01-01 UTC.</summary>
    public long UntilMicros { get; init; }

    /// <summary>Why there is none.</summary>
    public string? Failure { get; init; }
}

/// <summary>
/// The exports of people's data: one is written at a time, in the background, into a file of the data directory, whoever asked hangs up or not; it is fetched in ranges, and deleted after a time. One for each person, and all of them
/// within a budget of bytes. They do not survive a restart: what lies there at the start is deleted, and whoever wants one asks again. Any thread.
/// </summary>
internal sealed class PersonExports : IDisposable
{
    /// <summary>People with an export at a time.</summary>
    private const int PeopleMax = 256;
    private const string DirectoryName = "exports";

    private readonly string? _directory;
    private readonly long _bytesMax;
    private readonly TimeSpan _kept;
    private readonly PersonArchive _archive;
    private readonly AuditLog _audit;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly Dictionary<UserId, Export> _exports = [];
    private readonly Dictionary<UserId, CancellationTokenSource> _stops = [];
    private readonly Queue<UserId> _waiting = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _sweep;
    private bool _isRunning;

    /// <param name="directory">The data directory; null for a broker without one, which exports nothing.</param>
    /// <param name="bytesMax">Bytes of all archives together.</param>
    /// <param name="kept">For how long an archive can be fetched.</param>
    public PersonExports(string? directory, long bytesMax, TimeSpan kept, PersonArchive archive, AuditLog audit, TimeProvider clock, ILogger logger)
    {
        _directory = directory is null ? null : Path.Combine(directory, DirectoryName);
        (_bytesMax, _kept, _archive, _audit, _clock, _logger) = (bytesMax, kept, archive, audit, clock, logger);
        if (_directory is not null && Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }

        _sweep = clock.CreateTimer(static exports => ((PersonExports)exports!).Sweep(), this, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1));
    }

    /// <summary>False for a broker without a directory.</summary>
    public bool IsSupported => _directory is not null;

    /// <summary>The export of somebody.</summary>
    public Export Of(UserId user)
    {
        lock (_gate)
        {
            return Current(user);
        }
    }

    /// <summary>Begins one, unless there is one: then that one stays. False when there are as many as may be.</summary>
    public bool TryBegin(UserId user)
    {
        lock (_gate)
        {
            Sweep();
            if (Current(user).State is ExportState.Running or ExportState.Ready)
            {
                return true;
            }

            if (_exports.Count >= PeopleMax || _stop.IsCancellationRequested)
            {
                return false;
            }

            _exports[user] = new Export(ExportState.Running);
            _stops[user] = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            _waiting.Enqueue(user);
            if (!_isRunning)
            {
                _isRunning = true;
                Continuation.Queue(static exports => _ = exports.RunAsync(), this);
            }

            return true;
        }
    }

    /// <summary>Ends somebody's export, under way or not, and deletes what there is of it.</summary>
    public void Discard(UserId user)
    {
        lock (_gate)
        {
            if (_stops.Remove(user, out CancellationTokenSource? stop))
            {
                stop.Cancel();
                stop.Dispose();
            }

            _exports.Remove(user);
            Delete(user);
        }
    }

    /// <summary>A range of an archive that is ready, shorter at its end; null when there is none.</summary>
    public byte[]? Read(UserId user, ulong offset, int length)
    {
        lock (_gate)
        {
            if (Current(user) is not { State: ExportState.Ready } export || offset > (ulong)export.Size)
            {
                return null;
            }

            using FileStream file = File.OpenRead(PathOf(user));
            byte[] range = new byte[Math.Min(length, export.Size - (long)offset)];
            file.Position = (long)offset;
            file.ReadExactly(range);
            return range;
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _sweep.Dispose();
        SpinWait.SpinUntil(() => !Volatile.Read(ref _isRunning), TimeSpan.FromSeconds(5));
    }

    private Export Current(UserId user) => _exports.TryGetValue(user, out Export? export) ? export : new Export(ExportState.None);

    private async Task RunAsync()
    {
        while (TryNext(out UserId user, out CancellationToken stop, out long bytesMax))
        {
            Export made;
            try
            {
                made = await WriteAsync(user, bytesMax, stop);
            }
            catch (OperationCanceledException)
            {
                made = new Export(ExportState.None);
            }
            catch (IOException full)
            {
                // Its words are the system's, and may hold a path: they are the operator's.
                BrokerLog.ExportFailed(_logger, full);
                made = new Export(ExportState.Failed) { Failure = full is AuditLogException ? full.Message : "there is no room for it on the broker's disk, or in what exports may take" };
            }
            catch (Exception defect)
            {
                BrokerLog.ExportDefect(_logger, defect);
                made = new Export(ExportState.Failed) { Failure = "a defect of the broker; its log says more" };
            }

            lock (_gate)
            {
                if (_stops.Remove(user, out CancellationTokenSource? source))
                {
                    source.Dispose();
                    _exports[user] = made;
                }

                if (Current(user).State != ExportState.Ready)
                {
                    Delete(user);
                }
            }
        }
    }

    private bool TryNext(out UserId user, out CancellationToken stop, out long bytesMax)
    {
        lock (_gate)
        {
            while (_waiting.TryDequeue(out user))
            {
                if (_stops.TryGetValue(user, out CancellationTokenSource? source))
                {
                    stop = source.Token;
                    bytesMax = _bytesMax - _exports.Values.Sum(export => export.Size);
                    return true;
                }
            }

            _isRunning = false;
            (stop, bytesMax) = (default, 0);
            return false;
        }
    }

    private async Task<Export> WriteAsync(UserId user, long bytesMax, CancellationToken stop)
    {
        CreateDirectory();
        using ArchiveWriter archive = new(PathOf(user), bytesMax, _clock.GetUtcNow());
        ulong records = await _archive.WriteAsync(user, archive, looked => Look(user, looked), stop);
        byte[] hash = archive.Finish(json =>
        {
            json.WriteString("format", "fastchat-export-1");
            json.WriteString("user", user.ToString());
            json.WriteString("made_at", _clock.GetUtcNow().UtcDateTime);
        });
        _audit.Note(new AuditEntry(AuditAct.PersonExported) { Target = user.ToString(), Detail = "ready" });
        await _audit.FlushAsync();
        return new Export(ExportState.Ready)
        {
            Records = records,
            Size = new FileInfo(PathOf(user)).Length,
            Hash = hash,
            UntilMicros = (_clock.GetUtcNow() + _kept - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond,
        };
    }

    private void Look(UserId user, ulong looked)
    {
        lock (_gate)
        {
            if (_exports.TryGetValue(user, out Export? export))
            {
                _exports[user] = export with { Looked = looked };
            }
        }
    }

    private void Sweep()
    {
        lock (_gate)
        {
            long now = (_clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
            foreach (UserId user in _exports.Where(one => one.Value.State == ExportState.Failed || (one.Value.State == ExportState.Ready && one.Value.UntilMicros <= now)).Select(one => one.Key).ToArray())
            {
                Discard(user);
            }
        }
    }

    private void Delete(UserId user)
    {
        if (_directory is not null && File.Exists(PathOf(user)))
        {
            File.Delete(PathOf(user));
        }
    }

    private string PathOf(UserId user) => Path.Combine(_directory!, $"{user}.zip");

    /// <summary>Its owner's alone, as the data directory is.</summary>
    private void CreateDirectory()
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(_directory!);
        }
        else
        {
            Directory.CreateDirectory(_directory!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }
}
