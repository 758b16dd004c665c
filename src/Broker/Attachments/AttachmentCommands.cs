using System.Diagnostics;

using FastChat.Broker.Routing;
using FastChat.Protocol;

namespace FastChat.Broker.Attachments;

/// <summary>
/// What the shard of a hash does: uploads, claims, and the end of what nothing keeps. Everything about one content is decided here, one after another, so that a claim and the removal of what it
/// claims cannot miss one another. Only single entries are read, which is exact also before they are durable; the counts in <see cref="AttachmentRecord"/> take the place of scans. Loop thread only.
/// <para>
/// True between commands: an attachment's claims and owners are the entries of uploads that say so; while an entry says <see cref="UploadState.Stored"/>, or is a claim, the attachment exists. Chunks belong to
/// an upload; those of the upload that the attachment names are its content.
/// </para>
/// </summary>
internal sealed class AttachmentCommands(ShardState state)
{
    private readonly UsageCommands _usage = new(state);

    /// <summary>Applies a command; what comes back in <see cref="CommandResult.Existing"/> is the upload's entry.</summary>
    public CommandResult Apply(in CommandHeader header, in AttachmentCommand command, Turn turn, Turn? previous)
    {
        AttachmentTurn at = new(state, turn, previous, command.Id, header.TimeMicros);
        return command.Operation switch
        {
            AttachmentOperation.Begin => Begin(at, command),
            AttachmentOperation.Open => Open(at, command),
            AttachmentOperation.Put => Put(at, command),
            AttachmentOperation.Finish => Finish(at, command),
            AttachmentOperation.Claim => Claim(at, command),
            AttachmentOperation.Cancel => Cancel(at, command),
            AttachmentOperation.EndClaim => EndClaim(at, command),
            AttachmentOperation.Collect => Collect(at, command),
            AttachmentOperation.Reserve => _usage.Reserve(command, turn, previous),
            _ => throw new UnreachableException($"attachment operation {command.Operation}"),
        };
    }

    /// <summary>Writes what another shard owed: a reference, or what somebody pays for. It may come twice.</summary>
    public void Write(in StateEntry entry, long timeMicros, Turn turn, Turn? previous)
    {
        if (AttachmentKeys.IsOwned(entry.Key))
        {
            _usage.Write(entry, turn, previous);
            return;
        }

        AttachmentTurn at = new(state, turn, previous, AttachmentId.Read(entry.Key.AsSpan(1)), timeMicros);
        bool isThere = state.Read(entry.Key, turn, previous) is not null;

        // A reference to what is gone is not noted: should the same content come again, its count would be wrong.
        if (isThere == entry.Value is not null || at.Attachment is not { } attachment)
        {
            return;
        }

        if (entry.Value is not null)
        {
            turn.Put(entry.Key, entry.Value);
            at.Set(attachment with { References = attachment.References + 1 });
        }
        else
        {
            turn.Delete(entry.Key);
            at.Set(attachment with { References = attachment.References - 1 });
            at.LookIfFree();
        }
    }

    private static CommandResult Begin(AttachmentTurn at, in AttachmentCommand command)
    {
        UploadRecord? upload = at.Upload(command.Who);
        long expires = at.TimeMicros + (long)command.Second;
        if (upload is { IsUnderWay: false })
        {
            return Answer(at.Renew(command.Who, upload, expires));
        }

        if (upload is not null && upload.Size == command.First)
        {
            return Answer(at.Expire(command.Who, upload, expires));
        }

        if (upload is not null)
        {
            at.DeleteChunks(upload);
        }

        UploadRecord begun = new(UploadState.Announced, command.First, command.Upload, 0, 0, upload?.ExpiresMicros ?? 0);
        return Answer(at.Expire(command.Who, begun, expires));
    }

    private static CommandResult Open(AttachmentTurn at, in AttachmentCommand command)
    {
        if (at.Upload(command.Who) is not { } upload || upload.Upload != command.Upload)
        {
            return NoUpload;
        }

        return Answer(upload.State == UploadState.Announced ? at.Set(command.Who, upload with { State = UploadState.Open }) : upload);
    }

    private static CommandResult Put(AttachmentTurn at, in AttachmentCommand command)
    {
        if (at.Upload(command.Who) is not { State: not UploadState.Announced } upload)
        {
            return NoUpload;
        }

        if (command.First >= UploadRecord.ChunksOf(upload.Size) || command.Bytes.Length != UploadRecord.LengthOf(upload.Size, (uint)command.First))
        {
            return new CommandResult(ErrorCode.BadRequest, $"a chunk begins at a multiple of {AttachmentLimits.ChunkSize} and ends at the next one, or at the end");
        }

        // What came before is there: whoever lost the answer sends it again.
        uint index = (uint)command.First;
        if (!upload.IsUnderWay || upload.Has(index))
        {
            return Answer(upload);
        }

        if (index - upload.Chunks >= AttachmentLimits.WindowMax)
        {
            return new CommandResult(ErrorCode.Conflict, $"at most {AttachmentLimits.WindowMax} chunks are taken ahead of the first one that is missing");
        }

        byte[] key = AttachmentKeys.Chunk(at.Id, upload.Upload, index);
        at.Turn.Put(key, StoredChunk.ToValue(key, command.Bytes));
        return Answer(at.Set(command.Who, upload.With(index)));
    }

