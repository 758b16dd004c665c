using System.Buffers.Text;
using System.Text;

namespace FastChat.History;

/// <summary>
/// Writes a history as JSON lines. Any thread may call it at any time; the clock is read under the lock, so the lines of a file are in the order of their times.
/// <para>
/// A kill leaves a prefix of what happened: lines go to the operating system in their order and never in part, except for the last one, which readers leave out. An invoke
/// is handed over before <see cref="Write"/> returns, so a message that was sent is in the file whatever happens then: otherwise the killed client's messages would look
/// forged. Everything else waits in the buffer until it is full or an invoke takes it along; an answer that is lost with it is an answer that nobody got.
/// </para>
/// Nothing is allocated per event.
/// </summary>
public sealed class HistoryWriter : IDisposable
{
    /// <summary>The number of the format in docs/history-format.md.</summary>
    public const uint CurrentFormat = 1;

    private const int BufferSize = 64 * 1024;

    // Every field at its longest, names included, and the two texts.
    private const int LineSizeMax = 4096;
    private const int TextSizeMax = 256;

    private readonly Lock _lock = new();
    private readonly Stream _stream;
    private readonly TimeProvider _time;
    private readonly byte[] _buffer = new byte[BufferSize];
    private int _used;
    private long _lastTime;
    private bool _isClosed;

    /// <summary>Begins a history on <paramref name="stream"/>, which this writer closes.</summary>
    public HistoryWriter(Stream stream, TimeProvider time)
    {
        _stream = stream;
        _time = time;
        Write(new HistoryEvent { Op = HistoryOp.Begin, Format = CurrentFormat });
    }

    /// <summary>Begins a history in a new file; what was there is gone.</summary>
    public static HistoryWriter Create(string path, TimeProvider time) =>
        new(new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0), time);

    /// <summary>Adds an event, with the time of this moment unless it has one.</summary>
    public void Write(in HistoryEvent e)
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                // An answer may come while the client that is recorded ends; its line would be behind the end.
                return;
            }

            if (_buffer.Length - _used < LineSizeMax)
            {
                Hand();
            }

            // Clocks of a test may stand still; none may go back, for readers merge files by these times.
            _lastTime = Math.Max(_lastTime, e.TimeNs != 0 ? e.TimeNs : Nanoseconds());
            LineWriter line = new(_buffer.AsSpan(_used));
            Format(ref line, e, _lastTime);
            _used += line.Finish();
            if (e.Phase == HistoryPhase.Invoke || e.Op == HistoryOp.Begin)
            {
                Hand();
            }
        }
    }

    /// <summary>Hands every line to the operating system.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            Hand();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            if (!_isClosed)
            {
                Hand();
                _isClosed = true;
                _stream.Dispose();
            }
        }
    }

    private static void Format(ref LineWriter line, in HistoryEvent e, long time)
    {
        line.Number(HistoryKey.TNs, (ulong)time);
        line.Text(HistoryKey.Process, e.Process, TextSizeMax);
        line.Word(HistoryKey.Op, Words.Ops[(int)e.Op]);
        line.WordUnlessZero(HistoryKey.Phase, Words.Phases, (int)e.Phase);
        line.NumberUnlessZero(HistoryKey.Format, e.Format);
        line.NumberUnlessZero(HistoryKey.Connection, e.Connection);
        line.NumberUnlessZero(HistoryKey.Request, e.Request);
        line.NumberUnlessZero(HistoryKey.Attempt, e.Attempt);
        line.IdUnlessZero(HistoryKey.Conversation, e.Conversation.Value);
        line.NumberUnlessZero(HistoryKey.Epoch, e.Epoch);
        line.NumberUnlessZero(HistoryKey.Sequence, e.Sequence);
        line.IdUnlessZero(HistoryKey.User, e.User.Value);
        line.HexUnlessZero(HistoryKey.Device, e.Device.Value);
        line.IdUnlessZero(HistoryKey.Publisher, e.Publisher.Value);
        line.IdUnlessZero(HistoryKey.ClientMessageId, e.ClientMessageId.Value);
        line.NumberUnlessZero(HistoryKey.Kind, (ulong)e.Kind);
        line.HexUnlessZero(HistoryKey.Hash, e.Hash);
        line.Flag(HistoryKey.Duplicate, e.Duplicate);
        line.Flag(HistoryKey.Erased, e.Erased);
        line.IdUnlessZero(HistoryKey.Member, e.Member.Value);
        line.NumberUnlessZero(HistoryKey.Cursor, e.Cursor);
        line.Flag(HistoryKey.Backward, e.Backward);
        line.Flag(HistoryKey.Fresh, e.Fresh);
        line.WordUnlessZero(HistoryKey.Status, Words.Statuses, (int)e.Status);
        line.NumberUnlessZero(HistoryKey.First, e.First);
        line.NumberUnlessZero(HistoryKey.Last, e.Last);
        line.NumberUnlessZero(HistoryKey.Head, e.Head);
        line.NumberUnlessZero(HistoryKey.Next, e.Next);
        line.Flag(HistoryKey.Complete, e.Complete);
        line.NumberUnlessZero(HistoryKey.Code, e.Code);
        line.Flag(HistoryKey.Resumed, e.Resumed);
        line.Text(HistoryKey.Node, e.Node, TextSizeMax);
        line.WordUnlessZero(HistoryKey.Fault, Words.Faults, (int)e.Fault);
        line.WordUnlessZero(HistoryKey.ConversationKind, Words.Kinds, (int)e.ConversationKind);
        line.Flag(HistoryKey.Closed, e.Closed);
        line.NumberUnlessZero(HistoryKey.Target, e.Target);
        if (e.Erases is { } erases)
        {
            line.Hex(HistoryKey.Erases, erases);
        }

        line.NumberUnlessZero(HistoryKey.ReplyTo, e.ReplyTo);
        line.NumberUnlessZero(HistoryKey.Thread, e.Thread);
        line.Flag(HistoryKey.TakenBack, e.TakenBack);
        line.HexUnlessZero(HistoryKey.Content, e.Content);
        line.NumberUnlessZero(HistoryKey.Role, e.Role);
        line.NumberUnlessZero(HistoryKey.VisibleFrom, e.VisibleFrom);
        line.NumberUnlessZero(HistoryKey.Read, e.Read);
        line.NumberUnlessZero(HistoryKey.Delivered, e.Delivered);
        line.Flag(HistoryKey.Private, e.Private);
        line.NumberUnlessZero(HistoryKey.Unread, e.Unread);
        line.NumberUnlessZero(HistoryKey.DeletedBy, e.DeletedBy);
        line.NumberUnlessZero(HistoryKey.PinnedBy, e.PinnedBy);
        line.NumberUnlessZero(HistoryKey.Edits, e.Edits);
        line.NumberUnlessZero(HistoryKey.EditedBy, e.EditedBy);
        line.NumberUnlessZero(HistoryKey.Replies, e.Replies);
        line.NumberUnlessZero(HistoryKey.InThread, e.InThread);
        line.HexUnlessZero(HistoryKey.Reactions, e.Reactions);
    }

    // On Linux the timestamps of the system's clock are nanoseconds of the machine's monotonic clock: the same for every process.
    private long Nanoseconds() => (long)((UInt128)(ulong)_time.GetTimestamp() * 1_000_000_000 / (ulong)_time.TimestampFrequency);

    private void Hand()
    {
        if (_used > 0 && !_isClosed)
        {
            _stream.Write(_buffer, 0, _used);
            _stream.Flush();
            _used = 0;
        }
    }
}

