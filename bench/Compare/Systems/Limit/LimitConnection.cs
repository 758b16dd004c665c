using FastChat.Bench.Compare.Kernel;
using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare.Systems.Limit;

/// <summary>One connection of the limit's server: a socket, what waits to be sent, what was received in part, and how far it has read the feed it subscribed to. The loop's thread only.</summary>
internal sealed class LimitConnection
{
    private Remainder _rest;

    public LimitConnection(LimitLoop loop, int slot, int socket)
    {
        Slot = slot;
        Socket = socket;
        Output = new SendBuffer { Filled = () => loop.MarkDirty(this) };
    }

    public int Slot { get; }

    /// <summary>−1 once it is closed.</summary>
    public int Socket { get; set; }

    /// <summary>Answers that wait to be sent.</summary>
    public SendBuffer Output { get; }

    /// <summary>The socket took less than it was given, or its turn was over: the loop waits for room.</summary>
    public bool IsBlocked { get; set; }

    /// <summary>What it subscribed to.</summary>
    public Feed? Feed { get; set; }

    /// <summary>How much of the feed it was sent.</summary>
    public long Position { get; set; }

    /// <summary>What was received in part.</summary>
    public ref Remainder Rest => ref _rest;
}
