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
///  'R' · SHA-256 of its constant half (32)      family of refresh tokens
///  'J' · SHA-256 of issuer and subject (32)     who somebody of another system, or a certificate's owner, is here
///  'F' · user (16)                              the same, on the user's side
///  'G' · user (16) · SHA-256 thumbprint (32)    public key of a service account
///  'G' · user (16) · SHA-256 of its id (32) · 0 an assertion of a service account that was used
///  'c' · conversation (16)                      conversation
///  'm' · conversation (16) · user (16)          member of a conversation
///  'l' · user (16) · conversation (16)          entry in a user's list
///  'j' · conversation (16) · SHA-256 of the secret (32)   join link
///  'w' · conversation (16) · user (16)          when they wrote last, in slow mode
///  'x' · conversation (16) · sequence u64 BE    what later records made of a message
///  'r' · conversation (16) · sequence u64 BE · user (16) · reaction   a reaction of somebody's
///  'i' · conversation (16) · root u64 BE · sequence u64 BE            a message in a thread
///  'p' · conversation (16) · sequence u64 BE    a pinned message
///  'z' · conversation (16) · sequence u64 BE    a record that mentions everyone
///  'q' · conversation (16) · user (16) · sequence u64 BE              a record that mentions somebody
///  'y' · time i64 BE · conversation (16) · sequence u64 BE            a message that ends by itself
///  'd' · conversation (16) · user (16) [· thread u64 BE]              a member's cursors
///  'u' · user (16) · conversation (16) [· thread u64 BE]              the same, on the user's side
///  'K' · conversation (16)                      the sum of its cursors, as far as others may see them
///  's' · user (16)                              presence
///  'S' · time i64 BE · user (16) · conversation (16) · message id (16)   a scheduled message that waits
///  'T' · user (16) · conversation (16) · message id (16)              a scheduled message
///  'N' · conversation (16) · user (16)          how many messages of theirs are scheduled there
///  'h' · user (16) · conversation (16) · sequence u64 BE              a message that is hidden from the user
///  'H' · user (16)                              how many are, and how often that changed
///  'E' · user (16)                              a person who was erased, or is being erased
///  'o' · shard u16 BE · counter u64 BE          outgoing effect
///  'f' · user (16)                              profile
///  'k' · user (16) · other (16)                 the user has blocked the other
///  'b' · conversation (16) · blocker (16)       the same, on the side of their direct conversation
///  'g' · user (16) · conversation (16)          what a service account may do, and where; conversation 0 = the account itself
///  'A' · user (16) [· SHA-256 (32)]             what a user pays for of attachments, in sum and one by one
///  'B' · SHA-256 (32)                           attachment
///  'B' · SHA-256 (32) · 'u' · user (16)         somebody's upload of it
///  'B' · SHA-256 (32) · 'r' · conversation (16) · sequence u64 BE     a message that has it
///  'C' · SHA-256 (32) · upload u64 BE · chunk u32 BE                  a piece of its content
///  'D' · time i64 BE · SHA-256 (32) · user (16) when an upload ends
///  'e' · conversation (16) · sequence u64 BE    record that is to be erased (the log's own; no value)
///  'L'                                          the secret that the salts of names follow from
///  'X' · conversation (16)                      where its log begins
///  'P' · conversation (16) · sequence u64 BE    records below it are to leave the files (the log's own; no value)
///  'Q' · conversation (16) · sequence u64 BE    dedupe entries of records below it are to go (the log's own; no value)
///  'U' · user (16)                              the user's secret was destroyed
///  'V' · conversation (16)                      the conversation's secret was destroyed
///  'W'                                          the vault that bodies are sealed by (the log's own)
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

    /// <summary>Scope of names of accounts that were erased: the SHA-256 stands in the name's place.</summary>
    public const byte ErasedNames = (byte)'e';

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

    /// <summary>Bytes of a profile's key.</summary>
    public const int ProfileSize = 1 + Id128.Size;

    /// <summary>Bytes of a block's key, on either side.</summary>
    public const int BlockSize = 1 + (2 * Id128.Size);

    /// <summary>Bytes of the prefix shared by a user's blocks.</summary>
    public const int BlocksPrefixSize = 1 + Id128.Size;

    /// <summary>Bytes of a service's key.</summary>
    public const int ServiceSize = 1 + (2 * Id128.Size);

    /// <summary>Bytes of an identity's key.</summary>
    public const int IdentitySize = 1 + TokenHashSize;

    /// <summary>Bytes of a service's public key's key.</summary>
    public const int ServiceKeySize = 1 + Id128.Size + TokenHashSize;

    /// <summary>Bytes of a used assertion's key.</summary>
    public const int UsedAssertionSize = ServiceKeySize + 1;

    /// <summary>Bytes of a presence record's key.</summary>
    public const int PresenceSize = 1 + Id128.Size;

    /// <summary>Bytes of an erasure's key.</summary>
    internal const int ErasureSize = 1 + Id128.Size + sizeof(ulong);

    private const int TokenHashSize = 32;

    /// <summary>The number of the last commit; written by the log with every commit, by nobody else.</summary>
    internal static ReadOnlySpan<byte> CommitNumber => [0, 1];

    /// <summary>The number of shards that the store was made for; u16 LE, written once.</summary>
    public static ReadOnlySpan<byte> ShardCount => [0, 2];

    /// <summary>The key of the secret that the salts of names follow from.</summary>
    public static ReadOnlySpan<byte> SaltSecret => "L"u8;

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

    /// <summary>A family of refresh tokens, by the SHA-256 of the half that all of them have.</summary>
    public static int WriteFamily(Span<byte> target, ReadOnlySpan<byte> familySha256)
    {
        int size = WriteToken(target, familySha256);
        target[0] = (byte)'R';
        return size;
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

    /// <summary>A join link of a conversation; with an empty hash the prefix of all of them.</summary>
    public static int WriteJoinLink(Span<byte> target, ConversationId conversation, ReadOnlySpan<byte> secretSha256)
    {
        int size = WriteId(target, (byte)'j', conversation.Value);
        secretSha256.CopyTo(target[size..]);
        return size + secretSha256.Length;
    }

    /// <summary>When somebody wrote last in a conversation with slow mode.</summary>
    public static int WriteLastWritten(Span<byte> target, ConversationId conversation, UserId user)
    {
        int size = WriteId(target, (byte)'w', conversation.Value);
        user.Write(target[size..]);
        return MemberSize;
    }

    /// <summary>Bytes of a cursor's key.</summary>
    public static int CursorSize(ulong thread) => thread == 0 ? MemberSize : MemberSize + sizeof(ulong);

    /// <summary>A cursor; 0 = of the conversation itself.</summary>
    public static int WriteCursor(Span<byte> target, byte kind, UInt128 owner, UInt128 second, ulong thread)
    {
        int size = WriteId(target, kind, owner);
        Id128.Write(target[size..], second);
        if (thread != 0)
        {
            BinaryPrimitives.WriteUInt64BigEndian(target[MemberSize..], thread);
        }

        return CursorSize(thread);
    }

    /// <summary>Something about one record of a conversation; also the prefix of what there may be several of.</summary>
    public static int WriteOfRecord(Span<byte> target, byte kind, UInt128 conversation, ulong sequence)
    {
        int size = WriteId(target, kind, conversation);
        BinaryPrimitives.WriteUInt64BigEndian(target[size..], sequence);
        return size + sizeof(ulong);
    }

    /// <summary>What a user chose of their presence, and when they were last seen.</summary>
    public static int WritePresence(Span<byte> target, UserId user) => WriteId(target, (byte)'s', user.Value);

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

    /// <summary>A profile.</summary>
    public static int WriteProfile(Span<byte> target, UserId user) => WriteId(target, (byte)'f', user.Value);

    /// <summary>A block, on the side of who blocked.</summary>
    public static int WriteBlock(Span<byte> target, UserId user, UserId other)
    {
        int size = WriteBlocksPrefix(target, user);
        other.Write(target[size..]);
        return BlockSize;
    }

    /// <summary>Prefix of all blocks of a user.</summary>
    public static int WriteBlocksPrefix(Span<byte> target, UserId user) => WriteId(target, (byte)'k', user.Value);

    /// <summary>A block, on the side of the direct conversation of the two.</summary>
    public static int WriteDirectBlock(Span<byte> target, ConversationId conversation, UserId blocker)
    {
        int size = WriteId(target, (byte)'b', conversation.Value);
        blocker.Write(target[size..]);
        return BlockSize;
    }

    /// <summary>A service account, or with a conversation one that it may act in.</summary>
    public static int WriteService(Span<byte> target, UserId user, ConversationId conversation)
    {
        int size = WriteId(target, (byte)'g', user.Value);
        conversation.Write(target[size..]);
        return ServiceSize;
    }

    /// <summary>Somebody of another system, by the SHA-256 of the issuer and the subject.</summary>
    public static int WriteIdentity(Span<byte> target, ReadOnlySpan<byte> sha256)
    {
        int size = WriteToken(target, sha256);
        target[0] = (byte)'J';
        return size;
    }

    /// <summary>Who a user is elsewhere.</summary>
    public static int WriteIdentityOf(Span<byte> target, UserId user) => WriteId(target, (byte)'F', user.Value);

    /// <summary>A public key of a service account, by its thumbprint; without one the prefix of all that is signed with.</summary>
    public static int WriteServiceKey(Span<byte> target, UserId user, ReadOnlySpan<byte> thumbprint)
    {
        int size = WriteId(target, (byte)'G', user.Value);
        thumbprint.CopyTo(target[size..]);
        return size + thumbprint.Length;
    }

    /// <summary>An assertion of a service account that was used, by the SHA-256 of its id.</summary>
    public static int WriteUsedAssertion(Span<byte> target, UserId user, ReadOnlySpan<byte> idSha256)
    {
        int size = WriteServiceKey(target, user, idSha256);
        target[size] = 0;
        return size + 1;
    }

    /// <summary>The id that stands at the end of a key of two ids.</summary>
    public static UInt128 SecondId(ReadOnlySpan<byte> key) => Id128.Read(key[(1 + Id128.Size)..]);

    /// <summary>The device in a device's key.</summary>
    public static DeviceId Device(ReadOnlySpan<byte> key) => new(BinaryPrimitives.ReadUInt64BigEndian(key[(1 + Id128.Size)..]));

    /// <summary>The counter in an outgoing effect's key.</summary>
    public static ulong EffectCounter(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt64BigEndian(key[EffectsPrefixSize..]);

    /// <summary>Bytes of the key that notes somebody's, or a conversation's, destroyed secret.</summary>
    public const int DestroyedSize = 1 + Id128.Size;

    /// <summary>Prefix of all people whose secrets were destroyed.</summary>
    public static ReadOnlySpan<byte> DestroyedPeople => "U"u8;

    /// <summary>Prefix of all conversations whose secrets were destroyed.</summary>
    public static ReadOnlySpan<byte> DestroyedConversations => "V"u8;

    /// <summary>The vault that a store is sealed by; its id (16).</summary>
    internal static ReadOnlySpan<byte> Vault => "W"u8;

    /// <summary>A person whose secret was destroyed; when, i64 µs.</summary>
    public static int WriteDestroyed(Span<byte> target, UserId person) => WriteId(target, (byte)'U', person.Value);

    /// <summary>A conversation whose secret was destroyed; when, i64 µs.</summary>
    public static int WriteDestroyed(Span<byte> target, ConversationId conversation) => WriteId(target, (byte)'V', conversation.Value);

    /// <summary>Bytes of the key that says where a conversation's log begins.</summary>
    public const int LogStartSize = 1 + Id128.Size;

    /// <summary>Prefix of all conversations whose logs do not begin at 1.</summary>
    public static ReadOnlySpan<byte> LogStartsPrefix => "X"u8;

    /// <summary>Where a conversation's log begins.</summary>
    public static int WriteLogStart(Span<byte> target, ConversationId conversation) => WriteId(target, (byte)'X', conversation.Value);

    /// <summary>Bytes of the keys of <see cref="WriteCut"/> and <see cref="WriteForgotten"/>.</summary>
    internal const int CutSize = 1 + Id128.Size + sizeof(ulong);

    /// <summary>The kind of all cuts that are not done in the files.</summary>
    internal const byte CutKind = (byte)'P';

    /// <summary>The kind of all dedupe entries that are to go.</summary>
    internal const byte ForgottenKind = (byte)'Q';

    /// <summary>Records of a conversation below a sequence are to leave the files.</summary>
    internal static int WriteCut(Span<byte> target, ConversationId conversation, ulong first) => WriteOfRecord(target, CutKind, conversation.Value, first);

    /// <summary>The dedupe entries of a conversation's records below a sequence are to go.</summary>
    internal static int WriteForgotten(Span<byte> target, ConversationId conversation, ulong below) => WriteOfRecord(target, ForgottenKind, conversation.Value, below);

    /// <summary>What a key of a cut, or of dedupe entries that are to go, names; false when it is neither.</summary>
    internal static bool TryReadCut(ReadOnlySpan<byte> key, byte kind, out ConversationId conversation, out ulong sequence)
    {
        bool isCut = key.Length == CutSize && key[0] == kind;
        conversation = isCut ? ConversationId.Read(key[1..]) : default;
        sequence = isCut ? BinaryPrimitives.ReadUInt64BigEndian(key[(1 + Id128.Size)..]) : 0;
        return isCut;
    }

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
