namespace FastChat.Client.Tests;

/// <summary>
/// A broker that answers every publish at once and does nothing else, without allocating: what is measured against it is the client. Sequences count over the connection.
/// </summary>
internal sealed class Acknowledger
{
    private readonly byte[] _in = new byte[256 * 1024];
    private readonly byte[] _out = new byte[256 * 1024];
    private readonly Stream _stream;
    private ulong _sequence;

    public Acknowledger(Stream stream) => _stream = stream;

    /// <summary>Publishes per read, over the connection.</summary>
    public double PublishesPerRead => (double)_sequence / Math.Max(1, Reads);

    public long Reads { get; private set; }

    public async Task RunAsync()
    {
        Peer peer = new(_stream);
        await peer.WelcomeAsync();
        int end = 0;
        while (true)
        {
            int read = await _stream.ReadAsync(_in.AsMemory(end));
            if (read == 0)
            {
                return;
            }

            Reads++;
            end += read;
            int answered = Answer(ref end);
            if (answered > 0)
            {
                await _stream.WriteAsync(_out.AsMemory(0, answered));
            }
        }
    }

    private int Answer(ref int end)
    {
        int start = 0;
        int written = 0;
        while (end - start >= FrameHeader.Size)
        {
            FrameHeader header = FrameHeader.Read(_in.AsSpan(start));
            if (end - start - FrameHeader.Size < header.Length)
            {
                break;
            }

            start += FrameHeader.Size + header.Length;
            if (header.Type == FrameType.Publish)
            {
                Span<byte> target = _out.AsSpan(written);
                new FrameHeader(Published.Size, FrameType.Published, header.Request).Write(target);
                new Published(1, ++_sequence, Durability.Fsynced, false, 0).Write(target[FrameHeader.Size..]);
                written += FrameHeader.Size + Published.Size;
            }
        }

        _in.AsSpan(start, end - start).CopyTo(_in);
        end -= start;
        return written;
    }
}
