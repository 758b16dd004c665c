using FastChat.Broker.Sessions;

namespace FastChat.Broker.Routing;

/// <summary>A connection that listens to a conversation, from a position on. Loop thread only.</summary>
internal sealed class Subscription(uint id, Peer peer, ConversationState conversation, ulong next)
{
    /// <summary>Names it inside its shard, for messages from the write loop.</summary>
    public uint Id { get; } = id;

    /// <summary>Who listens.</summary>
    public Peer Peer { get; } = peer;

    /// <summary>To what.</summary>
    public ConversationState Conversation { get; } = conversation;

    /// <summary>Sequence of the next record to deliver live; while pulling, the least one that was not pulled when last heard of.</summary>
    public ulong Next { get; set; } = next;

    /// <summary>True while records are appended to the outbox as they become durable; false while the write loop pulls them from the log.</summary>
    public bool IsLive { get; set; }

    /// <summary>The pull under way; null while live.</summary>
    public PullOrder? Order { get; set; }

    /// <summary>The last record that may be delivered, when the listener was removed from the conversation.</summary>
    public ulong Through { get; set; } = ulong.MaxValue;

    /// <summary>Place in the conversation's list.</summary>
    public int Index { get; set; }
}
