using System.Buffers.Binary;
using System.Security.Cryptography;

using FastChat.Broker.Routing;
using FastChat.Protocol;

namespace FastChat.Broker.Attachments;

/// <summary>
/// What conversations owe attachments: each learns which messages refer to it when those are durable, because it belongs to another shard. A message that waits for its time refers to its attachments as well, from a
/// place that no message ever has.
/// </summary>
internal static class AttachmentReferences
{
    private const ulong Waiting = 1UL << 63;

    /// <summary>Owes the attachment's shard that a message refers to it, or does not any more. Loop thread.</summary>
    public static void Owe(ShardState state, Turn turn, AttachmentId id, ConversationId conversation, ulong sequence, bool isThere) =>
        state.Owe(id.High, [new StateEntry(AttachmentKeys.Reference(id, conversation, sequence), isThere ? [] : null)], turn);

    /// <summary>The place of a scheduled message among the references of its attachments: its own, and nobody can choose it so that it meets another.</summary>
    public static ulong PlaceOf(in ScheduledCommand message)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(message.ToBytes(), hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash) | Waiting;
    }
}
