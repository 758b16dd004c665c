using System.Buffers.Binary;

namespace FastChat.Protocol;

/// <summary>What a Presence frame is to its reader (protocol.md §4.9).</summary>
public enum PresenceShape : byte
{
    /// <summary>The entries take the place of those of the same users; the others stay.</summary>
    Changes = 0,

    /// <summary>Everything that was known before is void; the entries are the beginning of the new state.</summary>
    Restart = 1,

    /// <summary>The conversation is large: no entries, and those that were known before are void.</summary>
    Counts = 2,

    /// <summary>The watch is over: the watcher is no longer a member.</summary>
    Ended = 3,
}

/// <summary>
/// Presence, S→C, request 0, an optional frame: the latest state of members of a watched conversation. What happened in between is not told.
/// <code>
///  0              16      17     20           24            28
/// +--------------+-------+------+------------+-------------+---------------------------+
/// | conversation | shape | zero | online u32 | members u32 | entries, back to back     |
/// +--------------+-------+------+------------+-------------+---------------------------+
/// </code>
/// </summary>
public readonly ref struct Presence
{
    /// <summary>Bytes in front of the entries.</summary>
    public const int FixedSize = 28;

    private Presence(ConversationId conversation, PresenceShape shape, uint online, uint members, ReadOnlySpan<byte> entries)
    {
        Conversation = conversation;
        Shape = shape;
        Online = online;
        Members = members;
        Entries = entries;
    }

    /// <summary>The watched conversation.</summary>
    public ConversationId Conversation { get; }

    /// <summary>What it is to its reader.</summary>
    public PresenceShape Shape { get; }

    /// <summary>Members who are not offline.</summary>
    public uint Online { get; }

    /// <summary>All members.</summary>
    public uint Members { get; }

    /// <summary>Entries, to be read with <see cref="PresenceEntry.TryRead"/>.</summary>
    public ReadOnlySpan<byte> Entries { get; }

    /// <summary>Reads the body of a frame; false when it is too short, or its entries do not end where it ends.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out Presence presence)
    {
        presence = default;
        if (source.Length < FixedSize)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = source[FixedSize..];
        while (!rest.IsEmpty)
        {
            int size = PresenceEntry.SizeOf(rest);
            if (size == 0)
            {
                return false;
            }

            rest = rest[size..];
        }

        presence = new Presence(
            ConversationId.Read(source), (PresenceShape)source[16], BinaryPrimitives.ReadUInt32LittleEndian(source[20..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[24..]), source[FixedSize..]);
        return true;
    }

    /// <summary>Writes what stands in front of the entries.</summary>
    public static void WriteFixed(Span<byte> target, ConversationId conversation, PresenceShape shape, uint online, uint members)
    {
        conversation.Write(target);
        target[16] = (byte)shape;
        target[17..20].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(target[20..], online);
        BinaryPrimitives.WriteUInt32LittleEndian(target[24..], members);
    }
}
