namespace FastChat.History;

/// <summary>
/// Reads one history, line by line. A last line without its line feed is what a killed writer left and is passed over; anything else that is no event ends the reading.
/// One thread at a time.
/// </summary>
public sealed class HistoryReader : IDisposable
{
    private const int BufferSize = 1024 * 1024;

    // A line has some hundred bytes; a file whose "lines" are longer than this is something else.
    private const int LineSizeMax = 64 * 1024;
    private const byte LineFeed = (byte)'\n';

    private readonly Stream _stream;
    private readonly EventParser _parser = new();
    private readonly byte[] _buffer = new byte[BufferSize];
    private int _start;
    private int _end;
    private bool _isAtEnd;
    private long _lastTime;

    /// <summary>Reads from <paramref name="stream"/>, which this reader closes; <paramref name="name"/> is for messages.</summary>
    public HistoryReader(Stream stream, string name)
    {
        _stream = stream;
        Name = name;
    }

    /// <summary>What the file is called.</summary>
    public string Name { get; }

    /// <summary>The line of the last event, from 1.</summary>
    public long Line { get; private set; }

    /// <summary>True when the end has been reached and a torn line stood there.</summary>
    public bool IsTorn { get; private set; }

    /// <summary>Opens a file.</summary>
    public static HistoryReader Open(string path) => new(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0), path);

    /// <summary>The next event; false at the end.</summary>
    /// <exception cref="HistoryFormatException">The line is no event, or the file no history.</exception>
    public bool TryRead(out HistoryEvent e)
    {
        if (!TryTakeLine(out ReadOnlySpan<byte> line))
        {
            e = default;
            return Line > 0 ? false : throw new HistoryFormatException(Name, 1, "the file holds no whole line");
        }

        Line++;
        string? problem = _parser.Parse(line, out e) ?? ProblemOf(e);
        if (problem is not null)
        {
            throw new HistoryFormatException(Name, Line, problem);
        }

        _lastTime = e.TimeNs;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private string? ProblemOf(in HistoryEvent e)
    {
        if ((e.Op == HistoryOp.Begin) != (Line == 1))
        {
            return Line == 1 ? "a history begins with op \"begin\"" : "op \"begin\" stands only in the first line";
        }

        if (e.Op == HistoryOp.Begin && e.Format != HistoryWriter.CurrentFormat)
        {
            return $"format {e.Format} is not known, {HistoryWriter.CurrentFormat} is";
        }

        return e.TimeNs < _lastTime ? $"t_ns goes back from {_lastTime}" : null;
    }

    private bool TryTakeLine(out ReadOnlySpan<byte> line)
    {
        int searched = _start;
        while (true)
        {
            int length = _buffer.AsSpan(searched, _end - searched).IndexOf(LineFeed);
            if (length >= 0)
            {
                length += searched - _start;
                line = _buffer.AsSpan(_start, length);
                _start += length + 1;
                return true;
            }

            if (_isAtEnd)
            {
                IsTorn = _end > _start;
                line = default;
                return false;
            }

            if (_end - _start > LineSizeMax)
            {
                throw new HistoryFormatException(Name, Line + 1, "the line is longer than any event");
            }

            int searchedLength = _end - _start;
            Fill();
            searched = _start + searchedLength;
        }
    }

    private void Fill()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        _end -= _start;
        _start = 0;
        int read = _stream.Read(_buffer, _end, _buffer.Length - _end);
        _isAtEnd = read == 0;
        _end += read;
    }
}
