namespace FastChat.Simulation;

/// <summary>A process's clock: its monotonic time is the world's, its time of day may be wrong and may jump.</summary>
internal sealed class SimulatedClock(SimulatedWorld world, SimulatedProcess? process) : TimeProvider
{
    private const long NanosecondsPerTick = 100;

    private static readonly DateTimeOffset s_beginning = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>How wrong the time of day is.</summary>
    public TimeSpan Error { get; set; }

    /// <inheritdoc/>
    public override long TimestampFrequency => 1_000_000_000;

    /// <inheritdoc/>
    public override long GetTimestamp() => world.Now + 1;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => s_beginning + TimeSpan.FromTicks(world.Now / NanosecondsPerTick) + Error;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        SimulatedTimer timer = new(world, process ?? throw new InvalidOperationException("the world itself waits for nothing"), callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class SimulatedTimer(SimulatedWorld world, SimulatedProcess process, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;
        private int _version;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _version++;
            _period = period;
            if (dueTime != Timeout.InfiniteTimeSpan)
            {
                Schedule(dueTime);
            }

            return true;
        }

        public void Dispose() => _version++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Schedule(TimeSpan due)
        {
            int version = _version;
            world.Schedule(process, world.Now + (due.Ticks * NanosecondsPerTick), _ => Fire(version), null);
        }

        private void Fire(int version)
        {
            if (version != _version)
            {
                return;
            }

            if (_period > TimeSpan.Zero)
            {
                Schedule(_period);
            }

            callback(state);
        }
    }
}
