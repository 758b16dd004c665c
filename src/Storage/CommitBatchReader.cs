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

/// <summary>Walks the entries of a <see cref="CommitBatch"/>: in its representation, or where they lie in the journal.</summary>
internal ref struct CommitBatchReader
{
    private readonly ReadOnlySpan<byte> _source;
    private int _position;

    /// <summary>Over a batch's representation, whose header says how many entries there are.</summary>
    public CommitBatchReader(ReadOnlySpan<byte> representation)
        : this(representation, CommitBatch.HeaderSize)
    {
        Count = BinaryPrimitives.ReadUInt32LittleEndian(representation[8..]);
    }

    /// <summary>Over entries from an offset to the end of the span.</summary>
    public CommitBatchReader(ReadOnlySpan<byte> source, int offset)
    {
        _source = source;
        _position = offset;
    }

    /// <summary>Entries that the header announces.</summary>
    public uint Count { get; }

    /// <summary>Where the entry begins, in the span.</summary>
    public int Offset { get; private set; }

    /// <summary>Where the entry ends.</summary>
    public readonly int End => _position;

    /// <summary>Where the size of the entry's key stands.</summary>
    public int KeySizeOffset { get; private set; }

    public Table Table { get; private set; }

    public bool IsDelete { get; private set; }

    public ReadOnlySpan<byte> Key { get; private set; }

    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>Where the entry's key begins.</summary>
    public int KeyOffset { get; private set; }

    /// <summary>Where the entry's value begins; it ends with the entry.</summary>
    public readonly int ValueOffset => _position - Value.Length;

    /// <summary>Moves to the next entry; false behind the last.</summary>
    /// <exception cref="InvalidOperationException">The bytes are no batch: whoever built them is wrong.</exception>
    public bool Next()
    {
        if (_position == _source.Length)
        {
            return false;
        }

        Offset = _position;
        byte tag = _source[_position++];
        if (tag is not (EntryTag.Put or EntryTag.Delete or EntryTag.PutInFamily or EntryTag.DeleteInFamily))
        {
            throw new InvalidOperationException($"Unknown entry tag {tag}.");
        }

        Table = tag is EntryTag.PutInFamily or EntryTag.DeleteInFamily ? (Table)ReadVarint() : Table.State;
        IsDelete = tag is EntryTag.Delete or EntryTag.DeleteInFamily;
        if (!IsDelete)
        {
            ReadPut();
            return true;
        }

        ReadKey();
        Value = default;
        return true;
    }

    /// <summary>Reads key and value where the key's size stands.</summary>
    public void ReadPut()
    {
        ReadKey();
        Value = ReadBytes();
    }

    private void ReadKey()
    {
        KeySizeOffset = _position;
        Key = ReadBytes();
        KeyOffset = _position - Key.Length;
    }

    private ReadOnlySpan<byte> ReadBytes()
    {
        int size = (int)ReadVarint();
        ReadOnlySpan<byte> bytes = _source.Slice(_position, size);
        _position += size;
        return bytes;
    }

    private uint ReadVarint()
    {
        uint value = _source[_position++];
        if (value < 0x80)
        {
            return value;
        }

        value &= 0x7F;
        for (int i = 1; i < 5; i++)
        {
            byte part = _source[_position++];
            value |= (uint)(part & 0x7F) << (7 * i);
            if (part < 0x80)
            {
                return value;
            }
        }

        throw new InvalidOperationException("A size takes more than five bytes.");
    }
}
