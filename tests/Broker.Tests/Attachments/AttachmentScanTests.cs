using System.Security.Cryptography;

using FastChat.Broker.Attachments;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests.Attachments;

/// <summary>When uploads and claims end, until when a message may be sent, and what is left afterwards.</summary>
[CancelAfter(60_000)]
public sealed class AttachmentScanTests
{
    private static readonly UserId Ada = new(Id128.WithPlacement(7, 1));
    private static readonly UserId Bob = new(Id128.WithPlacement(8, 3));

    [Test]
    public async Task A_claim_may_be_used_until_its_end_and_is_kept_an_hour_longer()
    {
        using InMemoryConversationLog log = new();
        using AttachmentBench bench = new(log);
        using DueScan scan = new(bench.Router, log, bench.Clock, static failure => throw failure, AttachmentDue.Kind(bench.Router, log));
        await bench.CreateRoomAsync(Ada);
        AttachmentId id = await bench.UploadAsync(Ada, RandomNumberGenerator.GetBytes(100_000));
        bench.Clock.Advance(TimeSpan.FromHours(24) - TimeSpan.FromSeconds(1));
        Assert.That(await bench.PublishAsync(Ada, id, 99_999), Is.EqualTo(ErrorCode.NoSuchAttachment), "another size");
        Assert.That(await bench.PublishAsync(Bob, id, 100_000), Is.EqualTo(ErrorCode.NoSuchConversation));
        bench.Clock.Advance(TimeSpan.FromSeconds(2));
        Assert.That(await bench.PublishAsync(Ada, id, 100_000), Is.EqualTo(ErrorCode.NoSuchAttachment), "too late");
        await Task.Delay(50);
        Assert.That(bench.Count("C"u8.ToArray()), Is.EqualTo(2), "it is kept all the same");
        bench.Clock.Advance(TimeSpan.FromHours(1));
        await AssertEmptyAsync(bench);
    }

    [Test]
    public async Task A_message_of_the_last_moment_keeps_it_until_it_is_deleted()
    {
        using InMemoryConversationLog log = new();
        using AttachmentBench bench = new(log);
        using DueScan scan = new(bench.Router, log, bench.Clock, static failure => throw failure, AttachmentDue.Kind(bench.Router, log));
        await bench.CreateRoomAsync(Ada);
        AttachmentId id = await bench.UploadAsync(Ada, RandomNumberGenerator.GetBytes(100_000));
        bench.Clock.Advance(TimeSpan.FromHours(24) - TimeSpan.FromSeconds(1));
        Assert.That(await bench.PublishAsync(Ada, id, 100_000), Is.EqualTo(ErrorCode.None));
        bench.Clock.Advance(TimeSpan.FromHours(100));
        await AttachmentBench.UntilAsync(() => bench.Count("D"u8.ToArray()) == 0);
        Assert.That((bench.Count("C"u8.ToArray()), bench.Count("A"u8.ToArray())), Is.EqualTo((2, 2)));
        await bench.DeleteAsync(Ada, 1);
        bench.Clock.Advance(TimeSpan.FromSeconds(1));
        await AssertEmptyAsync(bench);
    }

    [Test]
    public async Task Uploads_that_were_given_up_end_and_so_do_many_owners_of_one_content()
    {
        using InMemoryConversationLog log = new();
        using AttachmentBench bench = new(log);
        using DueScan scan = new(bench.Router, log, bench.Clock, static failure => throw failure, AttachmentDue.Kind(bench.Router, log));
        byte[] content = RandomNumberGenerator.GetBytes(10);
        for (ulong user = 1; user <= 300; user++)
        {
            await bench.UploadAsync(new UserId(Id128.WithPlacement(user, (ushort)user)), content);
        }

        await bench.UploadAsync(Bob, RandomNumberGenerator.GetBytes(200_000), isFinished: false);
        Assert.That((bench.Count("C"u8.ToArray()), bench.Count("A"u8.ToArray())), Is.EqualTo((5, 602)));
        bench.Clock.Advance(TimeSpan.FromHours(25));
        await AttachmentBench.UntilAsync(() =>
        {
            bench.Clock.Advance(TimeSpan.FromSeconds(1));
            return bench.Count("B"u8.ToArray()) == 0;
        });
        await AssertEmptyAsync(bench);
    }

    [Test]
    public async Task What_was_owed_when_the_broker_stopped_is_carried_before_anything_ends()
    {
        using InMemoryConversationLog log = new();
        byte[] content = RandomNumberGenerator.GetBytes(100);
        AttachmentId id = AttachmentId.Of(content);
        using (AttachmentBench bench = new(log))
        {
            await bench.CreateRoomAsync(Ada);
            await bench.UploadAsync(Ada, content);
        }

        // A reference that did not come to its shard before the end, behind so many others that it is not carried at once; the broker is started again a week later.
        CommitBatch batch = new(log.Epoch);
        for (ulong counter = 1; counter <= 2000; counter++)
        {
            AttachmentId of = counter == 2000 ? id : new AttachmentId(Id128.WithPlacement(counter, (ushort)counter), 1);
            byte[] owed = new Broker.Routing.StateWriteCommand([new Broker.Routing.StateEntry(AttachmentKeys.Reference(of, AttachmentBench.Room, 1), [])]).ToBytes();
            batch.Put(Table.State, Broker.Routing.ConversationKeys.Effect(2, counter), [(byte)(Id128.Placement(of.High) % 4), 0, .. owed]);
        }

        log.Commit([batch]);
        using AttachmentBench again = new(log);
        using DueScan scan = new(again.Router, log, again.Clock, static failure => throw failure, AttachmentDue.Kind(again.Router, log));
        again.Clock.Advance(TimeSpan.FromDays(7));
        await again.SettleAsync();
        await AttachmentBench.UntilAsync(() =>
        {
            again.Clock.Advance(TimeSpan.FromSeconds(1));
            return again.Count("D"u8.ToArray()) == 0;
        });
        Assert.That(new AttachmentReads(log).Attachment(id), Is.Not.Null);
        Assert.That(new AttachmentReads(log).Attachment(id)!.References, Is.EqualTo(1));
    }

    private static async Task AssertEmptyAsync(AttachmentBench bench)
    {
        await AttachmentBench.UntilAsync(() => bench.Count("A"u8.ToArray()) + bench.Count("B"u8.ToArray()) + bench.Count("C"u8.ToArray()) + bench.Count("D"u8.ToArray()) == 0);
        await bench.SettleAsync();
        Assert.That(bench.Count("A"u8.ToArray()) + bench.Count("B"u8.ToArray()) + bench.Count("C"u8.ToArray()) + bench.Count("D"u8.ToArray()), Is.Zero);
    }
}
