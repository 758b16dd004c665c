using FastChat.Broker.Audit;

namespace FastChat.Broker.Limits;

/// <summary>
/// The limits that are in force, and the only one who replaces them: whole, after they were found sensible and the audit log has what they were and what they are. They are in force until the process ends or the settings file is read
/// again: what lasts stands there. Any thread.
/// </summary>
internal sealed class RunningLimits(LimitSettings settings, UserLimits users, AddressLimits addresses, AuditLog audit) : IDisposable
{
    private readonly SemaphoreSlim _changing = new(1, 1);
    private LimitSettings _current = settings;

    /// <summary>What is in force.</summary>
    public LimitSettings Current => Volatile.Read(ref _current);

    /// <summary>Puts others in their place.</summary>
    /// <param name="change">Makes them of those in force; throws <see cref="ArgumentException"/> when it cannot.</param>
    /// <param name="by">Who wants it, and where from; its act and detail are filled in here.</param>
    /// <returns>What has changed (<see cref="LimitNames.Differences"/>).</returns>
    /// <exception cref="ArgumentException">They make no sense; nothing has changed.</exception>
    /// <exception cref="AuditLogException">It cannot be written down; nothing has changed.</exception>
    public async Task<IReadOnlyList<string>> ChangeAsync(Func<LimitSettings, LimitSettings> change, AuditEntry by)
    {
        // Two changes at once are one after the other, or the second would put back what the first replaced.
        await _changing.WaitAsync();
        try
        {
            LimitSettings next = change(_current);
            next.Validate();
            IReadOnlyList<string> differences = LimitNames.Differences(_current, next);
            if (differences.Count == 0)
            {
                return differences;
            }

            audit.Note(by with { Act = AuditAct.SettingsChanged, Detail = string.Join("; ", differences) });
            await audit.FlushAsync();
            (users.Settings, addresses.Settings) = (next, next);
            Volatile.Write(ref _current, next);
            return differences;
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _changing.Dispose();
}
