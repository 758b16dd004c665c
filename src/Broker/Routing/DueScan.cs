using System.Buffers.Binary;

using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Shared;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>A command whose time has come.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Actor">As whom.</param>
/// <param name="Owner">The id whose shard does it.</param>
/// <param name="Body">The command's body.</param>
internal readonly record struct DueCommand(CommandKind Kind, Actor Actor, UInt128 Owner, byte[] Body);

/// <summary>Side-table entries whose keys begin with a letter and a time, i64 big-endian µs, and what is done when it has come.</summary>
/// <param name="Prefix">The letter.</param>
/// <param name="Read">The command of a key.</param>
/// <param name="Done">Called with what came of it; null for nothing.</param>
internal sealed record DueKind(byte Prefix, Func<byte[], DueCommand> Read, Action<DueCommand, CommandResult>? Done = null)
{
    /// <summary>Asked before each look; false puts it off.</summary>
    public Func<bool> IsReady { get; init; } = static () => true;

    /// <summary>When it is due, in such a key; µs since 1970-01-01 UTC.</summary>
    public static long TimeOf(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadInt64BigEndian(key[1..]);

    /// <summary>Messages that end by themselves.</summary>
    public static DueKind Expiries { get; } = new((byte)'y', static key =>
    {
        ExpireCommand command = new(ConversationId.Read(key.AsSpan(9)), BinaryPrimitives.ReadUInt64BigEndian(key.AsSpan(25)), TimeOf(key));
        return new DueCommand(CommandKind.Expire, default, command.Conversation.Value, command.ToBytes());
    });

    /// <summary>Messages that wait to be published.</summary>
    /// <param name="actorOf">The author as they may act in the conversation now; the device is the message's.</param>
    /// <param name="done">Called with what came of it: it is published, refused for good, or waits on.</param>
    public static DueKind Scheduled(Func<UserId, ConversationId, Actor> actorOf, Action<ScheduledCommand, CommandResult> done) => new(
        (byte)'S',
        key =>
        {
            ScheduledCommand command = ScheduleKeys.MessageOf(key);
            byte[] body = new SendScheduledCommand(command, TimeOf(key)).ToBytes();
            return new DueCommand(CommandKind.SendScheduled, actorOf(command.User, command.Conversation), command.Conversation.Value, body);
        },
        (command, result) => done(SendScheduledCommand.Parse(command.Body).Message, result));
}

/// <summary>
/// Does what is due: looks once a second, oldest first, and has the shards do it. A message is gone, or published, within two seconds of its time, or soon after the start when the broker was not running.
/// It may be asked for twice (by a second node, after a crash), which the shards do not mind.
/// </summary>
internal sealed class DueScan : IDisposable
{
    private const int TogetherMax = 256;
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    private readonly Router _router;
    private readonly IConversationLog _log;
    private readonly DueKind[] _kinds;
    private readonly Action<Exception> _failed;
    private readonly ITimer _timer;
    private int _scanning;
    private int _disposed;

    /// <param name="router">Carries the commands.</param>
    /// <param name="log">Where the entries are.</param>
    /// <param name="clock">Ticks.</param>
    /// <param name="failed">Told of a defect; the next tick tries again.</param>
    /// <param name="kinds">What is looked for.</param>
    public DueScan(Router router, IConversationLog log, TimeProvider clock, Action<Exception> failed, params DueKind[] kinds)
    {
        _router = router;
        _log = log;
        _kinds = kinds;
        _failed = failed;
        _timer = clock.CreateTimer(static scan => ((DueScan)scan!).OnTick(), this, Tick, Tick);
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
            foreach (DueKind kind in _kinds)
            {
                await RunAsync(kind);
            }
        }
        catch (Exception defect)
        {
            _failed(defect);
        }
        finally
        {
            Volatile.Write(ref _scanning, 0);
        }
    }

    private async Task RunAsync(DueKind kind)
    {
        // What could not be done (its record is damaged, the store has failed) is tried again with the next tick, not at once and for ever.
        bool isDone = kind.IsReady();
        while (isDone && Volatile.Read(ref _disposed) == 0 && _router.Failure is null && DueOf(kind) is { Count: > 0 } due)
        {
            CommandResult[] results = await Task.WhenAll(due.Select(one =>
                _router.ExecuteOwedAsync(one.Kind, one.Actor, _router.Map.ShardOf(one.Owner), one.Body, CancellationToken.None)));
            for (int i = 0; i < results.Length; i++)
            {
                isDone &= results[i].Error == ErrorCode.None;
                kind.Done?.Invoke(due[i], results[i]);
            }
        }
    }

    private List<DueCommand> DueOf(DueKind kind)
    {
        List<byte[]> keys = [];
        long now = _router.NowMicros();
        _log.Scan(Table.State, [kind.Prefix], [], (key, _) =>
        {
            bool isDue = DueKind.TimeOf(key) <= now && keys.Count < TogetherMax;
            if (isDue)
            {
                keys.Add(key.ToArray());
            }

            return isDue;
        });
        return keys.ConvertAll(key => kind.Read(key));
    }
}
