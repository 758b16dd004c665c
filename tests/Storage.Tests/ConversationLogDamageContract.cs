using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>What every log must do when its log table is damaged: never serve it, and never hide it. Chunks lie in the table as they were appended.</summary>
internal abstract class ConversationLogDamageContract : ConversationLogContract
{
    protected abstract void Plant(IConversationLog log, Table table, byte[] key, byte[] value);

    [Test]
    public void DamagedRecordIsNeverServed()
    {
        ConversationWriter room = Fill(3, 1, 4);
        (byte[] key, byte[] value) = Chunk(5);
        value[^1] ^= 1;
        Plant(Log, Table.Log, key, value);

        Assert.That(Forward(0, LogPosition.Latest).Page, Is.EqualTo(new LogPage(1, 7, 7, room.Concatenated(1, 7).Length, false)));
        Assert.That(() => Forward(7, LogPosition.Latest), Throws.TypeOf<CorruptRecordException>().With.Message.Contains("Record 8"));
        Assert.That(() => Backward(LogPosition.Latest), Throws.TypeOf<CorruptRecordException>());
        Assert.That(Backward(8).Bytes, Is.EqualTo(room.Concatenated(1, 7)));
    }

    [Test]
    public void BackwardPageBeginsBehindADamagedRecord()
    {
        ConversationWriter room = Fill(3, 1, 4);
        (byte[] key, byte[] value) = Chunk(5);
        value[ChunkHeader.Size + 70] ^= 1;
        Plant(Log, Table.Log, key, value);

        (LogPage page, byte[] bytes) = Backward(LogPosition.Latest);
        Assert.That(page, Is.EqualTo(new LogPage(6, 8, 3, bytes.Length, false)));
        Assert.That(bytes, Is.EqualTo(room.Concatenated(6, 8)));
        Assert.That(() => Backward(6), Throws.TypeOf<CorruptRecordException>());
    }

    [Test]
    public void EveryDamagedByteOfAChunkIsNoticed()
    {
        ConversationWriter room = Fill(3, 1, 4);
        (byte[] key, byte[] original) = Chunk(5);
        byte[] expected = room.Concatenated(5, 8);
        for (int i = 0; i < original.Length; i++)
        {
            byte[] damaged = [.. original];
            damaged[i] ^= 0x10;
            Plant(Log, Table.Log, key, damaged);
            try
            {
                (LogPage page, byte[] bytes) = Forward(4, LogPosition.Latest);
                Assert.That(page.Complete, Is.False, $"byte {i}");
                Assert.That(bytes, Is.EqualTo(expected[..bytes.Length]), $"byte {i}");
            }
            catch (CorruptRecordException)
            {
                continue;
            }
        }
    }

    /// <summary>A reader that stands in front of the damage, in the chunk before it or in the damaged one itself, serves as little of it as one that comes from elsewhere.</summary>
    [Test]
    public void ReaderNeverServesADamagedByte([Values(3, 4, 5)] int before)
    {
        ConversationWriter room = Fill(3, 1, 4);
        (byte[] key, byte[] original) = Chunk(5);
        byte[] expected = room.Concatenated((ulong)before + 1, 8);
        for (int i = 0; i < original.Length; i++)
        {
            byte[] damaged = [.. original];
            damaged[i] ^= 0x10;
            Plant(Log, Table.Log, key, damaged);
            using ILogReader reader = Log.OpenReader();
            try
            {
                Forward(reader, Room, 0, (ulong)before);
                (LogPage page, byte[] bytes) = Forward(reader, Room, (ulong)before, LogPosition.Latest);
                Assert.That(bytes, Is.EqualTo(expected[..bytes.Length]), $"byte {i}");
                Assert.That(page.Complete, Is.EqualTo(bytes.Length == expected.Length), $"byte {i}");
                Assert.That(before == 5 || !page.Complete, Is.True, $"byte {i}: only damage in a record that was not asked for may go unnoticed");
            }
            catch (CorruptRecordException)
            {
                Assert.That(Forward(reader, Room, 0, 3).Bytes, Is.EqualTo(room.Concatenated(1, 3)), "the reader reads on elsewhere");
            }
        }
    }

    [Test]
    public void ChunkUnderAnotherKeyIsNotServed()
    {
        Fill(3, 1, 4);
        (_, byte[] value) = Chunk(1);
        byte[] key = new byte[ChunkKey.Size];
        ConversationId stranger = new(99);
        ChunkKey.Write(key, stranger, 1);
        Plant(Log, Table.Log, key, value);

        Assert.That(() => Log.ReadForward(stranger, 0, 9, 9, 99999, new ArrayBufferWriter<byte>()), Throws.TypeOf<CorruptRecordException>());
        Assert.That(() => Log.ReadHead(stranger), Throws.TypeOf<CorruptRecordException>());
    }

    [Test]
    public void MissingChunkIsNoSilentGap()
    {
        ConversationWriter room = Fill(3, 1, 4);
        byte[] key = new byte[ChunkKey.Size];
        ChunkKey.Write(key, Room, 4);
        CommitBatch batch = Batch();
        batch.Delete(Table.Log, key);
        Log.Commit([batch]);

        Assert.That(Forward(0, LogPosition.Latest).Page, Is.EqualTo(new LogPage(1, 3, 3, room.Concatenated(1, 3).Length, false)));
        Assert.That(() => Forward(3, LogPosition.Latest), Throws.TypeOf<CorruptRecordException>());
        Assert.That(Backward(LogPosition.Latest).Page.First, Is.EqualTo(5));
        Assert.That(Backward(LogPosition.Latest).Page.Complete, Is.False);
    }

    private (byte[] Key, byte[] Value) Chunk(ulong first)
    {
        byte[] key = new byte[ChunkKey.Size];
        ChunkKey.Write(key, Room, first);
        return (key, Log.Get(Table.Log, key)!);
    }
}
