using System.Buffers.Binary;

namespace FastChat.Storage;

/// <summary>
/// A dedupe entry as numbers, so that sorting and writing the entries of a file never goes back to its image, where each would be a cache miss. Keys and values of other sizes than a
/// publish's are sorted by it, too, and read from the image.
/// </summary>
internal readonly struct SortedPublish
{
    private readonly UInt128 _first;
    private readonly UInt128 _second;
    private readonly UInt128 _third;
    private readonly ulong _fourth;
    private readonly UInt128 _value;
    private readonly int _keySize;

    public SortedPublish(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, int entry)
    {
        Span<byte> padded = stackalloc byte[DedupeKey.Size];
        if (key.Length < DedupeKey.Size)
        {
            padded.Clear();
        }

        key.CopyTo(padded);
        _first = BinaryPrimitives.ReadUInt128BigEndian(padded);
        _second = BinaryPrimitives.ReadUInt128BigEndian(padded[16..]);
        _third = BinaryPrimitives.ReadUInt128BigEndian(padded[32..]);
        _fourth = BinaryPrimitives.ReadUInt64BigEndian(padded[48..]);
        _keySize = key.Length;
        Entry = entry;
        IsPublish = key.Length == DedupeKey.Size && value.Length == DedupeValue.Size;
        _value = IsPublish ? BinaryPrimitives.ReadUInt128BigEndian(value) : default;
    }

    /// <summary>Where it lies in the image.</summary>
    public int Entry { get; }

    private bool IsPublish { get; }

    public bool HasKeyOf(in SortedPublish other) =>
        _first == other._first && _second == other._second && _third == other._third && _fourth == other._fourth && _keySize == other._keySize;

    /// <summary>Writes key and value; false when they have other sizes than a publish's.</summary>
    public bool TryWrite(Span<byte> key, Span<byte> value)
    {
        BinaryPrimitives.WriteUInt128BigEndian(key, _first);
        BinaryPrimitives.WriteUInt128BigEndian(key[16..], _second);
        BinaryPrimitives.WriteUInt128BigEndian(key[32..], _third);
        BinaryPrimitives.WriteUInt64BigEndian(key[48..], _fourth);
        BinaryPrimitives.WriteUInt128BigEndian(value, _value);
        return IsPublish;
    }

    /// <summary>By key, byte by byte; then by place in the file.</summary>
    public int CompareTo(in SortedPublish other) =>
        _first != other._first ? _first.CompareTo(other._first)
        : _second != other._second ? _second.CompareTo(other._second)
        : _third != other._third ? _third.CompareTo(other._third)
        : _fourth != other._fourth ? _fourth.CompareTo(other._fourth)
        : _keySize != other._keySize ? _keySize.CompareTo(other._keySize)
        : Entry.CompareTo(other.Entry);
}

/// <summary>The order of <see cref="SortedPublish.CompareTo"/>, as a type that sorting is compiled for.</summary>
internal readonly struct SortedPublishOrder : IComparer<SortedPublish>
{
    public int Compare(SortedPublish x, SortedPublish y) => x.CompareTo(y);
}
