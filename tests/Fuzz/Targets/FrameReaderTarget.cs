using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Fuzz.Targets;

/// <summary>
/// The frame reader against a second one that is written down from protocol.md §2.1 and sees the bytes whole. Every way in which the same bytes can arrive must give the same frames, the same end and the same
/// rest: in one piece, in two pieces split at every byte, and byte after byte with the reader asked again each time, as a connection's read loop does.
/// <para>The first byte of an input chooses the limit.</para>
/// </summary>
internal sealed class FrameReaderTarget(FrameReaderTarget.Reader? reader = null) : IFuzzTarget
{
    private const int EverySplitMax = 96;
    private const int SplitsOfLongOnes = 24;
    private const int FramesMax = 256;

    private static readonly int[] Limits = [ProtocolLimits.ClientFrameSizeMax, ProtocolLimits.HelloSizeMax, ProtocolLimits.ServerFrameSizeMax, 40];

    private readonly Reader _read = reader ?? FrameReader.TryRead;
    private readonly byte[] _bytes = new byte[2048];
    private readonly Piece _first = new();
    private readonly Piece _second = new();
    private readonly (int Offset, int Length, FrameType Type, uint Request)[] _expected = new (int, int, FrameType, uint)[FramesMax];
    private int _size;
    private int _limit;
    private int _count;
    private int _end;
    private FrameReadStatus _status;
    private CloseCode _violation;

    /// <summary>What is tested; another one than <see cref="FrameReader.TryRead"/> to prove that this target notices.</summary>
    public delegate FrameReadStatus Reader(ref ReadOnlySequence<byte> buffer, int bodySizeMax, out Frame frame, out CloseCode violation);

    public string Name => "frame-reader";

    public IReadOnlyList<byte[]> Words { get; } =
        [.. Enum.GetValues<FrameType>().Select(type => new byte[] { 0, 0, 0, (byte)type, 1, 0, 0, 0 }), [0xFF, 0xFF, 0xFF], [0x00, 0x04, 0x01], [0x01, 0x04, 0x01]];

    public IEnumerable<byte[]> Seeds()
    {
        byte[][] frames = [.. VectorSeeds.Frames()];
        for (int i = 0; i < frames.Length; i++)
        {
            yield return [(byte)i, .. frames[i]];
            yield return [(byte)i, .. frames[i], .. frames[(i + 7) % frames.Length]];
        }
    }

    /// <summary>Nothing: the reader says of itself that it does not allocate, and neither does this target.</summary>
    public long AllocationCap(int inputSize) => 0;

    /// <summary>Makes the length of the first frame fit what follows, so that more than one frame comes out of mutated bytes.</summary>
    public int Shape(Span<byte> buffer, int size, ref FuzzRandom random)
    {
        if (size > 1 + FrameHeader.Size)
        {
            int body = random.Below(Math.Min(size - FrameHeader.Size, 256));
            buffer[1] = (byte)body;
            buffer[2] = 0;
            buffer[3] = 0;
        }

        return size;
    }

