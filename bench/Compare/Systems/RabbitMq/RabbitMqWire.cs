using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare.Systems.RabbitMq;

/// <summary>
/// AMQP 0-9-1 with RabbitMQ's publisher confirms, on one channel. A frame is its type, its channel (16 bits), the length of its payload (32 bits), the payload, and 0xCE; a method's
/// payload is its class and its number, 16 bits each, and the arguments. A publish is three frames: the method, the properties, the body. Generator thread only.
/// </summary>
internal sealed class RabbitMqWire(IWireEvents events) : Wire(events)
{
    private const byte FrameMethod = 1, FrameHeader = 2, FrameBody = 3, FrameEnd = 0xCE;
    private const int HeadSize = 7;
    private const int FrameOverhead = HeadSize + 1;
    private const ushort Channel = 1;

    private const int ConnectionStart = (10 << 16) | 10, ConnectionStartOk = (10 << 16) | 11, ConnectionTune = (10 << 16) | 30, ConnectionTuneOk = (10 << 16) | 31,
        ConnectionOpen = (10 << 16) | 40, ConnectionOpenOk = (10 << 16) | 41, ConnectionClose = (10 << 16) | 50, ConnectionCloseOk = (10 << 16) | 51,
        ChannelOpen = (20 << 16) | 10, ChannelOpenOk = (20 << 16) | 11, ChannelClose = (20 << 16) | 40, ChannelCloseOk = (20 << 16) | 41,
        QueueDeclare = (50 << 16) | 10, QueueDeclareOk = (50 << 16) | 11,
        BasicPublish = (60 << 16) | 40, BasicReturn = (60 << 16) | 50, BasicAck = (60 << 16) | 80, BasicNack = (60 << 16) | 120,
        ConfirmSelect = (85 << 16) | 10, ConfirmSelectOk = (85 << 16) | 11;

    private const ushort BasicClass = 60;
    private const ushort HasDeliveryMode = 0x1000;
    private const byte Persistent = 2;
    private const byte Mandatory = 1;
    private const byte Durable = 2;
    private const int NameMax = 1 + TextComposer.DigitsMax;
    private const int PublishFixedMax = (4 * FrameOverhead) + 64 + NameMax;

    private readonly ConfirmWindow _waiting = new();
    private int _bodyMax = 4096 - FrameOverhead;

    /// <summary>What the server says its version is; known when the wire is ready.</summary>
    public string ServerVersion { get; private set; } = "unknown";

    /// <summary>A queue is declared: its conversation, and how many messages it holds.</summary>
    public Action<int, int>? Declared { get; set; }

    public override void Begin(SendBuffer output) => output.Write("AMQP\0\0\u0009\u0001"u8);

    public override void Publish(int conversation, long number, ReadOnlySpan<byte> payload, SendBuffer output)
    {
        _waiting.Add(number);
        int frames = 1 + (payload.Length / _bodyMax);
        TextComposer publish = new(output, PublishFixedMax + payload.Length + (frames * FrameOverhead));

        // basic.publish: reserved, exchange (the default one: the routing key is a queue's name), routing key, flags. Mandatory: what no queue takes comes back instead of being confirmed.
        AppendHead(ref publish, FrameMethod, 4 + 2 + 1 + 1 + NameLength(conversation) + 1);
        AppendMethod(ref publish, BasicPublish);
        publish.Append([0, 0, 0]);
        AppendName(ref publish, conversation);
        publish.Append([Mandatory, FrameEnd]);

        // Header: class, weight, size of the body (64 bits), which properties follow, delivery mode
        Span<byte> header = stackalloc byte[15];
        header.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(header, BasicClass);
        BinaryPrimitives.WriteInt64BigEndian(header[4..], payload.Length);
        BinaryPrimitives.WriteUInt16BigEndian(header[12..], HasDeliveryMode);
        header[14] = Persistent;
        AppendHead(ref publish, FrameHeader, header.Length);
        publish.Append(header);
        publish.Append([FrameEnd]);

        for (ReadOnlySpan<byte> left = payload; left.Length > 0;)
        {
            ReadOnlySpan<byte> part = left[..Math.Min(left.Length, _bodyMax)];
            AppendHead(ref publish, FrameBody, part.Length);
            publish.Append(part);
            publish.Append([FrameEnd]);
            left = left[part.Length..];
        }

        publish.Send();
    }

