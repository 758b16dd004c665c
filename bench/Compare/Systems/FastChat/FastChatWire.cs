using System.Buffers;
using System.Buffers.Binary;

using FastChat.Bench.Compare.Wires;
using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.FastChat;

/// <summary>FastChat's protocol (protocol.md), as little of it as a client needs. A publish carries its number in the request and in the client message id.</summary>
/// <param name="events">Learns what the server says.</param>
/// <param name="token">Signs in.</param>
/// <param name="conversations">What the numbers of conversations stand for.</param>
/// <param name="seed">The first half of each client message id: no two clients may have the same.</param>
/// <param name="history">Is told what is sent and what comes, each before anybody else is; null when nobody records, and then it costs a comparison.</param>
public sealed class FastChatWire(IWireEvents events, string token, IReadOnlyList<ConversationId> conversations, ulong seed, ProcessHistory? history = null) : Wire(events)
{
    /// <summary>Requests from here on are subscriptions, below it publishes.</summary>
    private const uint SubscribeRequests = 0x8000_0000;

    /// <summary>Requests from here on are what <see cref="Ask"/> asked.</summary>
    private const uint AskRequests = 0xC000_0000;

    private const int RecordFixedSize = 68;

    private static readonly byte[] s_ping = [0, 0, 0, (byte)FrameType.Ping, 0, 0, 0, 0];

    private readonly IChatEvents? _chat = events as IChatEvents;
    private SessionId _session;
    private int _conversation = -1;

    // The subscription of the connection before this one is to go on.
    private bool _isContinuing;
    private LogPosition _position = new(0, LogPosition.Latest);

    // The conversation that is being read and the head it had when the reading began; −1 while none is.
    private int _reading = -1;
    private ulong _readHead;

    /// <inheritdoc/>
    public override void Begin(SendBuffer output)
    {
        history?.OnConnecting();
        FrameWriter.Write(output, FrameType.Hello, 0, new Hello { Client = "fastchat-load", Token = token, Session = _session, Signals = _chat is not null }.ToMap());
        if (_conversation >= 0 && history is null)
        {
            WriteSubscribe(_conversation, output);
        }
    }

    /// <inheritdoc/>
    public override void Subscribe(int conversation, SendBuffer output)
    {
        _conversation = conversation;
        _isContinuing = false;
        WriteSubscribe(conversation, output);
    }

    /// <summary>A subscription from the beginning: the broker sends as fast as the client takes it, where a page of a Fetch would end and the next one would have to be asked for.</summary>
    public override void ReadAll(int conversation, SendBuffer output)
    {
        (_reading, _readHead) = (conversation, 0);
        _position = LogPosition.Start;
        Subscribe(conversation, output);
    }

    /// <inheritdoc/>
    public override void Heartbeat(SendBuffer output) => output.Write(s_ping);

    /// <summary>Asks something of a chat; the answer comes to <see cref="IChatEvents"/>, with the same number.</summary>
    /// <param name="type">A control request.</param>
    /// <param name="number">Below 2³⁰; one's own among those without an answer.</param>
    /// <param name="map">What is asked.</param>
    /// <param name="output">Where it is written.</param>
    public static void Ask(FrameType type, uint number, ControlMap map, SendBuffer output) => FrameWriter.Write(output, type, AskRequests + number, map);

    /// <inheritdoc/>
    public override Wire Resume() =>
        new FastChatWire(Events, token, conversations, seed, history) { _session = _session, _conversation = _conversation, _position = _position, _isContinuing = true };

    /// <inheritdoc/>
    public override void Publish(int conversation, long number, ReadOnlySpan<byte> payload, SendBuffer output)
    {
        uint request = (uint)number + 1;
        ClientMessageId id = new(new UInt128(seed, (ulong)number));
        history?.OnPublishing(request, conversations[conversation], id, MessageKind.Text, payload);
        Span<byte> body = FrameWriter.Begin(output, FrameType.Publish, request, global::FastChat.Protocol.Publish.FixedSize + payload.Length);
        new Publish
        {
            Conversation = conversations[conversation],
            ClientMessageId = id,
            Kind = MessageKind.Text,
            Body = payload,
        }.Write(body);
    }

