using System.Security.Cryptography;

using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <content>Attachments: uploaded in chunks under the hash of their content, sent as an attribute of a message, read in ranges (protocol.md §4.10).</content>
public sealed partial class FastChatClient
{
    /// <summary>Chunks on their way at a time. More would be faster on a long line, and a message that is sent meanwhile would wait behind them.</summary>
    private const int ChunksUnderWay = 2;

    /// <summary>
    /// Uploads a content, or what of it the broker does not have yet: an upload that was cut off, in this process or an earlier one, goes on where it was. What comes back is ready for
    /// <see cref="MessageAttributes.Attachments"/>; send it before <see cref="AttachmentUpload.Expires"/>. Reconnects by itself.
    /// </summary>
    /// <param name="content">Read twice from its position to its end, so it must seek: once for its hash, once to be sent. It stays open.</param>
    /// <param name="name">What the message calls it.</param>
    /// <param name="mediaType">What it is, for readers; empty = not said.</param>
    /// <param name="progress">Told how many bytes are on the broker's disk, in growing numbers.</param>
    /// <param name="cancellationToken">Stops; what is there stays for the next attempt until it expires.</param>
    /// <exception cref="RequestException">ATTACHMENT_TOO_LARGE, QUOTA_EXCEEDED, TOO_MANY (uploads under way), WRONG_CONTENT (it changed meanwhile), STORE_FULL.</exception>
    /// <exception cref="ArgumentException">The content does not seek, or the name or media type are none.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public async Task<AttachmentUpload> UploadAsync(
        Stream content, string name, string mediaType = "", IProgress<AttachmentProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(mediaType);
        if (!content.CanSeek)
        {
            throw new ArgumentException("The content is read twice, so it must seek.", nameof(content));
        }

        long start = content.Position;
        ulong size = (ulong)(content.Length - start);
        AttachmentId id = AttachmentId.Read(await SHA256.HashDataAsync(content, cancellationToken).ConfigureAwait(Continuation.InContext));
        MessageAttachment attachment = new(id, size, name, mediaType);
        if (!attachment.IsWellFormed)
        {
            throw new ArgumentException($"A name has 1 to {AttachmentLimits.NameSizeMax} bytes without control characters, a media type at most {AttachmentLimits.MediaTypeSizeMax} of ASCII.", nameof(name));
        }

        UploadState state = await UploadRequestAsync(FrameType.BeginUpload, HashBody(id).Set("size", size), cancellationToken).ConfigureAwait(Continuation.InContext);
        if (!state.IsComplete)
        {
            progress?.Report(new AttachmentProgress(state.Offset, size));
            content.Position = start + (long)state.Offset;
            await SendChunksAsync(content, id, state.Offset, size, progress, cancellationToken).ConfigureAwait(Continuation.InContext);
            state = await UploadRequestAsync(FrameType.FinishUpload, HashBody(id), cancellationToken).ConfigureAwait(Continuation.InContext);
        }

