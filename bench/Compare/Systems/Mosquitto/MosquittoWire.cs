using System.Buffers.Binary;
using System.Globalization;
using System.Text;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare.Systems.Mosquitto;

/// <summary>
/// MQTT 3.1.1 at QoS 0, which nobody acknowledges. A packet is a type byte, the length of the rest in groups of seven bits, least significant first, and the rest. SUBACKs come in the order
/// of the SUBSCRIBEs. Generator thread only.
/// </summary>
/// <param name="connection">Makes the client's id its own: a server closes the older of two sessions of one id.</param>
internal sealed class MosquittoWire(IWireEvents events, int connection) : Wire(events)
{
    /// <summary>Twice the period of <see cref="Wire.Heartbeat"/>; the server waits one and a half times as long.</summary>
    private const byte KeepAliveSeconds = 60;
    private const int TopicMax = 16;

    private readonly NumberQueue _asked = new();
    private readonly HashSet<int> _subscribed = [];
    private ushort _packetId;

    public override bool Acknowledges => false;

    public override void Begin(SendBuffer output)
    {
        // CONNECT: protocol name and level, flags (user name, password, clean session), keep-alive, client id, user name, password
        List<byte> rest = [0, 4, .. "MQTT"u8, 4, 0b1100_0010, 0, KeepAliveSeconds];
        foreach (string text in (string[])[string.Create(CultureInfo.InvariantCulture, $"bench{connection}"), MosquittoSystem.User, MosquittoSystem.Password])
        {
            rest.AddRange([0, (byte)text.Length, .. Encoding.ASCII.GetBytes(text)]);
        }

        output.Write([0x10, (byte)rest.Count, .. rest]);
        foreach (int conversation in _subscribed)
        {
            WriteSubscribe(conversation, output);
        }
    }

    public override void Publish(int conversation, long number, ReadOnlySpan<byte> payload, SendBuffer output)
    {
        // PUBLISH: topic, payload; no packet id at QoS 0
        int topic = TopicLength(conversation);
        TextComposer publish = new(output, TopicMax + 8 + payload.Length);
        publish.Append([0x30]);
        int left = 2 + topic + payload.Length;
        for (; left >= 0x80; left >>= 7)
        {
            publish.Append([(byte)(left | 0x80)]);
        }

        publish.Append([(byte)left, 0, (byte)topic]);
        publish.Append("c/"u8);
        publish.Append(conversation);
        publish.Append(payload);
        publish.Send();
    }

    public override void Subscribe(int conversation, SendBuffer output)
    {
        _subscribed.Add(conversation);
        WriteSubscribe(conversation, output);
    }

    /// <summary>PINGREQ: the protocol wants it from a client that has nothing to say.</summary>
    public override void Heartbeat(SendBuffer output) => output.Write([0xC0, 0]);

    /// <summary>At QoS 0 a session keeps no messages: the next connection subscribes again in its first write, and what was published meanwhile is lost.</summary>
    public override Wire Resume()
    {
        MosquittoWire next = new(Events, connection);
        next._subscribed.UnionWith(_subscribed);
        return next;
    }

    public override int Receive(ReadOnlySpan<byte> input, SendBuffer output)
    {
        int consumed = 0;
        while (TryPacket(input[consumed..], out int start, out int size))
        {
            TakePacket(input[consumed], input.Slice(consumed + start, size - start));
            consumed += size;
        }

        return consumed;
    }

    private static bool TryPacket(ReadOnlySpan<byte> input, out int start, out int size)
    {
        (start, size) = (1, 0);
        int length = 0;
        for (int shift = 0; start < input.Length; shift += 7)
        {
            byte group = input[start++];
            length |= (group & 0x7F) << shift;
            if (group < 0x80 || shift == 21)
            {
                size = start + length;
                return input.Length >= size;
            }
        }

        return false;
    }

    private void TakePacket(byte type, ReadOnlySpan<byte> rest)
    {
        switch (type >> 4)
        {
            case 2 when rest[1] == 0:
                Events.OnReady();
                break;
            case 2:
                Events.OnFailed($"CONNACK {rest[1]}: {Refusal(rest[1])}");
                break;
            case 3:
                int skipped = 2 + BinaryPrimitives.ReadUInt16BigEndian(rest) + ((type & 0b0110) != 0 ? 2 : 0);
                Events.OnDelivered(rest[skipped..]);
                break;
            case 9 when _asked.TryDequeue(out long conversation) && rest[2] < 0x80:
                Events.OnSubscribed((int)conversation);
                break;
            case 9:
                Events.OnFailed("the subscription is refused");
                break;
            default:
                // PINGRESP says nothing that anybody asked.
                break;
        }
    }

    private static string Refusal(byte code) => code switch
    {
        1 => "unacceptable protocol version",
        2 => "identifier rejected",
        3 => "server unavailable",
        4 => "bad user name or password",
        _ => "not authorized",
    };

    // SUBSCRIBE: packet id, topic, QoS 0
    private void WriteSubscribe(int conversation, SendBuffer output)
    {
        _packetId = (ushort)Math.Max(1, _packetId + 1 & ushort.MaxValue);
        int topic = TopicLength(conversation);
        TextComposer subscribe = new(output, TopicMax + 8);
        subscribe.Append([0x82, (byte)(2 + 2 + topic + 1), (byte)(_packetId >> 8), (byte)_packetId, 0, (byte)topic]);
        subscribe.Append("c/"u8);
        subscribe.Append(conversation);
        subscribe.Append([0]);
        subscribe.Send();
        _asked.Enqueue(conversation);
    }

    private static int TopicLength(int conversation) => "c/".Length + TextComposer.DigitsOf(conversation);
}
