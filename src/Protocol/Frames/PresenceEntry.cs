using System.Buffers.Binary;
using System.Text;

namespace FastChat.Protocol;

/// <summary>
/// A person in a Presence frame, and in the reply of WatchPresence, where it is a map (protocol.md §4.9).
/// <code>
///  0         16             17            18     20                28
/// +---------+--------------+-------------+------+-----------------+-----------------+
/// | user    | availability | status size | zero | last seen i64 µs| status, UTF-8   |
/// +---------+--------------+-------------+------+-----------------+-----------------+
/// </code>
/// </summary>
/// <param name="User">Who.</param>
/// <param name="Availability">How they are there.</param>
/// <param name="LastSeenMicros">When an offline person was last there, µs since 1970-01-01 UTC, in whole minutes; 0 = unknown, or there now.</param>
/// <param name="Status">The line that they chose, at most 128 bytes; empty = none. Only of people who are there.</param>
public sealed record PresenceEntry(UserId User, Availability Availability, long LastSeenMicros, string Status)
{
    /// <summary>Bytes in front of the status.</summary>
    public const int FixedSize = 28;

    /// <summary>Bytes of this entry in a frame.</summary>
    public int Size => FixedSize + Encoding.UTF8.GetByteCount(Status);

    /// <summary>Reads an entry and moves <paramref name="source"/> behind it; false when none stands there. Ill-formed text is replaced: it is for people's eyes.</summary>
    public static bool TryRead(ref ReadOnlySpan<byte> source, out PresenceEntry? entry)
    {
        entry = null;
        int size = SizeOf(source);
        if (size == 0)
        {
            return false;
        }

        entry = new PresenceEntry(
            UserId.Read(source), (Availability)source[16], BinaryPrimitives.ReadInt64LittleEndian(source[20..]), Encoding.UTF8.GetString(source[FixedSize..size]));
        source = source[size..];
        return true;
    }

    /// <summary>Bytes of the entry that <paramref name="source"/> begins with; 0 when none stands there.</summary>
    public static int SizeOf(ReadOnlySpan<byte> source) => source.Length < FixedSize || source.Length < FixedSize + source[17] ? 0 : FixedSize + source[17];

    /// <summary>Writes the entry and returns its size.</summary>
    public int Write(Span<byte> target)
    {
        int statusSize = Encoding.UTF8.GetBytes(Status, target[FixedSize..]);
        User.Write(target);
        target[16] = (byte)Availability;
        target[17] = (byte)statusSize;
        target[18..20].Clear();
        BinaryPrimitives.WriteInt64LittleEndian(target[20..], LastSeenMicros);
        return FixedSize + statusSize;
    }

    /// <summary>Reads the fields of a map.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static PresenceEntry Parse(ControlMap map) => new(
        new UserId(map.Id("user")),
        Availabilities.Parse(map.Text("availability", ProtocolLimits.NameSizeMax)),
        (long)map.Number("last_seen", 0, long.MaxValue),
        map.Text("status", ProtocolLimits.StatusSizeMax) ?? string.Empty);

    /// <summary>The entry as a map; what is empty is left out.</summary>
    public ControlMap ToMap() => new ControlMap()
        .SetId("user", User.Value)
        .Set("availability", Availabilities.NameOf(Availability))
        .Set("last_seen", LastSeenMicros != 0 ? LastSeenMicros : null)
        .Set("status", Status.Length > 0 ? Status : null);
}
