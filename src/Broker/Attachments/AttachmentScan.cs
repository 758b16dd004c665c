using System.Buffers.Binary;

using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Shared;
using FastChat.Storage;

namespace FastChat.Broker.Attachments;

/// <summary>
/// Ends uploads and claims whose time has come, and has removed what nothing keeps: looks once a second for what is due, oldest first, and asks the shard of the hash, which decides. It may be asked for twice,
/// which that does not mind.
/// <para>
/// A claim is noted for longer than its user was told (<see cref="AttachmentOptions.Grace"/>), because a message that was vouched for at the last moment may not have told the hash's shard yet. After a start
/// nothing is ended before what was owed by then has been carried: it may have waited longer than that.
/// </para>
/// </summary>
internal sealed class AttachmentScan : IDisposable
{
    private const int TogetherMax = 64;

    /// <summary>Owners that one command lets go: their ids fit it, and what it owes them is no large turn.</summary>
    private const int OwnersMax = 256;

    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    private readonly Router _router;
    private readonly IConversationLog _log;
    private readonly AttachmentReads _reads;
    private readonly ITimer _timer;
    private bool _isSettled;
    private int _scanning;
    private int _disposed;

    public AttachmentScan(Router router, IConversationLog log, TimeProvider clock)
    {
        _router = router;
        _log = log;
        _reads = new AttachmentReads(log);
        _timer = clock.CreateTimer(static scan => ((AttachmentScan)scan!).OnTick(), this, Tick, Tick);
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
            _isSettled |= _router.OwedCount == 0;

            // What could not be done (the store has failed) is tried again with the next tick, not at once and for ever.
            bool isDone = _isSettled;
            while (isDone && Volatile.Read(ref _disposed) == 0 && _router.Failure is null && Due() is { Count: > 0 } due)
            {
                CommandResult[] results = await Task.WhenAll(due.Select(EndAsync));
                isDone = Array.TrueForAll(results, static result => result.Error == ErrorCode.None);
            }
        }
        finally
        {
            Volatile.Write(ref _scanning, 0);
        }
    }

    private Task<CommandResult> EndAsync((long TimeMicros, AttachmentId Id, UserId User) due)
    {
        byte[] command;
        if (due.User.IsNone)
        {
            byte[] owners = [.. _reads.Owners(due.Id, OwnersMax).SelectMany(owner => ControlMap.IdBytes(owner.Value))];
            command = new AttachmentCommand { Operation = AttachmentOperation.Collect, Id = due.Id, First = (ulong)due.TimeMicros, Bytes = owners }.ToBytes();
        }
        else
        {
            command = new AttachmentCommand { Operation = AttachmentOperation.EndClaim, Id = due.Id, Who = due.User, First = (ulong)due.TimeMicros }.ToBytes();
        }

        return _router.ExecuteOwedAsync(CommandKind.Attachment, default, _router.Map.ShardOf(due.Id.High), command, CancellationToken.None);
    }

    private List<(long TimeMicros, AttachmentId Id, UserId User)> Due()
    {
        List<(long, AttachmentId, UserId)> due = [];
        long now = _router.NowMicros();
        _log.Scan(Table.State, "D"u8, [], (key, _) =>
        {
            long time = BinaryPrimitives.ReadInt64BigEndian(key[1..]);
            if (time > now || due.Count == TogetherMax)
            {
                return false;
            }

            due.Add((time, AttachmentId.Read(key[(1 + sizeof(long))..]), AttachmentKeys.UserAtEnd(key)));
            return true;
        });
        return due;
    }
}
