using System.Buffers.Binary;
using System.Text;

namespace FastChat.Bench.Compare.Wires;

/// <summary>
/// Another wire inside a WebSocket (RFC 6455): an upgrade first, then everything the inner wire writes in one call is one masked binary message, and the payloads of the server's data frames
/// are one stream of bytes for the inner wire, whatever frames and fragments they came in. Generator thread only.
/// </summary>
/// <param name="events">The same that the inner wire tells.</param>
/// <param name="inner">The protocol inside.</param>
/// <param name="path">What the upgrade asks for: <c>/ws</c> of the broker, <c>/chat</c> of SignalR.</param>
/// <param name="subprotocol">To offer; null for none.</param>
/// <remarks>
/// The masking key is zero: masked bytes are then the bytes themselves. It exists to protect old proxies from scripts and is no part of what is compared. It is fair: every system spoken to over
/// WebSocket gets the same, every server still unmasks, and what is saved is the generator's time. The nonce of the upgrade is the one of the RFC's example, so that the answer is known.
/// </remarks>
public sealed class WebSocketWire(IWireEvents events, Wire inner, string path, string? subprotocol = null) : Wire(events)
{
    private const string Nonce = "dGhlIHNhbXBsZSBub25jZQ==";
    private const string Accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    private const byte Final = 0x80;
    private const byte Masked = 0x80;
    private const int OpcodeContinuation = 0, OpcodeBinary = 2, OpcodeClose = 8, OpcodePing = 9, OpcodePong = 10;
    private const int ControlPayloadMax = 125;
    private const int HeaderMax = 14;
    private const int ResponseMax = 16 * 1024;

    private readonly SendBuffer _inner = new();
    // What the inner wire has not consumed: it gets it again with more behind it.
    private readonly SendBuffer _rest = new(0);

    private State _state = State.Upgrading;
    // Bytes of the data frame that is being received.
    private long _left;

    private enum State
    {
        Upgrading,
        Open,
        Failed,
    }

    /// <inheritdoc/>
    public override bool Acknowledges => inner.Acknowledges;

    /// <inheritdoc/>
    public override void Begin(SendBuffer output)
    {
        string offer = subprotocol is null ? string.Empty : $"Sec-WebSocket-Protocol: {subprotocol}\r\n";
        output.Write(Encoding.ASCII.GetBytes(
            $"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {Nonce}\r\nSec-WebSocket-Version: 13\r\n{offer}\r\n"));
    }

    /// <inheritdoc/>
    public override void Publish(int conversation, long number, ReadOnlySpan<byte> payload, SendBuffer output)
    {
        inner.Publish(conversation, number, payload, _inner);
        Flush(output);
    }

    /// <inheritdoc/>
    public override void Subscribe(int conversation, SendBuffer output)
    {
        inner.Subscribe(conversation, _inner);
        Flush(output);
    }

    /// <inheritdoc/>
    public override void ReadAll(int conversation, SendBuffer output)
    {
        inner.ReadAll(conversation, _inner);
        Flush(output);
    }

    /// <inheritdoc/>
    public override void Heartbeat(SendBuffer output)
    {
        inner.Heartbeat(_inner);
        Flush(output);
    }

    /// <inheritdoc/>
    public override Wire Resume() => new WebSocketWire(Events, inner.Resume(), path, subprotocol);

    /// <inheritdoc/>
    public override int Receive(ReadOnlySpan<byte> input, SendBuffer output)
    {
        int used = 0;
        if (_state == State.Upgrading)
        {
            used = TakeResponse(input, output);
        }

        while (_state == State.Open && TakePart(input[used..], output, out int part))
        {
            used += part;
        }

        Flush(output);
        return _state == State.Failed ? input.Length : used;
    }

    private int TakeResponse(ReadOnlySpan<byte> input, SendBuffer output)
    {
        int end = input.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            if (input.Length > ResponseMax)
            {
                Fail("the answer to the upgrade has no end", output);
            }

            return 0;
        }

        string response = Encoding.ASCII.GetString(input[..end]);
        string status = response.Split("\r\n")[0];
        if (!status.StartsWith("HTTP/1.1 101", StringComparison.Ordinal))
        {
            Fail($"the upgrade is refused: {status}", output);
        }
        else if (!response.Contains(Accept, StringComparison.Ordinal))
        {
            Fail("the upgrade is answered without proof that it was read", output);
        }
        else
        {
            _state = State.Open;
            inner.Begin(_inner);
            Flush(output);
        }

