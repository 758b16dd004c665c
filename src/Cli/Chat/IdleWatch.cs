namespace FastChat.Cli;

/// <summary>
/// Notices that nobody has pressed a key for a while, and that somebody does again: others see the user as away meanwhile. Keys come on the chat's loop, the rest on a timer.
/// </summary>
internal sealed class IdleWatch : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private readonly Action<bool> _changed;
    private readonly ITimer _timer;
    private int _isIdle;

    /// <summary>Makes it; <paramref name="changed"/> hears of every change and returns quickly.</summary>
    public IdleWatch(TimeProvider time, Action<bool> changed)
    {
        _changed = changed;
        _timer = time.CreateTimer(static watch => ((IdleWatch)watch!).Change(isIdle: true), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Begins to wait.</summary>
    public void Start() => _timer.Change(Patience, Timeout.InfiniteTimeSpan);

    /// <summary>Somebody is there.</summary>
    public void OnKey()
    {
        Start();
        Change(isIdle: false);
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void Change(bool isIdle)
    {
        int now = isIdle ? 1 : 0;
        if (Interlocked.Exchange(ref _isIdle, now) != now)
        {
            _changed(isIdle);
        }
    }
}
