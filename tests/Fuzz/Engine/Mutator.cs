using System.Buffers.Binary;

namespace FastChat.Fuzz;

/// <summary>
/// Changes an input a little, in the ways in which formats of this project break: lengths that lie (24 and 32 bits, little-endian, and big-endian in keys), borders of blocks, bytes that mean something, pieces that
/// come twice, in the wrong place or not at all. Works in one buffer; allocates nothing.
/// </summary>
internal sealed class Mutator(int sizeMax, IReadOnlyList<byte[]> words)
{
    private const int ChangesMax = 8;

    private static readonly byte[] Bytes = [0x00, 0x01, 0x02, 0x7F, 0x80, 0x81, 0x90, 0xA0, 0xC0, 0xC1, 0xC4, 0xD9, 0xDC, 0xDF, 0xFE, 0xFF];

    private static readonly uint[] Numbers =
    [
        0, 1, 2, 3, 4, 7, 8, 15, 16, 23, 24, 31, 32, 36, 40, 63, 64, 65, 68, 127, 128, 255, 256, 500, 501, 512, 4095, 4096, 4097, 32767, 32768, 65535, 65536, 65537, 66560, 66561, 262144, 262145,
        0x7F_FFFF, 0x80_0000, 0xFF_FFFF, 0x100_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF,
    ];

    private readonly byte[] _buffer = new byte[sizeMax];
    private int _size;

    public ReadOnlySpan<byte> Input => _buffer.AsSpan(0, _size);

    public void Load(ReadOnlySpan<byte> parent)
    {
        _size = Math.Min(parent.Length, sizeMax);
        parent[.._size].CopyTo(_buffer);
    }

    /// <summary>Makes one to eight changes; few more often than many.</summary>
    public void Change(ReadOnlySpan<byte> other, ref FuzzRandom random)
    {
        int changes = 1;
        while (changes < ChangesMax && random.OneIn(2))
        {
            changes++;
        }

        for (int i = 0; i < changes; i++)
        {
            ChangeOnce(other, ref random);
        }
    }

    public void Shape(IFuzzTarget target, ref FuzzRandom random) => _size = target.Shape(_buffer, _size, ref random);

    private void ChangeOnce(ReadOnlySpan<byte> other, ref FuzzRandom random)
    {
        if (_size == 0)
        {
            Insert(0, 1 + random.Below(16), ref random);
            return;
        }

        int at = random.Below(_size);
        switch (random.Below(15))
        {
            case 0:
                _buffer[at] ^= (byte)(1 << random.Below(8));
                break;
            case 1:
                _buffer[at] = Bytes[random.Below(Bytes.Length)];
                break;
            case 2:
                _buffer[at] = (byte)random.Next();
                break;
            case 3:
                _buffer[at] += (byte)(random.Below(33) - 16);
                break;
            case 4:
                WriteNumber(at, Numbers[random.Below(Numbers.Length)], 1 + random.Below(4), random.OneIn(4));
                break;
            case 5:
                AddToNumber(at, random.Below(33) - 16, 1 + random.Below(4));
                break;
            case 6:
                // A size that fits what really follows is the one that comes through.
                WriteNumber(at, (uint)(_size - at - random.Below(9)), 1 + random.Below(4), random.OneIn(4));
                break;
            case 7:
                _size = random.OneIn(2) ? at : _size - Math.Min(_size, 1 + random.Below(8));
                break;
            case 8:
                Insert(at, 1 + random.Below(8), ref random);
                break;
            case 9:
                Remove(at, 1 + random.Below(Math.Min(32, _size - at)));
                break;
            case 10:
                Repeat(at, 1 + random.Below(Math.Min(64, _size - at)), 1 + random.Below(8));
                break;
            case 11:
                Overwrite(at, random.Below(_size), 1 + random.Below(Math.Min(32, _size - at)));
                break;
            case 12:
                Splice(at, other, ref random);
                break;
            default:
                PutWord(at, ref random);
                break;
        }
    }

    private void WriteNumber(int at, uint value, int bytes, bool isBigEndian)
    {
        Span<byte> number = stackalloc byte[sizeof(uint)];
        if (isBigEndian)
        {
            BinaryPrimitives.WriteUInt32BigEndian(number, value);
            number = number[(sizeof(uint) - bytes)..];
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(number, value);
            number = number[..bytes];
        }

        number = number[..Math.Min(number.Length, _size - at)];
        number.CopyTo(_buffer.AsSpan(at));
    }

    private void AddToNumber(int at, int difference, int bytes)
    {
        Span<byte> number = stackalloc byte[sizeof(uint)];
        number.Clear();
        bytes = Math.Min(bytes, _size - at);
        _buffer.AsSpan(at, bytes).CopyTo(number);
        WriteNumber(at, BinaryPrimitives.ReadUInt32LittleEndian(number) + (uint)difference, bytes, isBigEndian: false);
    }

    private void Insert(int at, int count, ref FuzzRandom random)
    {
        Span<byte> gap = Open(at, count);
        ulong filling = random.OneIn(2) ? 0 : random.Next();
        for (int i = 0; i < gap.Length; i++)
        {
            gap[i] = (byte)(filling >> (8 * (i & 7)));
        }
    }

    private void Remove(int at, int count)
    {
        _buffer.AsSpan(at + count, _size - at - count).CopyTo(_buffer.AsSpan(at));
        _size -= count;
    }

    private void Repeat(int at, int count, int times)
    {
        for (int i = 0; i < times; i++)
        {
            Span<byte> gap = Open(at + count, count);
            _buffer.AsSpan(at, gap.Length).CopyTo(gap);
        }
    }

    private void Overwrite(int at, int from, int count)
    {
        count = Math.Min(count, Math.Min(_size - at, _size - from));
        _buffer.AsSpan(from, count).CopyTo(_buffer.AsSpan(at));
    }

    private void Splice(int at, ReadOnlySpan<byte> other, ref FuzzRandom random)
    {
        if (other.IsEmpty)
        {
            return;
        }

        int from = random.OneIn(2) ? Math.Min(at, other.Length - 1) : random.Below(other.Length);
        ReadOnlySpan<byte> tail = other[from..];
        tail = tail[..Math.Min(tail.Length, sizeMax - at)];
        tail.CopyTo(_buffer.AsSpan(at));
        _size = at + tail.Length;
    }

    private void PutWord(int at, ref FuzzRandom random)
    {
        if (words.Count == 0)
        {
            _buffer[at] ^= (byte)random.Next();
            return;
        }

        ReadOnlySpan<byte> word = words[random.Below(words.Count)];
        if (random.OneIn(2))
        {
            Span<byte> gap = Open(at, word.Length);
            word[..gap.Length].CopyTo(gap);
        }
        else
        {
            word[..Math.Min(word.Length, _size - at)].CopyTo(_buffer.AsSpan(at));
        }
    }

    /// <summary>Makes room, as much of it as there is.</summary>
    private Span<byte> Open(int at, int count)
    {
        count = Math.Min(count, sizeMax - _size);
        _buffer.AsSpan(at, _size - at).CopyTo(_buffer.AsSpan(at + count));
        _size += count;
        return _buffer.AsSpan(at, count);
    }
}
