namespace FastChat.Simulation;

/// <summary>The bytes of a world's history, in memory.</summary>
internal sealed class KeptHistory : IDisposable
{
    private readonly MemoryStream _kept = new();

    public KeptHistory() => Stream = new Unclosed(_kept);

    /// <summary>What the writer writes to, and closes.</summary>
    public Stream Stream { get; }

    /// <summary>What was written.</summary>
    public byte[] ToArray() => _kept.ToArray();

    /// <inheritdoc/>
    public void Dispose() => _kept.Dispose();

    /// <summary>The bytes are looked at after the writer has closed its stream.</summary>
    private sealed class Unclosed(MemoryStream kept) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => kept.Length;

        public override long Position
        {
            get => kept.Position;
            set => throw new NotSupportedException();
        }

        public override void Write(byte[] buffer, int offset, int count) => kept.Write(buffer, offset, count);

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