        return end + 4;
    }

    // One step: the rest of a data frame as far as it is there, or the head of the next frame (a control frame whole). False when more bytes are needed.
    private bool TakePart(ReadOnlySpan<byte> input, SendBuffer output, out int used)
    {
        if (_left > 0)
        {
            used = (int)Math.Min(_left, input.Length);
            _left -= used;
            PassOn(input[..used], output);
            return used > 0;
        }

        return TakeHead(input, output, out used);
    }

    // FIN, RSV1-3, opcode (4) | MASK, length (7) | length (16, after 126) or (64, after 127)
    private bool TakeHead(ReadOnlySpan<byte> input, SendBuffer output, out int used)
    {
        used = 0;
        if (input.Length < 2)
        {
            return false;
        }

        int opcode = input[0] & 0x0F;
        int size = input[1] switch { 126 => 4, 127 => 10, _ => 2 };
        if ((input[0] & 0x70) != 0 || input[1] >= Masked || opcode is not (OpcodeContinuation or OpcodeBinary or OpcodeClose or OpcodePing or OpcodePong))
        {
            Fail($"a WebSocket frame that was not asked for: {input[0]:x2} {input[1]:x2}", output);
            return false;
        }

        if (input.Length < size)
        {
            return false;
        }

        long length = size switch
        {
            4 => BinaryPrimitives.ReadUInt16BigEndian(input[2..]),
            10 => BinaryPrimitives.ReadInt64BigEndian(input[2..]),
            _ => input[1],
        };
        if (opcode < OpcodeClose)
        {
            _left = length;
            used = size;
            return true;
        }

        if (length > ControlPayloadMax)
        {
            Fail("a WebSocket control frame is too long", output);
            return false;
        }

        if (input.Length < size + length)
        {
            return false;
        }

        used = size + (int)length;
        TakeControl(opcode, input[size..used], output);
        return true;
    }

    private void TakeControl(int opcode, ReadOnlySpan<byte> payload, SendBuffer output)
    {
        if (opcode == OpcodePing)
        {
            WriteFrame(OpcodePong, payload, output);
        }
        else if (opcode == OpcodeClose)
        {
            WriteFrame(OpcodeClose, payload, output);
            int code = payload.Length < 2 ? 1005 : BinaryPrimitives.ReadUInt16BigEndian(payload);
            Fail($"WebSocket closed: {code} {Encoding.UTF8.GetString(payload.Length < 2 ? [] : payload[2..])}".TrimEnd(), output);
        }
    }

    private void PassOn(ReadOnlySpan<byte> payload, SendBuffer output)
    {
        if (_rest.Count == 0)
        {
            _rest.Write(payload[inner.Receive(payload, _inner)..]);
        }
        else
        {
            _rest.Write(payload);
            _rest.Consume(inner.Receive(_rest.Waiting, _inner));
        }

        Flush(output);
    }

    private void Flush(SendBuffer output)
    {
        if (_inner.Count > 0)
        {
            WriteFrame(OpcodeBinary, _inner.Waiting, output);
            _inner.Clear();
        }
    }

    private static void WriteFrame(int opcode, ReadOnlySpan<byte> payload, SendBuffer output)
    {
        Span<byte> frame = output.GetSpan(HeaderMax + payload.Length);
        frame[0] = (byte)(Final | opcode);
        int size = 2;
        if (payload.Length < 126)
        {
            frame[1] = (byte)(Masked | payload.Length);
        }
        else if (payload.Length <= ushort.MaxValue)
        {
            frame[1] = Masked | 126;
            BinaryPrimitives.WriteUInt16BigEndian(frame[2..], (ushort)payload.Length);
            size = 4;
        }
        else
        {
            frame[1] = Masked | 127;
            BinaryPrimitives.WriteInt64BigEndian(frame[2..], payload.Length);
            size = 10;
        }

        frame.Slice(size, 4).Clear();
        payload.CopyTo(frame[(size + 4)..]);
        output.Advance(size + 4 + payload.Length);
    }

    private void Fail(string reason, SendBuffer output)
    {
        Flush(output);
        _state = State.Failed;
        Events.OnFailed(reason);
    }
}
