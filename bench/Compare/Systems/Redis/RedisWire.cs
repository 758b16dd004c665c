using System.Text;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare.Systems.Redis;

/// <summary>
/// Redis, as RESP 3: in RESP 2 a connection that subscribes may not publish, and in the rooms every member does both. Replies come in the order of the requests, so a queue of what was
/// asked tells what a reply answers; messages come in between as pushes of their own type. Generator thread only.
/// </summary>
/// <param name="password">What the server was started with.</param>
/// <param name="isLog">True: publishing appends to a stream and reading pages through it. False: publish and subscribe, nothing is stored.</param>
/// <param name="pushes">True: what is appended to a stream is published as well, for whoever is subscribed.</param>
internal sealed class RedisWire(IWireEvents events, byte[] password, bool isLog, bool pushes = false) : Wire(events)
{
    private const int PageSize = 1000;
    private const int OverheadMax = 128;

    // What is asked, in the queue: a publish as its number, everything else below zero.
    private const long AskedHello = -1;
    private const long AskedPing = -2;
    private const long AskedSubscribe = -3;
    private const long AskedPage = -4;
    private const long AskedPush = -5;

    private readonly NumberQueue _asked = new();
    private readonly HashSet<int> _subscribed = [];
    private readonly byte[] _lastId = new byte[48];
    private int _lastIdLength;
    private int _pageConversation = -1;
    private long _entriesLeft;

    public override void Begin(SendBuffer output)
    {
        TextComposer hello = new(output, OverheadMax + password.Length);
        hello.Append("*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$"u8);
        hello.Append(password.Length);
        hello.Append("\r\n"u8);
        hello.Append(password);
        hello.Append("\r\n"u8);
        hello.Send();
        _asked.Enqueue(AskedHello);
        foreach (int conversation in _subscribed)
        {
            WriteSubscribe(conversation, output);
        }
    }

    public override void Publish(int conversation, long number, ReadOnlySpan<byte> payload, SendBuffer output)
    {
        WritePublish(conversation, payload, isLog, output);
        _asked.Enqueue(number);
        if (pushes)
        {
            WritePublish(conversation, payload, toStream: false, output);
            _asked.Enqueue(AskedPush);
        }
    }

    public override void Subscribe(int conversation, SendBuffer output)
    {
        _subscribed.Add(conversation);
        WriteSubscribe(conversation, output);
    }

    public override void ReadAll(int conversation, SendBuffer output)
    {
        _pageConversation = conversation;
        "0-0"u8.CopyTo(_lastId);
        _lastIdLength = 3;
        WritePage(output);
    }

    public override void Heartbeat(SendBuffer output)
    {
        output.Write("*1\r\n$4\r\nPING\r\n"u8);
        _asked.Enqueue(AskedPing);
    }

    /// <summary>Redis keeps no sessions: the next connection signs in and subscribes again, in one write, and what was published meanwhile is lost.</summary>
    public override Wire Resume()
    {
        RedisWire next = new(Events, password, isLog, pushes);
        next._subscribed.UnionWith(_subscribed);
        return next;
    }

    public override int Receive(ReadOnlySpan<byte> input, SendBuffer output)
    {
        int consumed = 0;
        while (consumed < input.Length)
        {
            RespReader reader = new(input, consumed);
            bool isWhole = _entriesLeft > 0 ? TryEntry(ref reader, output) : input[consumed] == (byte)'>' ? TryPush(ref reader) : TryReply(ref reader, output);
            if (!isWhole)
            {
                break;
            }

            consumed = reader.Position;
        }

        return consumed;
    }

    // >3 message <channel> <payload>, or >3 subscribe <channel> <count>
    private bool TryPush(ref RespReader reader)
    {
        if (!reader.TryLine(out _, out _) || !reader.TryString(out ReadOnlySpan<byte> kind) || !reader.TryString(out ReadOnlySpan<byte> channel) || !reader.TryString(out ReadOnlySpan<byte> body))
        {
            return false;
        }

        if (kind.SequenceEqual("message"u8))
        {
            Events.OnDelivered(body);
        }
        else if (kind.SequenceEqual("subscribe"u8))
        {
            // A push by its type, a reply by its place: the oldest request is this subscription.
            _asked.TryDequeue(out _);
            Events.OnSubscribed((int)RespReader.Number(channel["c:".Length..]));
        }

        return true;
    }

