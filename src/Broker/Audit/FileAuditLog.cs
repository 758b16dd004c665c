using System.Buffers;
using System.Collections.Concurrent;
using System.Security.Cryptography;

using FastChat.Broker.Diagnostics;
using FastChat.Shared;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Audit;

/// <summary>
/// The audit log in files (<see cref="AuditFiles"/>). One thread writes what many note: everything that waits as one write and one sync. When a file cannot be written, what is noted is counted and told as <c>lines_lost</c> once there is a file again; meanwhile
/// <see cref="FlushAsync"/> fails, and with it the acts that must not be unseen.
/// </summary>
internal sealed class FileAuditLog : AuditLog, IDisposable
{
    /// <summary>A file that has grown beyond is left, and another one begun.</summary>
    public const long FileSizeMax = 16L << 20;

    /// <summary>How often repeated entries are told, and old files looked for.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private const int QueueMax = 16 * 1024;

    private readonly BlockingCollection<Item> _queue = new(QueueMax);
    private readonly RepeatedEntries _repeated = new();
    private readonly RecentRefusals _refusals = new();
    private readonly string _directory;
    private readonly TimeSpan _keep;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly Thread _thread;
    private readonly ArrayBufferWriter<byte> _lines = new();
    private readonly List<TaskCompletionSource> _waiting = [];
    private FileStream? _file;

    /// <summary>The last file, and its bytes that were synced: what stands behind them was told to nobody. 0 = the next line begins another file.</summary>
    private string _path;
    private long _size;
    private long _number;
    private long _written;
    private byte[] _hash;
    private byte[] _writtenHash;
    private long _lost;
    private long _sweptAt;
    private long _agedAt;

    private FileAuditLog(string directory, TimeSpan keep, (long Number, byte[] Hash, string Path, long Size) found, TimeProvider clock, ILogger log)
    {
        _directory = directory;
        _keep = keep;
        _clock = clock;
        _log = log;
        (_number, _hash) = (_written, _writtenHash) = (found.Number, found.Hash);
        (_path, _size) = (found.Path, found.Size);
        _thread = new Thread(Run) { Name = "fastchat-audit", IsBackground = true };
    }

    /// <summary>Opens the log of a data directory, or makes it. A last line that was not written to its end, which nobody was told of, is taken away.</summary>
    /// <param name="data">The data directory.</param>
    /// <param name="keep">A file goes when all its lines are older.</param>
    /// <param name="clock">What time it is.</param>
    /// <param name="log">Where it says that it cannot be written.</param>
    /// <exception cref="IOException">It cannot be read or made.</exception>
    public static FileAuditLog Open(string data, TimeSpan keep, TimeProvider clock, ILogger log)
    {
        string directory = AuditFiles.DirectoryOf(data);
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(directory);
        }
        else
        {
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        FileAuditLog opened = new(directory, keep, LastOf(directory), clock, log);
        opened._thread.Start();
        return opened;
    }

    /// <inheritdoc/>
    public override void Note(in AuditEntry entry)
    {
        if (!RepeatedEntries.IsOne(entry.Act) || _repeated.IsFirst(entry))
        {
            Enqueue(new Item(entry, _clock.GetUtcNow(), 1, null));
        }
    }

