using System.Buffers.Binary;
using System.Security.Cryptography;

using FastChat.Shared;

using Microsoft.Win32.SafeHandles;

namespace FastChat.Storage;

/// <summary>
/// A file of the journal and its image in memory, byte for byte. A commit is assembled in the image, written from there and synced; then <see cref="Index"/> learns of it and
/// readers are served from the image until everything in it stands in the tables. Then file and image are used again.
/// <para>
/// The file is filled before its first use: overwriting costs one device flush, appending also a commit of the file system's own journal for the new length (p50 253–329 against
/// 390–536 µs, p99 506–860 against 875–1502 µs, 4 KiB, three interleaved rounds on the development machine, 2026-11-24). Whole pages are written, so that no write has to read first. What lies
/// behind the last commit is content of an earlier use of the file, whose checksums had another salt.
/// </para>
/// Threads: one writer; the readers of <see cref="RecentView"/>s look at what <see cref="Index"/> knows.
/// </summary>
internal sealed class JournalSegment : IDisposable
{
    private const int Page = 4096;
    private const int FillBytes = 256 << 10;
    private const int SlowSyncMs = 20;

    private readonly IJournalFile _file;

    /// <summary>Over a file whose bytes are <paramref name="image"/>.</summary>
    public JournalSegment(string path, IJournalFile file, byte[] image)
    {
        Path = path;
        _file = file;
        Image = image;
        Index = new RecentIndex(image);
    }

    public string Path { get; }

    /// <summary>The file's bytes.</summary>
    public byte[] Image { get; }

    /// <summary>How much of the image is durable commits.</summary>
    public int Size { get; private set; }

    /// <summary>The last commit in it.</summary>
    public ulong LastCommit { get; private set; }

    /// <summary>When its use began, as <see cref="Environment.TickCount64"/> says.</summary>
    public long BeganAt { get; private set; }

    /// <summary>When its file was made: the pool's number of the last renewal before that (<see cref="SegmentPool.BeginRenewal"/>). Content of earlier uses is at most so old.</summary>
    public long Generation { get; set; }

    /// <summary>True when it holds no commit.</summary>
    public bool IsEmpty => Size <= JournalHeader.Size;

    public RecentIndex Index { get; }

    /// <summary>The salt of the checksums of its commits.</summary>
    public uint Salt { get; private set; }

    private Span<byte> SecondHeader => Image.AsSpan(Image.Length - JournalHeader.Size);

    private ReadOnlySpan<byte> SecondHeaderOrNone => Image.Length < JournalHeader.Size ? default : SecondHeader;

