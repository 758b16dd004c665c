using FastChat.Shared;

namespace FastChat.Broker.Routing;

/// <summary>A shard with what a loop has for it, and what it counts of it. The loop's thread, but for the ring's other end.</summary>
/// <param name="Ring">Its commands.</param>
/// <param name="Shard">Its state.</param>
/// <param name="Delivery">Who listens to its conversations.</param>
/// <param name="Signals">Who types in them.</param>
internal sealed record ShardSlot(MpscRing Ring, Shard Shard, Delivery Delivery, SignalRelay Signals)
{
    private long _messages;
    private long _bytes;

    /// <summary>Records were made durable.</summary>
    public void Count(in SealedChunk chunk)
    {
        _messages += chunk.Count;
        _bytes += chunk.Length;
    }

    /// <summary>What the shard has done.</summary>
    /// <param name="shard">Its number.</param>
    /// <param name="loop">Its loop's.</param>
    public ShardReport Report(int shard, int loop) =>
        new(shard, loop, Ring.UsedBytes, _messages, _bytes, Delivery.Delivered, Delivery.Count, Delivery.PullingCount, Shard.Conversations.Count);
}
