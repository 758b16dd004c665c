using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// The file <c>format</c> of a data directory (docs/log-format.md §2): what a reader must know before it opens anything else.
/// <code>
///  0                 8          12         16         20
/// +-----------------+----------+----------+----------+
/// | "FASTCHAT"      | version  | epoch    | crc32c   |
/// +-----------------+----------+----------+----------+
/// </code>
/// Version history: 1 = the first; 2 = commits go to the journal before they are in the tables; 3 = small state notes records that are to be erased;
/// 4 = records may be sealed; 5 = logs may be cut off at their beginning.
/// </summary>
/// <param name="Version">Format of the store.</param>
/// <param name="Epoch">Incarnation of the store, from 1.</param>
internal readonly record struct StoreFormat(uint Version, uint Epoch)
{
    /// <summary>The greatest version that this program reads.</summary>
    public const uint CurrentVersion = 5;

    /// <summary>What a store is raised to before its first commit: from then on an earlier program would not see what is in the journal.</summary>
    public const uint JournalVersion = 2;

    /// <summary>What a store is raised to before the first erasure is noted: an earlier program would serve the record as it was.</summary>
    public const uint ErasingVersion = 3;

    /// <summary>What a store is raised to before it is sealed: an earlier program would serve what is encrypted.</summary>
    public const uint SealingVersion = 4;

    /// <summary>What a store is raised to before the first cut is noted: an earlier program would serve what was cut off, and then take a hole for damage.</summary>
    public const uint TruncatingVersion = 5;

    public const string FileName = "format";

    private const int Size = 20;

    private static ReadOnlySpan<byte> Magic => "FASTCHAT"u8;

    /// <summary>Stands in the marker's place until a restore is complete. An earlier version of the program does not take it for a marker either.</summary>
    private static ReadOnlySpan<byte> UnfinishedRestore => "unfinished restore\n"u8;

    /// <summary>Reads the marker; null when the directory has none.</summary>
    /// <exception cref="StoreOpenException">It is damaged, or of a version that this program does not know.</exception>
    public static StoreFormat? Read(string directory)
    {
        string path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
        {
            return null;
        }

        ReadOnlySpan<byte> bytes = File.ReadAllBytes(path);
        if (bytes.SequenceEqual(UnfinishedRestore))
        {
            throw new StoreOpenException($"The restore into {directory} was cut off: repeat it.");
        }

        if (bytes.Length < Size || !bytes.StartsWith(Magic))
        {
            throw new StoreOpenException($"{path} is not the format marker of a FastChat store.");
        }

        // The version stands before the checksum is looked at: a newer format may protect itself in another way.
        StoreFormat format = new(BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]));
        if (format.Version > CurrentVersion)
        {
            throw new StoreOpenException(
                $"The store has format {format.Version}; this version of FastChat reads up to {CurrentVersion}. Use a newer FastChat.");
        }

        if (Crc32C.Compute(bytes[..16]) != BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..]) || format.Epoch == 0)
        {
            throw new StoreOpenException($"The format marker {path} is damaged.");
        }

        return format;
    }

    /// <summary>True when a restore into the directory was cut off: nothing in it was ever served.</summary>
    public static bool IsUnfinishedRestore(string directory)
    {
        string path = Path.Combine(directory, FileName);
        return File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(UnfinishedRestore);
    }

    /// <summary>Makes a directory one that no start accepts, until the marker is written.</summary>
    public static void WriteUnfinishedRestore(string directory) => StableFile.Replace(Path.Combine(directory, FileName), UnfinishedRestore);

    /// <summary>Writes the marker durably.</summary>
    public void Write(string directory)
    {
        Span<byte> bytes = stackalloc byte[Size];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[12..], Epoch);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[16..], Crc32C.Compute(bytes[..16]));
        StableFile.Replace(Path.Combine(directory, FileName), bytes);
    }
}
