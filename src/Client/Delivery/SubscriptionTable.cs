using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>
/// The conversations that the application reads, and the order of their Subscribe and Unsubscribe frames.
/// <para>
/// A lock guards every change, because adding a subscription, ending one and a reconnect that renews all of them must put their frames into the request queue in one order:
/// per conversation and connection Subscribe, Unsubscribe, Subscribe, … Changes are rare; the read loop's look-up for a Deliver takes no lock.
/// </para>
/// </summary>
internal sealed class SubscriptionTable
{
    private readonly ConcurrentDictionary<ConversationId, Subscription> _subscriptions = new();
    private readonly Lock _change = new();
    private readonly RequestTable _requests;
    private readonly DeliveryWindow _window;
    private readonly IReadObserver? _observer;
    private readonly Action<Subscription, RequestException> _retryLater;
    private int _connection;
    private long _lastNumber;
    private CloseReason? _ended;

    /// <param name="retryLater">Called on the read loop when a Subscribe failed for a reason that may pass.</param>
    public SubscriptionTable(RequestTable requests, DeliveryWindow window, IReadObserver? observer, Action<Subscription, RequestException> retryLater)
    {
        _observer = observer;
        _requests = requests;
        _window = window;
        _retryLater = retryLater;
    }

    public bool TryGet(ConversationId conversation, [NotNullWhen(true)] out Subscription? subscription) =>
        _subscriptions.TryGetValue(conversation, out subscription);

    /// <summary>The application begins to read.</summary>
    /// <exception cref="InvalidOperationException">It reads this conversation already.</exception>
    /// <exception cref="ConnectionException">The client has ended.</exception>
    public Subscription Add(ConversationId conversation, LogPosition after)
    {
        lock (_change)
        {
            if (_ended is not null)
            {
                throw new ConnectionException(_ended, isFinal: true);
            }

            Subscription subscription = new(conversation, after, _observer) { Number = ++_lastNumber };
            if (!_subscriptions.TryAdd(conversation, subscription))
            {
                throw new InvalidOperationException($"conversation {conversation} is being read already: a client reads a conversation once");
            }

            Subscribe(subscription);
            return subscription;
        }
    }

    /// <summary>The application stops reading.</summary>
    public void Remove(Subscription subscription)
    {
        lock (_change)
        {
            _subscriptions.TryRemove(subscription.Conversation, out _);
            subscription.Drop(_window);
            if (_connection != 0)
            {
                _requests.Add(new UnsubscribeRequest(subscription.Conversation) { BoundTo = _connection });
            }
        }
    }

    /// <summary>Asks again after a failure that may have passed; does nothing when the application stopped reading or a new connection asked already.</summary>
    public void Retry(Subscription subscription, int connection)
    {
        lock (_change)
        {
            if (_connection == connection && _subscriptions.TryGetValue(subscription.Conversation, out Subscription? current) && current == subscription)
            {
                Subscribe(subscription);
            }
        }
    }

    /// <summary>Signed in: every subscription is renewed from its own position.</summary>
    public void OnConnected(int connection)
    {
        lock (_change)
        {
            _connection = connection;
            foreach (Subscription subscription in InOrder())
            {
                Subscribe(subscription);
            }
        }
    }

    /// <summary>The connection ended. No loop runs.</summary>
    public void OnBreak()
    {
        lock (_change)
        {
            _connection = 0;
            foreach (Subscription subscription in InOrder())
            {
                subscription.Suspend();
            }
        }
    }

    /// <summary>The client ended: every reader gets what was delivered and then the reason.</summary>
    public void FailAll(CloseReason reason)
    {
        lock (_change)
        {
            _ended = reason;
            foreach (Subscription subscription in InOrder())
            {
                subscription.End(new SubscriptionEnd(new ConnectionException(reason, isFinal: true)));
            }
        }
    }

    /// <summary>As the application began them: what it asked for first comes first again, and the hashes of ids have no say in it.</summary>
    private IEnumerable<Subscription> InOrder() => _subscriptions.Values.OrderBy(static subscription => subscription.Number);

    private void Subscribe(Subscription subscription)
    {
        if (_connection != 0 && !subscription.HasEnded)
        {
            _requests.Add(new SubscribeRequest(subscription, _retryLater) { BoundTo = _connection });
        }
    }
}
