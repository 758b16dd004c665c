using System.Buffers;

using FastChat.Broker.Audit;
using FastChat.Broker.Conversations;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Keys;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Shared;
using FastChat.Storage;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Retention;

/// <summary>
/// Keeps conversations to what they, and the operator, say about age and size (docs/decisions/0035-retention.md): looks at each of them now and then, and cuts off the longest run of records at its beginning that are all too old, or that
/// are too many. So a record never goes because of another one's time: when clocks jumped, it waits for those before it.
/// <para>
/// It may lag: by a sixteenth of the age (a day at the most) and of the size, so that a conversation that grows steadily is not cut off all the time; and by a round, which takes at most a twentieth of the time. What follows from a cut that a
/// crash left undone is found in a round and done; so are conversations that were erased (<see cref="ConversationErasures"/>). Where a round found nothing that is ever to go, the next one waits until somebody wants something to.
/// Pool threads, one round at a time.
/// </para>
/// </summary>
internal sealed class RetentionScan : IDisposable
{
    private const int TogetherMax = 256;
    private const int SlackPart = 16;
    private const int RestFactor = 20;
    private const int PageBytes = 256 * 1024;

    private static readonly TimeSpan SlackMax = TimeSpan.FromDays(1);

    /// <summary>Between rounds where nothing is ever to go. It is no matter of right or wrong: whoever wants something to go wakes.</summary>
    private static readonly TimeSpan IdleRest = TimeSpan.FromHours(1);

    private readonly Router _router;
    private readonly IConversationLog _log;
    private readonly RetentionOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly ConversationErasures _erasures;
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _timer;

    /// <summary>Bytes of the conversations that have a size. In memory, because they follow from the log; the last two rounds', so that what has none any more goes.</summary>
    private Dictionary<ConversationId, Tally> _tallies = [];
    private Dictionary<ConversationId, Tally> _next = [];

    /// <summary>Conversations whose damage was told already.</summary>
    private readonly HashSet<ConversationId> _damaged = [];
    private readonly ArrayBufferWriter<byte> _page = new();

    /// <summary>When the next round may begin: <see cref="_pacedUntil"/>, or later where there is nothing to do.</summary>
    private long _restUntil;
    private long _pacedUntil;
    private int _isWanted;
    private int _running;

    /// <summary>The round that runs has seen something that is to go, now or some day.</summary>
    private bool _hasWork;

    public RetentionScan(Router router, IConversationLog log, RetentionOptions options, KeyDestruction keys, AuditLog audit, TimeProvider clock, ILogger logger)
    {
        (_router, _log, _options, _clock, _logger) = (router, log, options, clock, logger);
        Trimmer = new LogTrimmer(router, log, clock, options.Retries, _stop.Token);
        _erasures = new ConversationErasures(router, log, Trimmer, keys, audit, _stop.Token);
        _timer = clock.CreateTimer(static scan => ((RetentionScan)scan!).OnTick(), this, options.Interval, options.Interval);
    }

    /// <summary>What records of a log have, from one sequence through another one.</summary>
    private readonly record struct Tally(ulong First, ulong Through, long Bytes);

    /// <summary>Cuts logs off.</summary>
    public LogTrimmer Trimmer { get; }

    /// <summary>There is something to do: a round begins as soon as the rest behind the last one allows, and not within the one under way, which may be past it. Any thread.</summary>
    public void Wake()
    {
        Volatile.Write(ref _isWanted, 1);
        Volatile.Write(ref _restUntil, Volatile.Read(ref _pacedUntil));
        OnTick();
    }

