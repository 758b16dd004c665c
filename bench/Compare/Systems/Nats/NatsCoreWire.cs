using System.Buffers.Text;
using System.Text;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare.Systems.Nats;

/// <summary>The NATS client protocol, publish/subscribe only: a publish has no answer, a subscription is in force when the PONG behind it comes.</summary>
public sealed class NatsCoreWire(IWireEvents events) : Wire(events)
{
    private static readonly byte[] s_connect = "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"load\",\"version\":\"1\",\"protocol\":1}\r\nPING\r\n"u8.ToArray();

    private bool _isReady;
    private int _subscribing = -1;

    /// <inheritdoc/>
    public override bool Acknowledges => false;

    /// <inheritdoc/>
    public override void Begin(SendBuffer output) => output.Write(s_connect);

    /// <inheritdoc/>
    public override void Publish(int conversation, long number, ReadOnlySpan<byte> payload, SendBuffer output)
    {
        Span<byte> target = output.GetSpan(payload.Length + 64);
        "PUB c."u8.CopyTo(target);
        Utf8Formatter.TryFormat(conversation, target[6..], out int digits);
        int size = 6 + digits;
        target[size++] = (byte)' ';
        Utf8Formatter.TryFormat(payload.Length, target[size..], out digits);
        size += digits;
        "\r\n"u8.CopyTo(target[size..]);
        payload.CopyTo(target[(size + 2)..]);
        "\r\n"u8.CopyTo(target[(size + 2 + payload.Length)..]);
        output.Advance(size + 4 + payload.Length);
    }

    /// <inheritdoc/>
    public override void Subscribe(int conversation, SendBuffer output)
    {
        _subscribing = conversation;
        Span<byte> target = output.GetSpan(64);
        "SUB c."u8.CopyTo(target);
        Utf8Formatter.TryFormat(conversation, target[6..], out int digits);
        " 1\r\nPING\r\n"u8.CopyTo(target[(6 + digits)..]);
        output.Advance(6 + digits + 10);
    }

    /// <inheritdoc/>
    public override int Receive(ReadOnlySpan<byte> input, SendBuffer output)
    {
        int used = 0;
        while (true)
        {
            ReadOnlySpan<byte> rest = input[used..];
            int line = rest.IndexOf("\r\n"u8);
            if (line < 0)
            {
                return used;
            }

            if (!rest.StartsWith("MSG "u8))
            {
                TakeLine(rest[..line], output);
                used += line + 2;
                continue;
            }

            // MSG subject sid size: the size is the last word.
            ReadOnlySpan<byte> head = rest[..line];
            if (!Utf8Parser.TryParse(head[(head.LastIndexOf((byte)' ') + 1)..], out int size, out _))
            {
                throw new InvalidDataException("the server sent a MSG without a size");
            }

            int end = line + 2 + size + 2;
            if (rest.Length < end)
            {
                return used;
            }

            Events.OnDelivered(rest.Slice(line + 2, size));
            used += end;
        }
    }

    private void TakeLine(ReadOnlySpan<byte> line, SendBuffer output)
    {
        if (line.StartsWith("PING"u8))
        {
            output.Write("PONG\r\n"u8);
        }
        else if (line.StartsWith("-ERR"u8))
        {
            Events.OnFailed(Encoding.UTF8.GetString(line));
        }
        else if (line.StartsWith("PONG"u8) && !_isReady)
        {
            _isReady = true;
            Events.OnReady();
        }
        else if (line.StartsWith("PONG"u8) && _subscribing >= 0)
        {
            int conversation = _subscribing;
            _subscribing = -1;
            Events.OnSubscribed(conversation);
        }
    }
}
