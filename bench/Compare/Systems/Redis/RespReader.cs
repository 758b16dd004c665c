using System.Buffers.Text;

namespace FastChat.Bench.Compare.Systems.Redis;

/// <summary>The types of RESP2 values that the wire meets, by their first byte.</summary>
internal enum RespKind : byte
{
    Text = (byte)'+',
    Error = (byte)'-',
    Number = (byte)':',
    Bulk = (byte)'$',
    Array = (byte)'*',
}

/// <summary>Reads RESP2 (the Redis protocol) from front to back, a value at a time; an array is its count followed by its elements. No allocation.</summary>
internal ref struct RespReader(ReadOnlySpan<byte> input)
{
    private readonly ReadOnlySpan<byte> _input = input;

    /// <summary>Bytes read so far.</summary>
    public int Position { get; private set; }

    /// <summary>Reads a value; false, and nothing read, when it is not complete. A bulk's bytes or a line's text are in <paramref name="bytes"/>, an array's count or a number in <paramref name="number"/>.</summary>
    public bool TryRead(out RespKind kind, out ReadOnlySpan<byte> bytes, out long number)
    {
        kind = default;
        bytes = default;
        number = 0;
        ReadOnlySpan<byte> rest = _input[Position..];
        int line = rest.IndexOf("\r\n"u8);
        if (line < 1)
        {
            return false;
        }

        kind = (RespKind)rest[0];
        bytes = rest[1..line];
        int used = line + 2;
        if (kind is RespKind.Number or RespKind.Bulk or RespKind.Array)
        {
            if (!Utf8Parser.TryParse(bytes, out number, out _))
            {
                throw new InvalidDataException("the server sent no RESP");
            }

            if (kind == RespKind.Bulk)
            {
                int size = (int)Math.Max(0, number);
                if (number >= 0 && rest.Length < used + size + 2)
                {
                    return false;
                }

                bytes = rest.Slice(used, size);
                used += number >= 0 ? size + 2 : 0;
            }
        }

        Position += used;
        return true;
    }
}
