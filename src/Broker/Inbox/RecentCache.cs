using System.Collections.Concurrent;

namespace FastChat.Broker.Inbox;

/// <summary>
/// A bounded cache: two generations, of which the older is thrown away as a whole when the younger has half of what is allowed. What is used now and then survives, nothing is counted or ordered, and no lock is
/// taken. Any thread.
/// </summary>
internal sealed class RecentCache<TKey, TValue>(int countMax)
    where TKey : notnull
{
    private ConcurrentDictionary<TKey, TValue> _young = new();
    private ConcurrentDictionary<TKey, TValue> _old = new();

    /// <summary>Entries, at most twice over.</summary>
    public int Count => _young.Count + _old.Count;

    /// <summary>A value that is still there.</summary>
    public bool TryGet(TKey key, [System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out TValue value)
    {
        if (_young.TryGetValue(key, out value))
        {
            return true;
        }

        if (!_old.TryGetValue(key, out value))
        {
            return false;
        }

        Set(key, value);
        return true;
    }

    /// <summary>Keeps a value for a while.</summary>
    public void Set(TKey key, TValue value)
    {
        ConcurrentDictionary<TKey, TValue> young = Volatile.Read(ref _young);
        young[key] = value;

        // Count takes every lock of the dictionary: asked for now and then is often enough.
        if ((key.GetHashCode() & 63) == 0 && young.Count > countMax / 2 && Interlocked.CompareExchange(ref _young, new ConcurrentDictionary<TKey, TValue>(), young) == young)
        {
            Volatile.Write(ref _old, young);
        }
    }
}
