using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

using BenchmarkDotNet.Attributes;

using FastChat.Broker.Conversations;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Broker.Tests;
using FastChat.Protocol;
using FastChat.Shared;
using FastChat.Storage;

namespace FastChat.Bench.Micro;

/// <summary>
/// The whole way of a publish through a shard, on one thread and without a disk: ring → state machine → turn → sealed chunk → acknowledgement and fan-out → outbox
/// → send buffer. A turn has 64 messages. This is the shard loop's work without its thread; <see cref="RouterBenchmarks"/> has the threads.
/// Per message 790 ns with one listener and 842 ns with ten, of which the hash chain is 590; asking the store for a duplicate adds 550 ns
/// (2-core AMD EPYC, Debian 12, 2026-11-24, short job).
/// </summary>
[MemoryDiagnoser]
public class PublishBenchmarks
{
    private const int Messages = 64;
    private const int BodySize = 58;

    // Where the client message id lies in a command: behind the header, the body's hash and the conversation.
    private const int MessageIdOffset = CommandHeader.Size + ChainHash.Size + Id128.Size;

    private static readonly ConversationId Room = new(1);
    private static readonly Actor Alice = new(new UserId(3), new DeviceId(4), AccountRights.None);

    private readonly MpscRing _ring = new(256 * 1024);
    private readonly ArrayBufferWriter<byte> _output = new(256 * 1024);
    private readonly DirtyOutboxes _dirty = new(0);
    private readonly Turn _turn = new(1);
    private byte[] _command = [];
    private Peer[] _peers = [];
    private Shard? _shard;
    private Delivery? _delivery;
    private IConversationLog? _log;
    private StoredRoom? _stored;
    private ulong _number;

    /// <summary>Connections that listen to the room; the publisher is the first.</summary>
    [Params(1, 10)]
    public int Listeners { get; set; }

    /// <summary>Makes the shard over a log that holds nothing; duplicates are looked for in the turns only.</summary>
    [GlobalSetup(Targets = [nameof(Turn_of_publishes), nameof(Apply)])]
    public void Prepare() => Prepare(new NullLog());

    /// <summary>Makes the shard over a store, which is asked about every message.</summary>
    [GlobalSetup(Target = nameof(ApplyOverStore))]
    public void PrepareStore()
    {
        _stored = new StoredRoom();
        Prepare(_stored.Disk);
    }

    /// <summary>Removes the store.</summary>
    [GlobalCleanup]
    public void End()
    {
        _stored?.Dispose();
    }

    /// <summary>A turn, from ring to send buffers; per message.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Messages)]
    public int Turn_of_publishes()
    {
        for (int i = 0; i < Messages; i++)
        {
            NextCommand();
            _ring.TryClaim(_command.Length, out Span<byte> payload);
            _command.CopyTo(payload);
            _ring.Publish(payload);
        }

        while (_ring.TryPeek(out ReadOnlySpan<byte> message))
        {
            ApplyOne(message);
            _ring.Release();
        }

        Shard.SealOpen(_turn);
        Release();
        int bytes = 0;
        foreach (Peer peer in _peers)
        {
            _output.ResetWrittenCount();
            peer.Outbox.LaneOf(0)!.Drain(_output);
            bytes += _output.WrittenCount;
        }

        _turn.Reset();
        return bytes;
    }

    /// <summary>The state machine alone: policy, dedupe in the turn, record, hash chain, acknowledgement, chunk.</summary>
    [Benchmark(OperationsPerInvoke = Messages)]
    public int Apply() => ApplyTurn();

    /// <summary>The same with a store that is asked whether it has the message.</summary>
    [Benchmark(OperationsPerInvoke = Messages)]
    public int ApplyOverStore() => ApplyTurn();

    private int ApplyTurn()
    {
        for (int i = 0; i < Messages; i++)
        {
            NextCommand();
            ApplyOne(_command);
        }

        Shard.SealOpen(_turn);
        int bytes = _turn.Batch.SizeBytes;
        _turn.Reset();
        return bytes;
    }

    private void Prepare(IConversationLog log)
    {
        _log = log;
        _shard = new Shard(0, new ShardMap(1), log, conversationsMax: 64);
        _delivery = new Delivery(0, _shard, log, _dirty, new BrokerMetrics());
        ConversationMeta meta = new(ConversationKind.Group, Alice.User, 1, null, null);
        byte[] create = new CreateConversationCommand(Room, meta, FindExisting: false, []).ToBytes();
        _shard.Apply(new CommandHeader(CommandKind.CreateConversation, Alice, 0, 0, 1), create, _turn, null);

        PeerTable table = new(Listeners);
        _peers = new Peer[Listeners];
        byte[] subscribe = new byte[Subscribe.Size];
        new Subscribe(Room, new LogPosition(0, LogPosition.Latest)).Write(subscribe);
        for (int i = 0; i < Listeners; i++)
        {
            _peers[i] = new Peer(Alice with { Device = new DeviceId((ulong)i + 4) }, "somebody", new Outbox(1, 1 << 20, 0));
            table.TryAdd(_peers[i]);
            CommandHeader header = new(CommandKind.Subscribe, Alice, 1, CommandHeader.ReplyToPeer(_peers[i].Address), 1);
            _delivery.Subscribe(header, _peers[i], subscribe, _turn, null);
        }

        _turn.Reset();
        _command = PublishCommand.Make(Room, Alice, _peers[0].Address, BodySize);
        _number = 1 << 20;
    }

    private void NextCommand() => BinaryPrimitives.WriteUInt64BigEndian(_command.AsSpan(MessageIdOffset + 8), ++_number);

    private void ApplyOne(ReadOnlySpan<byte> message)
    {
        CommandHeader command = CommandHeader.Read(message);
        Refusal refused = _shard!.Apply(command, message[CommandHeader.Size..], _turn, null);
        if (refused.Code != ErrorCode.None)
        {
            throw new InvalidOperationException(refused.Reason);
        }
    }

    /// <summary>What the loop does when the turn is durable.</summary>
    private void Release()
    {
        Span<byte> body = stackalloc byte[Published.Size];
        foreach (ref readonly Acknowledgement acknowledgement in CollectionsMarshal.AsSpan(_turn.Acknowledgements))
        {
            acknowledgement.Answer.Write(body);
            _peers[0].Outbox.Append(0, FrameType.Published, acknowledgement.Request, body);
            _dirty.Mark(_peers[0]);
        }

        foreach (ref readonly SealedChunk chunk in CollectionsMarshal.AsSpan(_turn.Chunks))
        {
            _delivery!.FanOut(chunk, _turn.Batch.Slice(chunk.Offset, chunk.Length).Span);
        }

        _dirty.Flush();
    }
}

/// <summary>The bytes of a publish as they lie in a shard's ring.</summary>
internal static class PublishCommand
{
    public static byte[] Make(ConversationId room, in Actor actor, PeerAddress replyTo, int bodySize)
    {
        byte[] text = new byte[bodySize];
        Publish publish = new() { Conversation = room, ClientMessageId = new ClientMessageId(1), Kind = MessageKind.Text, Body = text };
        byte[] command = new byte[CommandHeader.Size + ChainHash.Size + publish.Size];
        new CommandHeader(CommandKind.Publish, actor, 1, CommandHeader.ReplyToPeer(replyTo), 1).Write(command);
        SHA256.HashData(text, command.AsSpan(CommandHeader.Size));
        publish.Write(command.AsSpan(CommandHeader.Size + ChainHash.Size));
        return command;
    }
}
