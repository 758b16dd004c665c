using FastChat.Broker.Audit;
using FastChat.Broker.Diagnostics;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Identity;

/// <summary>
/// Where the keys of one issuer come from. Sign-ins read <see cref="Current"/> and never wait for anything: keys are looked for in the background, and whatever is found there that cannot be used changes nothing but the log. Any thread.
/// </summary>
internal abstract class KeySource(string issuer, TimeProvider clock, AuditLog audit, ILogger log) : IDisposable
{
    private KeySet? _current;
    private string _lastTrouble = string.Empty;
    private ITimer? _timer;

    /// <summary>Whose keys they are.</summary>
    public string Issuer => issuer;

    /// <summary>The keys that hold now; null while there are none.</summary>
    public virtual KeySet? Current => Volatile.Read(ref _current);

    /// <summary>True while the last look brought nothing that can be used.</summary>
    public bool IsInTrouble => Volatile.Read(ref _lastTrouble).Length != 0;

    /// <summary>The clock.</summary>
    protected TimeProvider Clock => clock;

    /// <summary>Begins to look, at once and then again and again; nobody waits for it.</summary>
    /// <param name="interval">From one look to the next.</param>
    public void Watch(TimeSpan interval) => _timer = clock.CreateTimer(static source => ((KeySource)source!).Look(), this, TimeSpan.Zero, interval);

    /// <summary>Looks whether there are other keys. Does not throw, and does not wait for the network.</summary>
    public abstract void Look();

    /// <summary>A token named a key that is not here. True when it may be here in a moment, so that whoever holds it is to come again.</summary>
    public abstract bool Miss();

    /// <inheritdoc/>
    public void Dispose()
    {
        _timer?.Dispose();
        Dispose(isDisposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Ends what the source has begun.</summary>
    protected virtual void Dispose(bool isDisposing)
    {
    }

    /// <summary>These hold from now on.</summary>
    protected void Take(KeySet keys)
    {
        KeySet? before = Volatile.Read(ref _current);
        Volatile.Write(ref _current, keys);
        Volatile.Write(ref _lastTrouble, string.Empty);
        if (before is not null && before.Keys.Select(static key => (key.Id, key.Thumbprint)).SequenceEqual(keys.Keys.Select(static key => (key.Id, key.Thumbprint))))
        {
            return;
        }

        BrokerLog.IssuerKeysLoaded(log, issuer, keys.Keys.Count, keys.PassedOver.Count);
        audit.Note(new AuditEntry(AuditAct.IssuerKeysLoaded) { Target = issuer, Detail = string.Join(' ', keys.Keys.Select(static key => key.Thumbprint)) });
    }

    /// <summary>What was found cannot be used. Said once for each reason.</summary>
    protected void Refuse(string trouble)
    {
        if (Interlocked.Exchange(ref _lastTrouble, trouble) != trouble)
        {
            BrokerLog.IssuerKeysRefused(log, issuer, trouble);
            audit.Note(new AuditEntry(AuditAct.IssuerKeysRefused) { Target = issuer });
        }
    }
}
