using System.Security.Cryptography;

using FastChat.Broker.Attachments;
using FastChat.Broker.Maintenance;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests.Attachments;

/// <summary>What <c>verify</c> finds: a sound store has no problem, and each defect has one.</summary>
[CancelAfter(60_000)]
public sealed class AttachmentCheckTests
{
    private static readonly UserId Ada = new(Id128.WithPlacement(7, 1));
    private static readonly UserId Bob = new(Id128.WithPlacement(8, 3));

    private string _directory = null!;
    private AttachmentId _id;
    private AttachmentRecord _attachment = null!;

    [SetUp]
    public async Task WriteAsync()
    {
        _directory = Directory.CreateTempSubdirectory("fastchat-attachments-").FullName;
        using RocksDbConversationLog log = RocksDbConversationLog.Open(Options);
        CommitBatch shards = new(log.Epoch);
        shards.Put(Table.State, StateKeys.ShardCount, [4, 0]);
        log.Commit([shards]);
        using AttachmentBench bench = new(log);
        await bench.CreateRoomAsync(Ada, Bob);
        byte[] content = RandomNumberGenerator.GetBytes(150_000);
        _id = await bench.UploadAsync(Ada, content);
        await bench.UploadAsync(Bob, content);
        await bench.UploadAsync(Bob, RandomNumberGenerator.GetBytes(70_000), isFinished: false);
        Assert.That(await bench.PublishAsync(Ada, _id, 150_000), Is.EqualTo(ErrorCode.None));
        Assert.That(await bench.PublishAsync(Bob, _id, 150_000), Is.EqualTo(ErrorCode.None));
        await bench.DeleteAsync(Bob, 2);
        _attachment = new AttachmentReads(log).Attachment(_id)!;
        Assert.That((_attachment.References, _attachment.Claims, _attachment.Owners), Is.EqualTo((1ul, 2u, 2u)));
    }

    [TearDown]
    public void Remove() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void A_sound_store_has_no_problem()
    {
        AttachmentCheck check = new();
        Assert.That(StoreVerifier.Verify(Options, further: [check]).Problems, Is.Empty);
        Assert.That((check.Count, check.Chunks), Is.EqualTo((1, 5)));
    }

    [TestCase("other bytes", "not what its hash says")]
    [TestCase("a flipped bit", "does not match its checksum")]
    [TestCase("a chunk less", "not what its hash says")]
    [TestCase("no chunk", "has none of its chunks")]
    [TestCase("a foreign chunk", "nobody knows of")]
    [TestCase("no attachment", "is not there", "chunks that nobody knows of", "counts 0 references")]
    [TestCase("no reference", "does not know of it", "counts 1 references")]
    [TestCase("a reference more", "counts 1 references", "Messages refer")]
    [TestCase("a claim less", "counts 1 references")]
    [TestCase("a sum", "is said to use")]
    [TestCase("nothing paid", "is not in what that user pays for", "is said to use")]
    [TestCase("paid for nothing", "of which there is no such upload", "is said to use")]
    [TestCase("no end", "would never end")]
    [TestCase("an unreadable entry", "cannot be read")]
    public void Each_defect_is_found(string defect, params string[] problems)
    {
        Change(batch => Plant(defect, batch));
        VerifyResult found = StoreVerifier.Verify(Options, further: [new AttachmentCheck()]);
        Assert.That(found.Problems, Has.Count.EqualTo(problems.Length), string.Join('\n', found.Problems));
        foreach (string problem in problems)
        {
            Assert.That(found.Problems, Has.Some.Contains(problem));
        }
    }

    [Test]
    public void What_is_owed_counts_as_done()
    {
        byte[] reference = AttachmentKeys.Reference(_id, AttachmentBench.Room, 1);
        Change(batch =>
        {
            batch.Delete(Table.State, reference);
            Set(batch, _attachment with { References = 0 });
            byte[] owed = new Broker.Routing.StateWriteCommand([new Broker.Routing.StateEntry(reference, [])]).ToBytes();
            batch.Put(Table.State, Broker.Routing.ConversationKeys.Effect(2, 1), [(byte)(Id128.Placement(_id.High) % 4), 0, .. owed]);
        });
        VerifyResult found = StoreVerifier.Verify(Options, further: BrokerChecks.All());
        Assert.That(found.Problems.Where(problem => problem.Contains("ttachment", StringComparison.Ordinal) || problem.Contains("effect", StringComparison.Ordinal)), Is.Empty);
    }

    private StorageOptions Options => new() { Directory = _directory, JournalFileBytesMin = 1 << 20, JournalFileBytesMax = 1 << 20 };

    private void Plant(string defect, CommitBatch batch)
    {
        byte[] chunk = AttachmentKeys.Chunk(_id, _attachment.Upload, 2);
        switch (defect)
        {
            case "other bytes":
                batch.Put(Table.State, chunk, StoredChunk.ToValue(chunk, new byte[150_000 % AttachmentLimits.ChunkSize]));
                break;
            case "a flipped bit":
                byte[] value = StoredChunk.ToValue(chunk, new byte[150_000 % AttachmentLimits.ChunkSize]);
                value[100] ^= 1;
                batch.Put(Table.State, chunk, value);
                break;
            case "a chunk less":
                batch.Delete(Table.State, chunk);
                break;
            case "no chunk":
                for (uint index = 0; index < 3; index++)
                {
                    batch.Delete(Table.State, AttachmentKeys.Chunk(_id, _attachment.Upload, index));
                }

                break;
            case "a foreign chunk":
                byte[] foreign = AttachmentKeys.Chunk(_id, _attachment.Upload + 1000, 0);
                batch.Put(Table.State, foreign, StoredChunk.ToValue(foreign, [1]));
                break;
            case "no attachment":
                batch.Delete(Table.State, AttachmentKeys.Attachment(_id));
                break;
            case "no reference":
                batch.Delete(Table.State, AttachmentKeys.Reference(_id, AttachmentBench.Room, 1));
                break;
            case "a reference more":
                batch.Put(Table.State, AttachmentKeys.Reference(_id, AttachmentBench.Room, 77), []);
                break;
            case "a claim less":
                Set(batch, _attachment with { Claims = 1 });
                break;
            case "a sum":
                batch.Put(Table.State, AttachmentKeys.Usage(Ada), new UsageRecord(1, 1, 0).ToBytes());
                break;
            case "nothing paid":
                batch.Delete(Table.State, AttachmentKeys.Owned(Ada, _id));
                break;
            case "paid for nothing":
                batch.Put(Table.State, AttachmentKeys.Owned(Ada, new AttachmentId(1, 1)), new OwnedRecord(false, false, 1, 4096).ToBytes());
                break;
            case "no end":
                batch.Delete(Table.State, DueOf(Ada));
                break;
            default:
                batch.Put(Table.State, [(byte)'B', 1, 2], []);
                break;
        }
    }

    private byte[] DueOf(UserId user)
    {
        long hours = (AttachmentBench.Options.Claim + AttachmentBench.Options.Grace).Ticks / TimeSpan.TicksPerMicrosecond;
        long now = (new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero) - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        return AttachmentKeys.Due(now + hours, _id, user);
    }

    private void Set(CommitBatch batch, AttachmentRecord attachment) => batch.Put(Table.State, AttachmentKeys.Attachment(_id), attachment.ToBytes());

    private void Change(Action<CommitBatch> change)
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(Options);
        CommitBatch batch = new(log.Epoch);
        change(batch);
        log.Commit([batch]);
    }
}
