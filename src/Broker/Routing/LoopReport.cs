using FastChat.Broker.Diagnostics;

namespace FastChat.Broker.Routing;

/// <summary>What a loop and its shards have done, at the moment in which the loop said so (<see cref="CommandKind.Report"/>): its own state, read by its own thread.</summary>
/// <param name="Shards">Each of its shards.</param>
/// <param name="Busiest">Its conversations with the most messages in the last minute, most first.</param>
internal sealed record LoopReport(IReadOnlyList<ShardReport> Shards, IReadOnlyList<BusyConversation> Busiest)
{
    /// <summary>Conversations that are named at the most.</summary>
    public const int BusiestMax = 20;
}

/// <summary>What a shard has done.</summary>
/// <param name="Shard">Its number.</param>
/// <param name="Loop">The number of the loop that runs it.</param>
/// <param name="QueuedBytes">What waits in its ring.</param>
/// <param name="Messages">Records that it made durable, since the start.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="Delivered">Live records handed to those who listen, since the start.</param>
/// <param name="Subscriptions">Those who listen.</param>
/// <param name="Lagging">Those of them who read from the log.</param>
/// <param name="Conversations">Conversations in memory.</param>
internal readonly record struct ShardReport(int Shard, int Loop, long QueuedBytes, long Messages, long Bytes, long Delivered, int Subscriptions, int Lagging, int Conversations);
