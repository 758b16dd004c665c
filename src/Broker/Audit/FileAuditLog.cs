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
    private readonly string _directory;
    private readonly TimeSpan _keep;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly Thread _thread;
    private readonly ArrayBufferWriter<byte> _lines = new();
    private readonly List<TaskCompletionSource> _waiting = [];
    private FileStream? _file;
    private long _number;
    private long _written;
    private byte[] _hash;
    private byte[] _writtenHash;
    private long _lost;
    private long _sweptAt;
    private long _agedAt;

    private FileAuditLog(string directory, TimeSpan keep, AuditCheck found, TimeProvider clock, ILogger log)
    {
        _directory = directory;
        _keep = keep;
        _clock = clock;
        _log = log;
        _number = _written = found.Last;
        _hash = _writtenHash = found.LastHash;
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
            done.SetException(new IOException("the audit log does not keep up"));
        }

        return done.Task;
    }

    /// <summary>Writes what waits, and ends.</summary>
    public void Dispose()
    {
        _queue.CompleteAdding();
        _thread.Join();
        _file?.Dispose();
        _queue.Dispose();
        BrokerLog.AuditEnds(_log, _written, Convert.ToHexStringLower(_writtenHash));
    }

    /// <summary>The end of the chain. Only the last file is read: earlier ones are the business of who checks the log.</summary>
    private static AuditCheck LastOf(string directory)
    {
        List<(string Path, long First)> files = AuditFiles.List(directory);
        if (files.Count == 0)
        {
            return new AuditCheck(0, 0, 0, AuditLine.NothingBefore, []);
        }

        (string path, long first) = files[^1];
        long number = first - 1;
        byte[] hash = AuditLine.NothingBefore;
        bool isEmpty = true;
        long end = 0;
        foreach (ReadOnlyMemory<byte> line in AuditFiles.LinesOf(path))
        {
            // What cannot be read in the middle is damage, and stays for who checks the log.
            if (AuditLine.TryRead(line, out long next, out _, out _))
            {
                hash = SHA256.HashData(line.Span);
                number = next;
                isEmpty = false;
                end += line.Length + 1;
            }
            else if (end + line.Length < new FileInfo(path).Length)
            {
                end += line.Length + 1;
            }
        }

        if (isEmpty && files.Count > 1)
        {
            // Begun, and nothing of it was ever told: the chain goes on from the file before.
            File.Delete(path);
            return LastOf(directory);
        }

        using FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite);
        if (file.Length == end - 1)
        {
            file.Seek(0, SeekOrigin.End);
            file.WriteByte((byte)'\n');
        }
        else
        {
            file.SetLength(end);
        }

        file.Flush(flushToDisk: true);
        return new AuditCheck(0, first, number, hash, []);
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

            if (_clock.GetElapsedTime(_sweptAt) >= Interval)
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

    private void Append(in AuditEntry entry, DateTimeOffset at, long count) => _hash = AuditLine.Write(_lines, ++_number, at, entry, count, _hash);

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
                if (file.Length >= FileSizeMax)
                {
                    file.Dispose();
                    _file = null;
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
                waiting.SetException(new IOException("the audit log cannot be written", failure));
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

    private FileStream OpenFile()
    {
        List<(string Path, long First)> files = AuditFiles.List(_directory);
        bool goesOn = files.Count > 0 && new FileInfo(files[^1].Path).Length < FileSizeMax;
        FileStreamOptions options = new() { Mode = goesOn ? FileMode.Open : FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.Read, BufferSize = 0 };
        if (!goesOn && !OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        string path = goesOn ? files[^1].Path : AuditFiles.PathOf(_directory, _written + 1);
        FileStream file = new(path, options);
        try
        {
            if (goesOn)
            {
                CutAfterFailure(file, path);
            }

            file.Seek(0, SeekOrigin.End);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>A write that failed may have left a part: the file ends behind the last line that was synced.</summary>
    private void CutAfterFailure(FileStream file, string path)
    {
        long end = 0;
        foreach (ReadOnlyMemory<byte> line in AuditFiles.LinesOf(path))
        {
            if (AuditLine.TryRead(line, out long number, out _, out _) && number > _written)
            {
                break;
            }

            end += line.Length + 1;
        }

        if (end < file.Length)
        {
            file.SetLength(end);
        }
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