    /// <inheritdoc/>
    public override Task FlushAsync()
    {
        TaskCompletionSource done = new(Continuation.Asynchronously);
        if (!Enqueue(new Item(default, default, 0, done)))
        {
            done.SetException(new AuditLogException("the audit log does not keep up"));
        }

        return done.Task;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<NotedRefusal> RecentRefusals => _refusals.List();

    /// <summary>Writes what waits, and ends.</summary>
    public void Dispose()
    {
        _queue.CompleteAdding();
        _thread.Join();
        _file?.Dispose();
        _queue.Dispose();
        BrokerLog.AuditEnds(_log, _written, Convert.ToHexStringLower(_writtenHash));
    }

    /// <summary>
    /// Where the chain goes on, and at which byte of the last file. Only that file's end is looked at: what stands before is the business of who checks the log, and damage stays for them to see. The beginning of a line at the end was told to nobody, and is left out; a whole one gets its end.
    /// </summary>
    private static (long Number, byte[] Hash, string Path, long Size) LastOf(string directory)
    {
        List<(string Path, long First)> files = AuditFiles.List(directory);
        for (int i = files.Count - 1; i >= 0; i--)
        {
            byte[] all = File.ReadAllBytes(files[i].Path);
            int size = all.AsSpan().LastIndexOf((byte)'\n') + 1;
            if (size < all.Length && AuditLine.TryRead(all.AsMemory(size), out _, out _, out _))
            {
                File.AppendAllText(files[i].Path, "\n");
                all = [.. all, (byte)'\n'];
                size = all.Length;
            }

            for (int end = size; end > 0;)
            {
                int begin = all.AsSpan(0, end - 1).LastIndexOf((byte)'\n') + 1;
                ReadOnlyMemory<byte> line = all.AsMemory(begin, end - 1 - begin);
                if (AuditLine.TryRead(line, out long number, out _, out _))
                {
                    return (number, SHA256.HashData(line.Span), files[i].Path, size);
                }

                end = begin;
            }

            // Begun, and nothing of it was ever told: it is as if it were not there.
            File.Delete(files[i].Path);
        }

        return (0, AuditLine.NothingBefore, string.Empty, 0);
    }

    private bool Enqueue(in Item item)
    {
        if (!_queue.IsAddingCompleted && _queue.TryAdd(item))
        {
            return true;
        }

        if (item.Done is null)
        {
            Interlocked.Add(ref _lost, item.Count);
        }

        return false;
    }

    private void Run()
    {
        while (!_queue.IsCompleted)
        {
            if (_queue.TryTake(out Item item, Interval))
            {
                Take(item);
                while (_lines.WrittenCount < FileSizeMax && _queue.TryTake(out item))
                {
                    Take(item);
                }
            }

            // Whoever waits is told that everything noted before is there, and so is what was only counted.
            if (_waiting.Count > 0 || _clock.GetElapsedTime(_sweptAt) >= Interval)
            {
                TakeRepeated();
            }

            WriteOut();
        }

        // What was counted up to the end.
        TakeRepeated();
        WriteOut();
    }

    private void TakeRepeated()
    {
        _sweptAt = _clock.GetTimestamp();
        foreach ((AuditEntry entry, long count) in _repeated.Take())
        {
            Append(entry, _clock.GetUtcNow(), count);
        }
    }

    private void Take(in Item item)
    {
        if (item.Done is not null)
        {
            _waiting.Add(item.Done);
        }
        else
        {
            Append(item.Entry, item.At, item.Count);
        }
    }

    private void Append(in AuditEntry entry, DateTimeOffset at, long count)
    {
        _hash = AuditLine.Write(_lines, ++_number, at, entry, count, _hash);
        if (RepeatedEntries.IsOne(entry.Act))
        {
            _refusals.Add(entry, at, count);
        }
    }

    private void WriteOut()
    {
        long lost = Interlocked.Exchange(ref _lost, 0);
        if (lost > 0)
        {
            Append(new AuditEntry(AuditAct.LinesLost), _clock.GetUtcNow(), lost);
        }

        Exception? failure = null;
        if (_lines.WrittenCount > 0)
        {
            try
            {
                FileStream file = _file ??= OpenFile();
                file.Write(_lines.WrittenSpan);
                file.Flush(flushToDisk: true);
                (_written, _writtenHash) = (_number, _hash);
                _size += _lines.WrittenCount;
                if (_size >= FileSizeMax)
                {
                    file.Dispose();
                    (_file, _size) = (null, 0);
                }
            }
            catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
            {
                failure = wrong;
                GiveUp(lost);
            }

            _lines.ResetWrittenCount();
        }

        foreach (TaskCompletionSource waiting in _waiting)
        {
            if (failure is null)
            {
                waiting.SetResult();
            }
            else
            {
                waiting.SetException(new AuditLogException("the audit log cannot be written", failure));
            }
        }

        _waiting.Clear();
        if (failure is not null)
        {
            BrokerLog.AuditFailed(_log, failure);
        }
        else
        {
            DropOldFiles();
        }
    }

    /// <summary>What was to be written is lost, and the chain goes on from what was written before; what stands of it in the file is cut when the file is opened again.</summary>
    private void GiveUp(long lost)
    {
        Interlocked.Add(ref _lost, lost + Math.Max(0, _number - _written - (lost > 0 ? 1 : 0)));
        (_number, _hash) = (_written, _writtenHash);
        try
        {
            _file?.Dispose();
        }
        catch (IOException)
        {
            // It has been said already.
        }

        _file = null;
    }

    /// <summary>The last file, or a new one when that is full or gone, at the end of what was synced: a write that failed, or was cut off, may have left a part behind it.</summary>
    private FileStream OpenFile()
    {
        string path = _size > 0 && File.Exists(_path) ? _path : AuditFiles.PathOf(_directory, _written + 1);
        FileStreamOptions options = new() { Mode = FileMode.OpenOrCreate, Access = FileAccess.Write, Share = FileShare.Read, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        FileStream file = new(path, options);
        _size = path == _path ? Math.Min(_size, file.Length) : 0;
        _path = path;
        file.SetLength(_size);
        file.Seek(0, SeekOrigin.End);
        return file;
    }

    /// <summary>Once an hour: whole files that are older than what is kept. The last one stays.</summary>
    private void DropOldFiles()
    {
        if (_agedAt != 0 && _clock.GetElapsedTime(_agedAt) < TimeSpan.FromHours(1))
        {
            return;
        }

        _agedAt = _clock.GetTimestamp();
        List<(string Path, long First)> files = AuditFiles.List(_directory);
        for (int i = 0; i < files.Count - 1 && _clock.GetUtcNow().UtcDateTime - File.GetLastWriteTimeUtc(files[i].Path) > _keep; i++)
        {
            File.Delete(files[i].Path);
        }
    }

    private readonly record struct Item(AuditEntry Entry, DateTimeOffset At, long Count, TaskCompletionSource? Done);
}
