using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

using FastChat.Protocol;

namespace FastChat.Broker.Presence;

/// <summary>
/// What is kept of a person's presence, under <c>s</c> (docs/log-format.md §6): format u8 = 1, chosen availability u8, status size u8, zero u8, last seen i64 µs, status until i64 µs, status.
/// </summary>
/// <param name="Chosen">What the person chose; never Offline.</param>
/// <param name="LastSeenMicros">When others last saw them, µs since 1970-01-01 UTC; 0 = never. Who is invisible is not seen.</param>
/// <param name="Status">Their line; empty = none.</param>
/// <param name="StatusUntilMicros">When the line goes; 0 = it stays.</param>
internal sealed record PresenceRecord(Availability Chosen, long LastSeenMicros, string Status, long StatusUntilMicros)
{
    private const byte Format = 1;
    private const int FixedSize = 20;

    /// <summary>Of who never chose anything and was never here.</summary>
    public static PresenceRecord None { get; } = new(Availability.Online, 0, string.Empty, 0);

    public byte[] ToBytes()
    {
        byte[] status = Encoding.UTF8.GetBytes(Status);
        byte[] bytes = new byte[FixedSize + status.Length];
        bytes[0] = Format;
        bytes[1] = (byte)Chosen;
        bytes[2] = (byte)status.Length;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(4), LastSeenMicros);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(12), StatusUntilMicros);
        status.CopyTo(bytes, FixedSize);
        return bytes;
    }

    /// <summary>False when the bytes are none of this format.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, [NotNullWhen(true)] out PresenceRecord? record)
    {
        record = null;
        bool isWhole = source.Length >= FixedSize && source[0] == Format && source.Length == FixedSize + source[2];
        if (!isWhole || source[1] is < (byte)Availability.Online or > (byte)Availability.Invisible || !System.Text.Unicode.Utf8.IsValid(source[FixedSize..]))
        {
            return false;
        }

        record = new PresenceRecord(
            (Availability)source[1], BinaryPrimitives.ReadInt64LittleEndian(source[4..]), Encoding.UTF8.GetString(source[FixedSize..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[12..]));
        return true;
    }
}
