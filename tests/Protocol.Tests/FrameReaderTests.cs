using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

using FastChat.TestSupport;

namespace FastChat.Protocol.Tests;

/// <summary>The reader's three outcomes at every place where a stream can be cut.</summary>
public sealed class FrameReaderTests
{
    private static IEnumerable<Vector> Frames() => VectorFile.ReadFrames();

    [TestCaseSource(nameof(Frames))]
    public void Every_split_point_gives_the_same_frame(Vector vector)
    {
        byte[] bytes = vector.Bytes;
        for (int at = 0; at <= bytes.Length; at++)
        {
            ReadOnlySequence<byte> buffer = Segments.SplitAt(bytes, at);
            AssertDone(ref buffer, bytes, $"split at {at}");
            Assert.That(buffer.IsEmpty, Is.True);
        }

        ReadOnlySequence<byte> single = Segments.Every(bytes, 1);
        AssertDone(ref single, bytes, "one byte per segment");
        Assert.That(single.IsEmpty, Is.True);
    }

    [TestCaseSource(nameof(Frames))]
    public void A_part_of_a_frame_is_left_alone(Vector vector)
    {
        for (int size = 0; size < vector.Bytes.Length; size++)
        {
            ReadOnlySequence<byte> whole = new(vector.Bytes, 0, size);
            AssertUntouched(whole, FrameReadStatus.NeedMoreData);
            AssertUntouched(Segments.Every(vector.Bytes.AsMemory(0, size), 1), FrameReadStatus.NeedMoreData);
            AssertUntouched(Segments.SplitAt(vector.Bytes.AsMemory(0, size), size / 2), FrameReadStatus.NeedMoreData);
        }
    }

    [Test]
    public void A_stream_in_pieces_of_any_size_gives_all_frames_in_order([Values(1, 2, 3, 7, 8, 9, 31, 64, 4096)] int size)
    {
        byte[][] frames = Frames().Select(vector => vector.Bytes).ToArray();
        ReadOnlySequence<byte> buffer = Segments.Every(frames.SelectMany(frame => frame).ToArray(), size);
        foreach (byte[] frame in frames)
        {
            AssertDone(ref buffer, frame, $"pieces of {size}");
        }

        Assert.That(buffer.IsEmpty, Is.True);
    }

    [Test]
    public void Empty_segments_between_bytes_do_not_matter()
    {
        byte[] bytes = RawFrame.ToBytes((byte)FrameType.Ping, 7, [1, 2, 3]);
        ReadOnlyMemory<byte>[] pieces = bytes.SelectMany(value => new ReadOnlyMemory<byte>[] { ReadOnlyMemory<byte>.Empty, new byte[] { value } }).ToArray();
        ReadOnlySequence<byte> buffer = Segments.Of([.. pieces, ReadOnlyMemory<byte>.Empty]);
        AssertDone(ref buffer, bytes, "empty segments");
        Assert.That(buffer.IsEmpty, Is.True);
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(ProtocolLimits.HelloSizeMax)]
    [TestCase(ProtocolLimits.ClientFrameSizeMax)]
    [TestCase(ProtocolLimits.ServerFrameSizeMax)]
    public void The_longest_body_is_accepted_and_one_byte_more_refused_on_sight_of_the_header(int limit)
    {
        byte[] longest = RawFrame.ToBytes((byte)FrameType.Publish, 1, new byte[limit]);
        ReadOnlySequence<byte> buffer = new(longest);
        Assert.That(FrameReader.TryRead(ref buffer, limit, out Frame frame, out _), Is.EqualTo(FrameReadStatus.Done));
        Assert.That(frame.Body.Length, Is.EqualTo(limit));
        Assert.That(frame.TotalSize, Is.EqualTo(limit + 8));

        byte[] header = RawFrame.ToBytes((byte)FrameType.Publish, 1, [], length: limit + 1);
        AssertUntouched(new ReadOnlySequence<byte>(header), FrameReadStatus.Invalid, limit, CloseCode.FrameTooLarge);
        AssertUntouched(Segments.Every(header, 1), FrameReadStatus.Invalid, limit, CloseCode.FrameTooLarge);
    }

    [Test]
    public void Type_zero_is_refused_on_sight_of_the_header()
    {
        AssertUntouched(new ReadOnlySequence<byte>(new byte[8]), FrameReadStatus.Invalid, 100, CloseCode.BadFrame);
        AssertUntouched(new ReadOnlySequence<byte>(new byte[7]), FrameReadStatus.NeedMoreData);
    }

    [Test]
    public void The_body_is_a_slice_of_the_buffer()
    {
        byte[] bytes = RawFrame.ToBytes((byte)FrameType.Ping, 1, [1, 2, 3, 4]);
        ReadOnlySequence<byte> buffer = new(bytes);
        FrameReader.TryRead(ref buffer, 100, out Frame frame, out _);
        Assert.That(Unsafe.AreSame(ref MemoryMarshal.GetReference(frame.Body.FirstSpan), ref bytes[8]), Is.True);

        byte[] left = bytes[..10];
        byte[] right = bytes[10..];
        buffer = Segments.Of(left, right);
        FrameReader.TryRead(ref buffer, 100, out frame, out _);
        List<ReadOnlyMemory<byte>> pieces = [.. frame.Body];
        Assert.That(pieces, Has.Count.EqualTo(2));
        Assert.That(Unsafe.AreSame(ref MemoryMarshal.GetReference(pieces[0].Span), ref left[8]), Is.True);
        Assert.That(Unsafe.AreSame(ref MemoryMarshal.GetReference(pieces[1].Span), ref right[0]), Is.True);
    }

    [Test]
    public void Any_eight_bytes_are_a_header_that_is_written_back_the_same()
    {
        Random random = new(1);
        byte[] bytes = new byte[8];
        byte[] written = new byte[8];
        for (int i = 0; i < 10_000; i++)
        {
            random.NextBytes(bytes);
            FrameHeader.Read(bytes).Write(written);
            Assert.That(written, Is.EqualTo(bytes));
        }
    }

    private static void AssertDone(ref ReadOnlySequence<byte> buffer, byte[] expected, string what)
    {
        FrameReadStatus status = FrameReader.TryRead(ref buffer, ProtocolLimits.ServerFrameSizeMax, out Frame frame, out CloseCode violation);
        Assert.That(status, Is.EqualTo(FrameReadStatus.Done), what);
        Assert.That(violation, Is.EqualTo(CloseCode.None), what);
        Assert.That((byte)frame.Type, Is.EqualTo(expected[3]), what);
        Assert.That(frame.Request, Is.EqualTo(BitConverter.ToUInt32(expected, 4)), what);
        Assert.That(frame.Body.ToArray().AsSpan().SequenceEqual(expected.AsSpan(8)), Is.True, what);
    }

    private static void AssertUntouched(
        ReadOnlySequence<byte> source, FrameReadStatus expected, int limit = ProtocolLimits.ServerFrameSizeMax, CloseCode code = CloseCode.None)
    {
        ReadOnlySequence<byte> buffer = source;
        FrameReadStatus status = FrameReader.TryRead(ref buffer, limit, out Frame frame, out CloseCode violation);
        Assert.That(status, Is.EqualTo(expected));
        Assert.That(violation, Is.EqualTo(code));
        Assert.That(frame, Is.EqualTo(default(Frame)));
        Assert.That(buffer.Start, Is.EqualTo(source.Start));
        Assert.That(buffer.End, Is.EqualTo(source.End));
    }
}
