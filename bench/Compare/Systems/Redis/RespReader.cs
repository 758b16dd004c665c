using System.Buffers.Text;

namespace FastChat.Bench.Compare.Systems.Redis;

/// <summary>Reads RESP values off a span. Every method returns false, with the position anywhere, when the span ends before the value does: the caller begins again with more bytes.</summary>
internal ref struct RespReader(ReadOnlySpan<byte> input, int position)
{
    private readonly ReadOnlySpan<byte> _input = input;

    /// <summary>Where the next value begins.</summary>
    public int Position { get; private set; } = position;

    /// <summary>Reads type and line, for example <c>:17</c>; the line end is taken, not returned.</summary>
    public bool TryLine(out byte type, out ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> rest = _input[Position..];
        int end = rest.IndexOf("\r\n"u8);
        if (end < 1)
        {
            type = 0;
            line = default;
            return false;
        }

        type = rest[0];
        line = rest[1..end];
        Position += end + 2;
        return true;
    }

    /// <summary>Reads a string of known length, for example <c>$3 abc</c>. A simple string will do, too.</summary>
    public bool TryString(out ReadOnlySpan<byte> text)
    {
        if (!TryLine(out byte type, out text) || type != (byte)'$')
        {
            return type != 0;
        }

        int length = (int)Number(text);
        if (length < 0)
        {
            text = default;
            return true;
        }

        if (_input.Length - Position < length + 2)
        {
            return false;
        }

        text = _input.Slice(Position, length);
        Position += length + 2;
        return true;
    }

    /// <summary>Passes over a value of any type.</summary>
    public bool TrySkip()
    {
        int start = Position;
        if (!TryLine(out byte type, out ReadOnlySpan<byte> line))
        {
            return false;
        }

        switch (type)
        {
            case (byte)'$' or (byte)'=' or (byte)'!':
                Position = start;
                return TryString(out _);
            case (byte)'*' or (byte)'>' or (byte)'~' or (byte)'%':
                for (long left = Number(line) * (type == (byte)'%' ? 2 : 1); left > 0; left--)
                {
                    if (!TrySkip())
                    {
                        return false;
                    }
                }

                return true;
            default:
                return true;
        }
    }

    /// <summary>The number that a line holds; 0 when it holds none.</summary>
    public static long Number(ReadOnlySpan<byte> line) => Utf8Parser.TryParse(line, out long number, out _) ? number : 0;
}
