namespace FastChat.History;

/// <summary>
/// One property, or a few that look at the same events. It sees every event in the order of time, before the world has taken it in, and once the end. What it keeps is bounded
/// by what the history names (messages, records, pairs of process and conversation), never by the number of events, and it does constant work per event.
/// </summary>
internal abstract class Check
{
    protected Check(World world, Findings findings)
    {
        World = world;
        Findings = findings;
    }

    protected World World { get; }

    protected Findings Findings { get; }

    /// <summary>The next event.</summary>
    public virtual void See(in HistoryEvent e, in Seen seen)
    {
    }

    /// <summary>There are no more events.</summary>
    public virtual void Finish()
    {
    }
}

/// <summary>State of a check for each pair of process and conversation.</summary>
internal sealed class PerLink<T>
    where T : class, new()
{
    private readonly List<T?> _states = [];

    public T this[Link link]
    {
        get
        {
            while (_states.Count <= link.Index)
            {
                _states.Add(null);
            }

            return _states[link.Index] ??= new T();
        }
    }
}