    private bool TryReply(ref RespReader reader, SendBuffer output)
    {
        RespReader line = reader;
        if (!line.TryLine(out byte type, out ReadOnlySpan<byte> text))
        {
            return false;
        }

        // A page is taken entry by entry: waiting for all of it would parse its front again with every read.
        bool isPage = type == (byte)'*' && _pageConversation >= 0;
        if (isPage)
        {
            reader = line;
        }
        else if (!reader.TrySkip())
        {
            return false;
        }

        bool isError = type is (byte)'-' or (byte)'!';
        if (!_asked.TryDequeue(out long asked))
        {
            Events.OnFailed($"unasked reply: {Encoding.UTF8.GetString(text)}");
        }
        else if (asked >= 0)
        {
            if (isError)
            {
                Events.OnRefused(asked, Encoding.UTF8.GetString(text));
            }
            else
            {
                Events.OnAcknowledged(asked);
            }
        }
        else if (isError)
        {
            Events.OnFailed(Encoding.UTF8.GetString(text));
        }
        else if (asked == AskedHello)
        {
            Events.OnReady();
        }
        else if (isPage)
        {
            _entriesLeft = RespReader.Number(text);
            if (_entriesLeft == 0)
            {
                int conversation = _pageConversation;
                _pageConversation = -1;
                Events.OnReadToEnd(conversation);
            }
        }

        return true;
    }

    // *2 <id> *2 b <payload>
    private bool TryEntry(ref RespReader reader, SendBuffer output)
    {
        if (!reader.TryLine(out _, out _) || !reader.TryString(out ReadOnlySpan<byte> id) || !reader.TryLine(out _, out _) || !reader.TryString(out _) || !reader.TryString(out ReadOnlySpan<byte> body))
        {
            return false;
        }

        id.CopyTo(_lastId);
        _lastIdLength = id.Length;
        Events.OnDelivered(body);
        if (--_entriesLeft == 0)
        {
            WritePage(output);
        }

        return true;
    }

    private static void WritePublish(int conversation, ReadOnlySpan<byte> payload, bool toStream, SendBuffer output)
    {
        TextComposer publish = new(output, OverheadMax + payload.Length);
        publish.Append(toStream ? "*5\r\n$4\r\nXADD\r\n"u8 : "*3\r\n$7\r\nPUBLISH\r\n"u8);
        AppendKey(ref publish, conversation);
        publish.Append(toStream ? "$1\r\n*\r\n$1\r\nb\r\n$"u8 : "$"u8);
        publish.Append(payload.Length);
        publish.Append("\r\n"u8);
        publish.Append(payload);
        publish.Append("\r\n"u8);
        publish.Send();
    }

    private void WriteSubscribe(int conversation, SendBuffer output)
    {
        TextComposer subscribe = new(output, OverheadMax);
        subscribe.Append("*2\r\n$9\r\nSUBSCRIBE\r\n"u8);
        AppendKey(ref subscribe, conversation);
        subscribe.Send();
        _asked.Enqueue(AskedSubscribe);
    }

    private void WritePage(SendBuffer output)
    {
        TextComposer page = new(output, 2 * OverheadMax);
        page.Append("*6\r\n$6\r\nXRANGE\r\n"u8);
        AppendKey(ref page, _pageConversation);
        page.Append("$"u8);
        page.Append(_lastIdLength + 1);
        page.Append("\r\n("u8);
        page.Append(_lastId.AsSpan(0, _lastIdLength));
        page.Append("\r\n$1\r\n+\r\n$5\r\nCOUNT\r\n$4\r\n"u8);
        page.Append(PageSize);
        page.Append("\r\n"u8);
        page.Send();
        _asked.Enqueue(AskedPage);
    }

    private static void AppendKey(ref TextComposer request, int conversation)
    {
        request.Append("$"u8);
        request.Append("c:".Length + TextComposer.DigitsOf(conversation));
        request.Append("\r\nc:"u8);
        request.Append(conversation);
        request.Append("\r\n"u8);
    }
}
