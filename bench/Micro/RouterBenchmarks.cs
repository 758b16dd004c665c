using System.Buffers;
using System.Buffers.Binary;

using BenchmarkDotNet.Attributes;

using FastChat.Broker.Conversations;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Handlers;
using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Broker.Tests;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Bench.Micro;

/// <summary>
/// The whole way of a publish with all its threads, sockets and disk left out: read loop's handler → ring → shard loop → committer → shard loop → outbox → send
/// buffer. The caller plays the connection. Bursts of 1,024, as a client that does not wait sends them; the figure is per message.
/// </summary>
[MemoryDiagnoser]
public class RouterBenchmarks
{
    private const int Messages = 1024;
    private const int BodySize = 58;

    private static readonly ConversationId Room = new(1);

    private readonly ArrayBufferWriter<byte> _output = new(1 << 20);
    private readonly BrokerMetrics _metrics = new();
    private byte[] _publish = [];
    private Router? _router;
    private Peer? _peer;
    private ClientContext? _client;
    private PublishHandler? _handler;
    private ulong _number;

    /// <summary>Starts the router over a log that holds nothing and makes a room.</summary>
    [GlobalSetup]
    public void Prepare()
    {
        PeerTable peers = new(4);
        _router = new Router(
            new RoutingOptions(Shards: 2, Loops: 1, RingBytes: 1 << 20, ConversationsMax: 1000), new NullLog(), peers, _metrics, TimeProvider.System, Workers.Threads,
            new RouterEvents(static _ => { }, static _ => { }, static (_, _, _) => { }));
        Actor alice = new(new UserId(3), new DeviceId(4), AccountRights.None);
        _peer = new Peer(alice, "somebody", new Outbox(_router.LoopCount, 1 << 20, 0));
        peers.TryAdd(_peer);
        _client = new ClientContext(_peer, new BrokerMetrics());
        _handler = new PublishHandler(_router, new ServiceScopes(new NullLog()), new Broker.Attachments.AttachmentVoucher(new NullLog(), 0), LimitsBench.Generous(_metrics), ProtocolLimits.BodySizeMax, ProtocolLimits.InFlightMax);

        ConversationMeta meta = new(ConversationKind.Group, alice.User, 1, null, null);
        byte[] create = new CreateConversationCommand(Room, meta, FindExisting: false, []).ToBytes();
        CommandResult made = _router.ExecuteAsync(CommandKind.CreateConversation, alice, _router.Map.ShardOf(Room.Value), create, CancellationToken.None)
            .GetAwaiter().GetResult();
        if (!made.Created)
        {
            throw new InvalidOperationException(made.Reason);
        }

        Publish publish = new() { Conversation = Room, ClientMessageId = new ClientMessageId(1), Kind = MessageKind.Text, Body = new byte[BodySize] };
        _publish = new byte[publish.Size];
        publish.Write(_publish);
    }

    /// <summary>Ends its threads.</summary>
    [GlobalCleanup]
    public void End()
    {
        _router!.Dispose();
        _metrics.Dispose();
    }

    /// <summary>A burst of publishes until the last acknowledgement is in the send buffer.</summary>
    [Benchmark(OperationsPerInvoke = Messages)]
    [BenchmarkCategory(MicroCategories.Threads)]
    public int Burst()
    {
        for (uint i = 0; i < Messages; i++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(_publish.AsSpan(Id128.Size + 8), ++_number);
            while (_handler!.Handle(_client!, i, _publish, timeMicros: 1) != HandlerOutcome.Done)
            {
                Thread.Yield();
            }
        }

        _output.ResetWrittenCount();
        while (_output.WrittenCount < Messages * (FrameHeader.Size + Published.Size))
        {
            if (_peer!.Outbox.LaneOf(0)?.Drain(_output) != true)
            {
                Thread.Yield();
            }
        }

        return _output.WrittenCount;
    }
}
