namespace FastChat.Broker.Handlers;

/// <summary>What became of a frame.</summary>
internal enum HandlerOutcome : byte
{
    /// <summary>It was taken: its answer, if any, is on its way.</summary>
    Done,

    /// <summary>
    /// It could not be taken now: the connection has as much under way as it may, or a shard's ring is full. Nothing was done; the read loop waits and offers the same
    /// frame again, which keeps the order of what the client sends.
    /// </summary>
    TryAgain,
}
