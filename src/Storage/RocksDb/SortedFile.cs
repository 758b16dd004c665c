using System.Runtime.InteropServices;

using RocksDbSharp;

namespace FastChat.Storage;

/// <summary>A file of one table in the making, whose entries come in the order of their keys. It becomes part of the table as a whole, or not at all. One thread.</summary>
internal sealed unsafe class SortedFile : IDisposable
{
    /// <summary>Bytes that are brought to the device at once.</summary>
    public const int StepBytes = 128 << 10;

    private readonly Native _native = Native.Instance;
    private readonly RocksDbStore _store;
    private readonly Table _table;
    private readonly string _path;
    private readonly Func<TimeSpan> _pause;
    private readonly nint _environment;
    private readonly nint _writer;
    private int _sinceStep;
    private bool _isTakenIn;

    /// <param name="name">Its name among the files on their way into the tables.</param>
    /// <param name="pause">Asked after each <see cref="StepBytes"/>: how long to wait.</param>
    public SortedFile(RocksDbStore store, Table table, string name, Func<TimeSpan> pause)
    {
        _store = store;
        _table = table;
        _pause = pause;
        _path = Path.Combine(store.IncomingDirectory, name);
        _environment = _native.rocksdb_envoptions_create();
        _native.rocksdb_envoptions_set_bytes_per_sync(_environment, StepBytes);
        _writer = _native.rocksdb_sstfilewriter_create(_environment, store.OptionsOf(table));
        _native.rocksdb_sstfilewriter_open(_writer, _path, out nint error);
        RocksDbError.ThrowIfAny(error, "write");
    }

    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        nint error;
        byte nothing = 0;
        fixed (byte* keyPointer = key)
        fixed (byte* valuePointer = &(value.IsEmpty ? ref nothing : ref MemoryMarshal.GetReference(value)))
        {
            _native.rocksdb_sstfilewriter_put(_writer, keyPointer, (nuint)key.Length, valuePointer, (nuint)value.Length, out error);
        }

        RocksDbError.ThrowIfAny(error, "write");
        Pace(key.Length + value.Length);
    }

    /// <summary>Syncs the file and makes it part of the table.</summary>
    public void TakeIn()
    {
        _native.rocksdb_sstfilewriter_finish(_writer, out nint error);
        RocksDbError.ThrowIfAny(error, "write");
        _store.Ingest(_table, _path);
        _isTakenIn = true;
    }

    /// <summary>Lets the device breathe while there is time: what a file brings to it all at once, the next commit's flush has to wait for.</summary>
    private void Pace(int bytes)
    {
        _sinceStep += bytes;
        if (_sinceStep >= StepBytes)
        {
            _sinceStep = 0;
            if (_pause() is var pause && pause > TimeSpan.Zero)
            {
                Thread.Sleep(pause);
            }
        }
    }

    public void Dispose()
    {
        _native.rocksdb_sstfilewriter_destroy(_writer);
        _native.rocksdb_envoptions_destroy(_environment);
        if (!_isTakenIn)
        {
            // The move is repeated under another name, and this half would be in the way of the room that it waits for.
            File.Delete(_path);
        }
    }
}
