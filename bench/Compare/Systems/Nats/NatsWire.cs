using System.Buffers.Text;
using System.Text;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare.Systems.Nats;

/// <summary>
/// NATS: lines, and payloads of announced length behind them. PONG answers PING in order, so a PING behind a request tells when the request is in force. JetStream acknowledges a publish
/// with a message to the reply subject that the publish named; the subject carries the number. Generator thread only.
/// </summary>
/// <param name="connection">Makes the subjects of this connection its own.</param>
/// <param name="isLog">True: the publishes go to the stream and are acknowledged. False: at most once, nobody answers.</param>
internal sealed class NatsWire(IWireEvents events, int connection, bool isLog) : Wire(events)
{
    private const int OverheadMax = 128;

    // Subscriptions are numbered by the client: acknowledgements, answers about consumers, what a consumer sends, and from here on the conversations.
    private const long AcknowledgementId = 1;
    private const long AnswerId = 2;
    private const long ReadId = 3;
    private const long ConversationId = 10;

    // What the next PONG answers: a subscription as its conversation, else one of these.
    private const long AskedReady = -1;

    private readonly NumberQueue _asked = new();
    private readonly HashSet<int> _subscribed = [];
    private int _reading = -1;
    private bool _isReadBegun;

    public override bool Acknowledges => isLog;

    public override void Begin(SendBuffer output)
    {
        output.Write(Encoding.ASCII.GetBytes(
            """CONNECT {"verbose":false,"pedantic":false,"tls_required":false,"user":"bench","pass":"bench","lang":"bench","version":"1","protocol":1,"echo":true,"headers":true,"no_responders":true}""" + "\r\n"));
        if (isLog)
        {
            output.Write(Encoding.ASCII.GetBytes(
                $"SUB _I.{connection}.* {AcknowledgementId}\r\nSUB _A.{connection} {AnswerId}\r\nSUB _R.{connection} {ReadId}\r\n"));
        }

        output.Write("PING\r\n"u8);
        _asked.Enqueue(AskedReady);
        foreach (int conversation in _subscribed)
        {
            WriteSubscribe(conversation, output);
        }
    }

    public override void Publish(int conversation, long number, ReadOnlySpan<byte> payload, SendBuffer output)
    {
        TextComposer publish = new(output, OverheadMax + payload.Length);
        publish.Append("PUB chat."u8);
        publish.Append(conversation);
        if (isLog)
        {
            publish.Append(" _I."u8);
            publish.Append(connection);
            publish.Append("."u8);
            publish.Append(number);
        }

        publish.Append(" "u8);
        publish.Append(payload.Length);
        publish.Append("\r\n"u8);
        publish.Append(payload);
        publish.Append("\r\n"u8);
        publish.Send();
    }

    public override void Subscribe(int conversation, SendBuffer output)
    {
        _subscribed.Add(conversation);
        WriteSubscribe(conversation, output);
    }

    /// <summary>A push consumer with flow control, the fastest way that NATS has: each message says how many come after it.</summary>
    public override void ReadAll(int conversation, SendBuffer output)
    {
        (_reading, _isReadBegun) = (conversation, false);
        byte[] request = Encoding.ASCII.GetBytes(
            $$"""{"stream_name":"CHAT","config":{"deliver_subject":"_R.{{connection}}","ack_policy":"none","deliver_policy":"all","replay_policy":"instant","filter_subject":"chat.{{conversation}}","flow_control":true,"idle_heartbeat":5000000000,"mem_storage":true} }""");
        output.Write(Encoding.ASCII.GetBytes($"PUB $JS.API.CONSUMER.CREATE.CHAT _A.{connection} {request.Length}\r\n"));
        output.Write(request);
        output.Write("\r\n"u8);
    }

    /// <summary>NATS keeps no sessions for plain subscriptions: the next connection subscribes again in its first write, and what was published meanwhile is lost.</summary>
    public override Wire Resume()
    {
        NatsWire next = new(Events, connection, isLog);
        next._subscribed.UnionWith(_subscribed);
        return next;
    }

    public override int Receive(ReadOnlySpan<byte> input, SendBuffer output)
    {
        int consumed = 0;
        while (consumed < input.Length)
        {
            ReadOnlySpan<byte> rest = input[consumed..];
            int end = rest.IndexOf("\r\n"u8);
            if (end < 0)
            {
                break;
            }

            ReadOnlySpan<byte> line = rest[..end];
            int size = end + 2;
            bool hasHeaders = line.StartsWith("HMSG "u8);
            if (hasHeaders || line.StartsWith("MSG "u8))
            {
                int length = (int)Number(LastWord(ref line));
                size += length + 2;
                if (rest.Length < size)
                {
                    break;
                }

                int headers = hasHeaders ? (int)Number(LastWord(ref line)) : 0;
                TakeMessage(line[(hasHeaders ? 5 : 4)..], rest.Slice(end + 2, headers), rest.Slice(end + 2 + headers, length - headers), output);
            }
            else
            {
                TakeLine(line, output);
            }

            consumed += size;
        }

        return consumed;
    }

