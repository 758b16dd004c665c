using System.Collections.Concurrent;

namespace FastChat.Broker.Audit;

/// <summary>
/// Refusals come in floods, and a flood must neither fill the disk nor push everything else out of the queue: the first of a kind is written at once, the same again is counted here and told in one line later. Bounded: beyond so many kinds, users and
/// addresses are not told apart. Any thread; no lock on the way of an entry that is known.
/// </summary>
internal sealed class RepeatedEntries
{
    private const int KindsMax = 4096;

    private readonly ConcurrentDictionary<AuditEntry, Counter> _counters = new();
    private int _kinds;

    /// <summary>True when an entry may be one of very many.</summary>
    public static bool IsOne(AuditAct act) =>
        act is AuditAct.SignInRefused or AuditAct.AccessDenied or AuditAct.LimitReached or AuditAct.ConnectionRefused or AuditAct.TransportRefused or AuditAct.ProtocolViolated or AuditAct.TokenReused;

    /// <summary>True when this entry is to be written now; otherwise it was counted.</summary>
    public bool IsFirst(in AuditEntry entry)
    {
        if (CountAgain(entry))
        {
            return false;
        }

        // The last ones are for those that are not told apart, of which there are few.
        AuditEntry kind = Volatile.Read(ref _kinds) < KindsMax ? entry : new AuditEntry(entry.Act) { Detail = entry.Detail };
        while (!_counters.TryAdd(kind, new Counter()))
        {
            if (CountAgain(kind))
            {
                return false;
            }
        }

        Interlocked.Increment(ref _kinds);
        return true;
    }

    /// <summary>Takes what was counted since it was last asked; a kind that was silent since then is forgotten, and its next one is a first one. One caller at a time.</summary>
    public IEnumerable<(AuditEntry Entry, long Count)> Take()
    {
        foreach ((AuditEntry kind, Counter counter) in _counters)
        {
            if (counter.TryClose())
            {
                _counters.TryRemove(new KeyValuePair<AuditEntry, Counter>(kind, counter));
                Interlocked.Decrement(ref _kinds);
            }
            else if (counter.Take() is > 0 and long repeats)
            {
                yield return (kind, repeats);
            }
        }
    }

    private bool CountAgain(in AuditEntry kind) => _counters.TryGetValue(kind, out Counter? known) && known.TryAdd();

    /// <summary>Counts until it is closed, which it can be only while nothing is counted: so no count is lost to whoever forgets it.</summary>
    private sealed class Counter
    {
        private const long Closed = long.MinValue;

        private long _repeats;

        public bool TryAdd() => Interlocked.Increment(ref _repeats) > 0;

        public long Take() => Interlocked.Exchange(ref _repeats, 0);

        public bool TryClose() => Interlocked.CompareExchange(ref _repeats, Closed, 0) == 0;
    }
}
