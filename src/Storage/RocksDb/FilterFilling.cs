namespace FastChat.Storage;

/// <summary>Fills the <see cref="DedupeFilter"/> with what the table had when the store was opened, on a thread of its own: a store serves before it is done.</summary>
internal sealed class FilterFilling : IDisposable
{
    private const int GroupSize = 1024;

    private readonly RocksDbStore _store;
    private readonly Thread _thread;
    private int _stopping;

    public FilterFilling(RocksDbStore store)
    {
        _store = store;
        _thread = new Thread(Run) { Name = "fastchat-filter", IsBackground = true };
        _thread.Start();
    }

    public void Dispose()
    {
        Volatile.Write(ref _stopping, 1);
        _thread.Join();
    }

    private void Run()
    {
        try
        {
            Fill();
        }
        catch (StorageException)
        {
            // What cannot be read is not in the filter, so the filter stays incomplete and each look-up finds the damage by itself.
        }
    }

    private void Fill()
    {
        ulong[] group = new ulong[GroupSize];
        int count = 0;
        using RocksDbIterator cursor = _store.CreateIterator(Table.Dedupe);
        for (cursor.Seek(default); cursor.Valid; cursor.Next())
        {
            group[count++] = KeyHash.Of(cursor.Key);
            if (count < GroupSize)
            {
                continue;
            }

            _store.Filter.Add(group);
            count = 0;
            if (Volatile.Read(ref _stopping) != 0)
            {
                return;
            }
        }

        _store.Filter.Add(group.AsSpan(0, count));
        _store.Filter.Complete();
    }
}