    private static CommandResult Finish(AttachmentTurn at, in AttachmentCommand command)
    {
        if (at.Upload(command.Who) is not { State: not UploadState.Announced } upload || upload.Upload != command.Upload)
        {
            return NoUpload;
        }

        if (!upload.IsUnderWay)
        {
            return Answer(upload);
        }

        if (!upload.IsComplete)
        {
            return new CommandResult(ErrorCode.Conflict, "chunks are missing");
        }

        // The same content by somebody else: one of them is enough.
        AttachmentRecord? attachment = at.Attachment;
        if (attachment is not null)
        {
            at.DeleteChunks(upload);
        }

        attachment ??= new AttachmentRecord(upload.Size, upload.Upload, 0, 0, 0, at.TimeMicros);
        at.Set(attachment with { Claims = attachment.Claims + 1, Owners = attachment.Owners + 1 });
        at.Owe(command.Who, new OwnedRecord(IsOpen: false, IsReleased: false, upload.Upload, OwnedRecord.ChargeOf(upload.Size)));
        return Answer(at.Expire(command.Who, upload with { State = UploadState.Stored }, at.TimeMicros + (long)command.Second));
    }

    private static CommandResult Claim(AttachmentTurn at, in AttachmentCommand command)
    {
        if (at.Attachment is not { } attachment)
        {
            return new CommandResult(ErrorCode.NoSuchAttachment, "it is gone");
        }

        UploadRecord? upload = at.Upload(command.Who);
        long expires = at.TimeMicros + (long)command.Second;
        if (upload is { IsUnderWay: false })
        {
            return Answer(at.Renew(command.Who, upload, expires));
        }

        // Who was uploading it need not go on.
        if (upload is not null)
        {
            at.Release(command.Who, upload);
        }

        at.Set(attachment with { Claims = attachment.Claims + 1 });
        return Answer(at.Expire(command.Who, new UploadRecord(UploadState.Claimed, attachment.Size, 0, 0, 0, upload?.ExpiresMicros ?? 0), expires));
    }

    private static CommandResult Cancel(AttachmentTurn at, in AttachmentCommand command)
    {
        UploadRecord? upload = at.Upload(command.Who);
        if (upload is null or { IsUnderWay: false, IsClaim: false })
        {
            return new CommandResult(ErrorCode.None);
        }

        at.End(command.Who, upload);
        return new CommandResult(ErrorCode.None) { Changed = true };
    }

    private static CommandResult EndClaim(AttachmentTurn at, in AttachmentCommand command)
    {
        UploadRecord? upload = at.Upload(command.Who);
        at.Turn.Delete(AttachmentKeys.Due((long)command.First, at.Id, command.Who));

        // It may have been renewed since.
        if (upload is not null && upload.ExpiresMicros == (long)command.First)
        {
            at.End(command.Who, upload);
        }

        return new CommandResult(ErrorCode.None);
    }

    /// <summary>Removes what nothing keeps: first its owners, some with each command, because a scan for them is not a shard's work; with the last one the chunks.</summary>
    private static CommandResult Collect(AttachmentTurn at, in AttachmentCommand command)
    {
        byte[] due = AttachmentKeys.Due((long)command.First, at.Id, default);
        if (at.Attachment is not { IsFree: true } attachment)
        {
            at.Turn.Delete(due);
            return new CommandResult(ErrorCode.None);
        }

        for (ReadOnlySpan<byte> owners = command.Bytes; !owners.IsEmpty; owners = owners[Id128.Size..])
        {
            UserId owner = UserId.Read(owners);
            if (at.Upload(owner) is { State: UploadState.Stored } upload)
            {
                at.Turn.Delete(AttachmentKeys.Upload(at.Id, owner));
                at.Owe(owner, new OwnedRecord(IsOpen: false, IsReleased: true, upload.Upload, 0));
                attachment = attachment with { Owners = attachment.Owners - 1 };
            }
        }

        // Who asks has looked for them: an empty list says that there are none left.
        if (attachment.Owners > 0 && !command.Bytes.IsEmpty)
        {
            at.Set(attachment);
            return new CommandResult(ErrorCode.None);
        }

        for (uint index = 0; index < attachment.Chunks; index++)
        {
            at.Turn.Delete(AttachmentKeys.Chunk(at.Id, attachment.Upload, index));
        }

        at.Turn.Delete(AttachmentKeys.Attachment(at.Id));
        at.Turn.Delete(due);
        return new CommandResult(ErrorCode.None) { Changed = true };
    }

    private static CommandResult NoUpload => new(ErrorCode.NoSuchAttachment, "no upload of it is open: send BeginUpload");

    private static CommandResult Answer(UploadRecord upload) => new(ErrorCode.None) { Existing = upload.ToBytes() };
}