/// <summary>Formats one line into a span that is known to be large enough.</summary>
internal ref struct LineWriter
{
    private readonly Span<byte> _target;
    private int _length;

    public LineWriter(Span<byte> target) => _target = target;

    public void Number(HistoryKey key, ulong value)
    {
        Begin(key);
        Utf8Formatter.TryFormat(value, _target[_length..], out int written);
        _length += written;
    }

    public void NumberUnlessZero(HistoryKey key, ulong value)
    {
        if (value != 0)
        {
            Number(key, value);
        }
    }

    public void Word(HistoryKey key, scoped ReadOnlySpan<byte> word)
    {
        Begin(key);
        Quote();
        Append(word);
        Quote();
    }

    public void WordUnlessZero<T>(HistoryKey key, WordTable<T> words, int number)
        where T : struct, Enum
    {
        if (number != 0)
        {
            Word(key, words[number]);
        }
    }

    public void IdUnlessZero(HistoryKey key, UInt128 value)
    {
        if (value != 0)
        {
            Span<byte> bytes = stackalloc byte[16];
            System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
            Hex(key, bytes);
        }
    }

    public void HexUnlessZero(HistoryKey key, ulong value)
    {
        if (value != 0)
        {
            Span<byte> bytes = stackalloc byte[8];
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
            Hex(key, bytes);
        }
    }

    public void Flag(HistoryKey key, bool value)
    {
        if (value)
        {
            Begin(key);
            Append("true"u8);
        }
    }

    /// <exception cref="ArgumentException">The text would need escapes, or is too long: names of processes and nodes are plain.</exception>
    public void Text(HistoryKey key, string? text, int sizeMax)
    {
        if (string.IsNullOrEmpty(text))
        {
            return;
        }

        foreach (char letter in text)
        {
            if (letter is < ' ' or > '~' or '"' or '\\')
            {
                throw new ArgumentException($"{key} '{text}': printable ASCII without quotes and backslashes is expected");
            }
        }

        if (text.Length > sizeMax)
        {
            throw new ArgumentException($"{key}: {sizeMax} characters at the most");
        }

        Begin(key);
        Quote();
        _length += Encoding.ASCII.GetBytes(text, _target[_length..]);
        Quote();
    }

    public int Finish()
    {
        Append("}\n"u8);
        return _length;
    }

    public void Hex(HistoryKey key, scoped ReadOnlySpan<byte> bytes)
    {
        Begin(key);
        Quote();
        Convert.TryToHexStringLower(bytes, _target[_length..], out int written);
        _length += written;
        Quote();
    }

    private void Begin(HistoryKey key)
    {
        _target[_length] = (byte)(_length == 0 ? '{' : ',');
        _length++;
        Quote();
        Append(Words.Keys[(int)key]);
        Append("\":"u8);
    }

    private void Quote() => _target[_length++] = (byte)'"';

    private void Append(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_target[_length..]);
        _length += bytes.Length;
    }
}
