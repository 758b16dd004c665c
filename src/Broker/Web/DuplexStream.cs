using System.Buffers;
using System.IO.Pipelines;

namespace FastChat.Broker.Web;

/// <summary>
/// A connection's two pipes as the stream that WebSockets are made over. A read of no bytes waits until there are some, so that who waits needs no buffer. Nothing is written behind a close frame (RFC 6455 §5.5.1):
/// the library sends one by itself when it was sent something wrong, and a message that was under way at that moment would follow it.
/// </summary>
internal sealed class DuplexStream(IDuplexPipe pipes) : Stream
{
    private const int OpcodeMask = 0x0F;
    private const int CloseOpcode = 0x08;

    private volatile bool _isClosed;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ReadResult result;
        do
        {
            result = await pipes.Input.ReadAsync(cancellationToken);
            if (result.IsCanceled)
            {
                pipes.Input.AdvanceTo(result.Buffer.Start);
                throw new IOException("the stream was closed");
            }

            if (result.Buffer.IsEmpty && !result.IsCompleted)
            {
                pipes.Input.AdvanceTo(result.Buffer.End);
            }
        }
        while (result.Buffer.IsEmpty && !result.IsCompleted);

        int count = (int)Math.Min(buffer.Length, result.Buffer.Length);
        ReadOnlySequence<byte> taken = result.Buffer.Slice(0, count);
        taken.CopyTo(buffer.Span);

        // Only what was taken was looked at: the rest ends the next read at once.
        pipes.Input.AdvanceTo(taken.End);
        return count;
    }

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_isClosed)
        {
            throw new IOException("the WebSocket is closed");
        }

        // The library writes each frame with one call, and one after the other.
        _isClosed = !buffer.IsEmpty && (buffer.Span[0] & OpcodeMask) == CloseOpcode;
        pipes.Output.Write(buffer.Span);
        FlushResult result = await pipes.Output.FlushAsync(cancellationToken);
        if (result.IsCompleted)
        {
            throw new IOException("the connection has ended");
        }
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Ends the connection at once for whoever still waits on it.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            pipes.Input.CancelPendingRead();
            pipes.Output.CancelPendingFlush();
        }

        base.Dispose(disposing);
    }
}
