using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// Keys of <see cref="Table.State"/> (docs/log-format.md §6). The first byte is the kind of entry and is never reused; the id of the
/// owning object follows, so one scan by prefix finds everything of a kind that an object has. What the values are is the broker's business.
/// <code>
///  00 01                                        commit number (the log's own; u64 LE)
///  00 02                                        number of shards (u16 LE)
///  'n' · scope · canonical name bytes           name → id
///  'a' · user (16)                              account
///  'v' · user (16) · device u64 BE              device
///  't' · SHA-256 of the token (32)              token
///  'c' · conversation (16)                      conversation
///  'm' · conversation (16) · user (16)          member of a conversation
///  'l' · user (16) · conversation (16)          entry in a user's list
///  'o' · shard u16 BE · counter u64 BE          outgoing effect
///  'e' · conversation (16) · sequence u64 BE    record that is to be erased (the log's own; no value)
/// </code>
/// Writers return the bytes written; targets must hold the matching size. Prefix writers end before the last field.
/// </summary>
public static class StateKeys
{
    /// <summary>Scope of a name: a user's name.</summary>
    public const byte UserNames = (byte)'u';

    /// <summary>Scope of a name: a person imported from another system.</summary>
    public const byte ExternalNames = (byte)'x';

    /// <summary>Scope of a name: a conversation's #name.</summary>
    public const byte ConversationNames = (byte)'c';

    /// <summary>Bytes of the largest key that this class writes, given names up to <see cref="ProtocolLimits.NameSizeMax"/>.</summary>
    public const int SizeMax = 2 + ProtocolLimits.NameSizeMax;

    /// <summary>Bytes of an account's key.</summary>
    public const int AccountSize = 1 + Id128.Size;

    /// <summary>Bytes of a device's key.</summary>
    public const int DeviceSize = 1 + Id128.Size + sizeof(ulong);

    /// <summary>Bytes of the prefix shared by a user's devices.</summary>
    public const int DevicesPrefixSize = 1 + Id128.Size;

    /// <summary>Bytes of a token's key.</summary>
    public const int TokenSize = 1 + TokenHashSize;

    /// <summary>Bytes of a conversation's key.</summary>
    public const int ConversationSize = 1 + Id128.Size;

    /// <summary>Bytes of a member's key.</summary>
    public const int MemberSize = 1 + (2 * Id128.Size);

    /// <summary>Bytes of the prefix shared by a conversation's members.</summary>
    public const int MembersPrefixSize = 1 + Id128.Size;

    /// <summary>Bytes of a list entry's key.</summary>
    public const int ListEntrySize = 1 + (2 * Id128.Size);

    /// <summary>Bytes of the prefix shared by a user's list entries.</summary>
    public const int ListPrefixSize = 1 + Id128.Size;

    /// <summary>Bytes of an outgoing effect's key.</summary>
    public const int EffectSize = 1 + sizeof(ushort) + sizeof(ulong);

    /// <summary>Bytes of the prefix shared by a shard's outgoing effects.</summary>
    public const int EffectsPrefixSize = 1 + sizeof(ushort);

    /// <summary>Bytes of an erasure's key.</summary>
    internal const int ErasureSize = 1 + Id128.Size + sizeof(ulong);

    private const int TokenHashSize = 32;

    /// <summary>The number of the last commit; written by the log with every commit, by nobody else.</summary>
    internal static ReadOnlySpan<byte> CommitNumber => [0, 1];

    /// <summary>The number of shards that the store was made for; u16 LE, written once.</summary>
    public static ReadOnlySpan<byte> ShardCount => [0, 2];

    /// <summary>Bytes of a name's key.</summary>
    public static int NameSize(int nameBytes) => 2 + nameBytes;

    /// <summary>Name → id. <paramref name="name"/> is the canonical form, at least one byte.</summary>
    public static int WriteName(Span<byte> target, byte scope, ReadOnlySpan<byte> name)
    {
        target[0] = (byte)'n';
        target[1] = scope;
        name.CopyTo(target[2..]);
        return NameSize(name.Length);
    }

    /// <summary>An account.</summary>
    public static int WriteAccount(Span<byte> target, UserId user) => WriteId(target, (byte)'a', user.Value);

    /// <summary>A device of a user.</summary>
    public static int WriteDevice(Span<byte> target, UserId user, DeviceId device)
    {
        int size = WriteDevicesPrefix(target, user);
        BinaryPrimitives.WriteUInt64BigEndian(target[size..], device.Value);
        return DeviceSize;
    }