    /// <summary>Declares the durable quorum queue of a conversation; answered by <see cref="Declared"/>.</summary>
    public void Declare(int conversation, SendBuffer output)
    {
        ReadOnlySpan<byte> arguments = "\u000Cx-queue-typeS\0\0\0\u0006quorum"u8;
        TextComposer declare = new(output, PublishFixedMax + arguments.Length);
        AppendHead(ref declare, FrameMethod, 4 + 2 + 1 + NameLength(conversation) + 1 + 4 + arguments.Length);
        AppendMethod(ref declare, QueueDeclare);
        declare.Append([0, 0]);
        AppendName(ref declare, conversation);
        declare.Append([Durable, 0, 0, 0, (byte)arguments.Length]);
        declare.Append(arguments);
        declare.Append([FrameEnd]);
        declare.Send();
    }

    public override int Receive(ReadOnlySpan<byte> input, SendBuffer output)
    {
        int used = 0;
        while (input.Length - used >= FrameOverhead)
        {
            ReadOnlySpan<byte> frame = input[used..];
            if (frame[0] == 'A')
            {
                Events.OnFailed("the server speaks another version of AMQP");
                return input.Length;
            }

            int length = BinaryPrimitives.ReadInt32BigEndian(frame[3..]);
            if (frame.Length < length + FrameOverhead)
            {
                break;
            }

            // Headers and bodies come from the server only behind basic.return, which has failed the connection already; heartbeats were declined.
            if (frame[0] == FrameMethod)
            {
                TakeMethod(frame.Slice(HeadSize, length), output);
            }

            used += length + FrameOverhead;
        }

        return used;
    }

    private void TakeMethod(ReadOnlySpan<byte> method, SendBuffer output)
    {
        ReadOnlySpan<byte> arguments = method[4..];
        switch (BinaryPrimitives.ReadInt32BigEndian(method))
        {
            case BasicAck:
                // delivery tag (64 bits), multiple
                ulong acknowledged = BinaryPrimitives.ReadUInt64BigEndian(arguments);
                while (_waiting.TrySettle(acknowledged, (arguments[8] & 1) != 0, out long number))
                {
                    Events.OnAcknowledged(number);
                }

                break;
            case BasicNack:
                ulong refused = BinaryPrimitives.ReadUInt64BigEndian(arguments);
                while (_waiting.TrySettle(refused, (arguments[8] & 1) != 0, out long number))
                {
                    Events.OnRefused(number, "nack");
                }

                break;
            case ConnectionStart:
                ServerVersion = VersionIn(arguments);
                WriteStartOk(output);
                break;
            case ConnectionTune:
                TakeTune(arguments, output);
                break;
            case ConnectionOpenOk:
                WriteMethod(Channel, ChannelOpen, [0], output);
                break;
            case ChannelOpenOk:
                WriteMethod(Channel, ConfirmSelect, [0], output);
                break;
            case ConfirmSelectOk:
                Events.OnReady();
                break;
            case QueueDeclareOk:
                // name, messages, consumers
                int end = 1 + arguments[0];
                if (Utf8Parser.TryParse(arguments[2..end], out int conversation, out _))
                {
                    Declared?.Invoke(conversation, BinaryPrimitives.ReadInt32BigEndian(arguments[end..]));
                }

                break;
            case BasicReturn or ConnectionClose or ChannelClose:
                // code, text
                Fail(BinaryPrimitives.ReadInt32BigEndian(method), arguments, output);
                break;
            default:
                Events.OnFailed($"a method that was not asked for: {BinaryPrimitives.ReadUInt16BigEndian(method)}.{BinaryPrimitives.ReadUInt16BigEndian(method[2..])}");
                break;
        }
    }

