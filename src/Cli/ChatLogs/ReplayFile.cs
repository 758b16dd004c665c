using System.Buffers.Binary;
using System.Security.Cryptography;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// A chat log made ready to be published: everything that a message needs is computed before the first one leaves, so that publishing allocates nothing.
/// One thread prepares it, one publishes it, and the acknowledgements of its connection fill <see cref="Acknowledged"/>.
/// </summary>
internal sealed class ReplayFile
{
    private const int IdSourceFixedSize = Id128.Size + sizeof(ulong);

    /// <summary>Takes a parsed log.</summary>
    public ReplayFile(string path, string conversationName, ChatLog log)
    {
        Path = path;
        ConversationName = conversationName;
        Log = log;
        Ids = new ClientMessageId[log.Messages.Length];
        Senders = new UserId[log.Messages.Length];
        Acknowledged = new ulong[log.Messages.Length];
    }

    /// <summary>Where it was read.</summary>
    public string Path { get; }

    /// <summary>The conversation's name without #.</summary>
    public string ConversationName { get; }

    /// <summary>The messages.</summary>
    public ChatLog Log { get; }

    /// <summary>The conversation; none until <see cref="Prepare"/>.</summary>
    public ConversationId Conversation { get; private set; }

    /// <summary>Per message its id: the same line of the same file in the same conversation always has the same one, so a repeated replay changes nothing.</summary>
    public ClientMessageId[] Ids { get; }

    /// <summary>Per message its sender.</summary>
    public UserId[] Senders { get; }

    /// <summary>Per message the sequence that was acknowledged; 0 = not yet. Written by the read loop of the connection that publishes the file.</summary>
    public ulong[] Acknowledged { get; }

    /// <summary>Messages in the file.</summary>
    public int Count => Log.Messages.Length;

    /// <summary>Computes ids and senders, now that the conversation and the users are known.</summary>
    public void Prepare(ConversationId conversation, Func<string, UserId> userOf)
    {
        Conversation = conversation;
        Dictionary<string, UserId>.AlternateLookup<ReadOnlySpan<char>> known = new Dictionary<string, UserId>(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
        byte[] source = new byte[1024];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        Span<char> nickKey = stackalloc char[256];
        for (int i = 0; i < Count; i++)
        {
            ChatLogMessage message = Log.Messages[i];
            Ids[i] = IdOf(message, ref source, hash);
            Senders[i] = SenderOf(Log.Nick(message), known, nickKey, userOf);
        }
    }

    // SHA-256(conversation ‖ line number ‖ line), cut to 16 bytes: big-endian, the line without its line feed.
    private ClientMessageId IdOf(in ChatLogMessage message, ref byte[] source, Span<byte> hash)
    {
        int size = IdSourceFixedSize + message.LineLength;
        if (size > source.Length)
        {
            source = new byte[2 * size];
        }

        Conversation.Write(source);
        BinaryPrimitives.WriteUInt64BigEndian(source.AsSpan(Id128.Size), (ulong)message.LineNumber);
        Log.Line(message).CopyTo(source.AsSpan(IdSourceFixedSize));
        SHA256.HashData(source.AsSpan(0, size), hash);
        return ClientMessageId.Read(hash);
    }

    // Nicks repeat: the bytes, widened one to one, find the name without decoding it again.
    private static UserId SenderOf(
        ReadOnlySpan<byte> nick, Dictionary<string, UserId>.AlternateLookup<ReadOnlySpan<char>> known, Span<char> key, Func<string, UserId> userOf)
    {
        if (nick.Length > key.Length)
        {
            return userOf(LogNames.UserName(nick));
        }

        for (int i = 0; i < nick.Length; i++)
        {
            key[i] = (char)nick[i];
        }

        ReadOnlySpan<char> used = key[..nick.Length];
        if (!known.TryGetValue(used, out UserId user))
        {
            user = userOf(LogNames.UserName(nick));
            known[used] = user;
        }

        return user;
    }
}
