using System.Buffers.Binary;

namespace FastChat.Storage.Tests;

/// <summary>The filter never hides a key, and seldom suspects a stranger.</summary>
[TestFixture]
internal sealed class DedupeFilterTests
{
    [Test]
    public void KnowsNothingBeforeItIsComplete()
    {
        DedupeFilter filter = new(1 << 20);
        Assert.That(filter.MayContain(1), Is.True);
        filter.Complete();
        Assert.That(filter.MayContain(1), Is.False);
    }

    [Test]
    public void HidesNoKeyAndSuspectsFewStrangers([Values(1, 1000, 200_000, 1_500_000)] int keys)
    {
        DedupeFilter filter = new(64 << 20);
        filter.Complete();
        foreach (ulong[] group in Enumerable.Range(0, keys).Select(Hash).Chunk(1000))
        {
            filter.Add(group);
        }

        Assert.That(Enumerable.Range(0, keys).All(i => filter.MayContain(Hash(i))), Is.True);
        Assert.That(Enumerable.Range(keys, 100_000).Count(i => filter.MayContain(Hash(i))), Is.LessThan(2500));
    }

    [Test]
    public void GivesUpBeyondItsSize()
    {
        DedupeFilter filter = new(1 << 20);
        filter.Complete();
        foreach (ulong[] group in Enumerable.Range(0, 1_500_000).Select(Hash).Chunk(1000))
        {
            filter.Add(group);
        }

        Assert.That(Enumerable.Range(1_500_000, 1000).All(i => filter.MayContain(Hash(i))), Is.True);
        filter.Complete();
        Assert.That(filter.MayContain(Hash(-1)), Is.True);
    }

    [Test]
    public void IsFilledFromTheTableWhenAStoreOpens()
    {
        using TemporaryDirectory directory = new();
        const int Keys = 5000;
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(directory.Options))
        {
            CommitBatch batch = new(log.Epoch);
            for (int i = 0; i < Keys; i++)
            {
                batch.Put(Table.Dedupe, BitConverter.GetBytes(i), BitConverter.GetBytes(i));
            }

            log.Commit([batch]);
        }

        using RocksDbConversationLog opened = RocksDbConversationLog.Open(directory.Options);
        byte[] value = new byte[4];
        byte[] stranger = new byte[8];
        Assert.That(
            SpinWait.SpinUntil(
                () => Enumerable.Range(0, 100).Count(i =>
                {
                    BinaryPrimitives.WriteInt64BigEndian(stranger, i + 1);
                    return opened.Store.Filter.MayContain(KeyHash.Of(stranger));
                }) < 20,
                10_000),
            Is.True,
            "never complete");
        for (int i = 0; i < Keys; i++)
        {
            Assert.That(opened.Get(Table.Dedupe, BitConverter.GetBytes(i), value), Is.EqualTo(4));
        }
    }

    private static ulong Hash(int i) => KeyHash.Of(BitConverter.GetBytes(i));
}
