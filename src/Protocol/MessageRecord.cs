using System.Buffers.Binary;

namespace FastChat.Protocol;

/// <summary>Flags of a record (protocol.md §5.1).</summary>
[Flags]
public enum RecordFlags : byte
{
    /// <summary>Nothing special.</summary>
    None = 0,

    /// <summary>Published on behalf of the sender: 16 bytes naming the publisher stand before the body.</summary>
    OnBehalf = 1,

    /// <summary>A tombstone: the body was erased and its SHA-256 stands in its place.</summary>
    Erased = 2,

    /// <summary>The body is encrypted: on a broker's disk only, never on the wire.</summary>
    Sealed = 4,
}

/// <summary>
/// A message as it is stored and as it travels: the same bytes in a log chunk, a Deliver and a Chunk frame (protocol.md §5.1).
/// A view over the bytes; it lives as long as the buffer it was read from.
/// <code>
///  0        4        8                 16                24
/// +--------+--------+-----------------+-----------------+
/// | size   | crc32c | sequence u64    | sent_at i64 µs  |
/// +--------+--------+-----------------+-----------------+
/// 24                                  40                                  56
/// +-----------------------------------+-----------------------------------+
/// | sender (16)                       | client message id (16)            |
/// +-----------------------------------+-----------------------------------+
/// 56                64     65      66       68
/// +-----------------+------+-------+--------+---------------------+----------+
/// | device u64      | kind | flags | zero   | [publisher (16)]    | body     |
/// +-----------------+------+-------+--------+---------------------+----------+
/// </code>
/// <c>size</c> counts the whole record; <c>crc32c</c> covers bytes 8 to size. Integers are little-endian, ids most significant byte first.
/// </summary>
public readonly ref struct MessageRecord
{
    /// <summary>Bytes before the optional publisher and the body.</summary>
    public const int FixedSize = 68;

    private readonly ReadOnlySpan<byte> _bytes;

    private MessageRecord(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>The whole record.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Place in the conversation, from 1.</summary>
    public ulong Sequence => BinaryPrimitives.ReadUInt64LittleEndian(_bytes[8..]);

    /// <summary>When the broker received it, in µs since 1970-01-01 UTC. Information only: order is the sequence.</summary>
    public long SentAtMicros => BinaryPrimitives.ReadInt64LittleEndian(_bytes[16..]);

    /// <summary>Whose message it is, stamped by the broker.</summary>
    public UserId Sender => UserId.Read(_bytes[24..]);

    /// <summary>The publisher's id of the message.</summary>
    public ClientMessageId ClientMessageId => ClientMessageId.Read(_bytes[40..]);

    /// <summary>The device that published it.</summary>
    public DeviceId Device => new(BinaryPrimitives.ReadUInt64LittleEndian(_bytes[56..]));

    /// <summary>What the body is.</summary>
    public MessageKind Kind => (MessageKind)_bytes[64];

    /// <summary>See <see cref="RecordFlags"/>.</summary>
    public RecordFlags Flags => (RecordFlags)_bytes[65];

    /// <summary>Who published it: the sender itself unless it was published on the sender's behalf.</summary>
    public UserId Publisher => (Flags & RecordFlags.OnBehalf) != 0 ? UserId.Read(_bytes[FixedSize..]) : Sender;

    /// <summary>The message's body (its SHA-256 when <see cref="RecordFlags.Erased"/>).</summary>
    public ReadOnlySpan<byte> Body => _bytes[BodyOffset(Flags)..];

    /// <summary>The checksum as stored.</summary>
    public uint StoredChecksum => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[4..]);

    /// <summary>True when the bytes are the ones that were written.</summary>
    public bool ChecksumMatches => Crc32C.Compute(_bytes[8..]) == StoredChecksum;

    /// <summary>Bytes a record with this body takes.</summary>
    public static int SizeOf(bool onBehalf, int bodySize) => FixedSize + (onBehalf ? Id128.Size : 0) + bodySize;

    /// <summary>
    /// Reads the record at the start of <paramref name="source"/> and moves past it. False when the bytes cannot be a record:
    /// too short, or a size that does not fit. The checksum is not looked at: see <see cref="ChecksumMatches"/>.
    /// </summary>
    public static bool TryRead(ref ReadOnlySpan<byte> source, out MessageRecord record)
    {
        record = default;
        if (source.Length < FixedSize)
        {
            return false;
        }

        uint size = BinaryPrimitives.ReadUInt32LittleEndian(source);
        if (size > (uint)source.Length || size < (uint)BodyOffset((RecordFlags)source[65]))
        {
            return false;
        }

        record = new MessageRecord(source[..(int)size]);
        source = source[(int)size..];
        return true;
    }

    /// <summary>The record that these bytes are.</summary>
    /// <exception cref="ArgumentException">They are none.</exception>
    public static MessageRecord Of(ReadOnlySpan<byte> bytes) => bytes.Length >= FixedSize && BinaryPrimitives.ReadUInt32LittleEndian(bytes) == (uint)bytes.Length && bytes.Length >= BodyOffset((RecordFlags)bytes[65])
        ? new MessageRecord(bytes)
        : throw new ArgumentException("these bytes are no record", nameof(bytes));

    /// <summary>Writes a record and returns its size. <paramref name="target"/> must hold <see cref="SizeOf"/> bytes.</summary>
    public static int Write(
        Span<byte> target, ulong sequence, long sentAtMicros, UserId sender, UserId publisher, DeviceId device,
        ClientMessageId clientMessageId, MessageKind kind, RecordFlags flags, ReadOnlySpan<byte> body)
    {
        flags = publisher == sender ? flags & ~RecordFlags.OnBehalf : flags | RecordFlags.OnBehalf;
        int bodyOffset = BodyOffset(flags);
        int size = bodyOffset + body.Length;
        target = target[..size];

        BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)size);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], sequence);
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], sentAtMicros);
        sender.Write(target[24..]);
        clientMessageId.Write(target[40..]);
        BinaryPrimitives.WriteUInt64LittleEndian(target[56..], device.Value);
        target[64] = (byte)kind;
        target[65] = (byte)flags;
        target[66] = 0;
        target[67] = 0;
        if (bodyOffset > FixedSize)
        {
            publisher.Write(target[FixedSize..]);
        }

        body.CopyTo(target[bodyOffset..]);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], Crc32C.Compute(target[8..]));
        return size;
    }

    private static int BodyOffset(RecordFlags flags) => FixedSize + ((flags & RecordFlags.OnBehalf) != 0 ? Id128.Size : 0);
}
