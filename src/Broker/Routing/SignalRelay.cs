using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Routing;

/// <summary>
/// Passes typing signals on to who is subscribed (protocol.md §4.9). A signal is worth less than anything else that a shard does: it is not stored, not repeated, and dropped wherever it would cost. Nothing
/// is allocated for one that is relayed. Loop thread only.
/// </summary>
internal sealed class SignalRelay(int loop, Shard shard, DirtyOutboxes dirty)
{
    /// <summary>Milliseconds that a signal is to be believed; who goes on typing says so every five seconds.</summary>
    public const uint TimeToLiveMs = 8_000;

    /// <summary>With more subscriptions than this nobody can read who types, and each signal would cost as much as a message.</summary>
    public const int SubscriptionsMax = 500;

    /// <summary>Signals of one conversation in a second: more people typing at once than a line can name.</summary>
    public const int PerSecondMax = 20;

    private const long MicrosOfSecond = 1_000_000;

    /// <summary>What each conversation had in the second that runs. Emptied when it is over, so its size is one second's.</summary>
    private readonly Dictionary<ConversationId, int> _inSecond = [];
    private long _second;

    /// <summary>Relays a signal. Returns to how many connections it went and for how many it was dropped; one that goes to nobody at all counts as dropped once.</summary>
    public (int Relayed, int Dropped) Relay(in CommandHeader command, ReadOnlySpan<byte> body, Turn turn, Turn? previous)
    {
        if (!Signal.TryRead(body, out Signal signal)
            || !TryCount(signal.Conversation, command.TimeMicros / MicrosOfSecond)
            || shard.AuthorizePublish(signal.Conversation, command, turn, previous, out ConversationState? conversation) != ErrorCode.None
            || !conversation!.HasListeners
            || conversation.Subscriptions.Count > SubscriptionsMax)
        {
            return (0, 1);
        }

        Span<byte> relayed = stackalloc byte[RelayedSignal.Size];
        new RelayedSignal(signal.Conversation, command.Actor.User, signal.Kind, signal.Kind == SignalKind.Stopped ? 0 : TimeToLiveMs).Write(relayed);
        int sent = 0;
        int dropped = 0;
        foreach (Subscription subscription in conversation.Subscriptions)
        {
            Peer peer = subscription.Peer;
            if (!peer.TakesSignals || peer.Actor.User == command.Actor.User)
            {
                continue;
            }

            if (!peer.Outbox.TryAppendOptional(loop, FrameType.Signal, relayed))
            {
                dropped++;
                continue;
            }

            dirty.Mark(peer);
            sent++;
        }

        return (sent, dropped);
    }

    private bool TryCount(ConversationId conversation, long second)
    {
        if (second != _second)
        {
            _second = second;
            _inSecond.Clear();
        }

        ref int count = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_inSecond, conversation, out _);
        return ++count <= PerSecondMax;
    }
}
