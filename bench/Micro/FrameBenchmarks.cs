using System.Buffers;
using System.Security.Cryptography;

using BenchmarkDotNet.Attributes;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Bench.Micro;

/// <summary>
/// What one message of 58 bytes, the mean of real chat, costs on its way through the protocol: reading and writing its frames, the record, the hash chain.
/// The two SHA-256 are nearly all of it (482 and 591 ns; everything else is below 50: 2-core AMD EPYC, Debian 12, 2026-11-24, short job), which is why the one that
/// can leave the shard's thread (<see cref="HashBody"/>) has left it.
/// </summary>
[MemoryDiagnoser]
public class FrameBenchmarks
{
    private const int BodySize = 58;

    private readonly byte[] _body = new byte[BodySize];
    private readonly byte[] _record = new byte[MessageRecord.SizeOf(false, BodySize)];
    private readonly byte[] _bodyHash = new byte[ChainHash.Size];
    private readonly ArrayBufferWriter<byte> _output = new(4096);
    private ReadOnlySequence<byte> _frame;
    private ReadOnlySequence<byte> _cutFrame;
    private byte[] _deliver = [];
    private ChainHash _chain;

    /// <summary>Makes the inputs.</summary>
    [GlobalSetup]
    public void Prepare()
    {
        Publish publish = new() { Conversation = new(1), ClientMessageId = new(2), Kind = MessageKind.Text, Body = _body };
        ArrayBufferWriter<byte> frame = new();
        publish.Write(FrameWriter.Begin(frame, FrameType.Publish, 1, publish.Size));
        byte[] bytes = frame.WrittenMemory.ToArray();
        _frame = new ReadOnlySequence<byte>(bytes);
        _cutFrame = FrameSegment.Cut(bytes, FrameHeader.Size / 2);
        WriteRecord();

        _deliver = new byte[Deliver.FixedSize + _record.Length];
        Deliver.WriteFixed(_deliver, new ConversationId(1), 1, 1);
        _record.CopyTo(_deliver, Deliver.FixedSize);
    }

    /// <summary>Header, limit and body of a Publish frame.</summary>
    [Benchmark]
    public MessageKind ReadPublish()
    {
        ReadOnlySequence<byte> buffer = _frame;
        FrameReader.TryRead(ref buffer, ProtocolLimits.ClientFrameSizeMax, out Frame frame, out _);
        Publish.TryRead(frame.Body.FirstSpan, out Publish publish);
        return publish.Kind;
    }

    /// <summary>The same when two blocks of the receive pipe meet inside the header: one frame in some forty, and the slow path must not allocate either.</summary>
    [Benchmark]
    public long ReadPublishAcrossBlocks()
    {
        ReadOnlySequence<byte> buffer = _cutFrame;
        FrameReader.TryRead(ref buffer, ProtocolLimits.ClientFrameSizeMax, out Frame frame, out _);
        return frame.Body.Length;
    }

    /// <summary>A Publish frame, as clients write it.</summary>
    [Benchmark]
    public int WritePublish()
    {
        _output.ResetWrittenCount();
        Publish publish = new() { Conversation = new(1), ClientMessageId = new(2), Kind = MessageKind.Text, Body = _body };
        publish.Write(FrameWriter.Begin(_output, FrameType.Publish, 1, publish.Size));
        return _output.WrittenCount;
    }

    /// <summary>A Published frame: the answer to every message.</summary>
    [Benchmark]
    public int WritePublished()
    {
        _output.ResetWrittenCount();
        Published answer = new(1, 77, Durability.Fsynced, IsDuplicate: false, 1000);
        answer.Write(FrameWriter.Begin(_output, FrameType.Published, 5, Published.Size));
        return _output.WrittenCount;
    }

    /// <summary>A Deliver frame with one record: the fixed part and a copy, because the record is on the wire what it is on disk.</summary>
    [Benchmark]
    public int WriteDeliver()
    {
        _output.ResetWrittenCount();
        Span<byte> body = FrameWriter.Begin(_output, FrameType.Deliver, 0, Deliver.FixedSize + _record.Length);
        Deliver.WriteFixed(body, new ConversationId(1), 1, 1);
        _record.CopyTo(body[Deliver.FixedSize..]);
        return _output.WrittenCount;
    }

    /// <summary>What a client does with it: the record found and its checksum compared.</summary>
    [Benchmark]
    public bool ReadDeliver()
    {
        Deliver.TryRead(_deliver, out Deliver deliver);
        ReadOnlySpan<byte> records = deliver.Records;
        return MessageRecord.TryRead(ref records, out MessageRecord record) && record.ChecksumMatches;
    }

    /// <summary>The stored record with its checksum.</summary>
    [Benchmark]
    public int WriteRecord() => MessageRecord.Write(
        _record, 1, 2, new UserId(3), new UserId(3), new DeviceId(4), new ClientMessageId(5), MessageKind.Text, RecordFlags.None, _body);

    /// <summary>SHA-256 of the body, done on the connection's thread.</summary>
    [Benchmark]
    public int HashBody() => SHA256.HashData(_body, _bodyHash);

    /// <summary>One link of the hash chain, done on the shard's thread.</summary>
    [Benchmark]
    public ChainHash Chain()
    {
        ReadOnlySpan<byte> bytes = _record;
        MessageRecord.TryRead(ref bytes, out MessageRecord record);
        return _chain = _chain.Next(record, _bodyHash);
    }

    private sealed class FrameSegment : ReadOnlySequenceSegment<byte>
    {
        public static ReadOnlySequence<byte> Cut(byte[] bytes, int at)
        {
            FrameSegment last = new() { Memory = bytes.AsMemory(at), RunningIndex = at };
            FrameSegment first = new() { Memory = bytes.AsMemory(0, at), Next = last };
            return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
        }
    }
}
