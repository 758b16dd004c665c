using FastChat.Broker.Routing;
using FastChat.Storage;

namespace FastChat.Broker.Attachments;

/// <summary>
/// Lets few chunks at a time into the shards, so that a message waits for little: two in the ring of one shard, which is half of it, and so many in all that a commit grows by no more than half a mebibyte.
/// None comes in while the tables are behind: with another one RocksDB might stop all writes. Whoever does not get in asks again after a moment; what waits is bounded by what a connection may have under way. Any
/// thread.
/// </summary>
internal sealed class ChunkGate(Router router, IConversationLog log)
{
    /// <summary>Chunks under way in one shard.</summary>
    private const int InShardMax = 2;

    /// <summary>Chunks under way altogether.</summary>
    private const int TogetherMax = 8;

    private readonly int[] _inShard = new int[router.Map.Count];
    private int _together;

    /// <summary>Runs something about a chunk when its turn comes.</summary>
    public async Task<CommandResult> RunAsync(int shard, Func<Task<CommandResult>> work)
    {
        while (!TryEnter(shard))
        {
            if (router.Failure is not null)
            {
                return new CommandResult(Protocol.ErrorCode.StoreUnavailable, "the store failed, or the broker is stopping");
            }

            await router.WaitForRoomAsync(CancellationToken.None);
        }

        try
        {
            return await work();
        }
        finally
        {
            Interlocked.Decrement(ref _inShard[shard]);
            Interlocked.Decrement(ref _together);
        }
    }

    private bool TryEnter(int shard)
    {
        if (log.IsBehind)
        {
            return false;
        }

        if (Interlocked.Increment(ref _together) > TogetherMax)
        {
            Interlocked.Decrement(ref _together);
            return false;
        }

        if (Interlocked.Increment(ref _inShard[shard]) > InShardMax)
        {
            Interlocked.Decrement(ref _inShard[shard]);
            Interlocked.Decrement(ref _together);
            return false;
        }

        return true;
    }
}
