using System.Buffers.Binary;

using FastChat.Broker.Attachments;
using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Handlers;

/// <summary>
/// The control requests about attachments (protocol.md §4.10): they check what shards do not see, the reader's rights and the content's hash, and have the shard of the hash do the rest. Pool threads.
/// </summary>
internal sealed class AttachmentRequests(Router router, IConversationLog log, ConversationReads reads, AttachmentOptions options, RandomSource random)
{
    /// <summary>Contents that are hashed at a time: each keeps a pool thread for as long as it takes, half a second for a gigabyte.</summary>
    private const int HashingMax = 2;

    private readonly AttachmentReads _attachments = new(log);
    private readonly ChunkGate _gate = new(router, log);
    private int _hashing;

    /// <summary>Begins an upload, goes on with one, or claims what a message has.</summary>
    public async Task<ControlAnswer> BeginAsync(Actor actor, ControlMap map)
    {
        if (HashOf(map) is not { } id || map["size"] is null == map["conversation"] is null)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "hash (32 bytes) is expected, and either size, or conversation and sequence");
        }

        if (map["conversation"] is not null)
        {
            ControlAnswer? denied = Denied(actor, map, id, out _);
            return denied ?? Describe(await ClaimAsync(actor, id));
        }

        ulong size = map.Number("size", 0);
        if (size > options.SizeMax)
        {
            return ControlAnswer.Refused(ErrorCode.AttachmentTooLarge, $"an attachment has at most {options.SizeMax} bytes");
        }

        Span<byte> number = stackalloc byte[sizeof(ulong)];
        random.Fill(number);
        CommandResult begun = await ExecuteAsync(
            new AttachmentCommand { Operation = AttachmentOperation.Begin, Id = id, Who = actor.User, Upload = BinaryPrimitives.ReadUInt64LittleEndian(number), First = size, Second = options.LifeMicros });
        if (UploadRecord.Parse(begun.Existing) is not { State: UploadState.Announced } announced)
        {
            return Describe(begun);
        }

        // The quota is the user's shard's. Refused there, nothing stays here; cut off in between, it ends like any upload that nobody goes on with.
        AttachmentCommand reserve = new()
        {
            Operation = AttachmentOperation.Reserve,
            Id = id,
            Who = actor.User,
            Upload = announced.Upload,
            First = OwnedRecord.ChargeOf(size),
            Second = options.Quota,
            Third = options.OpenMax,
        };
        CommandResult reserved = await router.ExecuteAsync(CommandKind.Attachment, default, router.Map.ShardOf(actor.User.Value), reserve.ToBytes(), CancellationToken.None);
        if (reserved.Error != ErrorCode.None)
        {
            await ExecuteAsync(new AttachmentCommand { Operation = AttachmentOperation.Cancel, Id = id, Who = actor.User });
            return ControlAnswer.Refused(reserved.Error, reserved.Reason);
        }

        return Describe(await ExecuteAsync(new AttachmentCommand { Operation = AttachmentOperation.Open, Id = id, Who = actor.User, Upload = announced.Upload }));
    }

    /// <summary>Takes a chunk.</summary>
    public async Task<ControlAnswer> PutAsync(Actor actor, ControlMap map)
    {
        byte[]? bytes = map.Bytes("bytes", AttachmentLimits.ChunkSize);
        ulong offset = map.Number("offset", 0, (ulong)AttachmentLimits.SizeMax);
        if (HashOf(map) is not { } id || bytes is null || offset % AttachmentLimits.ChunkSize != 0)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, $"hash (32 bytes), offset (a multiple of {AttachmentLimits.ChunkSize}), crc and bytes are expected");
        }

        if (map["crc"] is null || map.Number("crc", 0, uint.MaxValue) != Crc32C.Compute(bytes))
        {
            return ControlAnswer.Refused(ErrorCode.WrongContent, "the chunk does not match its crc");
        }

        byte[] put = new AttachmentCommand { Operation = AttachmentOperation.Put, Id = id, Who = actor.User, First = offset / AttachmentLimits.ChunkSize, Bytes = bytes }.ToBytes();
        int shard = router.Map.ShardOf(id.High);
        return Describe(await _gate.RunAsync(shard, () => router.ExecuteAsync(CommandKind.Attachment, default, shard, put, CancellationToken.None)));
    }

    /// <summary>Checks the whole, and keeps it.</summary>
    public async Task<ControlAnswer> FinishAsync(Actor actor, ControlMap map)
    {
        if (HashOf(map) is not { } id)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "hash (32 bytes) is expected");
        }

        if (_attachments.Upload(id, actor.User) is not { State: not UploadState.Announced } upload)
        {
            return ControlAnswer.Refused(ErrorCode.NoSuchAttachment, "no upload of it is open: send BeginUpload");
        }

        if (upload.IsUnderWay && !upload.IsComplete)
        {
            return ControlAnswer.Refused(ErrorCode.Conflict, $"chunks are missing, from offset {upload.Offset} on");
        }

        // Chunks are never written over: what is read here is what is kept.
        if (upload.IsUnderWay && await HashAsync(id, upload) is var hash && hash != id)
        {
            // Nothing of it is any good; the next BeginUpload starts anew.
            await ExecuteAsync(new AttachmentCommand { Operation = AttachmentOperation.Cancel, Id = id, Who = actor.User });
            return ControlAnswer.Refused(ErrorCode.WrongContent, "what was uploaded does not have this hash");
        }

        return Describe(await ExecuteAsync(
            new AttachmentCommand { Operation = AttachmentOperation.Finish, Id = id, Who = actor.User, Upload = upload.Upload, Second = options.LifeMicros }));
    }

    /// <summary>A range of a message's attachment.</summary>
    public ControlAnswer Get(Actor actor, ControlMap map)
    {
        ulong offset = map.Number("offset", 0);
        int length = (int)map.Number("length", AttachmentLimits.ChunkSize, AttachmentLimits.ChunkSize);
        if (HashOf(map) is not { } id || length == 0)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, $"conversation, sequence and hash (32 bytes) are expected, and a length of 1 to {AttachmentLimits.ChunkSize}");
        }

        if (Denied(actor, map, id, out AttachmentRecord attachment) is { } denied)
        {
            return denied;
        }

        if (offset > attachment.Size)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, $"offset: the attachment has {attachment.Size} bytes");
        }

        // The message may have been deleted while we looked.
        return _attachments.Range(id, attachment, offset, length) is { } range
            ? ControlAnswer.Ok(new ControlMap().Set("size", attachment.Size).Set("bytes", range))
            : ControlAnswer.Refused(ErrorCode.NoSuchAttachment, "it is gone");
    }

    /// <summary>What the user uses, and may.</summary>
    public ControlAnswer Usage(Actor actor)
    {
        UsageRecord usage = _attachments.Usage(actor.User);
        return ControlAnswer.Ok(new ControlMap()
            .Set("used", usage.Bytes).Set("quota", options.Quota).Set("attachments", usage.Count)
            .Set("open", usage.Open).Set("open_max", options.OpenMax).Set("size_max", options.SizeMax));
    }

    /// <summary>Gives an upload up.</summary>
    public async Task<ControlAnswer> CancelAsync(Actor actor, ControlMap map)
    {
        if (HashOf(map) is not { } id)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "hash (32 bytes) is expected");
        }

        CommandResult result = await ExecuteAsync(new AttachmentCommand { Operation = AttachmentOperation.Cancel, Id = id, Who = actor.User });
        return result.Error == ErrorCode.None ? ControlAnswer.Ok(new ControlMap().Set("changed", result.Changed)) : ControlAnswer.Refused(result.Error, result.Reason);
    }

    /// <summary>Claims what somebody may read, so that it stays until their own message refers to it. The caller has asked whether they may.</summary>
    public Task<CommandResult> ClaimAsync(Actor actor, AttachmentId id) =>
        ExecuteAsync(new AttachmentCommand { Operation = AttachmentOperation.Claim, Id = id, Who = actor.User, Second = options.LifeMicros });

    private Task<CommandResult> ExecuteAsync(in AttachmentCommand command) =>
        router.ExecuteAsync(CommandKind.Attachment, default, router.Map.ShardOf(command.Id.High), command.ToBytes(), CancellationToken.None);

    private async Task<AttachmentId?> HashAsync(AttachmentId id, UploadRecord upload)
    {
        while (Interlocked.Increment(ref _hashing) > HashingMax)
        {
            Interlocked.Decrement(ref _hashing);
            await router.WaitForRoomAsync(CancellationToken.None);
        }

        try
        {
            return _attachments.HashOf(id, upload.Upload, upload.Size);
        }
        finally
        {
            Interlocked.Decrement(ref _hashing);
        }
    }

    private static AttachmentId? HashOf(ControlMap map) => map.Bytes("hash", AttachmentId.Size) is { Length: AttachmentId.Size } hash ? AttachmentId.Read(hash) : null;

    /// <summary>Why somebody may not have what a message has attached: by the same rules as the message itself.</summary>
    private ControlAnswer? Denied(Actor actor, ControlMap map, AttachmentId id, out AttachmentRecord attachment)
    {
        attachment = null!;
        ConversationId conversation = new(map.Id("conversation"));
        ulong sequence = map.Number("sequence", 0);
        ErrorCode denied = reads.Authorize(actor, conversation, ConversationOperation.Read, out ConversationMeta? meta, out Membership membership);
        if (denied != ErrorCode.None)
        {
            return ControlAnswer.Refused(denied, denied == ErrorCode.NoSuchConversation ? "no such conversation" : "reading there is not allowed");
        }

        if (sequence == 0 || sequence < reads.FirstVisible(conversation, meta!.Kind, membership) || reads.AttachmentsOf(conversation, sequence) is not { } attachments)
        {
            return ControlAnswer.Refused(ErrorCode.NoSuchMessage, "there is no message at that place");
        }

        if (!attachments.Any(one => one.Id == id) || _attachments.Attachment(id) is not { } found)
        {
            return ControlAnswer.Refused(ErrorCode.NoSuchAttachment, "the message has no such attachment");
        }

        attachment = found;
        return null;
    }

    private ControlAnswer Describe(CommandResult result)
    {
        if (result.Error != ErrorCode.None || UploadRecord.Parse(result.Existing) is not { } upload)
        {
            return ControlAnswer.Refused(result.Error, result.Reason, result.RetryAfterMs);
        }

        return ControlAnswer.Ok(new ControlMap()
            .Set("offset", upload.Offset).Set("size", upload.Size).Set("complete", !upload.IsUnderWay).Set("expires", upload.ExpiresMicros - options.GraceMicros));
    }
}
