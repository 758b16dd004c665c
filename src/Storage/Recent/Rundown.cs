namespace FastChat.Storage;

/// <summary>
/// Keeps a native handle alive while anyone is inside it. Readers come from any thread and <see cref="Close"/> may come at any time: a
/// read after the handle is closed would be a crash of the process, not an exception. One counter, entered and left with one interlocked
/// addition each; the sign bit says closed.
/// </summary>
internal struct Rundown
{
    private const int Closed = int.MinValue;

    private int _state;

    /// <summary>False when closed; nothing is to be left then.</summary>
    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _state) >= 0)
        {
            return true;
        }

        Interlocked.Decrement(ref _state);
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _state);

    /// <summary>Lets nobody in any more and returns when the last one left; false when it was closed before.</summary>
    public bool Close()
    {
        if ((Interlocked.Or(ref _state, Closed) & Closed) != 0)
        {
            return false;
        }

        SpinWait spin = default;
        while (Volatile.Read(ref _state) != Closed)
        {
            spin.SpinOnce();
        }

        return true;
    }
}
