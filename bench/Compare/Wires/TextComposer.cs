using System.Buffers.Text;

namespace FastChat.Bench.Compare.Wires;

/// <summary>Puts one request of a text protocol together in the send buffer itself: reserved once, filled piece by piece, added as a whole by <see cref="Send"/>.</summary>
/// <param name="output">Where the request goes.</param>
/// <param name="sizeMax">No fewer bytes than the request will have.</param>
internal ref struct TextComposer(SendBuffer output, int sizeMax)
{
    /// <summary>Most digits that a number has, sign included.</summary>
    public const int DigitsMax = 20;

    private readonly Span<byte> _span = output.GetSpan(sizeMax);
    private int _length;

    /// <summary>Digits of a number that is not negative, for protocols that want a length before it.</summary>
    public static int DigitsOf(int number)
    {
        int digits = 1;
        for (; number >= 10; number /= 10)
        {
            digits++;
        }

        return digits;
    }

    public void Append(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_span[_length..]);
        _length += bytes.Length;
    }

    public void Append(long number)
    {
        Utf8Formatter.TryFormat(number, _span[_length..], out int digits);
        _length += digits;
    }

    public readonly void Send() => output.Advance(_length);
}
