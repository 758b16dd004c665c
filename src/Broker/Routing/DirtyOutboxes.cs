using FastChat.Broker.Sessions;

namespace FastChat.Broker.Routing;

/// <summary>
/// The outboxes that a loop appended to since it last woke their write loops. Each is woken once for everything a turn brought it: that is what makes frames
/// leave together. Loop thread only.
/// </summary>
internal sealed class DirtyOutboxes(int loop)
{
    /// <summary>
    /// When no more than this are dirty, their write loops run on the loop's own thread, one flush each; else all are spread over the thread pool. Waking a sleeping thread
    /// costs a virtual machine tens of microseconds, a send five (docs/decisions/0011).
    /// </summary>
    private const int RunHereMax = 64;

    private readonly List<Peer> _peers = [];

    /// <summary>Notes that the loop appended to the peer's outbox.</summary>
    public void Mark(Peer peer)
    {
        if (peer.Outbox.MarkDirty(loop))
        {
            _peers.Add(peer);
        }
    }

    /// <summary>Wakes the write loops, and the read loops that paused for room.</summary>
    public void Flush()
    {
        bool runHere = _peers.Count <= RunHereMax;
        foreach (Peer peer in _peers)
        {
            peer.Outbox.Flush(loop, runHere);
            if (peer.IsReadPaused)
            {
                peer.ReadGate.Raise();
            }
        }

        _peers.Clear();
    }
}
