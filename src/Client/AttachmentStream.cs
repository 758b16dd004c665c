using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <summary>Reads an attachment where it is asked to, up to 64 KiB with each request. One reader at a time.</summary>
internal sealed class AttachmentStream(FastChatClient client, ConversationId conversation, ulong sequence, MessageAttachment attachment) : Stream
{
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => (long)attachment.Size;

    public override long Position
    {
        get => _position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _position = value;
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int length = (int)Math.Min(Math.Min(buffer.Length, AttachmentLimits.ChunkSize), Math.Max(0, Length - _position));
        if (length == 0)
        {
            return 0;
        }

        byte[] range = await client.ReadAttachmentAsync(conversation, sequence, attachment.Id, (ulong)_position, length, cancellationToken).ConfigureAwait(Continuation.InContext);
        range.CopyTo(buffer);
        _position += range.Length;
        return range.Length;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => _position + offset,
        _ => Length + offset,
    };

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("It is read over a network: use ReadAsync.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("It is read only.");

    public override void SetLength(long value) => throw new NotSupportedException("It is read only.");

    public override void Flush()
    {
    }
}
