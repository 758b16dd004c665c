namespace FastChat.Bench.Compare.Systems.Limit;

/// <summary>Publishes that one sync makes durable, and who is to be told. Fixed in size; one thread at a time.</summary>
internal sealed class CommitBatch
{
    private const int BytesMax = 8 * 1024 * 1024;
    private const int CountMax = 1 << 16;

    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(BytesMax, pinned: true);
    private readonly (LimitConnection From, uint Request)[] _waiting = new (LimitConnection, uint)[CountMax];
    private int _size;

    /// <summary>How many publishes.</summary>
    public int Count { get; private set; }

    /// <summary>Their frames, back to back.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _size);

    /// <summary>Who waits for an answer.</summary>
    public ReadOnlySpan<(LimitConnection From, uint Request)> Waiting => _waiting.AsSpan(0, Count);

    /// <summary>Adds a publish; false when it is full.</summary>
    public bool TryAdd(LimitConnection from, uint request, ReadOnlySpan<byte> frame)
    {
        if (Count == CountMax || frame.Length > BytesMax - _size)
        {
            return false;
        }

        frame.CopyTo(_bytes.AsSpan(_size));
        _size += frame.Length;
        _waiting[Count++] = (from, request);
        return true;
    }

    /// <summary>Forgets everything.</summary>
    public void Clear() => (_size, Count) = (0, 0);
}
