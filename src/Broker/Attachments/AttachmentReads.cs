using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Attachments;

/// <summary>What is read of attachments: the durable state of any shard. Pool threads; who may is asked by the caller.</summary>
internal sealed class AttachmentReads(IConversationLog log)
{
    /// <summary>The attachment, when it is complete.</summary>
    public AttachmentRecord? Attachment(AttachmentId id) => AttachmentRecord.Parse(log.Get(Table.State, AttachmentKeys.Attachment(id)));

    /// <summary>Somebody's upload or claim.</summary>
    public UploadRecord? Upload(AttachmentId id, UserId user) => UploadRecord.Parse(log.Get(Table.State, AttachmentKeys.Upload(id, user)));

    /// <summary>What somebody uses of their quota.</summary>
    public UsageRecord Usage(UserId user) => UsageRecord.Parse(log.Get(Table.State, AttachmentKeys.Usage(user))) ?? new UsageRecord(0, 0, 0);

    /// <summary>A range of a content, shorter at its end; null when a part of it is not there (any more).</summary>
    /// <param name="length">At most a chunk's size.</param>
    /// <exception cref="CorruptRecordException">A chunk is damaged.</exception>
    public byte[]? Range(AttachmentId id, AttachmentRecord attachment, ulong offset, int length)
    {
        byte[] range = new byte[Math.Min((ulong)length, attachment.Size - offset)];
        for (int done = 0; done < range.Length;)
        {
            ulong at = offset + (ulong)done;
            if (StoredChunk.Read(log, AttachmentKeys.Chunk(id, attachment.Upload, (uint)(at / AttachmentLimits.ChunkSize))) is not { } chunk)
            {
                return null;
            }

            ReadOnlySpan<byte> part = chunk.Span[(int)(at % AttachmentLimits.ChunkSize)..];
            part = part[..Math.Min(part.Length, range.Length - done)];
            part.CopyTo(range.AsSpan(done));
            done += part.Length;
        }

        return range;
    }

    /// <summary>The hash of what an upload brought; null when a chunk is missing.</summary>
    /// <exception cref="CorruptRecordException">A chunk is damaged.</exception>
    public AttachmentId? HashOf(AttachmentId id, ulong upload, ulong size)
    {
        using System.Security.Cryptography.IncrementalHash hash = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
        for (uint index = 0; index < UploadRecord.ChunksOf(size); index++)
        {
            if (StoredChunk.Read(log, AttachmentKeys.Chunk(id, upload, index)) is not { } chunk)
            {
                return null;
            }

            hash.AppendData(chunk.Span);
        }

        Span<byte> result = stackalloc byte[AttachmentId.Size];
        hash.GetHashAndReset(result);
        return AttachmentId.Read(result);
    }

    /// <summary>Some of those who pay for an attachment.</summary>
    public List<UserId> Owners(AttachmentId id, int countMax)
    {
        List<UserId> owners = [];
        log.Scan(Table.State, AttachmentKeys.Uploads(id), [], (key, value) =>
        {
            if (UploadRecord.Parse(value) is { State: UploadState.Stored })
            {
                owners.Add(AttachmentKeys.UserAtEnd(key));
            }

            return owners.Count < countMax;
        });
        return owners;
    }
}
