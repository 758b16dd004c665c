using System.Security.Cryptography;
using System.Text;

using FastChat.Broker.Attachments;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests.Attachments;

/// <summary>What the shards of a hash and of a user decide: chunks, claims, references, quotas, and the end of what nothing keeps, also while nothing is durable yet.</summary>
public sealed class AttachmentCommandsTests
{
    private const long Life = 1_000_000;
    private static readonly byte[] Content = RandomNumberGenerator.GetBytes((2 * AttachmentLimits.ChunkSize) + 5);
    private static readonly AttachmentId Id = AttachmentId.Of(Content);

    private ShardBench _bench = null!;
    private ulong _lastUpload;
    private long _time;

    [SetUp]
    public void SetUp()
    {
        _bench = new ShardBench();
        _time = 1000;
        _bench.Create(ShardBench.Room, ConversationKind.Public, "room", ShardBench.Alice);
        Settle();
    }

    [Test]
    public void Chunks_come_in_any_order_inside_the_window_and_more_than_once()
    {
        ulong upload = Begin(ShardBench.Alice);
        Assert.That(Put(ShardBench.Alice, 2).Offset, Is.Zero);
        Assert.That(Put(ShardBench.Alice, 0).Offset, Is.EqualTo(AttachmentLimits.ChunkSize));
        Assert.That(Put(ShardBench.Alice, 0).Offset, Is.EqualTo(AttachmentLimits.ChunkSize));
        Assert.That(Finish(ShardBench.Alice, upload).Error, Is.EqualTo(ErrorCode.Conflict), "a chunk is missing");
        Assert.That(Put(ShardBench.Alice, 1).Offset, Is.EqualTo(Content.Length));
        Assert.That(Finish(ShardBench.Alice, upload).Error, Is.EqualTo(ErrorCode.None));
        Settle();
        Assert.That(Stored(), Is.EqualTo(Content));
        Assert.That(Usage(ShardBench.Alice), Is.EqualTo(new UsageRecord((ulong)Content.Length, 1, 0)));
    }

    [TestCase(3, 5, ErrorCode.BadRequest)]
    [TestCase(2, 6, ErrorCode.BadRequest)]
    [TestCase(2, 4, ErrorCode.BadRequest)]
    [TestCase(0, 5, ErrorCode.BadRequest)]
    public void A_chunk_of_another_place_or_length_is_refused(int index, int length, ErrorCode code)
    {
        Begin(ShardBench.Alice);
        Assert.That(Run(AttachmentOperation.Put, ShardBench.Alice, first: (ulong)index, bytes: new byte[length]).Error, Is.EqualTo(code));
        Assert.That(Chunks(), Is.Zero);
    }

    [Test]
    public void A_chunk_too_far_ahead_is_refused()
    {
        ulong size = 100UL * AttachmentLimits.ChunkSize;
        Begin(ShardBench.Alice, size);
        byte[] chunk = new byte[AttachmentLimits.ChunkSize];
        Assert.That(Run(AttachmentOperation.Put, ShardBench.Alice, first: AttachmentLimits.WindowMax, bytes: chunk).Error, Is.EqualTo(ErrorCode.Conflict));
        Assert.That(Run(AttachmentOperation.Put, ShardBench.Alice, first: AttachmentLimits.WindowMax - 1, bytes: chunk).Error, Is.EqualTo(ErrorCode.None));
        Run(AttachmentOperation.Cancel, ShardBench.Alice);
        Settle();
        Assert.That(Chunks(), Is.Zero, "the one ahead went as well");
    }

    [Test]
    public void Nobody_puts_into_an_upload_that_the_quota_was_not_asked_about_or_that_is_not_theirs()
    {
        Run(AttachmentOperation.Begin, ShardBench.Alice, 7, (ulong)Content.Length, Life);
        Assert.That(TryPut(ShardBench.Alice, 0).Error, Is.EqualTo(ErrorCode.NoSuchAttachment), "announced only");
        Assert.That(TryPut(ShardBench.Bob, 0).Error, Is.EqualTo(ErrorCode.NoSuchAttachment));
        Assert.That(Run(AttachmentOperation.Open, ShardBench.Alice, 8).Error, Is.EqualTo(ErrorCode.NoSuchAttachment), "another upload");
        Assert.That(Finish(ShardBench.Bob, 7).Error, Is.EqualTo(ErrorCode.NoSuchAttachment));
    }

