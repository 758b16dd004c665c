using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// The chunks of one conversation wherever they are: in the log table up to a sequence, in the journal's images from there on. The table is opened only when it is needed; who follows a
/// conversation at its head never asks RocksDB. Lives on the stack of one read, inside a view.
/// </summary>
internal ref struct LogCursor : IChunkCursor
{
    private readonly RocksDbStore _store;
    private readonly RecentTail _tail;
    private readonly ConversationId _conversation;
    private readonly bool _isHeld;
    private RocksDbIterator _table;
    private bool _tableIsOpen;
    private bool _inTail;
    private RecentIndex? _index;
    private RecentChunk _chunk;

    /// <param name="conversationBytes">The 16 bytes of <paramref name="conversation"/>, which must outlive the cursor.</param>
    public LogCursor(RocksDbStore store, RecentView view, ConversationId conversation, ReadOnlySpan<byte> conversationBytes)
    {
        _store = store;
        _conversation = conversation;
        _tail = new RecentTail(view, conversationBytes);
    }

    /// <summary>A cursor whose iterator of the table outlives it (<see cref="Table"/>) and is not closed by it.</summary>
    /// <param name="held">The iterator of an earlier cursor, wherever it stands; 0 = one is made when it is needed.</param>
    public LogCursor(RocksDbStore store, RecentView view, ConversationId conversation, ReadOnlySpan<byte> conversationBytes, nint held)
        : this(store, view, conversation, conversationBytes)
    {
        _isHeld = true;
        _table = new RocksDbIterator(held);
        _tableIsOpen = held != 0;

        // Where the tail has begun the table may stand as well, but its chunks are cut otherwise: the place is none then.
        _inTail = held != 0 && !TableStandsBeforeTail();
    }

    /// <summary>The iterator of the table; 0 while there is none.</summary>
    public readonly nint Table => _tableIsOpen ? _table.Handle : 0;

    public readonly bool Valid => _inTail ? _index is not null : _tableIsOpen && _table.Valid;

    public readonly ReadOnlySpan<byte> Key => _inTail ? _index!.Key(_chunk) : _table.Key;

    public readonly ReadOnlySpan<byte> Value => _inTail ? _index!.Value(_chunk) : _table.Value;

    public void Seek(scoped ReadOnlySpan<byte> key)
    {
        ulong sequence = ChunkKey.First(key);
        if (_tail.Oldest == 0 || sequence < _tail.Oldest)
        {
            OpenTable().Seek(key);
            TakeTable();
            return;
        }

        if (StandAtFloor(sequence) && _chunk.First < sequence)
        {
            StandBehind();
        }
    }

    public void SeekForPrevious(scoped ReadOnlySpan<byte> key)
    {
        if (_tail.Oldest == 0 || ChunkKey.First(key) < _tail.Oldest)
        {
            OpenTable().SeekForPrevious(key);
            _inTail = false;
            return;
        }

        StandAtFloor(ChunkKey.First(key));
    }

    public void Next()
    {
        if (_inTail)
        {
            StandBehind();
            return;
        }

        _table.Next();
        TakeTable();
    }

    public void Previous()
    {
        if (!_inTail)
        {
            _table.Previous();
            return;
        }

        if (_chunk.First > _tail.Oldest)
        {
            StandAtFloor(_chunk.First - 1);
            return;
        }

        Span<byte> key = stackalloc byte[ChunkKey.Size];
        ChunkKey.Write(key, _conversation, _tail.Oldest - 1);
        OpenTable().SeekForPrevious(key);
        _inTail = false;
    }

    public readonly void Dispose()
    {
        if (_tableIsOpen)
        {
            _table.Dispose();
        }
    }

    private RocksDbIterator OpenTable()
    {
        if (!_tableIsOpen)
        {
            _table = _isHeld ? _store.CreateScan(FastChat.Storage.Table.Log) : _store.CreateIterator(FastChat.Storage.Table.Log);
            _tableIsOpen = true;
        }

        return _table;
    }

    /// <summary>Stays in the table while it stands before the tail; otherwise the tail begins.</summary>
    private void TakeTable()
    {
        _inTail = !TableStandsBeforeTail();
        if (_inTail)
        {
            StandAtFloor(_tail.Oldest);
        }
    }

    private readonly bool TableStandsBeforeTail() =>
        _tail.Oldest == 0
        || (_table.Valid && _table.Key.Length == ChunkKey.Size && ChunkKey.Conversation(_table.Key) == _conversation && ChunkKey.First(_table.Key) < _tail.Oldest);

    private bool StandAtFloor(ulong sequence)
    {
        _inTail = true;
        if (_tail.TryFloor(sequence, out RecentIndex index, out _chunk))
        {
            _index = index;
            return true;
        }

        _index = null;
        return false;
    }

    private void StandBehind()
    {
        ulong next = _chunk.Last + 1;
        if (StandAtFloor(next) && _chunk.First != next)
        {
            _index = null;
        }
    }
}
