using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>
/// Hears what goes on under <see cref="FastChatClient.ReadAsync"/>, reconnects included: for who records a run in order to check it. Calls about one connection come in the order of its
/// frames, from its loops: return quickly, do not block, do not throw. Nothing is called for what nobody reads any more.
/// </summary>
public interface IReadObserver
{
    /// <summary>A Subscribe is about to be sent.</summary>
    /// <param name="conversation">The conversation.</param>
    /// <param name="after">The position that it asks for.</param>
    /// <param name="isContinued">The client continues by itself; false = the application chose the position.</param>
    void OnSubscribing(ConversationId conversation, LogPosition after, bool isContinued);

    /// <summary>The broker answered it, whether or not the answer can be accepted.</summary>
    void OnSubscribed(ConversationId conversation, in Subscribed answer);

    /// <summary>Records came in a subscription that stands, whether or not they are the ones that were due.</summary>
    void OnDelivered(in Deliver deliver);

    /// <summary>The broker said that this session fell behind, at this place among the deliveries.</summary>
    void OnLagged(in Lag lag);

    /// <summary>The broker ended the subscription.</summary>
    void OnUnsubscribed(ConversationId conversation);
}