    [Test]
    public void Two_uploaders_of_one_content_leave_one_copy_and_both_pay_until_it_is_gone()
    {
        ulong alice = Begin(ShardBench.Alice);
        ulong bob = Begin(ShardBench.Bob);
        Assert.That(bob, Is.Not.EqualTo(alice));
        PutAll(ShardBench.Alice);
        Assert.That(Upload(ShardBench.Bob)!.Offset, Is.Zero, "what another one brought helps nobody");
        PutAll(ShardBench.Bob);
        Assert.That(Chunks(), Is.EqualTo(6));
        Finish(ShardBench.Alice, alice);
        Finish(ShardBench.Bob, bob);
        Settle();
        Assert.That(Chunks(), Is.EqualTo(3));
        Assert.That(Attachment(), Is.EqualTo(new AttachmentRecord((ulong)Content.Length, alice, 0, 2, 2, 1000)));
        Publish(1);
        EndClaims();
        Assert.That((Usage(ShardBench.Alice).Count, Usage(ShardBench.Bob).Count), Is.EqualTo((1u, 1u)));
        Delete(1);
        Collect();
        Assert.That((Chunks(), Attachment(), Usage(ShardBench.Alice), Usage(ShardBench.Bob)), Is.EqualTo((0, (AttachmentRecord?)null, new UsageRecord(0, 0, 0), new UsageRecord(0, 0, 0))));
        Assert.That(Entries(), Is.Zero);
    }

    [Test]
    public void A_message_needs_the_word_of_its_node_and_a_retry_of_a_stored_one_does_not()
    {
        UploadAll(ShardBench.Alice);
        Assert.That(TryPublish(1, isVouchedFor: false), Is.EqualTo(ErrorCode.NoSuchAttachment));
        Assert.That(TryPublish(1, isVouchedFor: true), Is.EqualTo(ErrorCode.None));
        Assert.That(TryPublish(1, isVouchedFor: false), Is.EqualTo(ErrorCode.None));
        Assert.That(_bench.LastAnswer.IsDuplicate, Is.True);
    }

    [Test]
    public void References_count_once_however_often_they_are_carried()
    {
        UploadAll(ShardBench.Alice);
        Publish(1);
        Publish(2);
        byte[] key = AttachmentKeys.Reference(Id, ShardBench.Room, 1);
        _bench.WriteState(new StateEntry(key, []));
        _bench.WriteState(new StateEntry(key, []), new StateEntry(key, null), new StateEntry(key, null), new StateEntry(key, []));
        Settle();
        Assert.That(Attachment()!.References, Is.EqualTo(2));
    }

    [Test]
    public void A_claim_keeps_what_no_message_has_and_its_end_is_the_end()
    {
        ulong upload = UploadAll(ShardBench.Alice);
        Collect();
        Assert.That(Attachment(), Is.Not.Null, "claimed");
        long ends = Upload(ShardBench.Alice)!.ExpiresMicros;
        Run(AttachmentOperation.EndClaim, ShardBench.Alice, first: (ulong)ends - 1);
        Assert.That(Upload(ShardBench.Alice)!.IsClaim, Is.True, "another time than its own");
        _time = 5000;
        Run(AttachmentOperation.Begin, ShardBench.Alice, 99, (ulong)Content.Length, Life);
        Assert.That(Upload(ShardBench.Alice), Is.EqualTo(new UploadRecord(UploadState.Stored, (ulong)Content.Length, upload, 3, 0, 5000 + Life)), "renewed");
        Run(AttachmentOperation.EndClaim, ShardBench.Alice, first: (ulong)ends);
        Assert.That(Upload(ShardBench.Alice)!.IsClaim, Is.True, "the old end is void");
        EndClaims();
        Collect();
        Assert.That((Attachment(), Chunks(), Entries(), Usage(ShardBench.Alice).Count), Is.EqualTo(((AttachmentRecord?)null, 0, 0, 0u)));
    }

