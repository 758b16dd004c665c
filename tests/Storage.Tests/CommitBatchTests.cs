using CsCheck;

using RocksDbSharp;

namespace FastChat.Storage.Tests;

/// <summary>The batch's bytes are RocksDB's: compared with the bytes that RocksDB itself makes of the same operations.</summary>
[TestFixture]
internal sealed class CommitBatchTests
{
    private static readonly Gen<(Table Table, bool Delete, byte[] Key, byte[] Value)> GenEntry =
        Gen.Select(Gen.Int[0, 2], Gen.Bool, Gen.Byte.Array[0, 200], Gen.OneOf(Gen.Byte.Array[0, 40], Gen.Byte.Array[120, 20_000]))
            .Select((table, delete, key, value) => ((Table)table, delete, (Table)table == Table.Dedupe ? key[..Math.Min(key.Length, DedupeKey.Size)] : key, value));

    private TemporaryDirectory _directory = null!;
    private RocksDbConversationLog _log = null!;

    [SetUp]
    public void Open()
    {
        _directory = new TemporaryDirectory();
        _log = RocksDbConversationLog.Open(_directory.Options);
    }

    [TearDown]
    public void Close()
    {
        _log.Dispose();
        _directory.Dispose();
    }

    [Test]
    public void BytesAreTheOnesThatRocksDbMakes()
    {
        CommitBatch batch = new(1, initialBytes: CommitBatch.HeaderSize);
        GenEntry.Array[0, 20].Sample(
            entries =>
            {
                batch.Reset();
                nint theirs = Native.Instance.rocksdb_writebatch_create();
                foreach ((Table table, bool delete, byte[] key, byte[] value) in entries)
                {
                    nint family = _log.Store.Family(table);
                    if (delete)
                    {
                        batch.Delete(table, key);
                        Native.Instance.rocksdb_writebatch_delete_cf(theirs, family, key, (nuint)key.Length);
                    }
                    else
                    {
                        batch.Put(table, key, value);
                        Native.Instance.rocksdb_writebatch_put_cf(theirs, family, key, (nuint)key.Length, value, (nuint)value.Length);
                    }
                }

                byte[] expected = Native.Instance.rocksdb_writebatch_data(theirs);
                Native.Instance.rocksdb_writebatch_destroy(theirs);
                Assert.That(batch.Representation.Span.SequenceEqual(expected), Is.True);
                using WriteBatch read = WriteBatch.FromSpan(batch.Representation.Span);
                Assert.That(read.Count(), Is.EqualTo(entries.Length));
            },
            iter: 200, threads: 1);
    }

    [Test]
    public void ReaderGivesBackWhatWasPut()
    {
        GenEntry.Array[0, 20].Sample(
            entries =>
            {
                CommitBatch batch = new(1);
                foreach ((Table table, bool delete, byte[] key, byte[] value) in entries)
                {
                    if (delete)
                    {
                        batch.Delete(table, key);
                    }
                    else
                    {
                        batch.Put(table, key, value);
                    }
                }

                CommitBatchReader reader = new(batch.Representation.Span);
                Assert.That(reader.Count, Is.EqualTo(entries.Length));
                foreach ((Table table, bool delete, byte[] key, byte[] value) in entries)
                {
                    Assert.That(reader.Next(), Is.True);
                    Assert.That(reader.Table, Is.EqualTo(table));
                    Assert.That(reader.IsDelete, Is.EqualTo(delete));
                    Assert.That(reader.Key.SequenceEqual(key), Is.True);
                    Assert.That(delete || reader.Value.SequenceEqual(value), Is.True);
                }

                Assert.That(reader.Next(), Is.False);
            },
            iter: 200);
    }

    [Test]
    public void SliceIsTheRecordsThatWereAppended()
    {
        ConversationWriter room = new(new Protocol.ConversationId(3));
        CommitBatch batch = new(1, initialBytes: 64);
        batch.Put(Table.State, "first"u8, "x"u8);
        (int offset, int size) = room.Append(batch, ConversationWriter.Body(1, 10), ConversationWriter.Body(2, 300));
        batch.Put(Table.State, "last"u8, new byte[5000]);

        Assert.That(batch.Slice(offset, size).ToArray(), Is.EqualTo(room.Concatenated(1, 2)));
        Assert.That(() => batch.Slice(offset, batch.SizeBytes), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void ReservedChunkEqualsAppendedOne()
    {
        ConversationWriter room = new(new Protocol.ConversationId(3));
        CommitBatch appended = new(1);
        (int offset, _) = room.Append(appended, MessageKindOfSystem, ConversationWriter.Body(1, 10), ConversationWriter.Body(2, 300));
        byte[] records = room.Concatenated(1, 2);

        CommitBatch reserved = new(1);
        Span<byte> target = reserved.BeginChunk(room.Conversation, 1, records.Length, out int reservedOffset);
        Assert.That(() => reserved.Put(Table.State, "k"u8, "v"u8), Throws.InvalidOperationException);
        records.CopyTo(target);
        reserved.EndChunk(2, room.Chain);

        Assert.That(reservedOffset, Is.EqualTo(offset));
        Assert.That(reserved.Representation.ToArray(), Is.EqualTo(appended.Representation.ToArray()));
        Assert.That(() => reserved.EndChunk(2, room.Chain), Throws.InvalidOperationException);
    }

    private static Protocol.MessageKind MessageKindOfSystem => Protocol.MessageKind.MemberAdded;
}
