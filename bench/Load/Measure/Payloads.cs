using System.Diagnostics;
using System.Globalization;

namespace FastChat.Bench.Load.Measure;

/// <summary>
/// The payload of every publish, made once: printable ASCII (so that text protocols carry it as it is) whose first 16 bytes are replaced by the message's number in hexadecimal, and
/// the time at which each number was to be sent. Who receives a message finds its age by its number. Generator thread only.
/// </summary>
internal sealed class Payloads
{
    /// <summary>Bytes that the number takes.</summary>
    public const int NumberSize = 16;

    /// <summary>Numbers whose times are remembered: more than any run has under way.</summary>
    private const int Remembered = 1 << 22;

    private readonly byte[] _bytes;
    private readonly long[] _times = new long[Remembered];

    /// <param name="size">Bytes of a payload, at least <see cref="NumberSize"/>.</param>
    public Payloads(int size)
    {
        _bytes = new byte[size];
        for (int i = 0; i < size; i++)
        {
            _bytes[i] = (byte)('a' + (i % 26));
        }
    }

    /// <summary>Messages numbered so far.</summary>
    public long Next { get; private set; }

    /// <summary>Numbers a message that was to be sent at a time (<see cref="Stopwatch"/> ticks). The span is valid until the next call.</summary>
    public ReadOnlySpan<byte> Make(long planned, out long number)
    {
        number = Next++;
        _times[number & (Remembered - 1)] = planned;
        number.TryFormat(_bytes, out _, "x16", CultureInfo.InvariantCulture);
        return _bytes;
    }

    /// <summary>When the message was to be sent.</summary>
    public long PlannedAt(long number) => _times[number & (Remembered - 1)];

    /// <summary>The number that a received payload carries, or −1 when it is not one of ours.</summary>
    public static long NumberOf(ReadOnlySpan<byte> payload) =>
        payload.Length >= NumberSize && long.TryParse(payload[..NumberSize], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long number) ? number : -1;
}
