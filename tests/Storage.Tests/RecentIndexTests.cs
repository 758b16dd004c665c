using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>The index of a journal file against a plain list.</summary>
[TestFixture]
internal sealed class RecentIndexTests
{
    [Test]
    public void FindsTheChunkOfEverySequence([Values(1, 2, 3, 100, 3000)] int chunks)
    {
        byte[] image = new byte[8 << 20];
        RecentIndex index = new(image);
        Random random = new(chunks);
        List<(ulong First, ulong Last)>[] expected = [[], [], []];
        ulong[] next = [1, 77, 1_000_000];
        CommitBatch batch = new(1, 8 << 20);
        for (int i = 0; i < chunks; i++)
        {
            int room = i % 3;
            uint count = (uint)random.Next(1, 5);
            batch.AppendChunk(new ConversationId((UInt128)(room + 1)), next[room], count, default, new byte[random.Next(0, 300)]);
            expected[room].Add((next[room], next[room] + count - 1));
            next[room] += count;
        }

        batch.Entries.CopyTo(image);
        CommitBatchReader reader = new(image.AsSpan(0, batch.Entries.Length), 0);
        while (reader.Next())
        {
            index.AddChunk(reader.KeySizeOffset + 1, reader.ValueOffset, reader.Value.Length);
        }

        Span<byte> id = stackalloc byte[Id128.Size];
        for (int room = 0; room < Math.Min(3, chunks); room++)
        {
            new ConversationId((UInt128)(room + 1)).Write(id);
            int newest = index.Newest(id, KeyHash.Of(id));
            Assert.That(index.Chunk(newest).Oldest, Is.EqualTo(expected[room][0].First));
            for (ulong sequence = expected[room][0].First - 1; sequence <= expected[room][^1].Last + 2; sequence++)
            {
                int found = index.Floor(newest, sequence);
                (ulong First, ulong Last) wanted = expected[room].LastOrDefault(chunk => chunk.First <= sequence);
                Assert.That(found == RecentIndex.None ? (0, 0) : (index.Chunk(found).First, index.Chunk(found).Last), Is.EqualTo(wanted));
            }
        }

        new ConversationId(99).Write(id);
        Assert.That(index.Newest(id, KeyHash.Of(id)), Is.EqualTo(RecentIndex.None));
    }

    [Test]
    public void FindingTakesALogarithmOfSteps()
    {
        byte[] image = new byte[8 << 20];
        RecentIndex index = new(image);
        CommitBatch batch = new(1, 8 << 20);
        for (uint i = 1; i <= 50_000; i++)
        {
            batch.AppendChunk(new ConversationId(1), i, 1, default, default);
        }

        batch.Entries.CopyTo(image);
        CommitBatchReader reader = new(image.AsSpan(0, batch.Entries.Length), 0);
        while (reader.Next())
        {
            index.AddChunk(reader.KeySizeOffset + 1, reader.ValueOffset, reader.Value.Length);
        }

        for (ulong sequence = 1; sequence <= 50_000; sequence += 997)
        {
            int steps = 0;
            for (int at = 49_999; index.Chunk(at).First > sequence; steps++)
            {
                RecentChunk chunk = index.Chunk(at);
                at = chunk.Jump != RecentIndex.None && index.Chunk(chunk.Jump).First > sequence ? chunk.Jump : chunk.Previous;
            }

            Assert.That(steps, Is.LessThan(60));
        }
    }

    [Test]
    public void TheNewerEntryOfAKeyCounts()
    {
        byte[] image = new byte[1 << 20];
        RecentIndex index = new(image);
        CommitBatch batch = new(1);
        for (int i = 0; i < 5000; i++)
        {
            batch.Put(Table.Dedupe, BitConverter.GetBytes(i % 4000), BitConverter.GetBytes(i));
        }

        batch.Entries.CopyTo(image);
        CommitBatchReader reader = new(image.AsSpan(0, batch.Entries.Length), 0);
        while (reader.Next())
        {
            index.AddPublish(reader.KeySizeOffset, reader.Key, KeyHash.Of(reader.Key));
        }

        Assert.That(index.PublishCount, Is.EqualTo(4000));
        for (int i = 0; i < 4000; i++)
        {
            byte[] key = BitConverter.GetBytes(i);
            Assert.That(index.TryGetPublish(key, KeyHash.Of(key), out ReadOnlySpan<byte> value), Is.True);
            Assert.That(BitConverter.ToInt32(value), Is.EqualTo(i < 1000 ? i + 4000 : i));
        }

        Assert.That(index.TryGetPublish(BitConverter.GetBytes(-1), KeyHash.Of(BitConverter.GetBytes(-1)), out _), Is.False);
        index.Clear();
        Assert.That(index.TryGetPublish(BitConverter.GetBytes(1), KeyHash.Of(BitConverter.GetBytes(1)), out _), Is.False);
    }
}
