using RocksDbSharp;

namespace FastChat.Storage.Tests;

/// <summary>Writes past every check, straight into RocksDB: how tests damage a store.</summary>
internal static class NativePlant
{
    public static unsafe void Plant(this RocksDbStore store, Table table, byte[] key, byte[] value) =>
        Native.Instance.rocksdb_put_cf(
            store.Database, store.SyncedWrite, store.Family(table), key, (nuint)key.Length, value, (nuint)value.Length);

    public static unsafe void Remove(this RocksDbStore store, Table table, byte[] key) =>
        Native.Instance.rocksdb_delete_cf(store.Database, store.SyncedWrite, store.Family(table), key, (nuint)key.Length);
}
