using System.Buffers.Binary;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>
/// A message that waits for its time, as it is stored under <c>T</c>.
/// <code>
///  0        1      2             4      8        16       24              56
/// +--------+------+-------------+------+--------+--------+---------------+------+
/// | format | kind | refused u16 | zero | device | at i64 | SHA-256 of it | body |
/// +--------+------+-------------+------+--------+--------+---------------+------+
/// </code>
/// Format 1; and 2 when bodies are encrypted: then the body is a sealed text (docs/log-format.md §4), with the entry's key, the kind and the device associated, and the hash is that of the sealed one.
/// </summary>
internal readonly ref struct ScheduledMessage
{
    private const byte Format = 1;
    private const byte SealedFormat = 2;
    private const int DeviceOffset = 8;
    private const int FixedSize = 24 + ChainHash.Size;

    /// <summary>What the body is.</summary>
    public MessageKind Kind { get; private init; }

    /// <summary>Why it was not published when its time had come; None while it waits.</summary>
    public ErrorCode Refused { get; private init; }

    /// <summary>The device that scheduled it: with its id, what makes it the same message.</summary>
    public DeviceId Device { get; private init; }

    /// <summary>When it is to be published, µs since 1970-01-01 UTC.</summary>
    public long AtMicros { get; private init; }

    /// <summary>SHA-256 of the body.</summary>
    public ReadOnlySpan<byte> BodyHash { get; private init; }

    /// <summary>What it says.</summary>
    public ReadOnlySpan<byte> Body { get; private init; }

    /// <summary>True when the body is encrypted.</summary>
    public bool IsSealed { get; private init; }

    /// <summary>What is attached to it, as far as it can be read.</summary>
    public IReadOnlyList<MessageAttachment> Attachments => IsSealed ? [] : MessageContent.AttributesOf(Kind, Body)?.Attachments ?? [];

    /// <summary>The stored bytes of a message that waits.</summary>
    public static byte[] ToBytes(MessageKind kind, DeviceId device, long atMicros, ReadOnlySpan<byte> body)
    {
        byte[] bytes = new byte[FixedSize + body.Length];
        bytes[0] = Format;
        bytes[1] = (byte)kind;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), device.Value);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), atMicros);
        Sha256.Hash(body, bytes.AsSpan(24));
        body.CopyTo(bytes.AsSpan(FixedSize));
        return bytes;
    }

    /// <summary>The bytes as the disk is to have them; null when their keys were destroyed.</summary>
    /// <param name="stored">A message as it was made; one that is sealed stays as it is.</param>
    /// <param name="sealer">Null while bodies are stored as they are.</param>
    public static byte[]? Sealed(byte[] stored, in ScheduledCommand named, RecordSealer? sealer)
    {
        if (sealer is null || stored[0] == SealedFormat)
        {
            return stored;
        }

        return sealer.SealText(named.User, named.Conversation, Associated(stored, named), stored.AsSpan(FixedSize)) is { } body ? WithBody(stored, SealedFormat, body) : null;
    }

    /// <summary>The bytes as they were made; null when they are sealed and there are no keys (any more).</summary>
    /// <exception cref="CorruptRecordException">The keys do not open them.</exception>
    public static byte[]? Opened(byte[] stored, in ScheduledCommand named, KeyVault? vault)
    {
        if (stored.Length < FixedSize || stored[0] != SealedFormat)
        {
            return stored;
        }

        return vault?.OpenText(named.User, named.Conversation, Associated(stored, named), stored.AsSpan(FixedSize)) is { } body ? WithBody(stored, Format, body) : null;
    }

    private static byte[] Associated(byte[] stored, in ScheduledCommand named) =>
        [.. ScheduleKeys.Message(named.User, named.Conversation, named.Id), stored[1], .. stored.AsSpan(DeviceOffset, sizeof(ulong))];

    private static byte[] WithBody(byte[] stored, byte format, byte[] body)
    {
        byte[] bytes = [.. stored.AsSpan(0, FixedSize), .. body];
        bytes[0] = format;
        Sha256.Hash(body, bytes.AsSpan(24));
        return bytes;
    }

    /// <summary>The same message with another time.</summary>
    public static byte[] WithTime(ReadOnlySpan<byte> stored, long atMicros)
    {
        byte[] bytes = stored.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), atMicros);
        return bytes;
    }

    /// <summary>The same message, refused.</summary>
    public static byte[] WithRefusal(ReadOnlySpan<byte> stored, ErrorCode refused)
    {
        byte[] bytes = stored.ToArray();
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2), (ushort)refused);
        return bytes;
    }

    /// <summary>Reads what is stored.</summary>
    /// <exception cref="CorruptRecordException">It is no scheduled message.</exception>
    public static ScheduledMessage Parse(ReadOnlySpan<byte> source) =>
        TryParse(source, out ScheduledMessage message) ? message : throw new CorruptRecordException("a scheduled message cannot be read");

    /// <summary>Reads what is stored; false when it is no scheduled message.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, out ScheduledMessage message)
    {
        bool isOne = source.Length >= FixedSize && (source[0] is Format or SealedFormat);
        message = !isOne ? default : new ScheduledMessage
        {
            IsSealed = source[0] == SealedFormat,
            Kind = (MessageKind)source[1],
            Refused = (ErrorCode)BinaryPrimitives.ReadUInt16LittleEndian(source[2..]),
            Device = new DeviceId(BinaryPrimitives.ReadUInt64LittleEndian(source[8..])),
            AtMicros = BinaryPrimitives.ReadInt64LittleEndian(source[16..]),
            BodyHash = source.Slice(24, ChainHash.Size),
            Body = source[FixedSize..],
        };
        return isOne;
    }
}

