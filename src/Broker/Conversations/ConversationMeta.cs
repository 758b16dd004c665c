using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

using FastChat.Protocol;

namespace FastChat.Broker.Conversations;

/// <summary>
/// What a conversation is, as its shard stores it under <c>c</c>.
/// <code>
///  0      1       2           3            5               13             29
/// +------+-------+-----------+------------+---------------+--------------+------+-------+------------+
/// | kind | flags | name size | title size | created i64µs | creator (16) | name | title | [settings] |
/// +------+-------+-----------+------------+---------------+--------------+------+-------+------------+
///  settings, there with flag 1 only:
///  0           4         5           7             9
/// +-----------+---------+-----------+-------------+-------+--------+
/// | slow s u32| history | topic size| avatar size | topic | avatar |
/// +-----------+---------+-----------+-------------+-------+--------+
///  retention, at the end, there with flag 8 only:
///  0           4                12
/// +-----------+----------------+
/// | age s u32 | bytes i64      |
/// +-----------+----------------+
/// </code>
/// </summary>
internal sealed record ConversationMeta(ConversationKind Kind, UserId Creator, long CreatedMicros, string? Name, string? Title)
{
    private const int FixedSize = 29;
    private const int SettingsSize = 9;
    private const int RetentionSize = 12;

    [Flags]
    private enum MetaFlags : byte
    {
        None = 0,
        Settings = 1,
        Archived = 2,
        Restricted = 4,
        Retention = 8,
        Erased = 16,
        Done = 32,
        All = Settings | Archived | Restricted | Retention | Erased | Done,
    }

    /// <summary>What it is about; null = nobody said.</summary>
    public string? Topic { get; init; }

    /// <summary>What names its picture; null = nothing.</summary>
    public string? Avatar { get; init; }

    /// <summary>Seconds that a member waits between two messages; 0 = no wait.</summary>
    public uint SlowModeSeconds { get; init; }

    /// <summary>How much of the past new members may read.</summary>
    public HistoryVisibility History { get; init; }

    /// <summary>Seconds that messages are kept; 0 = as the broker does where nobody says.</summary>
    public uint RetentionSeconds { get; init; }

    /// <summary>Bytes of the newest records that are kept; 0 = all.</summary>
    public long RetentionBytes { get; init; }

    /// <summary>Nobody writes there any more.</summary>
    public bool IsArchived { get; init; }

    /// <summary>
    /// Of an open conversation: somebody is muted, banned or made a reader here, or was. While it is not set, a publish there needs no look at who publishes.
    /// </summary>
    public bool IsRestricted { get; init; }

    /// <summary>
    /// It was erased, at <see cref="CreatedMicros"/> and by <see cref="Creator"/>: for everybody it is not there, and nobody gets its id again. The name is kept until the work is done, to know what is to leave the files; it is free.
    /// </summary>
    public bool IsErased { get; init; }

    /// <summary>Nothing is left of it but this.</summary>
    public bool IsErasureDone { get; init; }

    /// <summary>What is left of it when it is erased.</summary>
    public ConversationMeta Erase(UserId by, long timeMicros) => new(Kind, by, timeMicros, Name, null) { IsErased = true };

    /// <summary>A conversation as it is stored; null when there is none, or not any more.</summary>
    public static ConversationMeta? ReadLiving(byte[]? stored) => stored is not null && Parse(stored) is { IsErased: false } meta ? meta : null;