    private void TakeLine(ReadOnlySpan<byte> line, SendBuffer output)
    {
        if (line.SequenceEqual("PONG"u8))
        {
            if (!_asked.TryDequeue(out long asked))
            {
                Events.OnFailed("unasked PONG");
            }
            else if (asked == AskedReady)
            {
                Events.OnReady();
            }
            else
            {
                Events.OnSubscribed((int)asked);
            }
        }
        else if (line.SequenceEqual("PING"u8))
        {
            output.Write("PONG\r\n"u8);
        }
        else if (line.StartsWith("-ERR"u8))
        {
            Events.OnFailed(Encoding.UTF8.GetString(line[4..]).Trim());
        }
    }

    // <subject> <subscription> [<reply>]
    private void TakeMessage(ReadOnlySpan<byte> line, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> body, SendBuffer output)
    {
        int first = line.IndexOf((byte)' ');
        ReadOnlySpan<byte> subject = line[..first];
        ReadOnlySpan<byte> rest = line[(first + 1)..];
        int second = rest.IndexOf((byte)' ');
        long id = Number(second < 0 ? rest : rest[..second]);
        ReadOnlySpan<byte> reply = second < 0 ? default : rest[(second + 1)..];
        switch (id)
        {
            case AcknowledgementId:
                long number = Number(subject[(subject.LastIndexOf((byte)'.') + 1)..]);
                if (headers.Length > 0 || body.IndexOf("\"error\""u8) >= 0)
                {
                    Events.OnRefused(number, Encoding.UTF8.GetString(body.Length > 0 ? body : headers).Trim());
                }
                else
                {
                    Events.OnAcknowledged(number);
                }

                break;
            case AnswerId:
                TakeAnswer(headers, body);
                break;
            case ReadId when headers.StartsWith("NATS/1.0 100"u8):
                AnswerFlowControl(headers, reply, output);
                break;
            case ReadId:
                // $JS.ACK.<stream>.<consumer>.<delivered>.<sequences>.<time>.<pending>
                _isReadBegun = true;
                Events.OnDelivered(body);
                if (Number(reply[(reply.LastIndexOf((byte)'.') + 1)..]) == 0)
                {
                    EndReading();
                }

                break;
            default:
                Events.OnDelivered(body);
                break;
        }
    }

    private void TakeAnswer(ReadOnlySpan<byte> headers, ReadOnlySpan<byte> body)
    {
        ReadOnlySpan<byte> pending = "\"num_pending\":"u8;
        int at = body.IndexOf(pending);
        if (at < 0 || headers.Length > 0 || body.IndexOf("\"error\""u8) >= 0)
        {
            Events.OnFailed(Encoding.UTF8.GetString(body.Length > 0 ? body : headers).Trim());
        }
        else if (!_isReadBegun && Number(body[(at + pending.Length)..]) == 0)
        {
            EndReading();
        }
    }

    private void EndReading()
    {
        if (_reading >= 0)
        {
            int conversation = _reading;
            _reading = -1;
            Events.OnReadToEnd(conversation);
        }
    }

    // The consumer waits until the client says that it has read this far: by the reply subject, or by one that a heartbeat repeats.
    private static void AnswerFlowControl(ReadOnlySpan<byte> headers, ReadOnlySpan<byte> reply, SendBuffer output)
    {
        ReadOnlySpan<byte> stalled = "Nats-Consumer-Stalled: "u8;
        int at = headers.IndexOf(stalled);
        if (reply.IsEmpty && at >= 0)
        {
            reply = headers[(at + stalled.Length)..];
            reply = reply[..reply.IndexOf("\r\n"u8)];
        }

        if (!reply.IsEmpty)
        {
            TextComposer answer = new(output, OverheadMax + reply.Length);
            answer.Append("PUB "u8);
            answer.Append(reply);
            answer.Append(" 0\r\n\r\n"u8);
            answer.Send();
        }
    }

    private void WriteSubscribe(int conversation, SendBuffer output)
    {
        TextComposer subscribe = new(output, OverheadMax);
        subscribe.Append("SUB chat."u8);
        subscribe.Append(conversation);
        subscribe.Append(" "u8);
        subscribe.Append(ConversationId + conversation);
        subscribe.Append("\r\nPING\r\n"u8);
        subscribe.Send();
        _asked.Enqueue(conversation);
    }

    private static long Number(ReadOnlySpan<byte> digits) => Utf8Parser.TryParse(digits, out long number, out _) ? number : 0;

    private static ReadOnlySpan<byte> LastWord(ref ReadOnlySpan<byte> line)
    {
        int at = line.LastIndexOf((byte)' ');
        ReadOnlySpan<byte> word = line[(at + 1)..];
        line = line[..at];
        return word;
    }
}
