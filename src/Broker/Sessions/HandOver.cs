using System.Diagnostics.CodeAnalysis;

namespace FastChat.Broker.Sessions;

/// <summary>
/// A queue from any thread to one that is empty almost always: a linked stack, taken whole by the consumer and turned around. It is two references while it is empty; a
/// <see cref="System.Collections.Concurrent.ConcurrentQueue{T}"/> takes 32 slots and two cache lines, and every session has two queues. Field of its owner; must not be copied.
/// </summary>
internal struct HandOver<T>
    where T : class
{
    private Node? _added;
    private Node? _ordered;
    private int _count;

    /// <summary>Items that wait; a snapshot.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Adds an item behind those that were added before. Any thread.</summary>
    public void Add(T item)
    {
        Interlocked.Increment(ref _count);
        Node node = new(item);
        Node? top = Volatile.Read(ref _added);
        while (true)
        {
            node.Next = top;
            Node? seen = Interlocked.CompareExchange(ref _added, node, top);
            if (ReferenceEquals(seen, top))
            {
                return;
            }

            top = seen;
        }
    }

    /// <summary>Takes the oldest item. One thread at a time.</summary>
    public bool TryTake([NotNullWhen(true)] out T? item)
    {
        if (_ordered is null && Volatile.Read(ref _added) is not null)
        {
            for (Node? node = Interlocked.Exchange(ref _added, null); node is not null;)
            {
                Node? older = node.Next;
                node.Next = _ordered;
                _ordered = node;
                node = older;
            }
        }

        if (_ordered is not { } first)
        {
            item = null;
            return false;
        }

        _ordered = first.Next;
        item = first.Item;
        Interlocked.Decrement(ref _count);
        return true;
    }

    private sealed class Node(T item)
    {
        public readonly T Item = item;
        public Node? Next;
    }
}
