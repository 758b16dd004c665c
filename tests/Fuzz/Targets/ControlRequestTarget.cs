using System.Buffers;
using System.Text;

using FastChat.Broker.Attachments;
using FastChat.Broker.Conversations;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Handlers;
using FastChat.Broker.Identity;
using FastChat.Broker.Inbox;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Fuzz.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Fuzz.Targets;

/// <summary>
/// The control requests about messages, cursors, the inbox and attachments, from the bytes of their map to the answer, over a group that has one message of each kind. Only <see cref="ControlFormatException"/> leaves a handler;
/// an answer fits a frame, and an error is one that the protocol knows. Some requests change the world (cursors, forwarded and scheduled messages, uploads), which is made anew with each block.
/// <code>
/// input: [0] which request · body
/// </code>
/// </summary>
internal sealed class ControlRequestTarget : IFuzzTarget
{
    private static readonly FrameType[] Types =
        [FrameType.GetAnnotations, FrameType.GetThread, FrameType.GetPins, FrameType.MoveCursor, FrameType.ListCursors, FrameType.GetInbox, FrameType.Forward,
         FrameType.Schedule, FrameType.ListScheduled, FrameType.CancelScheduled, FrameType.Hide, FrameType.ListHidden,
         FrameType.BeginUpload, FrameType.PutChunk, FrameType.FinishUpload, FrameType.GetAttachment, FrameType.GetUsage, FrameType.CancelUpload];

    private static readonly ConversationId Room = SessionWorld.Group;
    private static readonly UserId Ada = SessionWorld.UserOf(0);

    private World? _world;

    public string Name => "control-requests";

    public int SizeMax => 512;

    public int BlockSize => 4096;

    /// <summary>The broker's own threads, and what earlier inputs changed, decide as well.</summary>
    public bool IsGuided => false;

    public IReadOnlyList<byte[]> Words { get; } =
    [
        [0xC0], [0xC3], [0xCF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0xCF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0xFF], [0xC4, 0x10], [0xC4, 0x20], [0x80], [0xA0], [0x01], [0x05],
        ControlMap.IdBytes(Room.Value), ControlMap.IdBytes(SessionWorld.Public.Value), ControlMap.IdBytes(Ada.Value),
        .. ControlKeys.All.Select(key => new byte[] { (byte)(0xA0 | key.Length) }.Concat(Encoding.ASCII.GetBytes(key)).ToArray()),
    ];

    public IEnumerable<byte[]> Seeds()
    {
        for (byte i = 0; i < Types.Length; i++)
        {
            ArrayBufferWriter<byte> body = new();
            new ControlMap()
                .SetId("conversation", Room.Value).Set("first", 1L).Set("last", 9L).Set("root", 1L).Set("after", i == 5 ? null : 0L).Set("limit", 5L).Set("read", 3L).Set("delivered", 4L).Set("thread", i == 3 ? 1L : null)
                .SetId("from", Room.Value).Set("sequence", 1L).SetId("id", 77).Set("known", (byte[])[.. ControlMap.IdBytes(Room.Value), 1, 0, 0, 0, 0, 0, 0, 0, .. new byte[16]]).Set("epoch", 1L)
                .Write(body);
            yield return [i, .. body.WrittenSpan];
            foreach (byte[] vector in VectorSeeds.Bodies(Types[i]))
            {
                yield return [i, .. vector];
            }
        }
    }

    /// <summary>On this thread; a page of everything is some ten kilobytes.</summary>
    public long AllocationCap(int inputSize) => 1 << 20;

    public void BeginBlock()
    {
        _world?.Dispose();
        _world = new World();
    }

    public ulong Run(ReadOnlySpan<byte> input)
    {
        Outcome outcome = default;
        if (input.IsEmpty || !ControlMap.TryParse(new ReadOnlySequence<byte>(input[1..].ToArray()), out ControlMap? map, out string reason))
        {
            return outcome.Value;
        }

        FrameType type = Types[input[0] % Types.Length];
        outcome.Add((ulong)type);
        try
        {
            ControlAnswer answer = (_world ??= new World()).Ask(type, map);
            outcome.Add((ulong)answer.Error);
            Property.Holds(answer.Map is not null || Enum.IsDefined(answer.Error), "an error that does not exist");
            Property.Holds(answer.Map is not null || (answer.Error != ErrorCode.None && answer.Reason.Length > 0), "a refusal without a reason");
            Property.Holds(answer.Error != ErrorCode.Internal, "a request fails because of the broker");
            ArrayBufferWriter<byte> written = new();
            answer.Map?.Write(written);
            Property.Holds(written.WrittenCount <= ProtocolLimits.ServerFrameSizeMax, "an answer that fits no frame");
            outcome.AddSize(written.WrittenCount);
        }
        catch (ControlFormatException wrong)
        {
            outcome.Add(wrong.Message);
        }

        return outcome.Value;
    }

    public void Dispose() => _world?.Dispose();

