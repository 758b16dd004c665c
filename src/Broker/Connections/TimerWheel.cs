using System.Collections.Concurrent;

namespace FastChat.Broker.Connections;

/// <summary>
/// One timer for all connections. Each connection sits in one slot; a tick looks at one slot's connections and at nothing else, so 18,000 idle connections cost 4,500 looks
/// a tick, and no connection owns a timer. Adding is lock-free; a connection that has gone is dropped when its slot comes round.
/// </summary>
internal sealed class TimerWheel : IDisposable
{
    /// <summary>Time between ticks: the resolution of every deadline.</summary>
    public static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(250);

    /// <summary>No timer of a process that runs is so late.</summary>
    public static readonly TimeSpan StallMin = TimeSpan.FromSeconds(2);

    /// <summary>Slots; a connection is looked at every <c>SlotCount × Tick</c> = 1 s, which is how late a deadline may be noticed.</summary>
    private const int SlotCount = 4;

    private readonly List<BrokerConnection>[] _slots = Enumerable.Range(0, SlotCount).Select(_ => new List<BrokerConnection>()).ToArray();
    private readonly ConcurrentQueue<BrokerConnection> _added = new();
    private readonly Action<BrokerConnection> _check;
    private readonly Action _afterTick;
    private readonly Action? _stalled;
    private readonly TimeProvider _clock;
    private readonly ITimer _timer;
    private long _lastTick;
    private int _current;
    private int _ticking;

    /// <param name="clock">Where ticks come from.</param>
    /// <param name="check">Looks at one connection; must not block.</param>
    /// <param name="afterTick">Other periodic work; must not block.</param>
    /// <param name="stalled">Learns, before anything is looked at, that the process stood still: this tick is later by more than <see cref="StallMin"/>.</param>
    public TimerWheel(TimeProvider clock, Action<BrokerConnection> check, Action afterTick, Action? stalled = null)
    {
        _clock = clock;
        _check = check;
        _afterTick = afterTick;
        _stalled = stalled;
        _lastTick = clock.GetTimestamp();
        _timer = clock.CreateTimer(static wheel => ((TimerWheel)wheel!).OnTick(), this, Tick, Tick);
    }

    /// <summary>Watches a connection until it says that it is gone. Any thread.</summary>
    public void Add(BrokerConnection connection) => _added.Enqueue(connection);

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void OnTick()
    {
        // A tick that took longer than a tick is not run twice at once.
        if (Interlocked.Exchange(ref _ticking, 1) != 0)
        {
            return;
        }

        try
        {
            if (_clock.GetElapsedTime(_lastTick) > StallMin + Tick)
            {
                _stalled?.Invoke();
            }

            _lastTick = _clock.GetTimestamp();
            _current = (_current + 1) % SlotCount;
            while (_added.TryDequeue(out BrokerConnection? added))
            {
                _slots[(_current + SlotCount - 1) % SlotCount].Add(added);
            }

            List<BrokerConnection> slot = _slots[_current];
            for (int i = slot.Count - 1; i >= 0; i--)
            {
                BrokerConnection connection = slot[i];
                if (connection.IsGone)
                {
                    slot[i] = slot[^1];
                    slot.RemoveAt(slot.Count - 1);
                }
                else
                {
                    _check(connection);
                }
            }

            _afterTick();
        }
        finally
        {
            Volatile.Write(ref _ticking, 0);
        }
    }
}