    public byte[] ToBytes()
    {
        byte[] name = Encoding.UTF8.GetBytes(Name ?? string.Empty);
        byte[] title = Encoding.UTF8.GetBytes(Title ?? string.Empty);
        byte[] topic = Encoding.UTF8.GetBytes(Topic ?? string.Empty);
        byte[] avatar = Encoding.UTF8.GetBytes(Avatar ?? string.Empty);
        bool hasSettings = topic.Length + avatar.Length > 0 || SlowModeSeconds > 0 || History != HistoryVisibility.All;
        bool hasRetention = RetentionSeconds > 0 || RetentionBytes > 0;
        byte[] bytes = new byte[FixedSize + name.Length + title.Length + (hasSettings ? SettingsSize + topic.Length + avatar.Length : 0) + (hasRetention ? RetentionSize : 0)];
        bytes[0] = (byte)Kind;
        bytes[1] = (byte)((hasSettings ? MetaFlags.Settings : 0) | (IsArchived ? MetaFlags.Archived : 0) | (IsRestricted ? MetaFlags.Restricted : 0) | (hasRetention ? MetaFlags.Retention : 0) | (IsErased ? MetaFlags.Erased : 0) | (IsErasureDone ? MetaFlags.Done : 0));
        bytes[2] = (byte)name.Length;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(3), (ushort)title.Length);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(5), CreatedMicros);
        Creator.Write(bytes.AsSpan(13));
        name.CopyTo(bytes, FixedSize);
        title.CopyTo(bytes, FixedSize + name.Length);
        if (hasSettings)
        {
            Span<byte> settings = bytes.AsSpan(FixedSize + name.Length + title.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(settings, SlowModeSeconds);
            settings[4] = (byte)History;
            BinaryPrimitives.WriteUInt16LittleEndian(settings[5..], (ushort)topic.Length);
            BinaryPrimitives.WriteUInt16LittleEndian(settings[7..], (ushort)avatar.Length);
            topic.CopyTo(settings[SettingsSize..]);
            avatar.CopyTo(settings[(SettingsSize + topic.Length)..]);
        }

        if (hasRetention)
        {
            Span<byte> retention = bytes.AsSpan(bytes.Length - RetentionSize);
            BinaryPrimitives.WriteUInt32LittleEndian(retention, RetentionSeconds);
            BinaryPrimitives.WriteInt64LittleEndian(retention[4..], RetentionBytes);
        }

        return bytes;
    }

    /// <summary>False when the bytes say nothing about a conversation.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, [NotNullWhen(true)] out ConversationMeta? meta)
    {
        meta = IsWhole(source) ? Parse(source) : null;
        return meta is { Kind: ConversationKind.Public or ConversationKind.Group or ConversationKind.Direct or ConversationKind.Channel, History: <= HistoryVisibility.Joined };
    }

    public static ConversationMeta Parse(ReadOnlySpan<byte> source)
    {
        MetaFlags flags = (MetaFlags)source[1];
        int nameSize = source[2];
        int titleSize = BinaryPrimitives.ReadUInt16LittleEndian(source[3..]);
        ConversationMeta meta = new(
            (ConversationKind)source[0],
            UserId.Read(source[13..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[5..]),
            Text(source.Slice(FixedSize, nameSize)),
            Text(source.Slice(FixedSize + nameSize, titleSize)))
        {
            IsArchived = (flags & MetaFlags.Archived) != 0,
            IsRestricted = (flags & MetaFlags.Restricted) != 0,
            IsErased = (flags & MetaFlags.Erased) != 0,
            IsErasureDone = (flags & MetaFlags.Done) != 0,
        };
        if ((flags & MetaFlags.Retention) != 0)
        {
            ReadOnlySpan<byte> retention = source[^RetentionSize..];
            meta = meta with { RetentionSeconds = BinaryPrimitives.ReadUInt32LittleEndian(retention), RetentionBytes = BinaryPrimitives.ReadInt64LittleEndian(retention[4..]) };
        }

        if ((flags & MetaFlags.Settings) == 0)
        {
            return meta;
        }

        ReadOnlySpan<byte> settings = source[(FixedSize + nameSize + titleSize)..];
        int topicSize = BinaryPrimitives.ReadUInt16LittleEndian(settings[5..]);
        int avatarSize = BinaryPrimitives.ReadUInt16LittleEndian(settings[7..]);
        return meta with
        {
            SlowModeSeconds = BinaryPrimitives.ReadUInt32LittleEndian(settings),
            History = (HistoryVisibility)settings[4],
            Topic = Text(settings.Slice(SettingsSize, topicSize)),
            Avatar = Text(settings.Slice(SettingsSize + topicSize, avatarSize)),
        };
    }

    private static bool IsWhole(ReadOnlySpan<byte> source)
    {
        if (source.Length < FixedSize || (source[1] & ~(byte)MetaFlags.All) != 0)
        {
            return false;
        }

        if ((source[1] & (byte)MetaFlags.Retention) != 0)
        {
            if (source.Length < FixedSize + RetentionSize || BinaryPrimitives.ReadInt64LittleEndian(source[^sizeof(long)..]) < 0)
            {
                return false;
            }

            source = source[..^RetentionSize];
        }

        int size = FixedSize + source[2] + BinaryPrimitives.ReadUInt16LittleEndian(source[3..]);
        if ((source[1] & (byte)MetaFlags.Settings) == 0 || source.Length < size + SettingsSize)
        {
            return source.Length == size && (source[1] & (byte)MetaFlags.Settings) == 0;
        }

        ReadOnlySpan<byte> settings = source[size..];
        return settings.Length == SettingsSize + BinaryPrimitives.ReadUInt16LittleEndian(settings[5..]) + BinaryPrimitives.ReadUInt16LittleEndian(settings[7..]);
    }

    private static string? Text(ReadOnlySpan<byte> bytes) => bytes.IsEmpty ? null : Encoding.UTF8.GetString(bytes);
}