    /// <summary>A router over a log in memory, with the handlers as the broker makes them.</summary>
    private sealed class World : IDisposable
    {
        private readonly BrokerMetrics _metrics = new();
        private readonly Router _router;
        private readonly MessageRequests _messages;
        private readonly InboxRequests _inbox;
        private readonly ForwardRequests _forwards;
        private readonly ScheduleRequests _scheduled;
        private readonly HiddenRequests _hidden;
        private readonly AttachmentRequests _attachments;
        private readonly Actor _ada = new(Ada, new DeviceId(1), AccountRights.None);
        private ulong _id;

        public World()
        {
            InMemoryConversationLog log = new();
            _router = new Router(
                new RoutingOptions(4, 1, 256 * 1024, 64, 64), log, new PeerTable(4), _metrics, TimeProvider.System, Workers.Threads,
                new RouterEvents(static _ => { }, static _ => { }, static (_, _, _) => { }));
            ConversationReads reads = new(_router, log, new ServiceScopes(log));
            _messages = new MessageRequests(log, reads);
            _inbox = new InboxRequests(_router, log, reads, new UnreadCounts(log, 64));
            SessionRegistry sessions = new(TimeProvider.System, TimeSpan.FromMinutes(1));
            AttachmentOptions attachments = new(1 << 20, 1 << 22, 4, TimeSpan.FromHours(1), TimeSpan.FromMinutes(1));
            _attachments = new AttachmentRequests(_router, log, reads, attachments, RandomSource.Cryptographic);
            _forwards = new ForwardRequests(_router, log, reads, _attachments);
            _scheduled = new ScheduleRequests(_router, log, reads, new AttachmentVoucher(log, attachments.GraceMicros), sessions, ProtocolLimits.BodySizeMax);
            _hidden = new HiddenRequests(_router, log, reads, sessions);
            ConversationMeta meta = new(ConversationKind.Group, Ada, 1, null, null);
            Execute(CommandKind.CreateConversation, new CreateConversationCommand(Room, meta, false, [SessionWorld.UserOf(1)]).ToBytes());
            Publish(MessageKind.Text, "question"u8.ToArray());
            Publish(MessageKind.Rich, new RichBody { Kind = MessageKind.Text, Attributes = new MessageAttributes { Thread = 1, ReplyTo = 1 }.ToBytes(), Content = "answer"u8 }.ToBytes());
            Publish(MessageKind.Edit, new EditBody { Target = 1, Kind = MessageKind.Text, Content = "asked"u8 }.ToBytes());
            Publish(MessageKind.Reaction, new ReactionBody(1, true, "👍").ToBytes());
            Publish(MessageKind.Pin, new PinBody(1, true).ToBytes());
            Publish(MessageKind.Text, "gone"u8.ToArray());
            Publish(MessageKind.Delete, new DeleteBody(6).ToBytes());
        }

        public ControlAnswer Ask(FrameType type, ControlMap map) => type switch
        {
            FrameType.GetAnnotations => _messages.Annotations(_ada, map),
            FrameType.GetThread => _messages.Thread(_ada, map),
            FrameType.GetPins => _messages.Pins(_ada, map),
            FrameType.ListCursors => _inbox.ListCursors(_ada, map),
            FrameType.MoveCursor => _inbox.MoveCursorAsync(_ada, map).GetAwaiter().GetResult(),
            FrameType.GetInbox => _inbox.GetAsync(_ada, map).GetAwaiter().GetResult(),
            FrameType.Schedule => _scheduled.ScheduleAsync(_ada, map).GetAwaiter().GetResult(),
            FrameType.ListScheduled => _scheduled.List(_ada, map),
            FrameType.CancelScheduled => _scheduled.CancelAsync(_ada, map).GetAwaiter().GetResult(),
            FrameType.Hide => _hidden.HideAsync(_ada, map).GetAwaiter().GetResult(),
            FrameType.ListHidden => _hidden.List(_ada, map),
            FrameType.BeginUpload => _attachments.BeginAsync(_ada, map).GetAwaiter().GetResult(),
            FrameType.PutChunk => _attachments.PutAsync(_ada, map).GetAwaiter().GetResult(),
            FrameType.FinishUpload => _attachments.FinishAsync(_ada, map).GetAwaiter().GetResult(),
            FrameType.GetAttachment => _attachments.Get(_ada, map),
            FrameType.GetUsage => _attachments.Usage(_ada),
            FrameType.CancelUpload => _attachments.CancelAsync(_ada, map).GetAwaiter().GetResult(),
            _ => _forwards.ForwardAsync(_ada, map).GetAwaiter().GetResult(),
        };

        public void Dispose()
        {
            _router.Dispose();
            _metrics.Dispose();
        }

        private void Publish(MessageKind kind, byte[] body)
        {
            Publish publish = new() { Conversation = Room, ClientMessageId = new ClientMessageId(++_id), Kind = kind, Body = body };
            byte[] command = new byte[ChainHash.Size + publish.Size];
            Sha256.Hash(body, command);
            publish.Write(command.AsSpan(ChainHash.Size));

            // What a program forwards is the only publish whose result is waited for.
            Execute(CommandKind.Forward, command);
        }

        private void Execute(CommandKind kind, byte[] body)
        {
            CommandResult result = _router.ExecuteAsync(kind, _ada, _router.Map.ShardOf(Room.Value), body, CancellationToken.None).GetAwaiter().GetResult();
            Property.Holds(result.Error == ErrorCode.None, "the world cannot be made");
        }
    }
}
