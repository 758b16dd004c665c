namespace FastChat.Bench.Compare.Wires;

/// <summary>
/// The client's side of a system's protocol on one connection, without a socket: bytes in, bytes out. All systems are driven through it by the same generator, so that what is compared is
/// the servers. A wire does the least that its protocol allows, allocates nothing per message, and never waits. Generator thread only.
/// </summary>
public abstract class Wire(IWireEvents events)
{
    /// <summary>Who learns what the server says.</summary>
    protected IWireEvents Events { get; } = events;

    /// <summary>The transport is connected: writes what a client says first. The wire calls <see cref="IWireEvents.OnReady"/> once it is signed in.</summary>
    public abstract void Begin(SendBuffer output);

    /// <summary>Takes received bytes. It consumes whole protocol units only and says how many bytes that were; the rest is offered again with more behind it.</summary>
    public abstract int Receive(ReadOnlySpan<byte> input, SendBuffer output);

    /// <summary>Publishes a payload. The answer comes as <see cref="IWireEvents.OnAcknowledged"/> with the same number, where the system answers at all (<see cref="Acknowledges"/>).</summary>
    public abstract void Publish(int conversation, long number, ReadOnlySpan<byte> payload, SendBuffer output);

    /// <summary>False when the system has no acknowledgement for a publish (at most once).</summary>
    public virtual bool Acknowledges => true;

    /// <summary>Asks for what is published to a conversation from now on.</summary>
    public virtual void Subscribe(int conversation, SendBuffer output) => throw new NotSupportedException($"{GetType().Name} does not subscribe");

    /// <summary>Asks for everything that a conversation holds, from its beginning; ends with <see cref="IWireEvents.OnReadToEnd"/>.</summary>
    public virtual void ReadAll(int conversation, SendBuffer output) => throw new NotSupportedException($"{GetType().Name} does not read");

    /// <summary>Says that the client is alive, in the way and only if the protocol wants that from idle clients. Called every 30 s.</summary>
    public virtual void Heartbeat(SendBuffer output)
    {
    }

    /// <summary>The transport ended.</summary>
    public void Fail(string reason) => Events.OnFailed(reason);

    /// <summary>After a cut: a wire for the next connection that takes up where this one was (session, positions).</summary>
    public virtual Wire Resume() => throw new NotSupportedException($"{GetType().Name} does not resume");
}
