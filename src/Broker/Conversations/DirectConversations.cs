using System.Security.Cryptography;

using FastChat.Protocol;

namespace FastChat.Broker.Conversations;

/// <summary>The conversation of two people: each pair has one, and its id follows from theirs, so that nothing has to be looked up and two who begin at the same time begin the same one.</summary>
internal static class DirectConversations
{
    /// <summary>The first 16 bytes of SHA-256("fastchat direct" ‖ smaller id ‖ larger id): the same whoever asks.</summary>
    public static ConversationId IdOf(UserId a, UserId b)
    {
        ReadOnlySpan<byte> scope = "fastchat direct"u8;
        Span<byte> input = stackalloc byte[scope.Length + (2 * Id128.Size)];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        scope.CopyTo(input);
        (a.Value < b.Value ? a : b).Write(input[scope.Length..]);
        (a.Value < b.Value ? b : a).Write(input[(scope.Length + Id128.Size)..]);
        SHA256.HashData(input, hash);
        return ConversationId.Read(hash);
    }
}
