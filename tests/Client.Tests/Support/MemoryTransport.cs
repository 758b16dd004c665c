using System.IO.Pipelines;

namespace FastChat.Client.Tests;

/// <summary>One side of a connection that lives in memory: what is written here is read there.</summary>
internal sealed class MemoryTransport : Stream
{
    private readonly PipeReader _reader;
    private readonly PipeWriter _writer;
    private long _readLeft = long.MaxValue;
    private long _writeLeft = long.MaxValue;

    private MemoryTransport(PipeReader reader, PipeWriter writer)
    {
        _reader = reader;
        _writer = writer;
    }

    /// <summary>Writes that reached the stream; how well the client coalesces.</summary>
    public int Writes { get; private set; }

    public long BytesRead { get; private set; }

    public long BytesWritten { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <param name="pauseBytes">Bytes in each direction before a write waits for the reader.</param>
    public static (MemoryTransport Client, MemoryTransport Broker) CreatePair(int pauseBytes = 1024 * 1024)
    {
        PipeOptions options = new(pauseWriterThreshold: pauseBytes, resumeWriterThreshold: pauseBytes / 2, useSynchronizationContext: false);
        Pipe up = new(options);
        Pipe down = new(options);
        return (new MemoryTransport(down.Reader, up.Writer), new MemoryTransport(up.Reader, down.Writer));
    }

    /// <summary>Breaks this side once so many bytes have passed: reads end, writes fail.</summary>
    public void CutAfter(long read, long written)
    {
        _readLeft = read;
        _writeLeft = written;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_readLeft == 0)
        {
            await CutAsync();
            return 0;
        }

        ReadResult result = await _reader.ReadAsync(cancellationToken);
        long taken = Math.Min(Math.Min(result.Buffer.Length, buffer.Length), _readLeft);
        int position = 0;
        foreach (ReadOnlyMemory<byte> piece in result.Buffer.Slice(0, taken))
        {
            piece.Span.CopyTo(buffer.Span[position..]);
            position += piece.Length;
        }

        _reader.AdvanceTo(result.Buffer.GetPosition(taken));
        _readLeft -= taken;
        BytesRead += taken;
        return (int)taken;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Writes++;
        int passed = (int)Math.Min(buffer.Length, _writeLeft);
        _writeLeft -= passed;
        BytesWritten += passed;
        FlushResult result = await _writer.WriteAsync(buffer[..passed], cancellationToken);
        if (passed < buffer.Length || result.IsCompleted)
        {
            await CutAsync();
            throw new IOException("the transport is broken");
        }
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override async ValueTask DisposeAsync()
    {
        await CutAsync();
        await base.DisposeAsync();
    }

    private async Task CutAsync()
    {
        _readLeft = 0;
        _writeLeft = 0;
        await _writer.CompleteAsync();
        _reader.CancelPendingRead();
    }
}
