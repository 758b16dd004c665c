using System.Buffers.Text;
using System.Text;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare.Systems.Redis;

/// <summary>
/// RESP2. A conversation is a stream (XADD, answered with the entry's id) where publishes are to be stored, else a channel (PUBLISH, answered with the number of receivers). Answers come in the
/// order of the requests.
/// </summary>
public sealed class RedisWire(IWireEvents events, bool stores) : Wire(events)
{
    private const int ArgumentOverhead = 16;

    private static readonly byte[] s_ping = "*1\r\n$4\r\nPING\r\n"u8.ToArray();

    private readonly NumberQueue _unanswered = new();

    /// <inheritdoc/>
    public override void Begin(SendBuffer output) => Events.OnReady();

    /// <inheritdoc/>
    public override void Publish(int conversation, long number, ReadOnlySpan<byte> payload, SendBuffer output)
    {
        _unanswered.Add(number);
        output.Write(stores ? "*5\r\n$4\r\nXADD\r\n"u8 : "*3\r\n$7\r\nPUBLISH\r\n"u8);
        WriteConversation(conversation, output);
        if (stores)
        {
            output.Write("$1\r\n*\r\n$1\r\nb\r\n"u8);
        }

        WriteBulk(payload, output);
    }

    /// <inheritdoc/>
    public override void Subscribe(int conversation, SendBuffer output)
    {
        output.Write("*2\r\n$9\r\nSUBSCRIBE\r\n"u8);
        WriteConversation(conversation, output);
    }

    /// <inheritdoc/>
    public override void Heartbeat(SendBuffer output) => output.Write(s_ping);

    /// <inheritdoc/>
    public override int Receive(ReadOnlySpan<byte> input, SendBuffer output)
    {
        RespReader reader = new(input);
        int used = 0;
        while (TakeOne(ref reader))
        {
            used = reader.Position;
        }

        return used;
    }

    private bool TakeOne(ref RespReader reader)
    {
        if (!reader.TryRead(out RespKind kind, out ReadOnlySpan<byte> bytes, out long count))
        {
            return false;
        }

        if (kind == RespKind.Array)
        {
            return TakePush(ref reader, count);
        }

        if (kind == RespKind.Error)
        {
            string reason = Encoding.UTF8.GetString(bytes);
            if (_unanswered.Count > 0)
            {
                Events.OnRefused(_unanswered.Take(), reason);
            }
            else
            {
                Events.OnFailed(reason);
            }
        }
        else if (_unanswered.Count > 0)
        {
            Events.OnAcknowledged(_unanswered.Take());
        }

        return true;
    }

    /// <summary><c>message, channel, payload</c> or <c>subscribe, channel, count</c>; PING while subscribed is answered by <c>pong, ""</c>.</summary>
    private bool TakePush(ref RespReader reader, long count)
    {
        if (!reader.TryRead(out _, out ReadOnlySpan<byte> what, out _)
            || !reader.TryRead(out _, out ReadOnlySpan<byte> channel, out _))
        {
            return false;
        }

        ReadOnlySpan<byte> last = default;
        if (count > 2 && !reader.TryRead(out _, out last, out _))
        {
            return false;
        }

        if (what.SequenceEqual("message"u8))
        {
            Events.OnDelivered(last);
        }
        else if (what.SequenceEqual("subscribe"u8) && Utf8Parser.TryParse(channel[2..], out int conversation, out _))
        {
            Events.OnSubscribed(conversation);
        }

        return true;
    }

    private static void WriteConversation(int conversation, SendBuffer output)
    {
        Span<byte> name = stackalloc byte[ArgumentOverhead];
        name[0] = (byte)'c';
        name[1] = (byte)':';
        Utf8Formatter.TryFormat(conversation, name[2..], out int digits);
        WriteBulk(name[..(2 + digits)], output);
    }

    private static void WriteBulk(ReadOnlySpan<byte> bytes, SendBuffer output)
    {
        Span<byte> target = output.GetSpan(bytes.Length + ArgumentOverhead);
        target[0] = (byte)'$';
        Utf8Formatter.TryFormat(bytes.Length, target[1..], out int digits);
        int size = 1 + digits;
        "\r\n"u8.CopyTo(target[size..]);
        bytes.CopyTo(target[(size + 2)..]);
        "\r\n"u8.CopyTo(target[(size + 2 + bytes.Length)..]);
        output.Advance(size + 4 + bytes.Length);
    }
}
