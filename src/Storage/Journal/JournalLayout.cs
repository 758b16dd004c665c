using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// Head of a journal file (docs/log-format.md §8): which commits lie in it, and the salt of their checksums. It stands at the beginning and again at the end of the file.
/// <code>
///  0        4        8                 16       20                28
/// +--------+--------+-----------------+--------+-----------------+--------+
/// | "FCJ1" | epoch  | first commit    | salt   | zero            | crc32c |
/// +--------+--------+-----------------+--------+-----------------+--------+
/// </code>
/// The salt is chosen anew for each use of the file and known to nobody outside. Content of an earlier use is therefore no commit; and neither are bytes inside a message, however a
/// client may have chosen them, also where a reader looks for commits behind damage.
/// </summary>
internal readonly record struct JournalHeader(uint Epoch, ulong FirstCommit, uint Salt)
{
    public const int Size = 32;

    private static ReadOnlySpan<byte> Magic => "FCJ1"u8;

    public static bool TryRead(ReadOnlySpan<byte> source, out JournalHeader header)
    {
        header = default;
        if (source.Length < Size || !source.StartsWith(Magic) || BinaryPrimitives.ReadUInt32LittleEndian(source[28..]) != Crc32C.Compute(source[..28]))
        {
            return false;
        }

        header = new JournalHeader(
            BinaryPrimitives.ReadUInt32LittleEndian(source[4..]), BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[16..]));
        return true;
    }

    public void Write(Span<byte> target)
    {
        target[..Size].Clear();
        Magic.CopyTo(target);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], Epoch);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], FirstCommit);
        BinaryPrimitives.WriteUInt32LittleEndian(target[16..], Salt);
        BinaryPrimitives.WriteUInt32LittleEndian(target[28..], Crc32C.Compute(target[..28]));
    }
}

/// <summary>
/// Head of a commit in a journal file; its entries follow, in the form of <see cref="CommitBatch"/>.
/// <code>
///  0        4        8                 16       20      22      24
/// +--------+--------+-----------------+--------+-------+-------+-----------
/// | size   | crc32c | commit u64      | epoch  | flags | check | entries …
/// +--------+--------+-----------------+--------+-------+-------+-----------
/// </code>
/// <c>size</c> counts all of it, <c>crc32c</c> covers bytes 8 to size and begins with the file's salt. <c>check</c> is the lower half of the same checksum over size, commit, epoch and flags: a search
/// that tries every place must not have to sum up megabytes because a client wrote a size there. The next one begins at the next multiple of <see cref="Alignment"/>: a search behind damage
/// then has few places to look at.
/// </summary>
internal readonly record struct JournalRecord(ulong Commit, JournalFlags Flags, int Size)
{
    public const int HeaderSize = 24;
    public const int Alignment = 8;

    private const int CheckOffset = 22;

    public static int Aligned(int size) => (size + Alignment - 1) & -Alignment;

    /// <summary>Reads the record that begins the span, if a whole and undamaged one does.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, uint salt, out JournalRecord record)
    {
        record = default;
        if (source.Length < HeaderSize)
        {
            return false;
        }

        uint size = BinaryPrimitives.ReadUInt32LittleEndian(source);
        if (size < HeaderSize || size > (uint)source.Length || BinaryPrimitives.ReadUInt16LittleEndian(source[CheckOffset..]) != Check(source, salt)
            || BinaryPrimitives.ReadUInt32LittleEndian(source[4..]) != Crc32C.Compute(source[8..(int)size], salt))
        {
            return false;
        }

        record = new JournalRecord(BinaryPrimitives.ReadUInt64LittleEndian(source[8..]), (JournalFlags)BinaryPrimitives.ReadUInt16LittleEndian(source[20..]), (int)size);
        return true;
    }

    /// <summary>Completes a record whose entries stand in <paramref name="target"/> already, which is exactly as long as the record.</summary>
    public static void Seal(Span<byte> target, ulong commit, uint epoch, JournalFlags flags, uint salt)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)target.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], commit);
        BinaryPrimitives.WriteUInt32LittleEndian(target[16..], epoch);
        BinaryPrimitives.WriteUInt16LittleEndian(target[20..], (ushort)flags);
        BinaryPrimitives.WriteUInt16LittleEndian(target[CheckOffset..], Check(target, salt));
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], Crc32C.Compute(target[8..], salt));
    }

    private static ushort Check(ReadOnlySpan<byte> source, uint salt)
    {
        Span<byte> covered = stackalloc byte[sizeof(uint) + CheckOffset - 8];
        source[..sizeof(uint)].CopyTo(covered);
        source[8..CheckOffset].CopyTo(covered[sizeof(uint)..]);
        return (ushort)Crc32C.Compute(covered, salt);
    }
}

/// <summary>What a reader has to know of a commit before its entries.</summary>
[Flags]
internal enum JournalFlags : ushort
{
    None = 0,

    /// <summary>It changes what the log or dedupe table has, instead of adding to it: it goes into the tables itself, behind everything before it.</summary>
    Rewrites = 1,
}
