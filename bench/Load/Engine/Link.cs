using FastChat.Bench.Compare.Kernel;
using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Load.Engine;

/// <summary>One connection of the generator: a socket, the wire that speaks on it, what waits to be sent and what was received in part. Generator thread only.</summary>
internal sealed class Link
{
    private Remainder _rest;

    internal Link(Reactor reactor, int slot, int socket, Wire wire)
    {
        Slot = slot;
        Socket = socket;
        Wire = wire;
        Output = new SendBuffer { Filled = () => reactor.MarkDirty(this) };
    }

    /// <summary>The protocol spoken here.</summary>
    public Wire Wire { get; }

    /// <summary>What waits to be sent; it leaves in one call when the reactor's round ends.</summary>
    public SendBuffer Output { get; }

    internal int Slot { get; }

    internal int Socket { get; set; }

    internal bool IsConnected { get; set; }

    /// <summary>The socket took less than it was given: the reactor waits for room.</summary>
    internal bool IsBlocked { get; set; }

    /// <summary>What was received in part.</summary>
    internal ref Remainder Rest => ref _rest;
}