    /// <summary>Prefix of all devices of a user.</summary>
    public static int WriteDevicesPrefix(Span<byte> target, UserId user) => WriteId(target, (byte)'v', user.Value);

    /// <summary>A token, by the SHA-256 of its text: the store never holds what signs in.</summary>
    public static int WriteToken(Span<byte> target, ReadOnlySpan<byte> tokenSha256)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(tokenSha256.Length, TokenHashSize);
        target[0] = (byte)'t';
        tokenSha256.CopyTo(target[1..]);
        return TokenSize;
    }

    /// <summary>A conversation.</summary>
    public static int WriteConversation(Span<byte> target, ConversationId conversation) => WriteId(target, (byte)'c', conversation.Value);

    /// <summary>A member of a conversation.</summary>
    public static int WriteMember(Span<byte> target, ConversationId conversation, UserId user)
    {
        int size = WriteMembersPrefix(target, conversation);
        user.Write(target[size..]);
        return MemberSize;
    }

    /// <summary>Prefix of all members of a conversation.</summary>
    public static int WriteMembersPrefix(Span<byte> target, ConversationId conversation) => WriteId(target, (byte)'m', conversation.Value);

    /// <summary>An entry in a user's list of conversations.</summary>
    public static int WriteListEntry(Span<byte> target, UserId user, ConversationId conversation)
    {
        int size = WriteListPrefix(target, user);
        conversation.Write(target[size..]);
        return ListEntrySize;
    }

    /// <summary>Prefix of all list entries of a user.</summary>
    public static int WriteListPrefix(Span<byte> target, UserId user) => WriteId(target, (byte)'l', user.Value);

    /// <summary>An effect that a shard owes to another; the counter orders them.</summary>
    public static int WriteEffect(Span<byte> target, ushort shard, ulong counter)
    {
        int size = WriteEffectsPrefix(target, shard);
        BinaryPrimitives.WriteUInt64BigEndian(target[size..], counter);
        return EffectSize;
    }

    /// <summary>Prefix of all effects that a shard still owes.</summary>
    public static int WriteEffectsPrefix(Span<byte> target, ushort shard)
    {
        target[0] = (byte)'o';
        BinaryPrimitives.WriteUInt16BigEndian(target[1..], shard);
        return EffectsPrefixSize;
    }

    /// <summary>The id that stands at the end of a member's or list entry's key.</summary>
    public static UInt128 SecondId(ReadOnlySpan<byte> key) => Id128.Read(key[(1 + Id128.Size)..]);

    /// <summary>The device in a device's key.</summary>
    public static DeviceId Device(ReadOnlySpan<byte> key) => new(BinaryPrimitives.ReadUInt64BigEndian(key[(1 + Id128.Size)..]));

    /// <summary>The counter in an outgoing effect's key.</summary>
    public static ulong EffectCounter(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt64BigEndian(key[EffectsPrefixSize..]);

    /// <summary>Prefix of all erasures that are noted and not done.</summary>
    internal static ReadOnlySpan<byte> ErasuresPrefix => "e"u8;

    /// <summary>A record that is to be erased.</summary>
    internal static int WriteErasure(Span<byte> target, ConversationId conversation, ulong sequence)
    {
        int size = WriteErasuresPrefix(target, conversation);
        BinaryPrimitives.WriteUInt64BigEndian(target[size..], sequence);
        return ErasureSize;
    }

    /// <summary>Prefix of a conversation's erasures.</summary>
    internal static int WriteErasuresPrefix(Span<byte> target, ConversationId conversation) => WriteId(target, (byte)'e', conversation.Value);

    /// <summary>What an erasure's key names; false when the key is no such key.</summary>
    internal static bool TryReadErasure(ReadOnlySpan<byte> key, out ConversationId conversation, out ulong sequence)
    {
        bool isErasure = key.Length == ErasureSize && key[0] == (byte)'e';
        conversation = isErasure ? ConversationId.Read(key[1..]) : default;
        sequence = isErasure ? BinaryPrimitives.ReadUInt64BigEndian(key[(1 + Id128.Size)..]) : 0;
        return isErasure;
    }

    private static int WriteId(Span<byte> target, byte kind, UInt128 id)
    {
        target[0] = kind;
        Id128.Write(target[1..], id);
        return 1 + Id128.Size;
    }
}
