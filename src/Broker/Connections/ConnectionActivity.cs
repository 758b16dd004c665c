namespace FastChat.Broker.Connections;

/// <summary>
/// When a connection last did what: written by its loops as plain timestamps, read by the timer. Nothing here is exact to more than the timer's tick, and nothing here
/// arms a timer of its own. Each field has one writer.
/// </summary>
/// <param name="clock">The clock.</param>
/// <param name="accepted">When the connection was accepted; 0 = now.</param>
internal sealed class ConnectionActivity(TimeProvider clock, long accepted = 0)
{
    private long _received = clock.GetTimestamp();
    private long _sent = clock.GetTimestamp();
    private long _frameBegun;
    private long _writeBegun;
    private long _closeBegun;

    /// <summary>When the connection was accepted.</summary>
    public long Accepted { get; } = accepted != 0 ? accepted : clock.GetTimestamp();

    /// <summary>When it was last noted that the device is there. Timer.</summary>
    public long Noted { get; set; } = clock.GetTimestamp();

    /// <summary>True once Welcome was sent.</summary>
    public bool IsReady { get; set; }

    /// <summary>When bytes last came.</summary>
    public long Received => Volatile.Read(ref _received);

    /// <summary>When bytes last went.</summary>
    public long Sent => Volatile.Read(ref _sent);

    /// <summary>When the frame that is not complete yet was begun; 0 = none is.</summary>
    public long FrameBegun => Volatile.Read(ref _frameBegun);

    /// <summary>Since when the peer takes no bytes; 0 = it does.</summary>
    public long WriteBegun => Volatile.Read(ref _writeBegun);

    /// <summary>When closing began; 0 = it has not.</summary>
    public long CloseBegun => Volatile.Read(ref _closeBegun);

    /// <summary>Bytes came; <paramref name="isPartial"/>: they end inside a frame. <paramref name="madeProgress"/>: a whole frame was among them. Read loop.</summary>
    public void OnReceived(bool isPartial, bool madeProgress)
    {
        long now = clock.GetTimestamp();
        Volatile.Write(ref _received, now);
        if (!isPartial)
        {
            Volatile.Write(ref _frameBegun, 0);
        }
        else if (_frameBegun == 0 || madeProgress)
        {
            Volatile.Write(ref _frameBegun, now);
        }
    }

    /// <summary>The broker kept the connection waiting on purpose: neither what was begun nor a sign of life is late because of that. Read loop.</summary>
    public void OnPaused()
    {
        long now = clock.GetTimestamp();
        Volatile.Write(ref _received, now);
        if (_frameBegun != 0)
        {
            Volatile.Write(ref _frameBegun, now);
        }
    }

    /// <summary>Bytes are given to the transport, which may not take them. Write loop.</summary>
    public void BeginWrite() => Volatile.Write(ref _writeBegun, clock.GetTimestamp());

    /// <summary>The transport took them. Write loop.</summary>
    public void EndWrite()
    {
        Volatile.Write(ref _sent, clock.GetTimestamp());
        Volatile.Write(ref _writeBegun, 0);
    }

    /// <summary>The connection is to end. Once.</summary>
    public void BeginClose() => Volatile.Write(ref _closeBegun, clock.GetTimestamp());
}
