using System.Security.Cryptography;

using FastChat.Protocol;

namespace FastChat.Broker.Conversations;

/// <summary>The id of two people's direct conversation, which follows from theirs: so there is one, whoever begins it, and no table is needed to find it.</summary>
internal static class DirectConversations
{
    /// <summary>The first 16 bytes of SHA-256("fastchat direct" ‖ smaller id ‖ larger id). Both may be the same: notes to oneself.</summary>
    public static ConversationId IdOf(UserId a, UserId b)
    {
        (UserId first, UserId second) = a.Value <= b.Value ? (a, b) : (b, a);
        Span<byte> input = stackalloc byte[15 + (2 * Id128.Size)];
        "fastchat direct"u8.CopyTo(input);
        first.Write(input[15..]);
        second.Write(input[(15 + Id128.Size)..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(input, hash);
        return ConversationId.Read(hash);
    }
}
