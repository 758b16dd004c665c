namespace FastChat.Broker.Presence;

/// <summary>
/// So many bytes in a second and no more: what was not used within a second is lost, so that any stretch of T seconds has at most (T + 1) seconds' worth. Who takes more than there is leaves a debt for the seconds that follow. Its owner locks.
/// </summary>
internal struct ByteBudget(int bytesPerSecond, long now)
{
    private double _bytes = bytesPerSecond;
    private long _filledAt = now;

    /// <summary>Bytes that may be sent now.</summary>
    /// <param name="clock">The clock that <paramref name="now"/> is a timestamp of.</param>
    /// <param name="now">Now.</param>
    public int Available(TimeProvider clock, long now)
    {
        double gained = clock.GetElapsedTime(_filledAt, now).TotalSeconds * bytesPerSecond;
        _bytes = Math.Min(bytesPerSecond, _bytes + Math.Max(0, gained));
        _filledAt = now;
        return (int)_bytes;
    }

    /// <summary>Takes bytes.</summary>
    public void Take(int bytes) => _bytes -= bytes;
}
