using System.Buffers.Binary;
using System.Text;

namespace FastChat.Campaigns;

/// <summary>
/// What a process wrote and did not sync before it was killed, by file, from the log of <c>writes.c</c>: a write that was logged before a sync began which succeeded is on the medium, any other
/// may be there, or not, or in part.
/// </summary>
internal sealed class WriteLog
{
    private readonly Dictionary<string, List<Change>> _files = [];

    /// <summary>Files with changes that are not synced, by their present names.</summary>
    public IReadOnlyDictionary<string, List<Change>> Unsynced => _files;

    /// <summary>Syncs that succeeded.</summary>
    public int Syncs { get; private set; }

    /// <summary>Reads a log; its last entry may be torn.</summary>
    public static WriteLog Read(string path)
    {
        WriteLog log = new();
        ReadOnlySpan<byte> rest = File.ReadAllBytes(path);
        Dictionary<ulong, Sync> begun = [];
        while (rest.Length >= 4 && BinaryPrimitives.ReadInt32LittleEndian(rest) is var size && rest.Length - 4 >= size)
        {
            log.Add(rest.Slice(4, size), begun);
            rest = rest[(4 + size)..];
        }

        foreach (string synced in log._files.Where(file => file.Value.Count == 0).Select(file => file.Key).ToArray())
        {
            log._files.Remove(synced);
        }

        return log;
    }

    private void Add(ReadOnlySpan<byte> entry, Dictionary<ulong, Sync> begun)
    {
        char kind = (char)entry[0];
        ulong a = BinaryPrimitives.ReadUInt64LittleEndian(entry[1..]), b = BinaryPrimitives.ReadUInt64LittleEndian(entry[9..]);
        int pathSize = BinaryPrimitives.ReadInt32LittleEndian(entry[17..]);
        string path = Encoding.UTF8.GetString(entry.Slice(21, pathSize));
        ReadOnlySpan<byte> payload = entry[(21 + pathSize)..];
        switch (kind)
        {
            case 'W':
                int replaced = BinaryPrimitives.ReadInt32LittleEndian(payload);
                Of(path).Add(new Change((long)a, (long)b, payload.Slice(4, replaced).ToArray(), payload[(4 + replaced)..].ToArray()));
                break;
            case 'T':
                Of(path).Add(new Change((long)a, (long)b, payload.ToArray(), null));
                break;
            case 'B':
                begun[a] = new Sync(Of(path), Of(path).Count);
                break;
            case 'E':
                // Later writes than the beginning of the sync are not promised by it.
                Sync sync = begun[a];
                begun.Remove(a);
                sync.Changes.RemoveRange(0, sync.Promised);
                foreach ((ulong number, Sync other) in begun.Where(other => other.Value.Changes == sync.Changes).ToArray())
                {
                    begun[number] = other with { Promised = Math.Max(0, other.Promised - sync.Promised) };
                }

                Syncs++;
                break;
            case 'R':
                _files[Encoding.UTF8.GetString(payload)] = Of(path);
                _files.Remove(path);
                break;
            case 'L':
                _files[Encoding.UTF8.GetString(payload)] = Of(path);
                break;
            case 'U':
                _files.Remove(path);
                break;
            default:
                throw new InvalidDataException($"the log of writes has an entry '{kind}'");
        }
    }

    private List<Change> Of(string path)
    {
        if (!_files.TryGetValue(path, out List<Change>? changes))
        {
            _files[path] = changes = [];
        }

        return changes;
    }

    /// <summary>A sync that has begun: of these changes it promises so many.</summary>
    private readonly record struct Sync(List<Change> Changes, int Promised);
}

/// <summary>A write or a truncation.</summary>
/// <param name="Offset">Where it begins; of a truncation the new size.</param>
/// <param name="SizeBefore">Size of the file before it.</param>
/// <param name="Old">What stood there.</param>
/// <param name="New">What was written; null = the file ends here.</param>
internal sealed record Change(long Offset, long SizeBefore, byte[] Old, byte[]? New)
{
    private const int Sector = 512;

    /// <summary>Takes it back. Changes of a file are taken back from the last to the first.</summary>
    public void Undo(FileStream file)
    {
        file.SetLength(SizeBefore);
        Put(file, Offset, Old);
    }

    /// <summary>Does it again.</summary>
    public void Redo(FileStream file)
    {
        if (New is null)
        {
            file.SetLength(Offset);
        }
        else
        {
            Put(file, Offset, New);
        }
    }

    /// <summary>Does some of it again: each sector that it touches is there or not. A truncation is done whole.</summary>
    public void RedoInPart(FileStream file, Random random)
    {
        if (New is null)
        {
            Redo(file);
            return;
        }

        for (long at = Offset; at < Offset + New.Length;)
        {
            long end = Math.Min((at / Sector * Sector) + Sector, Offset + New.Length);
            if (random.Next(2) == 0)
            {
                Put(file, at, New.AsSpan((int)(at - Offset), (int)(end - at)));
            }

            at = end;
        }
    }

    private static void Put(FileStream file, long offset, ReadOnlySpan<byte> bytes)
    {
        file.Position = offset;
        file.Write(bytes);
    }
}
