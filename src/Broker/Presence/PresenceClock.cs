using FastChat.Broker.Diagnostics;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Presence;

/// <summary>Lets the room tick, once at a time: a tick that takes longer than a tick is not run twice beside itself.</summary>
internal sealed class PresenceClock : IDisposable
{
    private readonly PresenceRoom _room;
    private readonly ILogger _log;
    private readonly ITimer _timer;
    private int _ticking;

    public PresenceClock(PresenceRoom room, TimeSpan tick, TimeProvider clock, ILogger log)
    {
        _room = room;
        _log = log;
        _timer = clock.CreateTimer(static self => ((PresenceClock)self!).OnTick(), this, tick, tick);
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void OnTick()
    {
        if (Interlocked.Exchange(ref _ticking, 1) != 0)
        {
            return;
        }

        try
        {
            _room.Tick();
        }
        catch (Exception defect)
        {
            // A timer's exception would end the process: messages go on without presence, and the log says so.
            BrokerLog.PresenceDefect(_log, defect);
        }
        finally
        {
            Volatile.Write(ref _ticking, 0);
        }
    }
}