    [Test]
    public void A_claim_that_comes_before_the_removal_keeps_it_and_one_that_comes_after_is_refused()
    {
        UploadAll(ShardBench.Alice);
        EndClaims();
        long due = DueTime(default);

        // The same turn, and while the other one syncs.
        Assert.That(Run(AttachmentOperation.Claim, ShardBench.Bob, second: Life).Error, Is.EqualTo(ErrorCode.None));
        _bench.BeginSync();
        Collect(due);
        _bench.EndSync();
        Settle();
        Assert.That((Attachment()?.Claims, Chunks()), Is.EqualTo(((uint?)1, 3)));
        EndClaims();
        Collect(DueTime(default));
        Assert.That(Run(AttachmentOperation.Claim, ShardBench.Bob, second: Life).Error, Is.EqualTo(ErrorCode.NoSuchAttachment));
        Settle();
        Assert.That((Chunks(), Entries()), Is.EqualTo((0, 0)));
    }

    [Test]
    public void The_removal_takes_owners_in_parts_and_a_reference_in_between_stops_it()
    {
        UploadAll(ShardBench.Alice);
        UploadAll(ShardBench.Bob);
        EndClaims();
        long due = DueTime(default);
        Run(AttachmentOperation.Collect, default, first: (ulong)due, bytes: ControlMap.IdBytes(ShardBench.Alice.Value));
        Settle();
        Assert.That((Attachment()!.Owners, Chunks(), Usage(ShardBench.Alice).Count, Usage(ShardBench.Bob).Count), Is.EqualTo((1u, 3, 0u, 1u)));
        _bench.WriteState(new StateEntry(AttachmentKeys.Reference(Id, ShardBench.Room, 9), []));
        Run(AttachmentOperation.Collect, default, first: (ulong)due, bytes: ControlMap.IdBytes(ShardBench.Bob.Value));
        Settle();
        Assert.That((Attachment()!.Owners, Chunks()), Is.EqualTo((1u, 3)), "something refers to it");
        _bench.WriteState(new StateEntry(AttachmentKeys.Reference(Id, ShardBench.Room, 9), null));
        Collect();
        Assert.That((Chunks(), Entries()), Is.EqualTo((0, 0)));
    }

    [Test]
    public void An_upload_that_nobody_goes_on_with_ends_with_its_chunks_and_its_charge()
    {
        Begin(ShardBench.Alice);
        Put(ShardBench.Alice, 0);
        Put(ShardBench.Alice, 2);
        Settle();
        Assert.That(Usage(ShardBench.Alice), Is.EqualTo(new UsageRecord((ulong)Content.Length, 1, 1)));
        EndClaims();
        Assert.That((Chunks(), Entries(), Usage(ShardBench.Alice)), Is.EqualTo((0, 0, new UsageRecord(0, 0, 0))));
    }

    [Test]
    public void An_upload_of_another_size_begins_anew()
    {
        ulong first = Begin(ShardBench.Alice);
        Put(ShardBench.Alice, 0);
        ulong second = Begin(ShardBench.Alice, 9);
        Settle();
        Assert.That(second, Is.Not.EqualTo(first));
        Assert.That((Chunks(), Usage(ShardBench.Alice)), Is.EqualTo((0, new UsageRecord(AttachmentLimits.ChargeMin, 1, 1))));
        EndClaims();
        Assert.That(Entries(), Is.Zero);
    }