    /// <summary>Makes a file that is as long as it will ever be, on stable storage.</summary>
    /// <param name="pause">Waited after each step of the filling.</param>
    /// <exception cref="StorageFullException">There is no room for it; what there was of it is gone again.</exception>
    public static JournalSegment Create(string path, int capacity, TimeSpan pause)
    {
        SafeFileHandle? file = null;
        try
        {
            file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, FileShare.Read);
            byte[] image = GC.AllocateArray<byte>(capacity, pinned: true);
            Fill(file, image, pause);
            StableFile.SyncDirectory(System.IO.Path.GetDirectoryName(path)!);
            return new JournalSegment(path, new JournalFile(file), image);
        }
        catch (IOException failure) when (StorageFullException.IsCause(failure))
        {
            // No commit was in it, so a sync that failed for want of room has lost nothing either.
            file?.Dispose();
            File.Delete(path);
            throw new StorageFullException($"There is no room for a journal file of {capacity} bytes: {failure.Message}", failure);
        }
    }

    /// <summary>Opens a file that an earlier process left, with its content.</summary>
    public static JournalSegment Open(string path)
    {
        SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read);
        byte[] image = GC.AllocateUninitializedArray<byte>((int)RandomAccess.GetLength(file), pinned: true);
        int read = 0;
        while (read < image.Length && RandomAccess.Read(file, image.AsSpan(read), read) is var more and > 0)
        {
            read += more;
        }

        return new JournalSegment(path, new JournalFile(file), image);
    }

    /// <summary>Finds the commits in a file that was opened; false when it has none.</summary>
    public bool TryParse(out ulong first)
    {
        if (!JournalHeader.TryRead(Image, out JournalHeader header) && !JournalHeader.TryRead(SecondHeaderOrNone, out header))
        {
            first = 0;
            return false;
        }

        Salt = header.Salt;
        first = header.FirstCommit;
        int offset = JournalHeader.Size;
        for (ulong next = first; JournalRecord.TryRead(Image.AsSpan(Math.Min(offset, Image.Length)), Salt, out JournalRecord record) && record.Commit == next; next++)
        {
            Accept(next, offset + record.Size);
            offset = JournalRecord.Aligned(offset + record.Size);
        }

        return !IsEmpty;
    }

    /// <summary>A whole commit behind <paramref name="commit"/> somewhere behind those that <see cref="TryParse"/> found.</summary>
    public bool TryFindBehind(ulong commit, out JournalRecord found)
    {
        for (int offset = JournalRecord.Aligned(Math.Max(Size, JournalHeader.Size)); offset + JournalRecord.HeaderSize <= Image.Length; offset += JournalRecord.Alignment)
        {
            ReadOnlySpan<byte> at = Image.AsSpan(offset);
            if (BinaryPrimitives.ReadUInt64LittleEndian(at[8..]) > commit && JournalRecord.TryRead(at, Salt, out found))
            {
                return true;
            }
        }

        found = default;
        return false;
    }

    /// <summary>Makes it ready for commits from <paramref name="firstCommit"/> on; its index is empty. Nothing is written before the first of them.</summary>
    public void Begin(uint epoch, ulong firstCommit)
    {
        Salt = (uint)RandomNumberGenerator.GetInt32(int.MaxValue);
        JournalHeader header = new(epoch, firstCommit, Salt);
        header.Write(Image);
        header.Write(SecondHeader);
        Size = JournalHeader.Size;
        BeganAt = Environment.TickCount64;
        LastCommit = firstCommit - 1;
    }

    /// <summary>True when a commit with so many bytes of entries has room.</summary>
    public bool Fits(long entryBytes) => JournalRecord.Aligned(Size) + JournalRecord.HeaderSize + entryBytes <= Image.Length - JournalHeader.Size;

    /// <summary>Where the entries of the next commit go.</summary>
    public Span<byte> NextEntries(int bytes) => Image.AsSpan(JournalRecord.Aligned(Size) + JournalRecord.HeaderSize, bytes);

    /// <summary>Writes the commit whose entries stand in <see cref="NextEntries"/>, and syncs it.</summary>
    /// <exception cref="IOException">The device failed; whether the commit is on it is unknown.</exception>
    public void Append(ulong commit, uint epoch, JournalFlags flags, int entryBytes)
    {
        int offset = JournalRecord.Aligned(Size);
        int size = JournalRecord.HeaderSize + entryBytes;
        JournalRecord.Seal(Image.AsSpan(offset, size), commit, epoch, flags, Salt);
        int from = offset & -Page;
        if (Size == JournalHeader.Size)
        {
            from = 0;
            _file.Write(SecondHeader, Image.Length - JournalHeader.Size);
        }

        int to = Math.Min(Image.Length, (offset + size + Page - 1) & -Page);
        Failpoint.Reach("journal-before-write");
        _file.Write(Image.AsSpan(from, to - from), from);
        Failpoint.Reach("journal-written");
        _file.Sync();
        Failpoint.Reach("journal-synced");
        Accept(commit, offset + size);
    }

    /// <summary>Takes a commit that lies in the image already as the last one: recovery.</summary>
    public void Accept(ulong commit, int size)
    {
        LastCommit = commit;
        Size = size;
    }

    public void Dispose() => _file.Dispose();

    private static void Fill(SafeFileHandle file, byte[] image, TimeSpan pause)
    {
        int step = FillBytes;
        for (int filled = 0; filled < image.Length;)
        {
            // In small steps, each synced: the flush of a commit has to bring along whatever was written to the device before it.
            int size = Math.Min(step, image.Length - filled);
            RandomAccess.Write(file, image.AsSpan(filled, size), filled);
            filled += size;
            long began = Environment.TickCount64;
            StableFile.SyncData(file);
            if (Environment.TickCount64 - began > SlowSyncMs)
            {
                // Each sync costs more than what it brings: 128 of them, at 300 ms, kept commits waiting for 40 s.
                step = Math.Min(2 * step, image.Length);
            }

            if (pause > TimeSpan.Zero)
            {
                Thread.Sleep(pause);
            }
        }
    }
}
