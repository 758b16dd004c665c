namespace FastChat.Broker.Audit;

/// <summary>
/// Where the broker notes what happened to accounts, rights, settings and data: append-only, each line chained to the one before. Noting never waits and never throws: what does not fit is counted, and the count is a line of its own. Whoever
/// answers an act that must not be unseen (an export, an erasure, an operator's) waits for <see cref="FlushAsync"/> first. Any thread.
/// </summary>
internal abstract class AuditLog
{
    /// <summary>Notes nothing.</summary>
    public static AuditLog None { get; } = new Nowhere();

    /// <summary>Notes an entry. The same refusal of the same user or address again within a second is counted, not written again.</summary>
    public abstract void Note(in AuditEntry entry);

    /// <summary>Returns when everything noted so far is on stable storage.</summary>
    /// <exception cref="AuditLogException">It cannot be written: the act must not be carried out.</exception>
    public abstract Task FlushAsync();

    /// <summary>The refusals that it noted last, the latest first, at most <see cref="Audit.RecentRefusals.CountMax"/>.</summary>
    public virtual IReadOnlyList<NotedRefusal> RecentRefusals => [];

    private sealed class Nowhere : AuditLog
    {
        public override void Note(in AuditEntry entry)
        {
        }

        public override Task FlushAsync() => Task.CompletedTask;
    }
}

/// <summary>The audit log cannot be written, so an act that must not be unseen is not carried out.</summary>
internal sealed class AuditLogException(string message, Exception? cause = null) : IOException(message, cause);
