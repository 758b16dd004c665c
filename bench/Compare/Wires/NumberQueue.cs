namespace FastChat.Bench.Compare.Wires;

/// <summary>The numbers of publishes that wait for their answers, where a protocol answers in the order of the requests. A ring that grows and never shrinks. Generator thread only.</summary>
internal sealed class NumberQueue
{
    private long[] _numbers = new long[64];
    private int _head;

    /// <summary>How many wait.</summary>
    public int Count { get; private set; }

    /// <summary>Adds the newest.</summary>
    public void Add(long number)
    {
        if (Count == _numbers.Length)
        {
            long[] larger = new long[2 * Count];
            _numbers.AsSpan(_head).CopyTo(larger);
            _numbers.AsSpan(0, _head).CopyTo(larger.AsSpan(Count - _head));
            _numbers = larger;
            _head = 0;
        }

        _numbers[(_head + Count++) & (_numbers.Length - 1)] = number;
    }

    /// <summary>Takes the oldest.</summary>
    public long Take()
    {
        long number = _numbers[_head];
        _head = (_head + 1) & (_numbers.Length - 1);
        Count--;
        return number;
    }
}
