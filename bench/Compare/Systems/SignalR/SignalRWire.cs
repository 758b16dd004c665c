using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare.Systems.SignalR;

/// <summary>
/// SignalR's hub protocol in MessagePack, to be put into a <see cref="WebSocketWire"/>. A message is its length, seven bits a byte, least significant first, and an array whose first
/// item is its type. An invocation has an id of 17 characters that says what was asked: <c>p</c> or <c>s</c> and the number in 16 hex digits; the completion names it. Generator thread only.
/// </summary>
internal sealed class SignalRWire(IWireEvents events) : Wire(events)
{
    private const int TypeInvocation = 1, TypeCompletion = 3, TypePing = 6, TypeClose = 7;
    private const int ResultError = 1;
    private const int IdSize = 17;
    private const int LengthMax = 5;
    private const int InvocationFixedMax = 64;

    private readonly HashSet<int> _subscribed = [];
    private bool _isOpen;

    public override void Begin(SendBuffer output) => output.Write("{\"protocol\":\"messagepack\",\"version\":1}\u001e"u8);

    public override void Publish(int conversation, long number, ReadOnlySpan<byte> payload, SendBuffer output) =>
        WriteInvocation('p', number, "Publish"u8, conversation, payload, hasPayload: true, output);

    public override void Subscribe(int conversation, SendBuffer output)
    {
        _subscribed.Add(conversation);
        WriteInvocation('s', conversation, "Join"u8, conversation, [], hasPayload: false, output);
    }

    /// <summary>The protocol's ping, [6]: the server ends connections that are silent.</summary>
    public override void Heartbeat(SendBuffer output) => output.Write([2, 0x91, TypePing]);

    /// <summary>A connection that is gone is forgotten with its groups: the next one joins again once it is open, and what was published meanwhile is lost.</summary>
    public override Wire Resume()
    {
        SignalRWire next = new(Events);
        next._subscribed.UnionWith(_subscribed);
        return next;
    }

    public override int Receive(ReadOnlySpan<byte> input, SendBuffer output)
    {
        int used = 0;
        if (!_isOpen)
        {
            used = input.IndexOf((byte)0x1E) + 1;
            if (used == 0)
            {
                return 0;
            }

            TakeHandshake(input[..(used - 1)], output);
        }

        while (TryMessage(input[used..], out int start, out int size))
        {
            try
            {
                Take(input.Slice(used + start, size - start));
            }
            catch (InvalidDataException unreadable)
            {
                Events.OnFailed(unreadable.Message);
                return input.Length;
            }

            used += size;
        }

        return used;
    }

    private static bool TryMessage(ReadOnlySpan<byte> input, out int start, out int size)
    {
        (start, size) = (0, 0);
        int length = 0;
        for (int shift = 0; start < input.Length && shift < 7 * LengthMax; shift += 7)
        {
            byte group = input[start++];
            length |= (group & 0x7F) << shift;
            if (group < 0x80)
            {
                size = start + length;
                return input.Length >= size;
            }
        }

        return false;
    }

    private void TakeHandshake(ReadOnlySpan<byte> answer, SendBuffer output)
    {
        _isOpen = true;
        if (answer.IndexOf("\"error\""u8) >= 0)
        {
            Events.OnFailed(Encoding.UTF8.GetString(answer));
            return;
        }

        foreach (int conversation in _subscribed)
        {
            WriteInvocation('s', conversation, "Join"u8, conversation, [], hasPayload: false, output);
        }

        Events.OnReady();
    }

    private void Take(ReadOnlySpan<byte> message)
    {
        MessagePackItems items = new(message);
        int count = items.ReadArray();
        switch (items.ReadInteger())
        {
            case TypeInvocation:
                // headers, invocation id, target, arguments
                items.Skip();
                items.Skip();
                items.Skip();
                if (items.ReadArray() > 0)
                {
                    Events.OnDelivered(items.ReadBytes());
                }

                break;
            case TypeCompletion:
                // headers, invocation id, kind of result, result
                items.Skip();
                ReadOnlySpan<byte> id = items.ReadBytes();
                string? error = items.ReadInteger() == ResultError ? Encoding.UTF8.GetString(items.ReadBytes()) : null;
                Complete(id, error);
                break;
            case TypeClose:
                Events.OnFailed(count > 1 ? $"closed by the server: {Encoding.UTF8.GetString(items.ReadBytes())}" : "closed by the server");
                break;
            default:
                // A ping says only that the server lives; it wants no answer.
                break;
        }
    }

    private void Complete(ReadOnlySpan<byte> id, string? error)
    {
        if (id.Length != IdSize || !Utf8Parser.TryParse(id[1..], out ulong number, out _, 'x'))
        {
            Events.OnFailed("a completion of nothing that was asked");
        }
        else if (id[0] == 'p' && error is null)
        {
            Events.OnAcknowledged((long)number);
        }
        else if (id[0] == 'p')
        {
            Events.OnRefused((long)number, error!);
        }
        else if (error is null)
        {
            Events.OnSubscribed((int)number);
        }
        else
        {
            Events.OnFailed($"the subscription is refused: {error}");
        }
    }

    // [1, {}, id, target, [conversation, payload?], []]
    private static void WriteInvocation(char kind, long number, ReadOnlySpan<byte> target, int conversation, ReadOnlySpan<byte> payload, bool hasPayload, SendBuffer output)
    {
        int size = 3 + 1 + IdSize + 1 + target.Length + 1 + 5 + (hasPayload ? 5 + payload.Length : 0) + 1;
        TextComposer message = new(output, LengthMax + InvocationFixedMax + payload.Length);
        for (int left = size; ; left >>= 7)
        {
            message.Append([(byte)(left >= 0x80 ? left | 0x80 : left)]);
            if (left < 0x80)
            {
                break;
            }
        }

        Span<byte> digits = stackalloc byte[16];
        Utf8Formatter.TryFormat(number, digits, out _, new System.Buffers.StandardFormat('x', 16));
        Span<byte> word = stackalloc byte[4];
        message.Append([0x96, TypeInvocation, 0x80, 0xA0 | IdSize, (byte)kind]);
        message.Append(digits);
        message.Append([(byte)(0xA0 | target.Length)]);
        message.Append(target);
        BinaryPrimitives.WriteInt32BigEndian(word, conversation);
        message.Append([(byte)(hasPayload ? 0x92 : 0x91), 0xD2]);
        message.Append(word);
        if (hasPayload)
        {
            BinaryPrimitives.WriteInt32BigEndian(word, payload.Length);
            message.Append([0xC6]);
            message.Append(word);
            message.Append(payload);
        }

        message.Append([0x90]);
        message.Send();
    }
}
