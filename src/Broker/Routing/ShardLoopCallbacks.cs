using FastChat.Broker.Sessions;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>What a loop needs from those around it.</summary>
internal sealed record ShardLoopCallbacks
{
    /// <summary>Gives a waiting handler its result. Loop thread.</summary>
    public required Action<ulong, CommandResult> Complete { get; init; }

    /// <summary>Takes an effect for another shard. Loop thread.</summary>
    public required Action<OutgoingEffect> Forward { get; init; }

    /// <summary>Learns that nothing can be acknowledged any more. Loop thread.</summary>
    public required Action<Exception> Fail { get; init; }

    /// <summary>Learns that a record on disk is damaged. Loop thread.</summary>
    public required Action<CorruptRecordException> Damaged { get; init; }

    /// <summary>A publish was refused because the policy does not allow it.</summary>
    public required Action<Peer> Denied { get; init; }

    /// <summary>The slot of an id's shard in this loop.</summary>
    public required Func<UInt128, int> SlotOf { get; init; }
}
