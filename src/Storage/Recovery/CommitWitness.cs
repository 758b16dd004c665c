using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// A second memory of the last acknowledged commit, outside journal and tables: the file <c>witness</c> (docs/log-format.md §7).
/// <para>
/// Why: recovery stops at the first commit that the journal does not have whole, and calls what is before it the state; a journal whose end was cut off or damaged
/// looks like one that ended there. Acknowledged commits would be gone without a word, and their sequences would be
/// given out again. So the number of every commit is written here after its sync and before any acknowledgement leaves; a store that
/// recovers to a smaller number than its witness says has lost something and does not open by itself.
/// </para>
/// <para>
/// What it proves: the number is stored into a shared mapping, which is the page cache. When the process dies, however it dies, the page
/// cache stays, so the check is exact. When the machine dies, the file holds what was last written back (at most
/// <see cref="StorageOptions.WitnessSyncInterval"/> of commits earlier, plus what the kernel did by itself): the number can then be too
/// low, never too high, because no number gets here before its commit is on stable storage. A false alarm is impossible; a loss within the
/// last second before a power cut can go unnoticed.
/// </para>
/// <para>
/// Two slots, written in turn, each with a checksum, in sectors of their own: a slot torn by the end of the process or of the power leaves
/// the other, which is one commit older; the commit of the torn one was never acknowledged (process), or the number is low anyway (power).
/// </para>
/// <code>
///  0        4        8                 16       20
/// +--------+--------+-----------------+--------+
/// | "FCW1" | epoch  | commit u64      | crc32c |   at 0 and at 2048 of 4096 bytes
/// +--------+--------+-----------------+--------+
/// </code>
/// Threads: <see cref="Record"/> by the committer; the timer only syncs.
/// </summary>
internal sealed unsafe class CommitWitness : IDisposable
{
    public const string FileName = "witness";

    private const int FileSize = 4096;
    private const int SlotStride = 2048;
    private const int SlotSize = 20;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _bytes;
    private readonly ITimer _timer;
    private int _slot;
    private int _dirty;
    private int _syncing;

    private CommitWitness(string path, uint epoch, ulong commit, TimeProvider time, TimeSpan syncInterval)
    {
        Epoch = epoch;
        Commit = commit;
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, mapName: null, FileSize);
        _view = _file.CreateViewAccessor(0, FileSize);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _bytes);
        _timer = time.CreateTimer(static witness => ((CommitWitness)witness!).SyncIfChanged(), this, syncInterval, syncInterval);
    }

    private static ReadOnlySpan<byte> Magic => "FCW1"u8;

    public uint Epoch { get; }

    /// <summary>The last commit that may have been acknowledged.</summary>
    public ulong Commit { get; private set; }

    /// <summary>True while a number waits for the background sync.</summary>
    internal bool IsDirty => Volatile.Read(ref _dirty) != 0;

    /// <summary>Makes the file anew, durably.</summary>
    public static void Create(string directory, uint epoch, ulong commit)
    {
        byte[] bytes = new byte[FileSize];
        WriteSlot(bytes, epoch, commit);
        WriteSlot(bytes.AsSpan(SlotStride), epoch, commit);
        StableFile.Replace(Path.Combine(directory, FileName), bytes);
    }

    /// <summary>Reads what the file says without holding it; false when it says nothing readable.</summary>
    public static bool TryRead(string directory, out uint epoch, out ulong commit)
    {
        epoch = 0;
        commit = 0;
        string path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
        {
            return false;
        }

        ReadOnlySpan<byte> bytes = File.ReadAllBytes(path);
        if (bytes.Length != FileSize)
        {
            return false;
        }

        bool first = TryReadSlot(bytes, out uint firstEpoch, out ulong firstCommit);
        bool second = TryReadSlot(bytes[SlotStride..], out uint secondEpoch, out ulong secondCommit);
        bool useSecond = second && (!first || (secondEpoch, secondCommit).CompareTo((firstEpoch, firstCommit)) > 0);
        (epoch, commit) = useSecond ? (secondEpoch, secondCommit) : (firstEpoch, firstCommit);
        return first || second;
    }

    /// <summary>Opens a file that <see cref="TryRead"/> could read.</summary>
    public static CommitWitness Open(string directory, TimeProvider time, TimeSpan syncInterval)
    {
        if (!TryRead(directory, out uint epoch, out ulong commit))
        {
            throw new StoreOpenException($"The witness in {directory} cannot be read.");
        }

        return new CommitWitness(Path.Combine(directory, FileName), epoch, commit, time, syncInterval);
    }

    /// <summary>Notes a commit. A store into memory: no system call.</summary>
    public void Record(ulong commit)
    {
        _slot ^= 1;
        WriteSlot(new Span<byte>(_bytes + (_slot * SlotStride), SlotSize), Epoch, commit);
        Commit = commit;
        Volatile.Write(ref _dirty, 1);
    }

    public void Dispose()
    {
        _timer.Dispose();
        SpinWait spin = default;
        while (Interlocked.Exchange(ref _syncing, 1) != 0)
        {
            spin.SpinOnce();
        }

        try
        {
            _view.Flush();
        }
        finally
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
            _file.Dispose();
        }
    }

    // Failing to sync makes the witness lower after a power cut, which is allowed; the log's own sync finds a failing device.
    private void SyncIfChanged()
    {
        if (Volatile.Read(ref _dirty) == 0 || Interlocked.Exchange(ref _syncing, 1) != 0)
        {
            return;
        }

        try
        {
            Volatile.Write(ref _dirty, 0);
            _view.Flush();
        }
        catch (IOException)
        {
            Volatile.Write(ref _dirty, 1);
        }
        finally
        {
            Volatile.Write(ref _syncing, 0);
        }
    }

    private static void WriteSlot(Span<byte> slot, uint epoch, ulong commit)
    {
        Magic.CopyTo(slot);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[4..], epoch);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[8..], commit);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[16..], Crc32C.Compute(slot[..16]));
    }

    private static bool TryReadSlot(ReadOnlySpan<byte> slot, out uint epoch, out ulong commit)
    {
        epoch = BinaryPrimitives.ReadUInt32LittleEndian(slot[4..]);
        commit = BinaryPrimitives.ReadUInt64LittleEndian(slot[8..]);
        return slot.StartsWith(Magic) && Crc32C.Compute(slot[..16]) == BinaryPrimitives.ReadUInt32LittleEndian(slot[16..]);
    }
}
