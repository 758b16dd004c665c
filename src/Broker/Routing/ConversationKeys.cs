using System.Text;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>Keys of the shards' side-table entries as arrays of their own, for the paths that are not hot.</summary>
internal static class ConversationKeys
{
    /// <summary>A conversation's name, canonical or as displayed.</summary>
    public static byte[] Name(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name.ToLowerInvariant());
        byte[] key = new byte[StateKeys.NameSize(bytes.Length)];
        StateKeys.WriteName(key, StateKeys.ConversationNames, bytes);
        return key;
    }

    /// <summary>What a conversation is.</summary>
    public static byte[] Meta(ConversationId conversation)
    {
        byte[] key = new byte[StateKeys.ConversationSize];
        StateKeys.WriteConversation(key, conversation);
        return key;
    }

    /// <summary>A membership, on the conversation's side.</summary>
    public static byte[] Member(ConversationId conversation, UserId user)
    {
        byte[] key = new byte[StateKeys.MemberSize];
        StateKeys.WriteMember(key, conversation, user);
        return key;
    }

    /// <summary>A membership, on the user's side.</summary>
    public static byte[] ListEntry(UserId user, ConversationId conversation)
    {
        byte[] key = new byte[StateKeys.ListEntrySize];
        StateKeys.WriteListEntry(key, user, conversation);
        return key;
    }

    /// <summary>When somebody wrote last in a conversation with slow mode.</summary>
    public static byte[] LastWritten(ConversationId conversation, UserId user)
    {
        byte[] key = new byte[StateKeys.MemberSize];
        StateKeys.WriteLastWritten(key, conversation, user);
        return key;
    }

    /// <summary>A member's cursor, on the conversation's side; of the conversation itself when there is no thread.</summary>
    public static byte[] Cursor(ConversationId conversation, UserId user, ulong thread)
    {
        byte[] key = new byte[StateKeys.CursorSize(thread)];
        StateKeys.WriteCursor(key, (byte)'d', conversation.Value, user.Value, thread);
        return key;
    }

    /// <summary>The same on the user's side.</summary>
    public static byte[] OwnCursor(UserId user, ConversationId conversation, ulong thread)
    {
        byte[] key = new byte[StateKeys.CursorSize(thread)];
        StateKeys.WriteCursor(key, (byte)'u', user.Value, conversation.Value, thread);
        return key;
    }

    /// <summary>The sum of the members' cursors, as far as others may see them; u64 LE.</summary>
    public static byte[] Receipts(ConversationId conversation) => MessageKeys.AllOf('K', conversation);

    /// <summary>A join link, by the SHA-256 of its secret; an empty hash gives the prefix of all links of the conversation.</summary>
    public static byte[] JoinLink(ConversationId conversation, ReadOnlySpan<byte> secretHash)
    {
        byte[] key = new byte[1 + Id128.Size + secretHash.Length];
        StateKeys.WriteJoinLink(key, conversation, secretHash);
        return key;
    }

    /// <summary>An effect that a shard owes.</summary>
    public static byte[] Effect(ushort shard, ulong counter)
    {
        byte[] key = new byte[StateKeys.EffectSize];
        StateKeys.WriteEffect(key, shard, counter);
        return key;
    }
}
