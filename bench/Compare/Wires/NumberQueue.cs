namespace FastChat.Bench.Compare.Wires;

/// <summary>
/// What a server that answers in order still has to answer, oldest first: a ring that grows to the deepest window once and allocates nothing after that. The window bounds it. Generator
/// thread only.
/// </summary>
public sealed class NumberQueue
{
    private long[] _ring = new long[64];
    private int _head;

    /// <summary>Numbers that wait.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a number behind the others.</summary>
    public void Enqueue(long number)
    {
        if (Count == _ring.Length)
        {
            long[] larger = new long[2 * _ring.Length];
            for (int i = 0; i < Count; i++)
            {
                larger[i] = _ring[(_head + i) & (_ring.Length - 1)];
            }

            (_ring, _head) = (larger, 0);
        }

        _ring[(_head + Count++) & (_ring.Length - 1)] = number;
    }

    /// <summary>Takes the oldest number; false when none waits.</summary>
    public bool TryDequeue(out long number)
    {
        if (Count == 0)
        {
            number = 0;
            return false;
        }

        number = _ring[_head];
        _head = (_head + 1) & (_ring.Length - 1);
        Count--;
        return true;
    }
}
