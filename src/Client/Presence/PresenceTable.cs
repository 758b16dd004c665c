using System.Collections.Concurrent;

using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>
/// The watches of a client and the order of their requests: per conversation and connection watch, unwatch, watch, … as in <see cref="SubscriptionTable"/>. A lock guards every change; the read loop's look-up for a
/// frame takes none.
/// </summary>
internal sealed class PresenceTable(RequestTable requests, Action<PresenceWatch, RequestException> retryLater)
{
    private readonly ConcurrentDictionary<ConversationId, PresenceWatch> _watches = new();
    private readonly Lock _change = new();
    private int _connection;
    private long _lastNumber;
    private CloseReason? _ended;

    /// <summary>A Presence frame came; of a conversation that nobody watches any more it says nothing.</summary>
    public void OnPresence(in Protocol.Presence presence)
    {
        if (_watches.TryGetValue(presence.Conversation, out PresenceWatch? watch))
        {
            watch.OnPresence(presence);
        }
    }

    /// <summary>The application begins to watch.</summary>
    /// <exception cref="InvalidOperationException">It watches this conversation already.</exception>
    /// <exception cref="ConnectionException">The client has ended.</exception>
    public PresenceWatch Add(ConversationId conversation)
    {
        lock (_change)
        {
            if (_ended is not null)
            {
                throw new ConnectionException(_ended, isFinal: true);
            }

            PresenceWatch watch = new(conversation, ++_lastNumber);
            if (!_watches.TryAdd(conversation, watch))
            {
                throw new InvalidOperationException($"conversation {conversation} is being watched already: a client watches a conversation once");
            }

            Ask(watch);
            return watch;
        }
    }

    /// <summary>The application stops watching.</summary>
    public void Remove(PresenceWatch watch)
    {
        lock (_change)
        {
            _watches.TryRemove(watch.Conversation, out _);
            if (_connection != 0)
            {
                requests.Add(new UnwatchRequest(watch.Conversation) { BoundTo = _connection });
            }
        }
    }

    /// <summary>Asks again after a failure that may have passed; does nothing when the application stopped watching or a new connection asked already.</summary>
    public void Retry(PresenceWatch watch, int connection)
    {
        lock (_change)
        {
            if (_connection == connection && _watches.GetValueOrDefault(watch.Conversation) == watch)
            {
                Ask(watch);
            }
        }
    }

    /// <summary>Signed in: every watch begins anew.</summary>
    public void OnConnected(int connection)
    {
        lock (_change)
        {
            _connection = connection;
            foreach (PresenceWatch watch in InOrder())
            {
                Ask(watch);
            }
        }
    }

    /// <summary>The connection ended. No loop runs.</summary>
    public void OnBreak()
    {
        lock (_change)
        {
            _connection = 0;
            foreach (PresenceWatch watch in InOrder())
            {
                watch.Suspend();
            }
        }
    }

    /// <summary>The client ended.</summary>
    public void FailAll(CloseReason reason)
    {
        lock (_change)
        {
            _ended = reason;
            foreach (PresenceWatch watch in InOrder())
            {
                watch.End(new SubscriptionEnd(new ConnectionException(reason, isFinal: true)));
            }
        }
    }

    private IEnumerable<PresenceWatch> InOrder() => _watches.Values.OrderBy(static watch => watch.Number);

    private void Ask(PresenceWatch watch)
    {
        if (_connection != 0 && !watch.HasEnded)
        {
            requests.Add(new WatchRequest(watch, retryLater) { BoundTo = _connection });
        }
    }
}
