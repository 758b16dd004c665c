using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace FastChat.Protocol;

/// <summary>
/// What a rich message says beside its content (protocol.md §5.2). On the wire one after another: type u8, zero u8, size of the value u16, value. Types from 128 are clients' own: the broker keeps them and
/// knows nothing of them. A lower type that a reader does not know is skipped by clients and refused by the broker.
/// </summary>
public sealed record MessageAttributes
{
    private const byte ReplyType = 1;
    private const byte ThreadType = 2;
    private const byte MentionType = 3;
    private const byte MentionAllType = 4;
    private const byte ForwardType = 5;
    private const byte ExpiryType = 6;
    private const byte AttachmentType = 7;

    /// <summary>The first type that clients give a meaning of their own.</summary>
    public const byte FirstOwnType = 128;

    /// <summary>Sequence of the message that it answers; 0 = none.</summary>
    public ulong ReplyTo { get; init; }

    /// <summary>Sequence of the message whose thread it belongs to; 0 = none.</summary>
    public ulong Thread { get; init; }

    /// <summary>Who is mentioned, at most 50, each once.</summary>
    public IReadOnlyList<UserId> Mentions { get; init; } = [];

    /// <summary>Everyone is mentioned; needs a right.</summary>
    public bool MentionsAll { get; init; }

    /// <summary>Where it was forwarded from, stamped by the broker; null = it was not.</summary>
    public ForwardedFrom? Forwarded { get; init; }

    /// <summary>When it is deleted by itself, µs since 1970-01-01 UTC; 0 = never.</summary>
    public long ExpiresMicros { get; init; }

    /// <summary>What is attached to it, at most 10, each content once.</summary>
    public IReadOnlyList<MessageAttachment> Attachments { get; init; } = [];

    /// <summary>Attributes of clients' own, by type (128–255); at most one of each.</summary>
    public IReadOnlyDictionary<byte, byte[]> Own { get; init; } = new SortedDictionary<byte, byte[]>();

    /// <summary>Reads attributes. False when they are ill-formed, and then <paramref name="reason"/> says how.</summary>
    /// <param name="skipsUnknown">What clients do with types that they do not know; a broker refuses them.</param>
    public static bool TryRead(ReadOnlySpan<byte> source, bool skipsUnknown, [NotNullWhen(true)] out MessageAttributes? attributes, out string reason)
    {
        MessageAttributes read = new();
        List<UserId> mentions = [];
        List<MessageAttachment> attachments = [];
        SortedDictionary<byte, byte[]> own = [];
        int seen = 0;
        attributes = null;
        while (source.Length > 0)
        {
            int size = source.Length < 4 ? int.MaxValue : BinaryPrimitives.ReadUInt16LittleEndian(source[2..]);
            if (size > source.Length - 4 || source[1] != 0)
            {
                reason = "attributes: cut off";
                return false;
            }

            byte type = source[0];
            ReadOnlySpan<byte> value = source.Slice(4, size);
            source = source[(4 + size)..];
            bool isRepeated = type < 32 && type is not (MentionType or AttachmentType) && (seen & (1 << type)) != 0;
            seen |= type < 32 ? 1 << type : 0;
            bool isRead = !isRepeated && TryRead(type, value, mentions, attachments, own, skipsUnknown, ref read);
            if (!isRead)
            {
                reason = $"attributes: type {type} is unknown, of another size, or there twice";
                return false;
            }
        }

        attributes = read with { Mentions = mentions, Attachments = attachments, Own = own };
        reason = string.Empty;
        return true;
    }

    /// <summary>True when well-formed attributes name an attachment: the question that every rich message is asked, without reading the rest.</summary>
    public static bool HaveAttachments(ReadOnlySpan<byte> source)
    {
        while (source.Length >= 4 && source[0] != AttachmentType)
        {
            source = source[Math.Min(source.Length, 4 + BinaryPrimitives.ReadUInt16LittleEndian(source[2..]))..];
        }

        return source.Length >= 4;
    }

