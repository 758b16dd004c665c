using FastChat.Broker.Diagnostics;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Handlers;

/// <summary>Signal frames: checks the form and the rate, and posts to the conversation's shard if its ring has room. There is no answer, and nothing waits for a signal. Read loop.</summary>
internal sealed class SignalHandler(Router router, BrokerMetrics metrics)
{
    /// <summary>Handles a Signal frame.</summary>
    /// <exception cref="ProtocolViolationException">It cannot be read: without a request number there is no other way to say so.</exception>
    public void Handle(ClientContext client, ReadOnlySpan<byte> body, long timeMicros)
    {
        if (!Signal.TryRead(body, out Signal signal))
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, "a signal has 20 bytes, kind 1 to 3, bytes 17–19 are zero");
        }

        Peer peer = client.Peer;
        int shard = router.Map.ShardOf(signal.Conversation.Value);
        CommandHeader header = new(CommandKind.Signal, peer.Actor, 0, CommandHeader.ReplyToPeer(peer.Address), timeMicros);
        if (peer.IsInvisible || !client.Signals.TryPass(signal, timeMicros) || !router.TryPost(shard, header, body))
        {
            metrics.Signal(relayed: 0, dropped: 1);
        }
    }
}