/// <summary>Keys of scheduled messages (docs/log-format.md §6). They belong to the shard of the conversation, and are ordered by their owner, who lists them.</summary>
internal static class ScheduleKeys
{
    /// <summary>Bytes of the key of a message.</summary>
    public const int MessageSize = 1 + (3 * Id128.Size);

    /// <summary>A message that waits.</summary>
    public static byte[] Message(UserId user, ConversationId conversation, ClientMessageId id) =>
        [.. AllOf(user, conversation), .. ControlMap.IdBytes(id.Value)];

    /// <summary>Prefix of what somebody has scheduled in a conversation, or, without one, anywhere.</summary>
    public static byte[] AllOf(UserId user, ConversationId conversation) =>
        conversation.IsNone ? [(byte)'T', .. ControlMap.IdBytes(user.Value)] : [(byte)'T', .. ControlMap.IdBytes(user.Value), .. ControlMap.IdBytes(conversation.Value)];

    /// <summary>The same message by its time.</summary>
    public static byte[] Due(long atMicros, in ScheduledCommand message)
    {
        byte[] key = new byte[1 + sizeof(long) + MessageSize - 1];
        key[0] = (byte)'S';
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(1), atMicros);
        message.User.Write(key.AsSpan(9));
        message.Conversation.Write(key.AsSpan(25));
        message.Id.Write(key.AsSpan(41));
        return key;
    }

    /// <summary>How many messages of somebody's wait in a conversation; u16 LE.</summary>
    public static byte[] Count(ConversationId conversation, UserId user) => [(byte)'N', .. ControlMap.IdBytes(conversation.Value), .. ControlMap.IdBytes(user.Value)];

    /// <summary>Which message a key of <see cref="Message"/> or <see cref="Due"/> names.</summary>
    public static ScheduledCommand MessageOf(ReadOnlySpan<byte> key)
    {
        ReadOnlySpan<byte> ids = key[^(3 * Id128.Size)..];
        return new(UserId.Read(ids), ConversationId.Read(ids[Id128.Size..]), ClientMessageId.Read(ids[(2 * Id128.Size)..]));
    }
}
