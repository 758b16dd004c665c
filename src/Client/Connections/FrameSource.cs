using System.Buffers;

using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <summary>
/// Cuts a transport's bytes into frames. The buffer is contiguous, so a frame's body is one span, and grows to the largest frame that came: an idle client keeps a
/// small one. Used by the handshake and then by the read loop, one at a time.
/// </summary>
internal sealed class FrameSource
{
    private const int InitialSize = 4 * 1024;
    private const int BusySize = 128 * 1024;

    private readonly Stream _stream;
    private byte[] _buffer = new byte[InitialSize];
    private int _start;
    private int _end;

    public FrameSource(Stream stream) => _stream = stream;

    /// <summary>The next frame that is here as a whole; false when more bytes are needed. Its body lives until the next <see cref="FillAsync"/>.</summary>
    /// <exception cref="ProtocolViolationException">No frame can begin like this.</exception>
    public bool TryRead(out Frame frame)
    {
        ReadOnlySequence<byte> rest = new(_buffer, _start, _end - _start);
        FrameReadStatus status = FrameReader.TryRead(ref rest, ProtocolLimits.ServerFrameSizeMax, out frame, out CloseCode violation);
        if (status == FrameReadStatus.Invalid)
        {
            throw new ProtocolViolationException(violation, "the broker sent what cannot be a frame");
        }

        if (status == FrameReadStatus.Done)
        {
            _start += (int)frame.TotalSize;
        }

        return status == FrameReadStatus.Done;
    }

    /// <summary>Reads more bytes; false at the end of the stream.</summary>
    public async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        MakeRoom();
        int read = await _stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(Continuation.InContext);
        _end += read;
        return read > 0;
    }

    private void MakeRoom()
    {
        int kept = _end - _start;
        int needed = kept < FrameHeader.Size ? FrameHeader.Size : FrameHeader.Size + FrameHeader.Read(_buffer.AsSpan(_start)).Length;

        // A full buffer means that the broker sends faster than this side reads: larger reads are fewer calls.
        bool isBusy = _end == _buffer.Length && _buffer.Length < BusySize;
        if (needed > _buffer.Length || isBusy)
        {
            byte[] larger = new byte[Math.Max(needed, Math.Min(_buffer.Length * 2, BusySize))];
            _buffer.AsSpan(_start, kept).CopyTo(larger);
            _buffer = larger;
        }
        else if (_start > 0)
        {
            _buffer.AsSpan(_start, kept).CopyTo(_buffer);
        }

        _start = 0;
        _end = kept;
    }
}
