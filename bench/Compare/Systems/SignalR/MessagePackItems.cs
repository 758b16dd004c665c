using System.Buffers.Binary;

namespace FastChat.Bench.Compare.Systems.SignalR;

/// <summary>Reads a MessagePack message item by item, as far as SignalR's hub protocol uses the format. An item it does not know is an <see cref="InvalidDataException"/>: the connection is of no more use.</summary>
/// <param name="bytes">A whole message.</param>
internal ref struct MessagePackItems(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _left = bytes;

    /// <summary>Reads the head of an array; the items follow.</summary>
    public int ReadArray()
    {
        byte head = ReadByte();
        return head switch
        {
            >= 0x90 and <= 0x9F => head & 0x0F,
            0xDC => ReadLength(2),
            0xDD => ReadLength(4),
            _ => throw Unexpected(head),
        };
    }

    /// <summary>Reads a whole number that is not negative.</summary>
    public int ReadInteger()
    {
        byte head = ReadByte();
        return head switch
        {
            < 0x80 => head,
            0xCC => ReadLength(1),
            0xCD or 0xD1 => ReadLength(2),
            0xCE or 0xD2 => ReadLength(4),
            _ => throw Unexpected(head),
        };
    }

    /// <summary>Reads a string or binary; nil is empty.</summary>
    public ReadOnlySpan<byte> ReadBytes()
    {
        byte head = ReadByte();
        int length = head switch
        {
            >= 0xA0 and <= 0xBF => head & 0x1F,
            0xC0 => 0,
            0xC4 or 0xD9 => ReadLength(1),
            0xC5 or 0xDA => ReadLength(2),
            0xC6 or 0xDB => ReadLength(4),
            _ => throw Unexpected(head),
        };
        return Cut(length);
    }

    /// <summary>Passes over one item with all that is in it.</summary>
    public void Skip()
    {
        for (int items = 1; items > 0; items--)
        {
            byte head = _left.IsEmpty ? throw new InvalidDataException("a MessagePack message ends too early") : _left[0];
            switch (head)
            {
                case < 0x80 or >= 0xE0 or 0xC2 or 0xC3:
                    ReadByte();
                    break;
                case >= 0x80 and <= 0x8F:
                    ReadByte();
                    items += 2 * (head & 0x0F);
                    break;
                case >= 0x90 and <= 0x9F or 0xDC or 0xDD:
                    items += ReadArray();
                    break;
                case 0xCC or 0xCD or 0xCE or 0xD1 or 0xD2:
                    ReadInteger();
                    break;
                default:
                    ReadBytes();
                    break;
            }
        }
    }

    private byte ReadByte() => Cut(1)[0];

    private int ReadLength(int size)
    {
        ReadOnlySpan<byte> number = Cut(size);
        return size switch
        {
            1 => number[0],
            2 => BinaryPrimitives.ReadUInt16BigEndian(number),
            _ => BinaryPrimitives.ReadInt32BigEndian(number),
        };
    }

    private ReadOnlySpan<byte> Cut(int length)
    {
        if ((uint)length > (uint)_left.Length)
        {
            throw new InvalidDataException("a MessagePack item is longer than its message");
        }

        ReadOnlySpan<byte> cut = _left[..length];
        _left = _left[length..];
        return cut;
    }

    private static InvalidDataException Unexpected(byte head) => new($"a MessagePack item of a kind that was not expected: {head:x2}");
}
