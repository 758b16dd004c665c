namespace FastChat.Shared;

/// <summary>The peer broke the rules of what carries its frames, so that nothing it sends can be read any more. To whoever reads it is a connection that has ended; the audit log is told with what.</summary>
/// <param name="layer">Which layer's rules, in one word: <c>tls_record</c>, <c>websocket</c>.</param>
/// <param name="cause">What was found there, if it is an exception.</param>
internal sealed class TransportBreachException(string layer, Exception? cause = null) : IOException($"the peer broke the rules: {layer}", cause)
{
    /// <summary>Which layer's.</summary>
    public string Layer { get; } = layer;
}