    private void Fail(int method, ReadOnlySpan<byte> arguments, SendBuffer output)
    {
        string text = $"{BinaryPrimitives.ReadUInt16BigEndian(arguments)} {Encoding.UTF8.GetString(arguments.Slice(3, arguments[2]))}";
        if (method == ConnectionClose)
        {
            WriteMethod(0, ConnectionCloseOk, [], output);
        }
        else if (method == ChannelClose)
        {
            WriteMethod(Channel, ChannelCloseOk, [], output);
        }

        Events.OnFailed(method == BasicReturn ? $"returned: {text}" : $"closed by the server: {text}");
    }

    // client properties (a table: capabilities, another one), mechanism, response, locale
    private static void WriteStartOk(SendBuffer output)
    {
        ReadOnlySpan<byte> capabilities = "\u0012publisher_confirmst\u0001\u000Abasic.nackt\u0001\u001Cauthentication_failure_closet\u0001"u8;
        List<byte> arguments = [0, 0, 0, (byte)(13 + 1 + 4 + capabilities.Length)];
        arguments.AddRange("\u000CcapabilitiesF"u8);
        arguments.AddRange([0, 0, 0, (byte)capabilities.Length]);
        arguments.AddRange(capabilities);
        arguments.AddRange("\u0005PLAIN\0\0\0\u000C\0guest\0guest\u0005en_US"u8);
        WriteMethod(0, ConnectionStartOk, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(arguments), output);
    }

    // channels at most, frame at most (32 bits), heartbeat: 0 declines it, so that an idle connection costs the server nothing that the others do not pay, too
    private void TakeTune(ReadOnlySpan<byte> arguments, SendBuffer output)
    {
        Span<byte> answer = stackalloc byte[8];
        arguments[..6].CopyTo(answer);
        answer[6..].Clear();
        int frameMax = BinaryPrimitives.ReadInt32BigEndian(arguments[2..]);
        if (frameMax > 0)
        {
            _bodyMax = frameMax - FrameOverhead;
        }

        WriteMethod(0, ConnectionTuneOk, answer, output);
        WriteMethod(0, ConnectionOpen, "\u0001/\0\0"u8, output);
    }

    private static string VersionIn(ReadOnlySpan<byte> start)
    {
        ReadOnlySpan<byte> name = "\u0007versionS\0\0\0"u8;
        int at = start.IndexOf(name);
        if (at < 0)
        {
            return "unknown";
        }

        ReadOnlySpan<byte> value = start[(at + name.Length)..];
        return Encoding.UTF8.GetString(value.Slice(1, value[0]));
    }

    private static void WriteMethod(ushort channel, int method, ReadOnlySpan<byte> arguments, SendBuffer output)
    {
        TextComposer frame = new(output, FrameOverhead + 4 + arguments.Length);
        AppendHead(ref frame, FrameMethod, 4 + arguments.Length, channel);
        AppendMethod(ref frame, method);
        frame.Append(arguments);
        frame.Append([FrameEnd]);
        frame.Send();
    }

    private static void AppendHead(ref TextComposer composer, byte type, int length, ushort channel = Channel)
    {
        Span<byte> head = stackalloc byte[HeadSize];
        head[0] = type;
        BinaryPrimitives.WriteUInt16BigEndian(head[1..], channel);
        BinaryPrimitives.WriteInt32BigEndian(head[3..], length);
        composer.Append(head);
    }

    private static void AppendMethod(ref TextComposer composer, int method)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, method);
        composer.Append(number);
    }

    // c and the conversation's number, with its length before it
    private static void AppendName(ref TextComposer composer, int conversation)
    {
        composer.Append([(byte)NameLength(conversation), (byte)'c']);
        composer.Append(conversation);
    }

    private static int NameLength(int conversation)
    {
        int length = 2;
        for (int rest = conversation; rest >= 10; rest /= 10)
        {
            length++;
        }

        return length;
    }
}
