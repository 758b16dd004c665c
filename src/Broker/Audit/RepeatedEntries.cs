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
        if (_counters.TryAdd(kind, new Counter()))
        {
            Interlocked.Increment(ref _kinds);
            return true;
        }

        return !CountAgain(kind);
    }

    /// <summary>Takes what was counted since it was last asked; a kind that was silent since then is forgotten, and its next one is a first one.</summary>
    public IEnumerable<(AuditEntry Entry, long Count)> Take()
    {
        foreach ((AuditEntry kind, Counter counter) in _counters)
        {
            long repeats = Interlocked.Exchange(ref counter.Repeats, 0);
            if (repeats > 0)
            {
                yield return (kind, repeats);
            }
            else
            {
                if (_counters.TryRemove(kind, out _))
                {
                    Interlocked.Decrement(ref _kinds);
                }

                // Counted between the two looks.
                repeats = Interlocked.Exchange(ref counter.Repeats, 0);
                if (repeats > 0)
                {
                    yield return (kind, repeats);
                }
            }
        }
    }

    private bool CountAgain(in AuditEntry kind)
    {
        if (!_counters.TryGetValue(kind, out Counter? known))
        {
            return false;
        }

        Interlocked.Increment(ref known.Repeats);
        return true;
    }

    private sealed class Counter
    {
        public long Repeats;
    }
}