    /// <inheritdoc/>
    public override int Receive(ReadOnlySpan<byte> input, SendBuffer output)
    {
        int used = 0;
        while (input.Length - used >= FrameHeader.Size)
        {
            FrameHeader header = FrameHeader.Read(input[used..]);
            if (input.Length - used - FrameHeader.Size < header.Length)
            {
                break;
            }

            Take(header, input.Slice(used + FrameHeader.Size, header.Length), output);
            used += FrameHeader.Size + header.Length;
        }

        return used;
    }

    private void Take(in FrameHeader header, ReadOnlySpan<byte> body, SendBuffer output)
    {
        history?.OnFrame(header, body, conversations, SubscribeRequests);
        switch (header.Type)
        {
            case FrameType.Published:
                Events.OnAcknowledged(header.Request - 1);
                break;
            case FrameType.Deliver:
                TakeRecords(body);
                break;
            case FrameType.Subscribed:
                TakeSubscribed(header.Request, body);
                break;
            case FrameType.Welcome:
                TakeWelcome(Welcome.Parse(ReadMap(body)), output);
                break;
            case FrameType.Reply when header.Request >= AskRequests:
                _chat?.OnReply(header.Request - AskRequests, body);
                break;
            case FrameType.Presence:
                _chat?.OnPresence(body);
                break;
            case FrameType.Error when header.Request >= AskRequests && Failure.TryRead(body, out Failure failure):
                _chat?.OnDenied(header.Request - AskRequests, (ErrorCode)failure.Code, Reason(body));
                break;
            case FrameType.Ping:
                FrameWriter.Write(output, FrameType.Pong, header.Request, body);
                break;
            case FrameType.Error when header.Request < SubscribeRequests:
                Events.OnRefused(header.Request - 1, Reason(body));
                break;
            case FrameType.Error or FrameType.Close:
                Events.OnFailed(Reason(body));
                break;
        }
    }

    private void TakeWelcome(Welcome welcome, SendBuffer output)
    {
        _session = welcome.Session;
        history?.OnWelcome(welcome);

        // A subscription in a history names its connection, which has no number before its Welcome: who is recorded asks after it.
        if (_conversation >= 0 && history is not null)
        {
            WriteSubscribe(_conversation, output);
        }

        Events.OnReady();
    }

    private void TakeRecords(ReadOnlySpan<byte> body)
    {
        ReadOnlySpan<byte> records = body[Deliver.FixedSize..];
        ulong sequence = 0;
        while (records.Length >= RecordFixedSize)
        {
            int size = BinaryPrimitives.ReadInt32LittleEndian(records);
            sequence = BinaryPrimitives.ReadUInt64LittleEndian(records[8..]);
            Events.OnDelivered(records[RecordFixedSize..size]);
            records = records[size..];
        }

        _position = new LogPosition(BinaryPrimitives.ReadUInt32LittleEndian(body[16..]), sequence);
        if (_readHead > 0 && sequence >= _readHead)
        {
            EndReading();
        }
    }

    private void EndReading()
    {
        int conversation = _reading;
        (_reading, _readHead) = (-1, 0);
        Events.OnReadToEnd(conversation);
    }

    private void TakeSubscribed(uint request, ReadOnlySpan<byte> body)
    {
        if (!Subscribed.TryRead(body, out Subscribed subscribed) || subscribed.Status != SubscribeStatus.Resumed)
        {
            Events.OnFailed("the subscription was not resumed");
            return;
        }

        _position = new LogPosition(subscribed.Epoch, subscribed.First - 1);
        int conversation = (int)(request - SubscribeRequests);
        if (conversation != _reading)
        {
            Events.OnSubscribed(conversation);
        }
        else if (subscribed.Head < subscribed.First)
        {
            EndReading();
        }
        else
        {
            _readHead = subscribed.Head;
        }
    }

    private void WriteSubscribe(int conversation, SendBuffer output)
    {
        history?.OnSubscribing(conversations[conversation], _position, _isContinuing);
        Span<byte> body = FrameWriter.Begin(output, FrameType.Subscribe, SubscribeRequests + (uint)conversation, global::FastChat.Protocol.Subscribe.Size);
        new Subscribe(conversations[conversation], _position).Write(body);
    }

    private static ControlMap ReadMap(ReadOnlySpan<byte> body) =>
        ControlMap.TryParse(new ReadOnlySequence<byte>(body.ToArray()), out ControlMap? map, out string reason) ? map : throw new InvalidDataException(reason);

    private static string Reason(ReadOnlySpan<byte> body) => Failure.TryRead(body, out Failure failure) ? $"{failure.Code} {failure.Reason}" : "unreadable";
}
