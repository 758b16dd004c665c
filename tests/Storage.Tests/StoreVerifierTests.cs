using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>One planted problem of each kind is found and named; a sound store has none.</summary>
[TestFixture]
internal sealed class StoreVerifierTests
{
    private static readonly ConversationId Room = new(1000);

    private TemporaryDirectory _directory = null!;
    private ConversationWriter _room = null!;

    [SetUp]
    public void Create()
    {
        _directory = new TemporaryDirectory();
        using RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options);
        _room = new ConversationWriter(Room);
        ConversationWriter other = new(new ConversationId(2000));
        for (int i = 0; i < 4; i++)
        {
            CommitBatch batch = new(log.Epoch);
            _room.Append(batch, ConversationWriter.Body(i, 30), ConversationWriter.Body(-i, 40));
            other.Append(batch, MessageKind.MemberAdded, new byte[MembershipBody.SizeMin]);
            log.Commit([batch]);

            // Each commit moved by itself: the chunks stay those that were appended.
            log.Settle();
        }
    }

    [TearDown]
    public void Remove() => _directory.Dispose();

    [Test]
    public void SoundStoreHasNoProblems()
    {
        List<VerifyProgress> progress = [];
        VerifyResult result = StoreVerifier.Verify(_directory.Options, progress: progress.Add);

        Assert.That(result.Problems, Is.Empty);
        Assert.That((result.Conversations, result.Messages, result.ProblemCount, result.Repaired), Is.EqualTo((2, 12, 0, 0)));
        using RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options);
        Assert.That(log.CommitNumber, Is.EqualTo(4), "a check changes nothing");
    }

    [Test]
    public void DamagedRecordIsFound() => Expect(
        store => Change(store, 3, value => value[ChunkHeader.Size + 75] ^= 1),
        "Record 3 in chunk 3 of conversation 000000000000000000000000000003e8 does not match its checksum.");

    [Test]
    public void DamagedHeaderIsFound() => Expect(
        store => Change(store, 3, value => value[20] ^= 1), "The header of chunk 3 of conversation 000000000000000000000000000003e8 does not match its checksum.");

    [Test]
    public void CutOffChunkIsFound() => Expect(
        store => store.Plant(Table.Log, Key(3), Value(store, 3)[..^10]), "Record 4 in chunk 3 of conversation 000000000000000000000000000003e8 is cut off.");

    [Test]
    public void BytesBehindTheLastRecordAreFound() => Expect(
        store => store.Plant(Table.Log, Key(3), [.. Value(store, 3), 1, 2]), "has 2 bytes behind its last record.");

    [Test]
    public void MissingChunkIsFound() => Expect(store => store.Remove(Table.Log, Key(3)), "Records 3 to 4 before chunk 5");

    [Test]
    public void RecordOfAnotherSequenceIsFound() => Expect(
        store => Rewrite(store, 3, [.. _room.Records[3], .. _room.Records[2]], _room), "Record 3 in chunk 3 of conversation 000000000000000000000000000003e8 calls itself 4.");

    [Test]
    public void OverlappingChunksAreFound() => Expect(
        store =>
        {
            CommitBatch batch = new(1);
            batch.AppendChunk(Room, 4, 1, default, _room.Records[3]);
            Apply(store, batch);
        },
        "Chunk 4 of conversation 000000000000000000000000000003e8 overlaps");

    [Test]
    public void BrokenHashChainIsFound() => Expect(
        store => Rewrite(store, 3, [.. _room.Records[2], .. _room.Records[3]], new ConversationWriter(Room)), "The hash chain behind chunk 3");

    [Test]
    public void ChunkOfALaterEpochIsFound() => Expect(
        store =>
        {
            ChunkHeader header = ChunkHeader.Read(Key(3), Value(store, 3));
            CommitBatch batch = new(epoch: 9);
            batch.AppendChunk(Room, 3, 2, header.ChainAfter, Value(store, 3).AsSpan(ChunkHeader.Size));
            Apply(store, batch);
        },
        "was written in epoch 9; the store is in epoch 1.");

    [Test]
    public void ForeignKeyInTheLogIsFound() => Expect(store => store.Plant(Table.Log, [1, 2, 3], [4]), "The log holds a key of 3 bytes: 010203.");

    [Test]
    public void MissingDedupeEntryIsFoundAndRebuilt() => ExpectRepairable(
        store => store.Remove(Table.Dedupe, EntryKey(4)), "The dedupe entry of record 4 of conversation 000000000000000000000000000003e8 is missing.");

    [Test]
    public void WrongDedupeEntryIsFoundAndRebuilt() => ExpectRepairable(
        store => store.Plant(Table.Dedupe, EntryKey(4), new byte[16]), "The dedupe entry of record 4 of conversation 000000000000000000000000000003e8 is not about this record");

    [Test]
    public void DedupeEntryWithoutRecordIsFoundAndRemoved() => ExpectRepairable(
        store =>
        {
            byte[] value = new byte[DedupeValue.Size];
            new DedupeValue(77, 5).Write(value);
            byte[] key = EntryKey(4);
            key[^1] ^= 0x70;
            store.Plant(Table.Dedupe, key, value);
        },
        "points to record 77, which is not there.");

    [Test]
    public void MisshapenDedupeEntryIsFoundAndRemoved() => ExpectRepairable(
        store => store.Plant(Table.Dedupe, [1, 2], [3]), "The dedupe table holds an entry of 2 and 1 bytes: 0102.");

    [Test]
    public void MessagePublishedTwiceIsFoundAndNotHidden()
    {
        Plant(store =>
        {
            // The second record of chunk 3 becomes a copy of the first under its own sequence.
            byte[] copy = Renumbered(_room.Records[2], 4);
            Rewrite(store, 3, [.. _room.Records[2], .. copy], _room);
            store.Remove(Table.Dedupe, EntryKey(4));
        });

        Assert.That(StoreVerifier.Verify(_directory.Options).Problems, Has.Some.Contains("was published before, as record 3."));
        Assert.That(StoreVerifier.Verify(_directory.Options, rebuild: true).Problems, Has.Some.Contains("was published before, as record 3."));
    }

    [Test]
    public void RebuildKeepsEntriesWhileTheLogIsDamaged()
    {
        Plant(store => store.Remove(Table.Log, Key(3)));
        VerifyResult result = StoreVerifier.Verify(_directory.Options, rebuild: true);

        Assert.That(result.Problems, Has.Exactly(2).Contains("which is not there"));
        using RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options);
        Assert.That(log.Get(Table.Dedupe, EntryKey(3)), Is.Not.Null, "a retry of a message that cannot be read is still a retry");
    }

    [Test]
    public void MissingWitnessIsFound()
    {
        File.Delete(Path.Combine(_directory.Path, "witness"));
        Assert.That(StoreVerifier.Verify(_directory.Options).Problems, Has.One.Contains("The witness file is missing or damaged"));
    }

    [Test]
    public void MissingStoreIsRefused()
    {
        using TemporaryDirectory empty = new();
        Assert.That(() => StoreVerifier.Verify(empty.Options), Throws.TypeOf<StoreOpenException>());
        string absent = Path.Combine(empty.Path, "absent");
        Assert.That(() => StoreVerifier.Verify(new StorageOptions { Directory = absent }), Throws.TypeOf<StoreOpenException>());
        Assert.That(Directory.Exists(absent), Is.False);
    }

    private static byte[] Key(ulong first)
    {
        byte[] key = new byte[ChunkKey.Size];
        ChunkKey.Write(key, Room, first);
        return key;
    }

    private static byte[] Value(RocksDbStore store, ulong first) => store.Get(Table.Log, Key(first))!;

    private static void Change(RocksDbStore store, ulong first, Action<byte[]> change)
    {
        byte[] value = Value(store, first);
        change(value);
        store.Plant(Table.Log, Key(first), value);
    }

    /// <summary>Other records under a sound header: two of them, with the chain that <paramref name="chain"/> happens to have.</summary>
    private static void Rewrite(RocksDbStore store, ulong first, byte[] records, ConversationWriter chain)
    {
        CommitBatch batch = new(1);
        batch.AppendChunk(Room, first, 2, chain.Chain, records);
        Apply(store, batch);
    }

    private static void Apply(RocksDbStore store, CommitBatch batch)
    {
        CommitBatchReader reader = new(batch.Representation.Span);
        while (reader.Next())
        {
            store.Plant(reader.Table, reader.Key.ToArray(), reader.Value.ToArray());
        }
    }

    private static byte[] Renumbered(byte[] record, ulong sequence)
    {
        ReadOnlySpan<byte> source = record;
        Assert.That(MessageRecord.TryRead(ref source, out MessageRecord read), Is.True);
        byte[] copy = new byte[record.Length];
        MessageRecord.Write(
            copy, sequence, read.SentAtMicros, read.Sender, read.Publisher, read.Device, read.ClientMessageId, read.Kind, read.Flags, read.Body);
        return copy;
    }

    private byte[] EntryKey(int sequence)
    {
        ReadOnlySpan<byte> source = _room.Records[sequence - 1];
        Assert.That(MessageRecord.TryRead(ref source, out MessageRecord record), Is.True);
        byte[] key = new byte[DedupeKey.Size];
        DedupeKey.Write(key, Room, record);
        return key;
    }

    private void Plant(Action<RocksDbStore> plant)
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options);
        plant(log.Store);
    }

    private void Expect(Action<RocksDbStore> plant, string problem)
    {
        Plant(plant);
        VerifyResult result = StoreVerifier.Verify(_directory.Options);
        Assert.That(result.Problems, Has.Some.Contains(problem));
        Assert.That(result.ProblemCount, Is.EqualTo(result.Problems.Count));
    }

    private void ExpectRepairable(Action<RocksDbStore> plant, string problem)
    {
        Plant(plant);
        VerifyResult found = StoreVerifier.Verify(_directory.Options);
        Assert.That(found.Problems, Has.Count.EqualTo(1));
        Assert.That(found.Problems[0], Does.Contain(problem));

        VerifyResult rebuilt = StoreVerifier.Verify(_directory.Options, rebuild: true);
        Assert.That((rebuilt.Repaired, rebuilt.ProblemCount), Is.EqualTo((1, 0)));
        Assert.That(StoreVerifier.Verify(_directory.Options).Problems, Is.Empty);
    }
}
