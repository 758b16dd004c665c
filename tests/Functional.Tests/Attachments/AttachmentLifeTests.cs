using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>Attachments through the real broker and client: sent, read in ranges, shared, removed, and in the middle of cuts and crashes.</summary>
public sealed class AttachmentLifeTests
{
    private static readonly JsonObject ShortClaims = new() { ["attachment_claim_seconds"] = 2, ["attachment_grace_seconds"] = 0 };

    [Test]
    public async Task An_attachment_is_uploaded_sent_and_read_in_ranges()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, null, members: [bob.User])).Conversation;
        byte[] content = RandomNumberGenerator.GetBytes((5 * AttachmentLimits.ChunkSize) + 123);
        List<ulong> told = [];
        AttachmentUpload upload = await ada.UploadAsync(new MemoryStream(content), "holiday.jpg", "image/jpeg", new Recorder(told));
        ulong sequence = await SendAsync(ada, room, upload.Attachment);

        Assert.That((told[0], told[^1]), Is.EqualTo((0ul, (ulong)content.Length)));
        Assert.That(told, Is.Ordered);
        ChatMessage message = (await bob.FetchAsync(room, LogPosition.Start, FetchDirection.Forward)).Messages.Single();
        MessageAttachment attachment = message.Attributes!.Attachments.Single();
        Assert.That(attachment, Is.EqualTo(new MessageAttachment(AttachmentId.Of(content), (ulong)content.Length, "holiday.jpg", "image/jpeg")));
        Assert.That(await DownloadAsync(bob, room, sequence, attachment), Is.EqualTo(content));
        Assert.That(await bob.ReadAttachmentAsync(room, sequence, attachment.Id, 65_530, 12), Is.EqualTo(content[65_530..65_542]), "a range over the edge of a chunk");
        Assert.That(await bob.ReadAttachmentAsync(room, sequence, attachment.Id, (ulong)content.Length - 3, 50), Is.EqualTo(content[^3..]), "a range over the end");
        Assert.That(await bob.ReadAttachmentAsync(room, sequence, attachment.Id, (ulong)content.Length), Is.Empty);

        Stream stream = bob.OpenAttachment(room, sequence, attachment);
        stream.Seek(-100, SeekOrigin.End);
        byte[] tail = new byte[100];
        await stream.ReadExactlyAsync(tail);
        Assert.That(tail, Is.EqualTo(content[^100..]));
        Assert.That(await stream.ReadAsync(tail), Is.Zero);

        await UntilAsync(async () => await ada.GetAttachmentUsageAsync() is { Attachments: 1, Open: 0 } usage && usage.Used == (ulong)content.Length);
        Assert.That((await bob.GetAttachmentUsageAsync()).Used, Is.Zero);
    }

    [Test]
    public async Task An_upload_goes_on_where_the_broker_was_killed_and_what_is_acknowledged_survives()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        ConversationId room = (await ada.ResolveConversationAsync("room", create: true)).Conversation;
        byte[] content = RandomNumberGenerator.GetBytes(40 * AttachmentLimits.ChunkSize);
        TaskCompletionSource half = new();
        List<ulong> told = [];
        Task<AttachmentUpload> uploading = ada.UploadAsync(new MemoryStream(content), "big", progress: new Recorder(told, done => { if (done >= (ulong)content.Length / 2) { half.TrySetResult(); } }));
        await half.Task;
        await broker.Process.KillAsync();
        await broker.Process.RestartAsync();
        AttachmentUpload upload = await uploading;
        ulong sequence = await SendAsync(ada, room, upload.Attachment);
        await broker.Process.KillAsync();
        await broker.Process.RestartAsync();
        Assert.That(await DownloadAsync(ada, room, sequence, upload.Attachment), Is.EqualTo(content));
        Assert.That((await ada.GetAttachmentUsageAsync()).Used, Is.EqualTo((ulong)content.Length));
        Assert.That(await StoredChunksAsync(broker), Is.EqualTo(40));
    }

    [Test]
    public async Task A_second_process_goes_on_with_an_upload_that_was_given_up_half_way()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        byte[] content = RandomNumberGenerator.GetBytes(20 * AttachmentLimits.ChunkSize);
        using CancellationTokenSource cut = new();
        Assert.That(
            async () => await ada.UploadAsync(new MemoryStream(content), "big", progress: new Recorder([], done => { if (done > 0) { cut.Cancel(); } }), cancellationToken: cut.Token),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That((await ada.GetAttachmentUsageAsync()).Open, Is.EqualTo(1));
        List<ulong> told = [];
        await ada.UploadAsync(new MemoryStream(content), "big", progress: new Recorder(told));
        Assert.That(told[0], Is.GreaterThan(0), "it begins behind what is there");
        await UntilAsync(async () => (await ada.GetAttachmentUsageAsync()).Open == 0);
    }

    [Test]
    public async Task One_content_is_stored_once_and_a_second_uploader_has_to_have_it()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        await using FastChatClient eve = await broker.ClientAsync("eve");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, null, members: [bob.User])).Conversation;
        ConversationId other = (await eve.ResolveConversationAsync("elsewhere", create: true)).Conversation;
        byte[] content = RandomNumberGenerator.GetBytes(100_000);
        MessageAttachment attachment = (await ada.UploadAsync(new MemoryStream(content), "secret.txt")).Attachment;
        ulong sequence = await SendAsync(ada, room, attachment);

        // Who only knows the hash cannot send it, claim it, or read it; and is asked for all of it, as if it were not there.
        Assert.That((await Refused(async () => await SendAsync(eve, other, attachment))).Code, Is.EqualTo(ErrorCode.NoSuchAttachment));
        Assert.That((await Refused(async () => await eve.ClaimAttachmentAsync(room, sequence, attachment))).Code, Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That((await Refused(async () => await eve.ReadAttachmentAsync(room, sequence, attachment.Id, 0))).Code, Is.EqualTo(ErrorCode.NoSuchConversation));
        List<ulong> told = [];
        await eve.UploadAsync(new MemoryStream(content), "mine.txt", progress: new Recorder(told));
        Assert.That(told[0], Is.Zero);
        ulong copy = await SendAsync(eve, other, attachment with { Name = "mine.txt" });
        Assert.That(await DownloadAsync(bob, other, copy, attachment), Is.EqualTo(content));

        // Who may read it sends it without a byte of it, and pays nothing.
        await bob.ClaimAttachmentAsync(room, sequence, attachment);
        await SendAsync(bob, other, attachment);
        Assert.That((await bob.GetAttachmentUsageAsync()).Used, Is.Zero);
        Assert.That((await eve.GetAttachmentUsageAsync()).Used, Is.EqualTo(100_000));
        Assert.That(await StoredChunksAsync(broker), Is.EqualTo(2), "100,000 bytes are two chunks");
    }

    [Test]
    public async Task What_no_message_refers_to_any_more_is_removed_and_gives_its_quota_back()
    {
        await using TestBroker broker = await TestBroker.StartAsync(ShortClaims.DeepClone().AsObject());
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, null, members: [bob.User])).Conversation;
        ConversationId notes = (await bob.CreateConversationAsync(ConversationKind.Group, null)).Conversation;
        byte[] content = RandomNumberGenerator.GetBytes(200_000);
        MessageAttachment attachment = (await ada.UploadAsync(new MemoryStream(content), "a")).Attachment;
        ulong sequence = await SendAsync(ada, room, attachment);
        ulong forwarded = (await bob.ForwardAsync(room, sequence, notes)).Sequence;
        await ada.UploadAsync(new MemoryStream(RandomNumberGenerator.GetBytes(70_000)), "never sent");

        await ada.DeleteAsync(room, sequence);
        Assert.That((await Refused(async () => await bob.ReadAttachmentAsync(room, sequence, attachment.Id, 0))).Code, Is.EqualTo(ErrorCode.NoSuchMessage), "with its message it is gone");
        await UntilAsync(async () => (await ada.GetAttachmentUsageAsync()).Attachments == 1);
        Assert.That(await DownloadAsync(bob, notes, forwarded, attachment), Is.EqualTo(content), "the forwarded message keeps it");

        await bob.DeleteAsync(notes, forwarded);
        await UntilAsync(async () => (await ada.GetAttachmentUsageAsync()) is { Used: 0, Attachments: 0 });
        Assert.That(await StoredChunksAsync(broker), Is.Zero);
    }

    [Test]
    public async Task A_message_that_expires_takes_its_attachment_along_and_a_removed_member_reads_it_no_more()
    {
        await using TestBroker broker = await TestBroker.StartAsync(ShortClaims.DeepClone().AsObject());
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, null, members: [bob.User])).Conversation;
        MessageAttachment attachment = (await ada.UploadAsync(new MemoryStream(new byte[10]), "a")).Attachment;
        long expires = (DateTimeOffset.UtcNow.AddSeconds(3) - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        ulong sequence = (await ada.PublishTextAsync(room, "", new PublishOptions { Attributes = new MessageAttributes { Attachments = [attachment], ExpiresMicros = expires } })).Sequence;
        Assert.That(await DownloadAsync(bob, room, sequence, attachment), Is.EqualTo(new byte[10]));
        await ada.RemoveMemberAsync(room, bob.User);
        Assert.That((await Refused(async () => await bob.ReadAttachmentAsync(room, sequence, attachment.Id, 0))).Code, Is.EqualTo(ErrorCode.NoSuchConversation));
        await UntilAsync(async () => (await ada.GetAttachmentUsageAsync()).Attachments == 0);
        Assert.That(await StoredChunksAsync(broker), Is.Zero);
    }

    private static async Task<ulong> SendAsync(FastChatClient client, ConversationId room, MessageAttachment attachment) =>
        (await client.PublishTextAsync(room, "look", new PublishOptions { Attributes = new MessageAttributes { Attachments = [attachment] } })).Sequence;

    private static async Task<byte[]> DownloadAsync(FastChatClient client, ConversationId room, ulong sequence, MessageAttachment attachment)
    {
        MemoryStream target = new();
        await client.DownloadAsync(room, sequence, attachment, target);
        return target.ToArray();
    }

    /// <summary>Chunks that the store has, after a stop in order, whose store must be whole; the broker runs again afterwards.</summary>
    private static async Task<int> StoredChunksAsync(TestBroker broker)
    {
        JsonElement verified = await broker.StopAndVerifyAsync();
        Assert.That(verified.GetProperty("problems").GetInt32(), Is.Zero);
        await broker.Process.RestartAsync();
        return verified.GetProperty("attachment_chunks").GetInt32();
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(60));
        while (!await holds())
        {
            await Task.Delay(100, patience.Token);
        }
    }

    private static async Task<RequestException> Refused(Func<Task> request)
    {
        try
        {
            await request();
        }
        catch (RequestException refused)
        {
            return refused;
        }

        throw new AssertionException("it was not refused");
    }

    private sealed class Recorder(List<ulong> told, Action<ulong>? then = null) : IProgress<AttachmentProgress>
    {
        public void Report(AttachmentProgress value)
        {
            told.Add(value.Done);
            then?.Invoke(value.Done);
        }
    }
}
