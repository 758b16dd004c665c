using FastChat.Storage;

namespace FastChat.Fuzz.Targets;

/// <summary>
/// What was written before the bytes were damaged: twelve commits, whose entries follow from their number, in files with different salts. The records of <see cref="WrittenLog"/> are in them, one each.
/// </summary>
internal static class WrittenJournal
{
    public const int Capacity = 3072;
    public const int Count = 12;
    public const uint Epoch = 3;

    /// <summary>The salts of the files.</summary>
    public static readonly uint[] Salts = [0x1234_5678, 0x0BAD_CAFE, 0];

    private static readonly byte[][] AllEntries = [.. Enumerable.Range(1, Count).Select(MakeEntries)];

    /// <summary>The files: a full one, one whose writing was cut off, one that was used before, one that begins later.</summary>
    public static IEnumerable<byte[]> Files()
    {
        yield return MakeFile(Salts[0], 1, 8);
        yield return MakeFile(Salts[1], 1, 3);
        byte[] before = MakeFile(Salts[0], 1, 8);
        yield return MakeFile(Salts[1], 5, 4, before);
        yield return MakeFile(Salts[2], 9, 4);
        yield return MakeFile(Salts[2], 1, 0);
    }

    /// <summary>The entries of a commit, or nothing when there never was one with this number.</summary>
    public static ReadOnlySpan<byte> EntriesOf(ulong commit) => commit is >= 1 and <= Count ? AllEntries[commit - 1] : default;

    /// <summary>The flags of a commit.</summary>
    public static JournalFlags FlagsOf(ulong commit) => commit == 6 ? JournalFlags.Rewrites : JournalFlags.None;

    private static byte[] MakeEntries(int number)
    {
        CommitBatch batch = new(Epoch);
        byte[] record = WrittenLog.Records[number - 1];
        batch.AppendChunk(WrittenLog.Conversation, (ulong)number, 1, default, record);
        batch.Put(Table.Dedupe, [.. new byte[55], (byte)number], new byte[16]);
        if (number % 3 == 0)
        {
            batch.Put(Table.State, [(byte)'a', (byte)number], [1, 2, 3]);
            batch.Delete(Table.State, [(byte)'t', (byte)number]);
        }

        return batch.Entries.ToArray();
    }

    private static byte[] MakeFile(uint salt, int first, int count, byte[]? earlierUse = null)
    {
        byte[] file = earlierUse ?? new byte[Capacity];
        JournalHeader header = new(Epoch, (ulong)first, salt);
        header.Write(file);
        header.Write(file.AsSpan(Capacity - JournalHeader.Size));
        int at = JournalHeader.Size;
        for (int number = first; number < first + count; number++)
        {
            byte[] entries = AllEntries[number - 1];
            Span<byte> commit = file.AsSpan(at, JournalRecord.HeaderSize + entries.Length);
            entries.CopyTo(commit[JournalRecord.HeaderSize..]);
            JournalRecord.Seal(commit, (ulong)number, Epoch, FlagsOf((ulong)number), salt);
            at = JournalRecord.Aligned(at + commit.Length);
        }

        return file;
    }
}