    /// <summary>Stops; what is not done is done after the next start.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _timer.Dispose();
        SpinWait.SpinUntil(() => Volatile.Read(ref _running) == 0, TimeSpan.FromSeconds(5));
        _stop.Dispose();
    }

    private void OnTick()
    {
        if (_clock.GetTimestamp() >= Volatile.Read(ref _restUntil) && Interlocked.Exchange(ref _running, 1) == 0)
        {
            Continuation.Queue(static scan => _ = scan.RunAsync(), this);
        }
    }

    private async Task RunAsync()
    {
        long began = _clock.GetTimestamp();
        Volatile.Write(ref _isWanted, 0);
        _hasWork = true;
        try
        {
            await RoundAsync();
        }
        catch (OperationCanceledException)
        {
            // The broker stops, or nothing can be written any more.
        }
        catch (Exception defect)
        {
            BrokerLog.RetentionDefect(_logger, defect);
        }
        finally
        {
            long now = _clock.GetTimestamp();
            long paced = now + (RestFactor * (now - began));
            Volatile.Write(ref _pacedUntil, paced);
            Volatile.Write(ref _restUntil, _hasWork ? paced : now + ((long)IdleRest.TotalSeconds * _clock.TimestampFrequency));
            if (Interlocked.Exchange(ref _isWanted, 0) != 0)
            {
                Volatile.Write(ref _restUntil, paced);
            }

            Volatile.Write(ref _running, 0);
        }
    }

    private async Task RoundAsync()
    {
        long before = Trimmer.Records;
        bool hasWork = false;
        (_next, _tallies) = ([], _next);
        for (List<(ConversationId Conversation, byte[] Value)> some = Behind("c"u8, default); some.Count > 0; some = Behind("c"u8, some[^1].Conversation))
        {
            foreach ((ConversationId conversation, byte[] value) in some)
            {
                _stop.Token.ThrowIfCancellationRequested();
                if (_router.Failure is null && ConversationMeta.TryParse(value, out ConversationMeta? meta))
                {
                    hasWork |= meta.IsErased ? !meta.IsErasureDone : _options.AgeOf(meta) > TimeSpan.Zero || meta.RetentionBytes > 0;
                    await (meta.IsErased ? EraseAsync(conversation, meta) : KeepAsync(conversation, meta));
                }
            }
        }

        hasWork |= await FinishAsync();
        if (Trimmer.Records != before)
        {
            await ShowHiddenAsync();
        }

        _hasWork = hasWork;
    }

    /// <summary>What cannot be done now is tried again with the next round, and the others do not wait for it.</summary>
    private async Task EraseAsync(ConversationId conversation, ConversationMeta meta)
    {
        if (meta.IsErasureDone)
        {
            return;
        }

        try
        {
            await _erasures.EraseAsync(conversation, meta);
        }
        catch (Exception failure) when (failure is StorageException or AuditLogException && _router.Failure is null)
        {
            BrokerLog.ConversationErasureFailed(_logger, failure);
        }
    }

    private async Task KeepAsync(ConversationId conversation, ConversationMeta meta)
    {
        TimeSpan age = _options.AgeOf(meta);
        if (age == TimeSpan.Zero && meta.RetentionBytes == 0)
        {
            return;
        }

        try
        {
            if (age > TimeSpan.Zero)
            {
                await KeepByAgeAsync(conversation, age);
            }

            if (meta.RetentionBytes > 0)
            {
                await KeepBySizeAsync(conversation, meta.RetentionBytes);
            }
        }
        catch (CorruptRecordException damage)
        {
            if (_damaged.Add(conversation))
            {
                BrokerLog.RetentionDamaged(_logger, damage);
            }
        }
    }

    private async Task KeepByAgeAsync(ConversationId conversation, TimeSpan age)
    {
        long now = _router.NowMicros();
        TimeSpan slack = TimeSpan.FromTicks(Math.Min(age.Ticks / SlackPart, SlackMax.Ticks));
        long limit = now - (long)age.TotalMicroseconds;
        long begin = limit - (long)slack.TotalMicroseconds;
        _page.ResetWrittenCount();
        _log.ReadForward(conversation, 0, LogPosition.Latest - 1, 1, 1, _page);
        if (_page.WrittenCount > 0 && MessageRecord.Of(_page.WrittenSpan).SentAtMicros < begin)
        {
            await Trimmer.TrimAsync(conversation, (in MessageRecord record) => record.SentAtMicros >= limit);
        }
    }

    /// <summary>The newest record always stays, however large.</summary>
    private async Task KeepBySizeAsync(ConversationId conversation, long bytes)
    {
        Tally tally = await CountAsync(conversation);
        if (tally.Bytes - bytes > bytes / SlackPart)
        {
            long left = tally.Bytes;
            ulong head = tally.Through;
            ulong first = await Trimmer.TrimAsync(conversation, (in MessageRecord record) =>
            {
                bool isKept = left <= bytes || record.Sequence >= head;
                left -= isKept ? 0 : record.Bytes.Length;
                return isKept;
            });
            tally = new Tally(first, tally.Through, left);
        }

        _next[conversation] = tally;
    }

    /// <summary>Bytes of the records that are kept: what was counted in the last round, and what has come since.</summary>
    private async Task<Tally> CountAsync(ConversationId conversation)
    {
        ulong first = _log.ReadStart(conversation).First;
        ulong head = _log.ReadHead(conversation).Sequence;
        Tally tally = _tallies.TryGetValue(conversation, out Tally known) && known.First == first && known.Through <= head ? known : new Tally(first, first - 1, 0);
        while (tally.Through < head)
        {
            long began = _clock.GetTimestamp();
            _page.ResetWrittenCount();
            LogPage page = _log.ReadForward(conversation, tally.Through, head, int.MaxValue, PageBytes, _page);
            if (page.Count == 0)
            {
                break;
            }

            tally = tally with { Through = page.Last, Bytes = tally.Bytes + page.Bytes };
            await Trimmer.RestAsync(began);
        }

        return tally;
    }

    /// <summary>Does what cuts have left to do: entries that were too many for one step when the broker stopped, and dedupe entries whose time has come. False when there is none whose time will come.</summary>
    private async Task<bool> FinishAsync()
    {
        bool isWaiting = false;
        for (List<(ConversationId Conversation, byte[] Value)> some = Behind(StateKeys.LogStartsPrefix, default); some.Count > 0; some = Behind(StateKeys.LogStartsPrefix, some[^1].Conversation))
        {
            foreach ((ConversationId conversation, byte[] value) in some)
            {
                LogStart start = LogStart.Read(value);
                isWaiting |= start.RetriesUntilMicros != 0;
                bool isDue = start.RetriesUntilMicros != 0 && start.RetriesUntilMicros <= _router.NowMicros();
                if (isDue || HasEntryBelow('i', conversation, start.First) || HasEntryBelow('r', conversation, start.First))
                {
                    _stop.Token.ThrowIfCancellationRequested();
                    await Trimmer.FinishAsync(conversation, start);
                }
            }
        }

        return isWaiting;
    }

    private bool HasEntryBelow(char kind, ConversationId conversation, ulong first)
    {
        bool isThere = false;
        _log.Scan(Table.State, MessageKeys.AllOf(kind, conversation), [], (key, _) =>
        {
            isThere = MessageKeys.Sequence(key) < first;
            return false;
        });
        return isThere;
    }

    /// <summary>Of messages that are gone nobody has to know any more from whom they were hidden.</summary>
    private async Task ShowHiddenAsync()
    {
        List<byte[]> keys = [];
        byte[] place = [];
        do
        {
            keys.Clear();
            _log.Scan(Table.State, "h"u8, place, (key, _) =>
            {
                keys.Add(key.ToArray());
                return keys.Count < TogetherMax;
            });
            foreach (IGrouping<(UserId User, ConversationId Conversation), byte[]> own in keys.GroupBy(static key => (UserId.Read(key.AsSpan(1)), HiddenKeys.ConversationOf(key))))
            {
                ulong first = _log.ReadStart(own.Key.Conversation).First;
                ulong[] gone = [.. own.Select(static key => MessageKeys.LastSequence(key)).Where(sequence => sequence < first)];
                if (gone.Length > 0)
                {
                    byte[] body = new HideCommand(own.Key.Conversation, IsHidden: false, gone).ToBytes();
                    await _router.ExecuteOwedAsync(CommandKind.Hide, new Actor(own.Key.User, default, default), _router.Map.ShardOf(own.Key.User.Value), body, _stop.Token);
                }
            }

            place = keys.Count > 0 ? keys[^1] : [];
        }
        while (keys.Count == TogetherMax);
    }

    /// <summary>Some of the entries whose keys are a letter and a conversation, in order.</summary>
    private List<(ConversationId Conversation, byte[] Value)> Behind(ReadOnlySpan<byte> kind, ConversationId place)
    {
        List<(ConversationId Conversation, byte[] Value)> some = [];
        _log.Scan(Table.State, kind, place.IsNone ? [] : MessageKeys.AllOf((char)kind[0], place), (key, value) =>
        {
            some.Add((ConversationId.Read(key[1..]), value.ToArray()));
            return some.Count < TogetherMax;
        });
        return some;
    }
}
