using System.Buffers.Binary;
using System.Text;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>Keys of what later records make of messages, and of the indexes over messages (docs/log-format.md §6), as arrays of their own.</summary>
internal static class MessageKeys
{
    /// <summary>What later records made of a message.</summary>
    public static byte[] Annotation(ConversationId conversation, ulong sequence) => Of((byte)'x', conversation.Value, sequence);

    /// <summary>A reaction of somebody's to a message.</summary>
    public static byte[] Reaction(ConversationId conversation, ulong sequence, UserId user, string reaction) =>
        [.. Of((byte)'r', conversation.Value, sequence), .. ControlMap.IdBytes(user.Value), .. Encoding.UTF8.GetBytes(reaction)];

    /// <summary>All reactions of somebody's to a message.</summary>
    public static byte[] ReactionsOf(ConversationId conversation, ulong sequence, UserId user) => Reaction(conversation, sequence, user, string.Empty);

    /// <summary>A message in a thread.</summary>
    public static byte[] InThread(ConversationId conversation, ulong root, ulong sequence) => [.. Of((byte)'i', conversation.Value, root), .. BigEndian(sequence)];

    /// <summary>Everything in a thread.</summary>
    public static byte[] Thread(ConversationId conversation, ulong root) => Of((byte)'i', conversation.Value, root);

    /// <summary>A pinned message.</summary>
    public static byte[] Pin(ConversationId conversation, ulong sequence) => Of((byte)'p', conversation.Value, sequence);

    /// <summary>A record that mentions everyone.</summary>
    public static byte[] MentionOfAll(ConversationId conversation, ulong sequence) => Of((byte)'z', conversation.Value, sequence);

    /// <summary>A record that mentions somebody.</summary>
    public static byte[] Mention(ConversationId conversation, UserId user, ulong sequence) =>
        [(byte)'q', .. ControlMap.IdBytes(conversation.Value), .. ControlMap.IdBytes(user.Value), .. BigEndian(sequence)];

    /// <summary>A record that is to be erased: the log's own entry, which only <c>verify</c> looks at here.</summary>
    public static byte[] Erasure(ConversationId conversation, ulong sequence) => Of((byte)'e', conversation.Value, sequence);

    /// <summary>A message that ends by itself.</summary>
    public static byte[] Expiry(long expiresMicros, ConversationId conversation, ulong sequence) =>
        [(byte)'y', .. BigEndian((ulong)expiresMicros), .. ControlMap.IdBytes(conversation.Value), .. BigEndian(sequence)];

    /// <summary>Everything of a kind that a conversation has: the prefix of the keys above that begin with it.</summary>
    public static byte[] AllOf(char kind, ConversationId conversation) => [(byte)kind, .. ControlMap.IdBytes(conversation.Value)];

    /// <summary>The sequence behind the conversation in the keys above that begin with it.</summary>
    public static ulong Sequence(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt64BigEndian(key[(1 + Id128.Size)..]);

    /// <summary>The sequence at the end of a key.</summary>
    public static ulong LastSequence(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt64BigEndian(key[^sizeof(ulong)..]);

    /// <summary>Where a scan by a prefix goes on behind a sequence.</summary>
    public static byte[] Behind(byte[] prefix, ulong sequence) => [.. prefix, .. BigEndian(sequence)];

    private static byte[] Of(byte kind, UInt128 id, ulong sequence)
    {
        byte[] key = new byte[1 + Id128.Size + sizeof(ulong)];
        StateKeys.WriteOfRecord(key, kind, id, sequence);
        return key;
    }

    private static byte[] BigEndian(ulong number)
    {
        byte[] bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, number);
        return bytes;
    }
}
