using FastChat.Broker.Routing;
using FastChat.Protocol;

namespace FastChat.Broker.Attachments;

/// <summary>The entries of one attachment as a command sees them, and the changes that belong together. Loop thread only; lives as long as the command.</summary>
internal readonly struct AttachmentTurn(ShardState state, Turn turn, Turn? previous, AttachmentId id, long timeMicros)
{
    public Turn Turn { get; } = turn;

    public AttachmentId Id { get; } = id;

    public long TimeMicros { get; } = timeMicros;

    /// <summary>The attachment; null when there is none.</summary>
    public AttachmentRecord? Attachment => AttachmentRecord.Parse(state.Read(AttachmentKeys.Attachment(Id), Turn, previous));

    /// <summary>Somebody's upload or claim; null when there is none.</summary>
    public UploadRecord? Upload(UserId user) => UploadRecord.Parse(state.Read(AttachmentKeys.Upload(Id, user), Turn, previous));

    /// <summary>Changes the attachment.</summary>
    public void Set(AttachmentRecord attachment) => Turn.Put(AttachmentKeys.Attachment(Id), attachment.ToBytes());

    /// <summary>Changes somebody's upload, but not when it ends.</summary>
    public UploadRecord Set(UserId user, UploadRecord upload)
    {
        Turn.Put(AttachmentKeys.Upload(Id, user), upload.ToBytes());
        return upload;
    }

    /// <summary>Changes somebody's upload, and when it ends.</summary>
    public UploadRecord Expire(UserId user, UploadRecord upload, long expiresMicros)
    {
        if (upload.ExpiresMicros != 0)
        {
            Turn.Delete(AttachmentKeys.Due(upload.ExpiresMicros, Id, user));
        }

        Turn.Put(AttachmentKeys.Due(expiresMicros, Id, user), []);
        return Set(user, upload with { ExpiresMicros = expiresMicros });
    }

    /// <summary>Has a claim last longer, or begin anew.</summary>
    public UploadRecord Renew(UserId user, UploadRecord upload, long expiresMicros)
    {
        if (!upload.IsClaim && Attachment is { } attachment)
        {
            Set(attachment with { Claims = attachment.Claims + 1 });
        }

        return Expire(user, upload, expiresMicros);
    }

    /// <summary>Ends an upload with its chunks, or a claim. Who uploaded it goes on paying while it exists.</summary>
    public void End(UserId user, UploadRecord upload)
    {
        Turn.Delete(AttachmentKeys.Due(upload.ExpiresMicros, Id, user));
        if (upload.IsUnderWay)
        {
            Release(user, upload);
            return;
        }

        if (upload.State == UploadState.Stored)
        {
            Set(user, upload with { ExpiresMicros = 0 });
        }
        else
        {
            Turn.Delete(AttachmentKeys.Upload(Id, user));
        }

        if (Attachment is { } attachment)
        {
            Set(attachment with { Claims = attachment.Claims - 1 });
            LookIfFree();
        }
    }

    /// <summary>Removes an upload that is under way, and what it is charged for.</summary>
    public void Release(UserId user, UploadRecord upload)
    {
        DeleteChunks(upload);
        Turn.Delete(AttachmentKeys.Upload(Id, user));
        Owe(user, new OwnedRecord(IsOpen: false, IsReleased: true, upload.Upload, 0));
    }

    /// <summary>Removes what an upload brought.</summary>
    public void DeleteChunks(UploadRecord upload)
    {
        foreach (uint index in upload.Present())
        {
            Turn.Delete(AttachmentKeys.Chunk(Id, upload.Upload, index));
        }
    }

    /// <summary>Has somebody look at the attachment, now, when nothing keeps it any more.</summary>
    public void LookIfFree()
    {
        if (Attachment is { IsFree: true })
        {
            Turn.Put(AttachmentKeys.Due(TimeMicros, Id, default), []);
        }
    }

    /// <summary>Owes a user's shard what they pay for.</summary>
    public void Owe(UserId user, OwnedRecord owned) => state.Owe(user.Value, [new StateEntry(AttachmentKeys.Owned(user, Id), owned.ToBytes())], Turn);
}
