using RocksDbSharp;

namespace FastChat.Storage;

/// <summary>
/// The iterators that outlive the read that made them. RocksDB may not be closed while one exists, and whoever holds one may be anywhere when the log is closed: so the log closes them itself,
/// and of two that want to close the same one the first does. Any thread.
/// </summary>
internal sealed class HeldIterators
{
    private readonly Lock _gate = new();
    private readonly HashSet<nint> _handles = [];

    /// <summary>Iterators that are held now.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _handles.Count;
            }
        }
    }

    /// <summary>Takes note of an iterator. Only inside a view of the log, which is closed after everybody has left.</summary>
    public void Add(nint handle)
    {
        lock (_gate)
        {
            _handles.Add(handle);
        }
    }

    /// <summary>Closes an iterator that was added, unless it is closed.</summary>
    public void Close(nint handle)
    {
        // Inside the gate: who finds it closed may go on to close the database.
        lock (_gate)
        {
            if (_handles.Remove(handle))
            {
                Native.Instance.rocksdb_iter_destroy(handle);
            }
        }
    }

    /// <summary>Closes all. Nobody may be inside a view any more.</summary>
    public void CloseAll()
    {
        lock (_gate)
        {
            foreach (nint handle in _handles)
            {
                Native.Instance.rocksdb_iter_destroy(handle);
            }

            _handles.Clear();
        }
    }
}
