using System.Runtime.InteropServices;

using RocksDbSharp;

namespace FastChat.Storage;

/// <summary>An iterator of one table over the snapshot at its creation. Lives on the stack of one read; it is disposed there, or its handle is kept (<see cref="HeldIterators"/>).</summary>
internal readonly unsafe ref struct RocksDbIterator : IChunkCursor, IDisposable
{
    private readonly Native _native;
    private readonly nint _handle;

    public RocksDbIterator(nint database, nint readOptions, nint family)
    {
        _native = Native.Instance;
        _handle = _native.rocksdb_create_iterator_cf(database, readOptions, family);
    }

    /// <summary>The iterator that an earlier one left behind; not to be used when there is none (0).</summary>
    public RocksDbIterator(nint handle)
    {
        _native = Native.Instance;
        _handle = handle;
    }

    public nint Handle => _handle;

    public bool Valid
    {
        get
        {
            if (_native.rocksdb_iter_valid(_handle) != 0)
            {
                return true;
            }

            // An iterator also ends when it cannot read on; taking that for the end of the log would be a silent gap.
            _native.rocksdb_iter_get_error(_handle, out nint error);
            return error == 0 ? false : throw RocksDbError.Take(error, "read");
        }
    }

    public ReadOnlySpan<byte> Key
    {
        get
        {
            nint key = _native.rocksdb_iter_key(_handle, out nuint size);
            return new ReadOnlySpan<byte>((void*)key, checked((int)size));
        }
    }

    public ReadOnlySpan<byte> Value
    {
        get
        {
            nint value = _native.rocksdb_iter_value(_handle, out nuint size);
            return new ReadOnlySpan<byte>((void*)value, checked((int)size));
        }
    }

    public void Seek(scoped ReadOnlySpan<byte> key)
    {
        fixed (byte* pointer = &MemoryMarshal.GetReference(key))
        {
            _native.rocksdb_iter_seek(_handle, pointer, (nuint)key.Length);
        }
    }

    public void SeekForPrevious(scoped ReadOnlySpan<byte> key)
    {
        fixed (byte* pointer = &MemoryMarshal.GetReference(key))
        {
            _native.rocksdb_iter_seek_for_prev(_handle, pointer, (nuint)key.Length);
        }
    }

    public void Next() => _native.rocksdb_iter_next(_handle);

    public void Previous() => _native.rocksdb_iter_prev(_handle);

    public void Dispose() => _native.rocksdb_iter_destroy(_handle);
}
