using System.Buffers;
using System.Security.Cryptography;

using BenchmarkDotNet.Attributes;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Bench.Micro;

/// <summary>What one message of 58 bytes, the mean of real chat, costs on its way through the protocol: reading the frame, writing the record, the hash chain.</summary>
[MemoryDiagnoser]
public class FrameBenchmarks
{
    private const int BodySize = 58;

    private readonly byte[] _body = new byte[BodySize];
    private readonly byte[] _record = new byte[MessageRecord.SizeOf(false, BodySize)];
    private readonly byte[] _bodyHash = new byte[ChainHash.Size];
    private ReadOnlySequence<byte> _frame;
    private ChainHash _chain;

    /// <summary>Makes the inputs.</summary>
    [GlobalSetup]
    public void Prepare()
    {
        Publish publish = new() { Conversation = new(1), ClientMessageId = new(2), Kind = MessageKind.Text, Body = _body };
        ArrayBufferWriter<byte> frame = new();
        publish.Write(FrameWriter.Begin(frame, FrameType.Publish, 1, publish.Size));
        _frame = new ReadOnlySequence<byte>(frame.WrittenMemory.ToArray());
        WriteRecord();
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
}
