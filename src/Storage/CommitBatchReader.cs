using System.Buffers.Binary;

namespace FastChat.Storage;

/// <summary>First byte of an entry in a write batch, as RocksDB numbers them.</summary>
internal static class EntryTag
{
    public const byte Delete = 0;
    public const byte Put = 1;
    public const byte DeleteInFamily = 4;
    public const byte PutInFamily = 5;
}

/// <summary>Walks the entries of a <see cref="CommitBatch"/>'s representation: the in-memory log applies them, tests compare them.</summary>
internal ref struct CommitBatchReader
{
    private ReadOnlySpan<byte> _rest;

    public CommitBatchReader(ReadOnlySpan<byte> representation)
    {
        Count = BinaryPrimitives.ReadUInt32LittleEndian(representation[8..]);
        _rest = representation[CommitBatch.HeaderSize..];
    }

    /// <summary>Entries that the header announces.</summary>
    public uint Count { get; }

    public Table Table { get; private set; }

    public bool IsDelete { get; private set; }

    public ReadOnlySpan<byte> Key { get; private set; }

    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>Moves to the next entry; false behind the last.</summary>
    /// <exception cref="InvalidOperationException">The bytes are no batch: whoever built them is wrong.</exception>
    public bool Next()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        byte tag = _rest[0];
        _rest = _rest[1..];
        if (tag is not (EntryTag.Put or EntryTag.Delete or EntryTag.PutInFamily or EntryTag.DeleteInFamily))
        {
            throw new InvalidOperationException($"Unknown entry tag {tag}.");
        }

        Table = tag is EntryTag.PutInFamily or EntryTag.DeleteInFamily ? (Table)ReadVarint() : Table.State;
        IsDelete = tag is EntryTag.Delete or EntryTag.DeleteInFamily;
        Key = ReadBytes();
        Value = IsDelete ? default : ReadBytes();
        return true;
    }

    private ReadOnlySpan<byte> ReadBytes()
    {
        int size = (int)ReadVarint();
        ReadOnlySpan<byte> bytes = _rest[..size];
        _rest = _rest[size..];
        return bytes;
    }

    private uint ReadVarint()
    {
        uint value = 0;
        for (int i = 0; i < 5; i++)
        {
            byte part = _rest[i];
            value |= (uint)(part & 0x7F) << (7 * i);
            if (part < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return value;
            }
        }

        throw new InvalidOperationException("A size takes more than five bytes.");
    }
}
