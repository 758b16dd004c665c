namespace FastChat.History;

/// <summary>A list of values that grows without copying and hands out references: tens of millions of rows, and a row never moves.</summary>
internal sealed class ChunkedList<T>
    where T : struct
{
    private const int ChunkBits = 14;
    private const int ChunkSize = 1 << ChunkBits;

    private readonly List<T[]> _chunks = [];

    /// <summary>Rows.</summary>
    public int Count { get; private set; }

    /// <summary>A row.</summary>
    public ref T this[int index] => ref _chunks[index >> ChunkBits][index & (ChunkSize - 1)];

    /// <summary>Appends an empty row.</summary>
    public int Add()
    {
        if (Count == _chunks.Count << ChunkBits)
        {
            _chunks.Add(new T[ChunkSize]);
        }

        return Count++;
    }
}
