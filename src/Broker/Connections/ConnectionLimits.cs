using System.Collections.Concurrent;

namespace FastChat.Broker.Connections;

/// <summary>
/// How many connections there may be: in all, and not signed in per address. Counting is lock-free and an address that has no stranger left costs nothing. Any thread.
/// </summary>
internal sealed class ConnectionLimits(int connectionsMax, int strangersPerAddressMax)
{
    private readonly ConcurrentDictionary<string, int> _strangers = new();
    private int _connections;

    /// <summary>Open connections.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Counts a connection in; false when there are as many as there may be.</summary>
    public bool TryAdd()
    {
        if (Interlocked.Increment(ref _connections) <= connectionsMax)
        {
            return true;
        }

        Interlocked.Decrement(ref _connections);
        return false;
    }

    /// <summary>Counts a connection out.</summary>
    public void Remove() => Interlocked.Decrement(ref _connections);

    /// <summary>Counts a connection in that is not signed in; false when its address has as many as it may.</summary>
    public bool TryAddStranger(string address)
    {
        if (_strangers.AddOrUpdate(address, 1, static (_, count) => count + 1) <= strangersPerAddressMax)
        {
            return true;
        }

        RemoveStranger(address);
        return false;
    }

    /// <summary>Counts a connection out that is signed in now, or has gone.</summary>
    public void RemoveStranger(string address)
    {
        int left = _strangers.AddOrUpdate(address, 0, static (_, count) => count - 1);
        if (left <= 0)
        {
            // Removes only if it is still 0: a newcomer in between keeps the entry.
            _strangers.TryRemove(new KeyValuePair<string, int>(address, 0));
        }
    }
}
