using System.Buffers.Binary;
using System.Text;

using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;

namespace FastChat.Broker.Maintenance;

/// <summary>The key of an entry about a message (docs/log-format.md §6: <c>x r i p z q y</c>), read back, and its name in a sentence for an operator.</summary>
/// <param name="Kind">The first byte.</param>
/// <param name="Conversation">The conversation.</param>
/// <param name="Sequence">The record that it is about.</param>
/// <param name="User">Whose reaction, or who is mentioned; none of the other kinds.</param>
/// <param name="Root">The thread's first message; 0 of the other kinds.</param>
/// <param name="Time">When the message ends, µs; 0 of the other kinds.</param>
/// <param name="Reaction">The reaction; empty of the other kinds.</param>
internal readonly record struct MessageEntry(char Kind, ConversationId Conversation, ulong Sequence, UserId User, ulong Root, long Time, string Reaction)
{
    /// <summary>Bytes of a key of a kind, a conversation and a sequence.</summary>
    public const int KeySize = 1 + Id128.Size + sizeof(ulong);

    private const int WithUserSize = KeySize + Id128.Size;
    private const int WithSecondSize = KeySize + sizeof(ulong);

    /// <summary>The kinds whose keys begin with the conversation.</summary>
    public static ReadOnlySpan<byte> KindsOfConversations => "xripzq"u8;

    /// <summary>False when the key is none of these.</summary>
    public static bool TryRead(ReadOnlySpan<byte> key, out MessageEntry entry)
    {
        entry = default;
        char kind = key.IsEmpty ? '\0' : (char)key[0];
        bool isShaped = kind switch
        {
            'x' or 'p' or 'z' => key.Length == KeySize,
            'i' or 'y' => key.Length == WithSecondSize,
            'q' => key.Length == WithUserSize,
            'r' => key.Length > WithUserSize,
            _ => false,
        };
        if (!isShaped)
        {
            return false;
        }

        ReadOnlySpan<byte> fields = key[1..];
        long time = kind == 'y' ? BinaryPrimitives.ReadInt64BigEndian(fields) : 0;
        fields = kind == 'y' ? fields[sizeof(long)..] : fields;
        ConversationId conversation = ConversationId.Read(fields);
        fields = fields[Id128.Size..];
        entry = new MessageEntry(
            kind, conversation, kind is 'i' or 'q' ? MessageKeys.LastSequence(key) : BinaryPrimitives.ReadUInt64BigEndian(fields),
            kind == 'q' ? UserId.Read(fields) : kind == 'r' ? UserId.Read(fields[sizeof(ulong)..]) : default,
            kind == 'i' ? BinaryPrimitives.ReadUInt64BigEndian(fields) : 0, time, kind == 'r' ? Encoding.UTF8.GetString(key[WithUserSize..]) : string.Empty);
        return true;
    }

    /// <summary>The record with which the entry goes when that is cut off: a thread's with its first message.</summary>
    public ulong Place => Kind == 'i' ? Root : Sequence;

    /// <summary>The last record that the entry names, in its key or in its value; what cannot be read names nothing.</summary>
    public ulong LastNamed(ReadOnlySpan<byte> value) => Kind switch
    {
        'x' when Annotation.Parse(value) is { } one => Math.Max(Math.Max(Sequence, Math.Max(one.DeletedBy, one.PinnedBy)), one.Edits.DefaultIfEmpty().Max()),
        'r' or 'p' when value.Length == sizeof(ulong) => Math.Max(Sequence, BinaryPrimitives.ReadUInt64LittleEndian(value)),
        _ => Sequence,
    };

    /// <inheritdoc/>
    public override string ToString()
    {
        string what = Kind switch
        {
            'x' => $"What became of message {Sequence}",
            'r' => $"The reaction of user {User} to message {Sequence}",
            'i' => $"The place of message {Sequence} in thread {Root}",
            'p' => $"The pin of message {Sequence}",
            'z' => $"The mention of everyone in record {Sequence}",
            'q' => $"The mention of user {User} in record {Sequence}",
            _ => $"The end of message {Sequence} at {Time}",
        };
        return $"{what} in conversation {Conversation}";
    }
}