    /// <summary>The bytes of the attributes.</summary>
    public byte[] ToBytes()
    {
        ArrayBufferWriter<byte> bytes = new();
        Write(bytes, ReplyType, ReplyTo);
        Write(bytes, ThreadType, Thread);
        foreach (UserId user in Mentions)
        {
            user.Write(Begin(bytes, MentionType, Id128.Size));
        }

        if (MentionsAll)
        {
            Begin(bytes, MentionAllType, 0);
        }

        if (Forwarded is { } forwarded)
        {
            forwarded.Write(Begin(bytes, ForwardType, ForwardedFrom.Size));
        }

        Write(bytes, ExpiryType, (ulong)ExpiresMicros);
        foreach (MessageAttachment attachment in Attachments)
        {
            attachment.Write(Begin(bytes, AttachmentType, attachment.SizeOnWire));
        }

        foreach ((byte type, byte[] value) in Own)
        {
            value.CopyTo(Begin(bytes, type, value.Length));
        }

        return bytes.WrittenSpan.ToArray();
    }

    private static bool TryRead(byte type, ReadOnlySpan<byte> value, List<UserId> mentions, List<MessageAttachment> attachments, SortedDictionary<byte, byte[]> own, bool skipsUnknown, ref MessageAttributes read)
    {
        switch (type)
        {
            case ReplyType when value.Length == sizeof(ulong):
                read = read with { ReplyTo = BinaryPrimitives.ReadUInt64LittleEndian(value) };
                return read.ReplyTo != 0;
            case ThreadType when value.Length == sizeof(ulong):
                read = read with { Thread = BinaryPrimitives.ReadUInt64LittleEndian(value) };
                return read.Thread != 0;
            case MentionType when value.Length == Id128.Size:
                UserId user = UserId.Read(value);
                bool isNew = !user.IsNone && !mentions.Contains(user) && mentions.Count < ProtocolLimits.MentionsMax;
                mentions.Add(user);
                return isNew;
            case MentionAllType when value.IsEmpty:
                read = read with { MentionsAll = true };
                return true;
            case ForwardType when value.Length == ForwardedFrom.Size:
                read = read with { Forwarded = ForwardedFrom.Read(value) };
                return true;
            case ExpiryType when value.Length == sizeof(long):
                read = read with { ExpiresMicros = BinaryPrimitives.ReadInt64LittleEndian(value) };
                return read.ExpiresMicros > 0;
            case AttachmentType when MessageAttachment.TryRead(value, out MessageAttachment? attachment):
                bool isOther = attachments.Count < AttachmentLimits.CountMax && attachments.TrueForAll(one => one.Id != attachment.Id);
                attachments.Add(attachment);
                return isOther;
            case >= FirstOwnType:
                return own.TryAdd(type, value.ToArray());
            default:
                return skipsUnknown && type > AttachmentType;
        }
    }

    private static void Write(ArrayBufferWriter<byte> bytes, byte type, ulong value)
    {
        if (value != 0)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(Begin(bytes, type, sizeof(ulong)), value);
        }
    }

    private static Span<byte> Begin(ArrayBufferWriter<byte> bytes, byte type, int size)
    {
        Span<byte> target = bytes.GetSpan(4 + size)[..(4 + size)];
        target.Clear();
        target[0] = type;
        BinaryPrimitives.WriteUInt16LittleEndian(target[2..], (ushort)size);
        bytes.Advance(4 + size);
        return target[4..];
    }
}

/// <summary>Where a message was forwarded from. The broker writes it after it has read the original on behalf of whoever forwards: nobody can claim what was not said.</summary>
/// <param name="Conversation">The original's conversation.</param>
/// <param name="Sequence">Its sequence there.</param>
/// <param name="Sender">Who wrote it.</param>
/// <param name="SentAtMicros">When the broker had received it, µs since 1970-01-01 UTC.</param>
public readonly record struct ForwardedFrom(ConversationId Conversation, ulong Sequence, UserId Sender, long SentAtMicros)
{
    /// <summary>Bytes on the wire.</summary>
    public const int Size = 48;

    internal static ForwardedFrom Read(ReadOnlySpan<byte> source) => new(
        ConversationId.Read(source), BinaryPrimitives.ReadUInt64LittleEndian(source[16..]), UserId.Read(source[24..]), BinaryPrimitives.ReadInt64LittleEndian(source[40..]));

    internal void Write(Span<byte> target)
    {
        Conversation.Write(target);
        BinaryPrimitives.WriteUInt64LittleEndian(target[16..], Sequence);
        Sender.Write(target[24..]);
        BinaryPrimitives.WriteInt64LittleEndian(target[40..], SentAtMicros);
    }
}
