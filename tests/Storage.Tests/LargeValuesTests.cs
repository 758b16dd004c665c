using System.Buffers.Binary;
using System.Security.Cryptography;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Storage.Tests;

/// <summary>Large values of small state lie in files of their own; those go when most of what is in them is garbage, and backups copy each once.</summary>
[TestFixture]
internal sealed class LargeValuesTests
{
    private const int Size = 64 << 10;

    private TemporaryDirectory _data = null!;

    [SetUp]
    public void Make() => _data = new TemporaryDirectory();

    [TearDown]
    public void Remove() => _data.Dispose();

    [Test]
    public void WhatIsDeletedIsGoneFromTheTablesAfterACollectionAndTheRestIsThere()
    {
        byte[][] values = Values(200);
        using RocksDbConversationLog log = RocksDbConversationLog.Open(_data.Options);
        Write(log, values);
        Delete(log, Enumerable.Range(0, 200).Where(index => index % 10 != 0));
        log.LargeValues.Collect();
        Assert.That(BlobBytes(), Is.LessThan(22 * Size), "twenty of them are left");
        Assert.That(log.LargeValues.Bytes.Total, Is.InRange(20ul * Size, 22ul * Size));
        AssertLeft(log, values);
        byte[] tables = [.. Directory.EnumerateFiles(RocksDbStore.PathIn(_data.Path)).Where(file => Path.GetExtension(file) is ".blob" or ".sst").SelectMany(File.ReadAllBytes)];
        Assert.That(tables.AsSpan().IndexOf(values[10].AsSpan(0, 64)), Is.Positive);
        Assert.That(tables.AsSpan().IndexOf(values[11].AsSpan(0, 64)), Is.Negative);
    }

    [Test]
    public void TheThreadCollectsWhenHalfIsGarbage()
    {
        byte[][] values = Values(1200);
        using RocksDbConversationLog log = RocksDbConversationLog.Open(_data.Options with { LargeValuesInterval = TimeSpan.FromMilliseconds(20) });
        Write(log, values);
        Delete(log, Enumerable.Range(0, 1200).Where(index => index % 10 != 0));

        // What was written before is merged with what was deleted, as it is with time.
        Write(log, Values(700), first: 10_000);
        Assert.That(() => BlobBytes(), Is.LessThan(1100L * Size).After(30_000, 50), "120 and 700 of them are left, and at most as much garbage");
        AssertLeft(log, values);
    }

    [Test]
    public void ABackupCopiesThemOnceAndARestoreBringsThemBack()
    {
        byte[][] values = Values(100);
        using TemporaryDirectory backups = new();
        using TemporaryDirectory place = new();
        FakeTimeProvider time = new(new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero));
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(_data.Options))
        {
            Write(log, values);
            log.Settle();
            BackupResult first = StoreBackup.Take(log, backups.Path, keep: 0, isPaced: false, time);
            BackupResult second = StoreBackup.Take(log, backups.Path, keep: 0, isPaced: false, time);
            Assert.That(first.CopiedBytes, Is.GreaterThan(100L * Size));
            Assert.That(second.CopiedBytes, Is.LessThan(first.CopiedBytes - (100L * Size)));
            Assert.That(Directory.GetFiles(Path.Combine(backups.Path, "tables"), "*.blob"), Is.Not.Empty);
        }

        string target = Path.Combine(place.Path, "data");
        StoreRestore.Restore(backups.Path, default, target, time);
        using RocksDbConversationLog restored = RocksDbConversationLog.Open(new StorageOptions { Directory = target });
        for (int index = 0; index < values.Length; index++)
        {
            Assert.That(restored.Get(Table.State, Key(index)), Is.EqualTo(values[index]));
        }
    }

    [Test]
    public void NobodyIsToldToWaitWhileNothingIsWritten()
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(_data.Options);
        Assert.That(log.IsBehind, Is.False);
        log.Dispose();
        Assert.That(() => log.IsBehind, Throws.InstanceOf<ObjectDisposedException>());
    }

    private static byte[][] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => RandomNumberGenerator.GetBytes(Size))];

    private static byte[] Key(int index)
    {
        byte[] key = [(byte)'C', 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(key.AsSpan(1), index);
        return key;
    }

    private static void Write(RocksDbConversationLog log, byte[][] values, int first = 0)
    {
        for (int index = 0; index < values.Length; index++)
        {
            CommitBatch batch = new(log.Epoch);
            batch.Put(Table.State, Key(first + index), values[index]);
            log.Commit([batch]);
        }
    }

    private static void Delete(RocksDbConversationLog log, IEnumerable<int> indexes)
    {
        CommitBatch batch = new(log.Epoch);
        foreach (int index in indexes)
        {
            batch.Delete(Table.State, Key(index));
        }

        log.Commit([batch]);
    }

    private static void AssertLeft(RocksDbConversationLog log, byte[][] values)
    {
        for (int index = 0; index < values.Length; index++)
        {
            Assert.That(log.Get(Table.State, Key(index)), index % 10 == 0 ? Is.EqualTo(values[index]) : Is.Null);
        }
    }

    private long BlobBytes() => Directory.EnumerateFiles(RocksDbStore.PathIn(_data.Path), "*.blob").Sum(file => File.Exists(file) ? new FileInfo(file).Length : 0);
}
