using FastChat.Protocol;

namespace FastChat.Broker.Routing;

/// <summary>
/// Asks a shard for the durable heads of conversations that it has in memory: a list of thousands is answered without a read from the disk, and nobody else has to keep heads. Body of
/// <see cref="CommandKind.Heads"/>: the ids one after another; the ticket of the header names who waits.
/// </summary>
internal static class HeadsQuery
{
    /// <summary>Ids in one command.</summary>
    public const int CountMax = 1024;

    /// <summary>A head for each id, in their order; null of one that is not in memory. Loop thread.</summary>
    public static ulong?[] Answer(ConversationCache conversations, ReadOnlySpan<byte> body)
    {
        ulong?[] heads = new ulong?[body.Length / Id128.Size];
        for (int i = 0; i < heads.Length; i++)
        {
            heads[i] = conversations.Peek(ConversationId.Read(body[(i * Id128.Size)..]))?.DurableHead;
        }

        return heads;
    }
}