    [Test]
    public void A_quota_has_an_end_and_so_have_uploads_under_way()
    {
        Assert.That(Reserve(1, 600, 1000).Error, Is.EqualTo(ErrorCode.None));
        Assert.That(Reserve(2, 401, 1000).Error, Is.EqualTo(ErrorCode.QuotaExceeded));
        Assert.That(Reserve(2, 400, 1000).Error, Is.EqualTo(ErrorCode.None));
        Assert.That(Reserve(2, 400, 1000).Error, Is.EqualTo(ErrorCode.None), "asked again");
        Assert.That(Reserve(3, 0, 1000, open: 2).Error, Is.EqualTo(ErrorCode.TooMany));
        _bench.WriteState(new StateEntry(AttachmentKeys.Owned(ShardBench.Alice, new AttachmentId(1, 1)), new OwnedRecord(false, false, 1, 600).ToBytes()));
        Assert.That(Reserve(3, 0, 1000, open: 2).Error, Is.EqualTo(ErrorCode.None), "one of them is finished");
        _bench.WriteState(new StateEntry(AttachmentKeys.Owned(ShardBench.Alice, new AttachmentId(1, 1)), new OwnedRecord(false, true, 77, 0).ToBytes()));
        Settle();
        Assert.That(Usage(ShardBench.Alice), Is.EqualTo(new UsageRecord(1000, 3, 2)), "the end of an upload that is not the last one is out of date");
        _bench.WriteState(new StateEntry(AttachmentKeys.Owned(ShardBench.Alice, new AttachmentId(1, 1)), new OwnedRecord(false, true, 1, 0).ToBytes()));
        Settle();
        Assert.That(Usage(ShardBench.Alice), Is.EqualTo(new UsageRecord(400, 2, 2)));

        CommandResult Reserve(ulong number, ulong charge, ulong quota, ulong open = 16) => RunOf(
            new AttachmentCommand { Operation = AttachmentOperation.Reserve, Id = new AttachmentId(number, number), Who = ShardBench.Alice, Upload = number, First = charge, Second = quota, Third = open });
    }

    [Test]
    public void A_message_of_ten_attachments_refers_to_each_and_its_end_takes_all_back()
    {
        UploadAll(ShardBench.Alice);
        Publish(1);
        Publish(2);
        Delete(1);
        Assert.That(Attachment()!.References, Is.EqualTo(1));
        Delete(2);
        Assert.That(Attachment()!.References, Is.Zero);
    }

    private CommandResult RunOf(AttachmentCommand command)
    {
        Assert.That(_bench.Apply(CommandKind.Attachment, default, command.ToBytes(), time: _time), Is.EqualTo(ErrorCode.None));
        return _bench.Turn.Results[^1].Result;
    }

    private CommandResult Run(AttachmentOperation operation, UserId who, ulong upload = 0, ulong first = 0, ulong second = 0, byte[]? bytes = null) =>
        RunOf(new AttachmentCommand { Operation = operation, Id = Id, Who = who, Upload = upload, First = first, Second = second, Bytes = bytes });

    private ulong Begin(UserId who, ulong? size = null)
    {
        ulong total = size ?? (ulong)Content.Length;
        UploadRecord begun = UploadRecord.Parse(Run(AttachmentOperation.Begin, who, ++_lastUpload, total, Life).Existing)!;
        RunOf(new AttachmentCommand { Operation = AttachmentOperation.Reserve, Id = Id, Who = who, Upload = begun.Upload, First = OwnedRecord.ChargeOf(total), Second = 1 << 30, Third = 16 });
        return UploadRecord.Parse(Run(AttachmentOperation.Open, who, begun.Upload).Existing)!.Upload;
    }

    private CommandResult TryPut(UserId who, int index) =>
        Run(AttachmentOperation.Put, who, first: (ulong)index, bytes: Content.AsSpan(index * AttachmentLimits.ChunkSize)[..UploadRecord.LengthOf((ulong)Content.Length, (uint)index)].ToArray());

    private UploadRecord Put(UserId who, int index) => UploadRecord.Parse(TryPut(who, index).Existing)!;

    private void PutAll(UserId who)
    {
        for (int index = 0; index < 3; index++)
        {
            Put(who, index);
        }

        Settle();
    }

    private CommandResult Finish(UserId who, ulong upload) => Run(AttachmentOperation.Finish, who, upload, second: Life);

    private ulong UploadAll(UserId who)
    {
        ulong upload = Begin(who);
        PutAll(who);
        Finish(who, upload);
        Settle();
        return upload;
    }

