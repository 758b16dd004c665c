using System.Buffers.Binary;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>Body of <see cref="CommandKind.Truncate"/>: conversation (16), first u64, chain (32), how long dedupe entries outlive their records i64 µs.</summary>
/// <param name="Conversation">Whose log is cut off.</param>
/// <param name="First">The first record that is kept; of the present one, nothing is cut off, and only what is left to do is done.</param>
/// <param name="Chain">The hash chain behind the record before it, which the one who asks has read from the log.</param>
/// <param name="RetriesMicros">How long a repeated publish of what was cut off is recognized at least.</param>
internal readonly record struct TruncateCommand(ConversationId Conversation, ulong First, ChainHash Chain, long RetriesMicros)
{
    /// <summary>Records of one command: they are read on the shard's thread, and others wait.</summary>
    public const int CountMax = 256;

    private const int Size = Id128.Size + sizeof(ulong) + ChainHash.Size + sizeof(long);

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        Conversation.Write(bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(Id128.Size), First);
        Chain.Write(bytes.AsSpan(Id128.Size + sizeof(ulong)));
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(Size - sizeof(long)), RetriesMicros);
        return bytes;
    }

    public static TruncateCommand Parse(ReadOnlySpan<byte> source) => new(
        ConversationId.Read(source), BinaryPrimitives.ReadUInt64LittleEndian(source[Id128.Size..]), ChainHash.Read(source[(Id128.Size + sizeof(ulong))..]),
        BinaryPrimitives.ReadInt64LittleEndian(source[(Size - sizeof(long))..]));
}
