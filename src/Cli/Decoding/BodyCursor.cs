using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// Walks a fixed layout and notes each field. When the body ends too early it says inside which field, once, and every later read gives zero: the
/// caller writes down the layout of protocol.md and never checks a length.
/// </summary>
internal ref struct BodyCursor
{
    private readonly ReadOnlySpan<byte> _source;
    private readonly int _origin;
    private readonly Action<DecodedField> _add;
    private readonly Action<string> _blame;
    private int _offset;

    /// <summary>Begins at the start of <paramref name="source"/>, which lies <paramref name="origin"/> bytes into the frame's body.</summary>
    public BodyCursor(ReadOnlySpan<byte> source, int origin, Action<DecodedField> add, Action<string> blame)
    {
        _source = source;
        _origin = origin;
        _add = add;
        _blame = blame;
    }

    /// <summary>True once a field did not fit.</summary>
    public bool Ended { get; private set; }

    /// <summary>Bytes that no field has taken yet.</summary>
    public readonly ReadOnlySpan<byte> Rest => _source[_offset..];

    /// <summary>Reads one byte.</summary>
    public byte U8(string name, Func<byte, string?>? note = null)
    {
        ReadOnlySpan<byte> bytes = Take(name, 1, out int at);
        if (bytes.IsEmpty)
        {
            return 0;
        }

        _add(new DecodedField(name, at, (long)bytes[0], note?.Invoke(bytes[0])));
        return bytes[0];
    }

    /// <summary>Reads two bytes.</summary>
    public ushort U16(string name, Func<ushort, string?>? note = null)
    {
        ReadOnlySpan<byte> bytes = Take(name, sizeof(ushort), out int at);
        if (bytes.IsEmpty)
        {
            return 0;
        }

        ushort value = BinaryPrimitives.ReadUInt16LittleEndian(bytes);
        _add(new DecodedField(name, at, (long)value, note?.Invoke(value)));
        return value;
    }

    /// <summary>Reads four bytes.</summary>
    public uint U32(string name, string? note = null)
    {
        ReadOnlySpan<byte> bytes = Take(name, sizeof(uint), out int at);
        if (bytes.IsEmpty)
        {
            return 0;
        }

        uint value = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        _add(new DecodedField(name, at, (long)value, note));
        return value;
    }

    /// <summary>Reads eight bytes.</summary>
    public ulong U64(string name, Func<ulong, string?>? note = null)
    {
        ReadOnlySpan<byte> bytes = Take(name, sizeof(ulong), out int at);
        if (bytes.IsEmpty)
        {
            return 0;
        }

        ulong value = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        _add(new DecodedField(name, at, value, note?.Invoke(value)));
        return value;
    }

    /// <summary>Reads a time in µs since 1970.</summary>
    public long Time(string name)
    {
        ReadOnlySpan<byte> bytes = Take(name, sizeof(long), out int at);
        if (bytes.IsEmpty)
        {
            return 0;
        }

        long value = BinaryPrimitives.ReadInt64LittleEndian(bytes);
        _add(new DecodedField(name, at, value, Timestamps.Format(value)));
        return value;
    }

    /// <summary>Reads a device's number.</summary>
    public void Device(string name)
    {
        ReadOnlySpan<byte> bytes = Take(name, sizeof(ulong), out int at);
        if (!bytes.IsEmpty)
        {
            _add(new DecodedField(name, at, new DeviceId(BinaryPrimitives.ReadUInt64LittleEndian(bytes)).ToString()));
        }
    }

    /// <summary>Reads an id.</summary>
    public UInt128 Id(string name)
    {
        ReadOnlySpan<byte> bytes = Take(name, Id128.Size, out int at);
        if (bytes.IsEmpty)
        {
            return default;
        }

        UInt128 id = Id128.Read(bytes);
        _add(new DecodedField(name, at, Id128.Format(id)));
        return id;
    }

    /// <summary>Reads a text of so many bytes; nothing is noted of an empty one.</summary>
    public void Text(string name, int size)
    {
        ReadOnlySpan<byte> bytes = size == 0 ? default : Take(name, size, out _);
        if (!bytes.IsEmpty)
        {
            _add(new DecodedField(name, _origin + _offset - size, BodyDecoder.Show(bytes)));
        }
    }

    /// <summary>Passes reserved bytes and blames the sender for any that is set.</summary>
    public void Zero(int size)
    {
        ReadOnlySpan<byte> bytes = Take("zero", size, out int at);
        if (bytes.ContainsAnyExcept((byte)0))
        {
            _blame($"bytes {at}–{at + size - 1} must be zero and are {Convert.ToHexStringLower(bytes)}");
        }
    }

    /// <summary>Blames the sender when bytes are left.</summary>
    public readonly void End()
    {
        if (!Ended && !Rest.IsEmpty)
        {
            _blame($"{Rest.Length} bytes too many behind the last field");
        }
    }

    private ReadOnlySpan<byte> Take(string name, int size, out int at)
    {
        at = _origin + _offset;
        int left = _source.Length - _offset;
        if (left < size)
        {
            if (!Ended)
            {
                _blame($"the body ends inside '{name}': {size} bytes are needed at offset {at}, {left} are there");
            }

            Ended = true;
            _offset = _source.Length;
            return default;
        }

        _offset += size;
        return _source.Slice(_offset - size, size);
    }
}
