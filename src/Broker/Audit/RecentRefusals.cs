namespace FastChat.Broker.Audit;

/// <summary>A refusal as the audit log has it, with those that were the same.</summary>
/// <param name="Entry">Act, who, where from, why.</param>
/// <param name="At">When the last of them was noted.</param>
/// <param name="Count">How many they are.</param>
internal readonly record struct NotedRefusal(AuditEntry Entry, DateTimeOffset At, long Count);

/// <summary>
/// The refusals that the audit log noted last, for who looks on: what is the same as one that is still here is counted there. It lies behind the log's own counting (<see cref="RepeatedEntries"/>), so that a flood
/// of refusals comes by once a second and costs whoever refuses nothing. Any thread; the lock is the log's writer's and that of who asks.
/// </summary>
internal sealed class RecentRefusals
{
    /// <summary>Refusals that are kept.</summary>
    public const int CountMax = 100;

    private readonly List<NotedRefusal> _refusals = new(CountMax);

    /// <summary>Adds one that was noted so often.</summary>
    public void Add(in AuditEntry entry, DateTimeOffset at, long count)
    {
        AuditEntry same = entry;
        lock (_refusals)
        {
            int known = _refusals.FindIndex(refusal => refusal.Entry == same);
            if (known >= 0)
            {
                count += _refusals[known].Count;
                _refusals.RemoveAt(known);
            }
            else if (_refusals.Count == CountMax)
            {
                _refusals.RemoveAt(0);
            }

            _refusals.Add(new NotedRefusal(same, at, count));
        }
    }

    /// <summary>Those that are kept, the latest first.</summary>
    public IReadOnlyList<NotedRefusal> List()
    {
        lock (_refusals)
        {
            return [.. _refusals.AsEnumerable().Reverse()];
        }
    }
}
