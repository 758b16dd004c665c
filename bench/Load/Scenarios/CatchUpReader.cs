using System.Buffers.Binary;
using System.Globalization;

using FastChat.Bench.Load.Measure;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// Reads a conversation to its end and proves that it had all of it: as many messages as were written, and the same sum of their marks. The mark is the last eight digits of a message's
/// number as they stand in the payload: adding them up costs next to nothing beside what is measured, reading the number would not. Generator thread only.
/// </summary>
internal sealed class CatchUpReader : Member
{
    private const int MarkStart = Payloads.NumberSize - sizeof(long);

    private long _count;
    private long _sum;

    /// <summary>True when the system said that this was all.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>How many readers are at the end, when the first <paramref name="known"/> are known to be.</summary>
    public static int Ended(CatchUpReader[] readers, int known)
    {
        while (known < readers.Length && readers[known].HasEnded)
        {
            known++;
        }

        return known;
    }

    /// <summary>The mark of a message.</summary>
    public static long MarkOf(long number)
    {
        Span<byte> digits = stackalloc byte[Payloads.NumberSize];
        number.TryFormat(digits, out _, "x16", CultureInfo.InvariantCulture);
        return MarkOf(digits);
    }

    /// <summary>Begins to read.</summary>
    public void Begin(int conversation) => Link.Wire.ReadAll(conversation, Link.Output);

    public override void OnDelivered(ReadOnlySpan<byte> payload)
    {
        base.OnDelivered(payload);
        _count++;
        _sum += payload.Length >= Payloads.NumberSize ? MarkOf(payload) : 0;
    }

    public override void OnReadToEnd(int conversation) => HasEnded = true;

    /// <summary>Counts an error unless exactly what was written was read.</summary>
    public void Check(long messages, long checksum)
    {
        if (_count != messages || _sum != checksum)
        {
            Fleet.CountError($"a reader had {_count} of {messages} messages{(_count == messages ? ", not the ones that were written" : string.Empty)}");
        }
    }

    private static long MarkOf(ReadOnlySpan<byte> payload) => BinaryPrimitives.ReadInt64LittleEndian(payload[MarkStart..]);
}