    private ErrorCode TryPublish(ulong id, bool isVouchedFor)
    {
        MessageAttributes attributes = new() { Attachments = [new MessageAttachment(Id, (ulong)Content.Length, "a")] };
        byte[] body = new RichBody { Kind = MessageKind.Text, Attributes = attributes.ToBytes(), Content = Encoding.UTF8.GetBytes("look") }.ToBytes();
        CommandHeader header = new(CommandKind.Publish, ShardBench.ActorOf(ShardBench.Alice), 1, 0, 1000) { AreAttachmentsVouchedFor = isVouchedFor };
        byte[] onWire = new byte[CommandHeader.Size];
        header.Write(onWire);
        return _bench.Shard.Apply(CommandHeader.Read(onWire), ShardBench.PublishBody(ShardBench.Room, id, body, MessageKind.Rich), _bench.Turn, _bench.Syncing).Code;
    }

    private void Publish(ulong id)
    {
        Assert.That(TryPublish(id, isVouchedFor: true), Is.EqualTo(ErrorCode.None));
        Settle();
    }

    private void Delete(ulong sequence)
    {
        byte[] body = ShardBench.PublishBody(ShardBench.Room, 1000 + sequence, new DeleteBody(sequence).ToBytes(), MessageKind.Delete);
        Assert.That(_bench.Apply(CommandKind.Publish, ShardBench.ActorOf(ShardBench.Alice), body), Is.EqualTo(ErrorCode.None));
        Settle();
    }

    private void EndClaims()
    {
        foreach (UserId user in new[] { ShardBench.Alice, ShardBench.Bob })
        {
            if (Upload(user) is { ExpiresMicros: not 0 } upload)
            {
                Run(AttachmentOperation.EndClaim, user, first: (ulong)upload.ExpiresMicros);
                Settle();
            }
        }
    }

    private void Collect()
    {
        Collect(DueTime(default));
        Settle();
    }

    private void Collect(long due) =>
        Run(AttachmentOperation.Collect, default, first: (ulong)due, bytes: [.. ControlMap.IdBytes(ShardBench.Alice.Value), .. ControlMap.IdBytes(ShardBench.Bob.Value)]);

    /// <summary>Commits, and carries what is owed until nothing is.</summary>
    private void Settle()
    {
        do
        {
            OutgoingEffect[] effects = [.. _bench.Turn.Outgoing];
            _bench.Commit();
            foreach (OutgoingEffect effect in effects)
            {
                _bench.Apply(CommandKind.StateWrite, default, effect.Value[sizeof(ushort)..], time: _time);
                _bench.WriteState(new StateEntry(effect.Key, null));
            }
        }
        while (!_bench.Turn.IsEmpty);
    }

    private UploadRecord? Upload(UserId user) => UploadRecord.Parse(Value(AttachmentKeys.Upload(Id, user)));

    private AttachmentRecord? Attachment() => AttachmentRecord.Parse(Value(AttachmentKeys.Attachment(Id)));

    private UsageRecord Usage(UserId user) => UsageRecord.Parse(Value(AttachmentKeys.Usage(user))) ?? new UsageRecord(0, 0, 0);

    private byte[]? Value(byte[] key)
    {
        Settle();
        return _bench.Log.Get(Table.State, key);
    }

    private byte[]? Stored() => new AttachmentReads(_bench.Log) is var reads && Attachment() is { } attachment
        ? [.. reads.Range(Id, attachment, 0, AttachmentLimits.ChunkSize)!, .. reads.Range(Id, attachment, AttachmentLimits.ChunkSize, AttachmentLimits.ChunkSize)!, .. reads.Range(Id, attachment, 2 * AttachmentLimits.ChunkSize, 100)!]
        : null;

    private int Chunks() => Count("C"u8);

    private int Entries() => Count("A"u8) + Count("B"u8) + Count("C"u8) + Count("D"u8) + Count("o"u8);

    private int Count(ReadOnlySpan<byte> prefix)
    {
        Settle();
        int count = 0;
        _bench.Log.Scan(Table.State, prefix, [], (_, _) =>
        {
            count++;
            return true;
        });
        return count;
    }

    private long DueTime(UserId user)
    {
        Settle();
        long time = 0;
        _bench.Log.Scan(Table.State, "D"u8, [], (key, _) =>
        {
            time = AttachmentKeys.UserAtEnd(key) == user ? System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(key[1..]) : time;
            return true;
        });
        return time;
    }
}
