namespace FastChat.Cli;

/// <summary>Lines of a byte stream, split at line feeds and nowhere else. One reader; a line lives until the next is read.</summary>
internal sealed class LineReader
{
    private readonly Stream _source;
    private byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;

    /// <summary>Reads <paramref name="source"/>, which stays the caller's.</summary>
    public LineReader(Stream source) => _source = source;

    /// <summary>The next line without its line feed; null at the end. A last line without a line feed is a line, nothing behind the last line feed is none.</summary>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancellation)
    {
        int searched = 0;
        while (true)
        {
            int found = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (found >= 0)
            {
                ReadOnlyMemory<byte> line = _buffer.AsMemory(_start, searched + found);
                _start += searched + found + 1;
                return line;
            }

            searched = _end - _start;
            MakeRoom();
            int count = await _source.ReadAsync(_buffer.AsMemory(_end), cancellation).ConfigureAwait(false);
            if (count == 0)
            {
                ReadOnlyMemory<byte> last = _buffer.AsMemory(_start, _end - _start);
                _start = _end;

                // The cast matters: a bare null would become an empty line, by way of a null array.
                return last.IsEmpty ? (ReadOnlyMemory<byte>?)null : last;
            }

            _end += count;
        }
    }

    private void MakeRoom()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, 2 * _buffer.Length);
        }
    }
}