    public ulong Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return 0;
        }

        _limit = Limits[input[0] & 3];
        _size = input.Length - 1;
        input[1..].CopyTo(_bytes);
        ReadByTheBook();
        CheckAll(new ReadOnlySequence<byte>(_bytes, 0, _size));
        if (_size <= EverySplitMax)
        {
            for (int split = 0; split <= _size; split++)
            {
                CheckAll(Split(0, split, _size));
            }
        }
        else
        {
            FuzzRandom random = new(_bytes[_size / 2], (ulong)_size);
            for (int i = 0; i < SplitsOfLongOnes; i++)
            {
                CheckAll(Split(0, random.Below(_size + 1), _size));
            }
        }

        CheckArrival();
        return Classify();
    }

    public void Dispose()
    {
    }

    /// <summary>The second reader: no sequences, no buffers that move.</summary>
    private void ReadByTheBook()
    {
        _count = 0;
        _end = 0;
        _violation = CloseCode.None;
        while (true)
        {
            int left = _size - _end;
            if (left < 8)
            {
                _status = FrameReadStatus.NeedMoreData;
                return;
            }

            int length = _bytes[_end] | (_bytes[_end + 1] << 8) | (_bytes[_end + 2] << 16);
            byte type = _bytes[_end + 3];
            if (type == 0 || length > _limit)
            {
                _status = FrameReadStatus.Invalid;
                _violation = type == 0 ? CloseCode.BadFrame : CloseCode.FrameTooLarge;
                return;
            }

            if (left - 8 < length)
            {
                _status = FrameReadStatus.NeedMoreData;
                return;
            }

            uint request = _bytes[_end + 4] | ((uint)_bytes[_end + 5] << 8) | ((uint)_bytes[_end + 6] << 16) | ((uint)_bytes[_end + 7] << 24);
            _expected[_count++] = (_end + 8, length, (FrameType)type, request);
            _end += 8 + length;
        }
    }

    private void CheckAll(ReadOnlySequence<byte> buffer)
    {
        int count = 0;
        CloseCode violation;
        FrameReadStatus status;
        while (true)
        {
            ReadOnlySequence<byte> before = buffer;
            status = _read(ref buffer, _limit, out Frame frame, out violation);
            if (status != FrameReadStatus.Done)
            {
                Property.Holds(buffer.Start.Equals(before.Start) && buffer.Length == before.Length, "a buffer that holds no whole frame was changed");
                break;
            }

            Check(frame, count++);
        }

        CheckEnd(count, status, violation, buffer.Length);
    }

    /// <summary>Byte after byte; what was there before and what has come are two pieces.</summary>
    private void CheckArrival()
    {
        int start = 0;
        int count = 0;
        CloseCode violation = CloseCode.None;
        FrameReadStatus status = FrameReadStatus.NeedMoreData;
        int step = _size <= EverySplitMax ? 1 : 1 + (_size / EverySplitMax);
        for (int arrived = Math.Min(step, _size); status != FrameReadStatus.Invalid; arrived = Math.Min(arrived + step, _size))
        {
            ReadOnlySequence<byte> buffer = Split(start, Math.Max(start, arrived - step), arrived);
            while ((status = _read(ref buffer, _limit, out Frame frame, out violation)) == FrameReadStatus.Done)
            {
                Check(frame, count++);
            }

            start = arrived - (int)buffer.Length;
            if (arrived == _size)
            {
                break;
            }
        }

        Property.Holds(count == _count && status == _status && violation == _violation, "bytes that come in pieces end in another way than the same bytes at once");
        Property.Holds(status == FrameReadStatus.Invalid || start == _end, "bytes that come in pieces leave another rest");
    }

    private void Check(in Frame frame, int number)
    {
        Property.Holds(number < _count, "a frame too many");
        (int offset, int length, FrameType type, uint request) = _expected[number];
        Property.Holds(frame.Type == type && frame.Request == request, "type or request number is another one");
        Property.Holds(frame.Body.Length == length && frame.TotalSize == length + 8, "the body has another length");
        foreach (ReadOnlyMemory<byte> piece in frame.Body)
        {
            Property.Holds(piece.Span.SequenceEqual(_bytes.AsSpan(offset, piece.Length)), "the body holds other bytes");
            offset += piece.Length;
        }
    }

    private void CheckEnd(int count, FrameReadStatus status, CloseCode violation, long left)
    {
        Property.Holds(count == _count, "a frame is missing");
        Property.Holds(status == _status && violation == _violation, "the end is another one");
        Property.Holds(left == _size - _end, "another rest is left");
    }

    private ReadOnlySequence<byte> Split(int start, int split, int end)
    {
        _first.Set(_bytes.AsMemory(start, split - start), 0, _second);
        _second.Set(_bytes.AsMemory(split, end - split), split - start, null);
        return new ReadOnlySequence<byte>(_first, 0, _second, end - split);
    }

    private ulong Classify()
    {
        Outcome outcome = default;
        outcome.Add((ulong)_status);
        outcome.Add((ulong)_violation);
        outcome.Add((ulong)Math.Min(_count, 4));
        outcome.Add(_count > 0 ? (ulong)_expected[0].Type : 0);
        outcome.AddSize(_count > 0 ? _expected[0].Length : 0);
        outcome.Add((ulong)Math.Min(_size - _end, 9));
        return outcome.Value;
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public void Set(ReadOnlyMemory<byte> memory, long before, Piece? next)
        {
            Memory = memory;
            RunningIndex = before;
            Next = next;
        }
    }
}