        progress?.Report(new AttachmentProgress(size, size));
        return new AttachmentUpload(attachment, state.Expires);
    }

    /// <summary>
    /// Makes an attachment of a message that the user may read ready for a message of their own, without a byte of it being sent. Asked again by itself when the connection breaks.
    /// </summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, NO_SUCH_MESSAGE, NO_SUCH_ATTACHMENT, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public async Task<AttachmentUpload> ClaimAttachmentAsync(ConversationId conversation, ulong sequence, MessageAttachment attachment, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(attachment);
        ControlMap body = HashBody(attachment.Id).SetId("conversation", conversation.Value).Set("sequence", sequence);
        return new AttachmentUpload(attachment, (await UploadRequestAsync(FrameType.BeginUpload, body, cancellationToken).ConfigureAwait(Continuation.InContext)).Expires);
    }

    /// <summary>Gives an upload up, finished or not: what no message refers to is removed. False when there was none. Asked again by itself when the connection breaks.</summary>
    /// <exception cref="RequestException">The broker refused.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<bool> CancelUploadAsync(AttachmentId id, CancellationToken cancellationToken = default) =>
        ControlAsync(FrameType.CancelUpload, HashBody(id), isIdempotent: true, static reply => reply.Flag("changed"), cancellationToken);

    /// <summary>What the user uses of their quota, and what the broker allows. Asked again by itself when the connection breaks.</summary>
    /// <exception cref="RequestException">The broker refused.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<AttachmentUsage> GetAttachmentUsageAsync(CancellationToken cancellationToken = default) =>
        ControlAsync(
            FrameType.GetUsage,
            new ControlMap(),
            isIdempotent: true,
            static reply => new AttachmentUsage(
                reply.Number("used", 0), reply.Number("quota", 0), (int)reply.Number("attachments", 0, int.MaxValue),
                (int)reply.Number("open", 0, int.MaxValue), (int)reply.Number("open_max", 0, int.MaxValue), reply.Number("size_max", 0)),
            cancellationToken);

    /// <summary>A range of a message's attachment: fewer bytes only at its end. Asked again by itself when the connection breaks.</summary>
    /// <param name="conversation">Where the message is.</param>
    /// <param name="sequence">The message.</param>
    /// <param name="id">Which of its attachments.</param>
    /// <param name="offset">Of the first byte, at most the size.</param>
    /// <param name="length">1 to 65,536 bytes.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, NO_SUCH_MESSAGE (also: deleted), NO_SUCH_ATTACHMENT, FORBIDDEN, BAD_REQUEST (behind the end).</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<byte[]> ReadAttachmentAsync(
        ConversationId conversation, ulong sequence, AttachmentId id, ulong offset, int length = AttachmentLimits.ChunkSize, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, AttachmentLimits.ChunkSize);
        ControlMap body = HashBody(id).SetId("conversation", conversation.Value).Set("sequence", sequence).Set("offset", offset).Set("length", length);
        return ControlAsync(
            FrameType.GetAttachment, body, isIdempotent: true, static reply => reply.Bytes("bytes", AttachmentLimits.ChunkSize) ?? throw new ControlFormatException("bytes: expected"), cancellationToken);
    }

    /// <summary>Writes a message's attachment to a stream, and checks at the end that it is what its hash says. Reconnects by itself.</summary>
    /// <param name="conversation">Where the message is.</param>
    /// <param name="sequence">The message.</param>
    /// <param name="attachment">Which of its attachments.</param>
    /// <param name="target">Written from its position on; it stays open.</param>
    /// <param name="progress">Told how many bytes are written.</param>
    /// <param name="cancellationToken">Stops; what is written stays.</param>
    /// <exception cref="InvalidDataException">What came is not what the hash says: do not use it.</exception>
    /// <exception cref="RequestException">As of <see cref="ReadAttachmentAsync"/>.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public async Task DownloadAsync(
        ConversationId conversation, ulong sequence, MessageAttachment attachment, Stream target, IProgress<AttachmentProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(attachment);
        ArgumentNullException.ThrowIfNull(target);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Queue<Task<byte[]>> ranges = new();
        ulong asked = 0;
        ulong done = 0;
        try
        {
            while (done < attachment.Size)
            {
                for (; asked < attachment.Size && ranges.Count < ChunksUnderWay; asked += AttachmentLimits.ChunkSize)
                {
                    ranges.Enqueue(ReadAttachmentAsync(conversation, sequence, attachment.Id, asked, AttachmentLimits.ChunkSize, cancellationToken));
                }

                byte[] range = await ranges.Dequeue().ConfigureAwait(Continuation.InContext);
                if ((ulong)range.Length != Math.Min(AttachmentLimits.ChunkSize, attachment.Size - done))
                {
                    throw new InvalidDataException("The attachment does not have the size that its message says.");
                }

                hash.AppendData(range);
                await target.WriteAsync(range, cancellationToken).ConfigureAwait(Continuation.InContext);
                done += (ulong)range.Length;
                progress?.Report(new AttachmentProgress(done, attachment.Size));
            }
        }
        finally
        {
            await SettleAsync(ranges).ConfigureAwait(Continuation.InContext);
        }

        if (AttachmentId.Read(hash.GetHashAndReset()) != attachment.Id)
        {
            throw new InvalidDataException("The attachment is not what its hash says.");
        }
    }

    /// <summary>A message's attachment as a stream that seeks and reads what is asked for. Nothing is checked against the hash: a range has none. Reads throw what <see cref="ReadAttachmentAsync"/> throws.</summary>
    public Stream OpenAttachment(ConversationId conversation, ulong sequence, MessageAttachment attachment)
    {
        ArgumentNullException.ThrowIfNull(attachment);
        return new AttachmentStream(this, conversation, sequence, attachment);
    }

    private static ControlMap HashBody(AttachmentId id) => new ControlMap().Set("hash", id.ToBytes());

    /// <summary>Waits for requests that nobody wants the answers of any more.</summary>
    private static async Task SettleAsync(IEnumerable<Task> requests)
    {
        foreach (Task request in requests)
        {
            // Their failure is that of the one before them, which is being thrown, or of no interest.
            await request.ConfigureAwait(Continuation.SuppressThrowing);
        }
    }

    private async Task SendChunksAsync(Stream content, AttachmentId id, ulong offset, ulong size, IProgress<AttachmentProgress>? progress, CancellationToken cancellationToken)
    {
        Queue<Task<UploadState>> underWay = new();
        ulong told = offset;
        try
        {
            while (offset < size || underWay.Count > 0)
            {
                if (offset < size && underWay.Count < ChunksUnderWay)
                {
                    byte[] chunk = new byte[Math.Min(AttachmentLimits.ChunkSize, size - offset)];
                    await content.ReadExactlyAsync(chunk, cancellationToken).ConfigureAwait(Continuation.InContext);
                    ControlMap body = HashBody(id).Set("offset", offset).Set("crc", Crc32C.Compute(chunk)).Set("bytes", chunk);
                    underWay.Enqueue(UploadRequestAsync(FrameType.PutChunk, body, cancellationToken));
                    offset += (ulong)chunk.Length;
                    continue;
                }

                UploadState state = await underWay.Dequeue().ConfigureAwait(Continuation.InContext);

                // Of two answers the broker may give the later one first.
                told = Math.Max(told, state.Offset);
                progress?.Report(new AttachmentProgress(told, size));
            }
        }
        finally
        {
            await SettleAsync(underWay).ConfigureAwait(Continuation.InContext);
        }
    }

    private Task<UploadState> UploadRequestAsync(FrameType type, ControlMap body, CancellationToken cancellationToken) => ControlAsync(
        type,
        body,
        isIdempotent: true,
        static reply => new UploadState(reply.Number("offset", 0), reply.Flag("complete"), Micros.ToTime((long)reply.Number("expires", 0, long.MaxValue))),
        cancellationToken);

    private readonly record struct UploadState(ulong Offset, bool IsComplete, DateTimeOffset Expires);
}
