namespace FastChat.Bench.Compare.Wires;

/// <summary>What a server said on one connection, in the words that all systems share. Called on the generator's thread, from within <see cref="Wire.Receive"/>.</summary>
public interface IWireEvents
{
    /// <summary>Signed in: the connection may be used.</summary>
    void OnReady();

    /// <summary>A subscription is in force: what is published from now on will be delivered.</summary>
    void OnSubscribed(int conversation);

    /// <summary>The publish with this number is acknowledged (in durable scenarios: is on stable storage).</summary>
    void OnAcknowledged(long number);

    /// <summary>The publish with this number was refused.</summary>
    void OnRefused(long number, string reason);

    /// <summary>A message came; the payload is valid during the call only.</summary>
    void OnDelivered(ReadOnlySpan<byte> payload);

    /// <summary>A <see cref="Wire.ReadAll"/> has delivered everything there was.</summary>
    void OnReadToEnd(int conversation);

    /// <summary>The connection is of no more use.</summary>
    void OnFailed(string reason);
}
