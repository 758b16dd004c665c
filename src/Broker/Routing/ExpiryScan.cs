using System.Buffers.Binary;

using FastChat.Protocol;
using FastChat.Shared;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>
/// Ends messages whose time has come: looks once a second for what is due, oldest first, and has its shard end it. A message is gone within two seconds of its time, or soon after the start when the broker
/// was not running. It may be asked for twice (by a second node, after a crash), which its shard does not mind.
/// </summary>
internal sealed class ExpiryScan : IDisposable
{
    private const int TogetherMax = 256;
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    private readonly Router _router;
    private readonly IConversationLog _log;
    private readonly ITimer _timer;
    private int _scanning;
    private int _disposed;

    public ExpiryScan(Router router, IConversationLog log, TimeProvider clock)
    {
        _router = router;
        _log = log;
        _timer = clock.CreateTimer(static scan => ((ExpiryScan)scan!).OnTick(), this, Tick, Tick);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Volatile.Write(ref _disposed, 1);
        _timer.Dispose();
        SpinWait.SpinUntil(() => Volatile.Read(ref _scanning) == 0, TimeSpan.FromSeconds(5));
    }

    private void OnTick()
    {
        if (Interlocked.Exchange(ref _scanning, 1) == 0)
        {
            Continuation.Queue(static scan => _ = scan.RunAsync(), this);
        }
    }

    private async Task RunAsync()
    {
        try
        {
            // What could not be done (its record is damaged, the store has failed) is tried again with the next tick, not at once and for ever.
            bool isDone = true;
            while (isDone && Volatile.Read(ref _disposed) == 0 && _router.Failure is null && Due() is { Count: > 0 } due)
            {
                CommandResult[] results = await Task.WhenAll(due.Select(one =>
                    _router.ExecuteOwedAsync(CommandKind.Expire, default, _router.Map.ShardOf(one.Conversation.Value), one.ToBytes(), CancellationToken.None)));
                isDone = Array.TrueForAll(results, static result => result.Error == ErrorCode.None);
            }
        }
        finally
        {
            Volatile.Write(ref _scanning, 0);
        }
    }

    private List<ExpireCommand> Due()
    {
        List<ExpireCommand> due = [];
        ulong now = (ulong)_router.NowMicros();
        _log.Scan(Table.State, "y"u8, [], (key, _) =>
        {
            ulong time = BinaryPrimitives.ReadUInt64BigEndian(key[1..]);
            if (time > now || due.Count == TogetherMax)
            {
                return false;
            }

            due.Add(new ExpireCommand(ConversationId.Read(key[9..]), BinaryPrimitives.ReadUInt64BigEndian(key[25..]), (long)time));
            return true;
        });
        return due;
    }
}
