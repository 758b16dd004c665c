using System.Text;

using FastChat.Bench.Compare.Systems.Mosquitto;
using FastChat.Bench.Compare.Wires;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>A protocol inside a WebSocket: it hears the bytes of the server in their order, however they were framed, fragmented and cut.</summary>
public sealed class WebSocketTests
{
    private const string Upgraded = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    [Test]
    public void The_frames_of_the_server_mean_the_same_wherever_they_are_cut()
    {
        byte[] body = [.. Enumerable.Repeat((byte)'y', 200)];
        byte[] transcript =
        [
            .. Encoding.ASCII.GetBytes(Upgraded),
            // CONNACK in two fragments with a ping between them
            0x02, 2, 0x20, 2, 0x89, 2, (byte)'h', (byte)'i', 0x80, 2, 0, 0,
            // SUBACK and half a PUBLISH in one message, the other half in the next, an empty one between
            0x82, 9, 0x90, 3, 0, 1, 0, 0x30, 7, 0, 3, 0x82, 0, 0x82, 5, .. "c/7hi"u8,
            // a length of 16 bits, then one of 64
            0x82, 126, 0, 208, 0x30, 205 & 0x7F | 0x80, 1, 0, 3, .. "c/7"u8, .. body,
            0x82, 127, 0, 0, 0, 0, 0, 0, 0, 208, 0x30, 205 & 0x7F | 0x80, 1, 0, 3, .. "c/7"u8, .. body,
            0x88, 5, 1001 >> 8, 1001 & 0xFF, .. "bye"u8,
        ];
        string delivered = $"delivered {new string('y', 200)}";
        SplitInput.Check(
            transcript,
            (events, output) =>
            {
                // The inner wire is asked before the upgrade is answered: what it writes is of no interest here, only that it knows what it asked.
                MosquittoWire inner = new(events, connection: 5);
                inner.Subscribe(7, new SendBuffer());
                return new WebSocketWire(events, inner, "/ws");
            },
            ["ready", "subscribed 7", "delivered hi", delivered, delivered, "failed WebSocket closed: 1001 bye"]);
    }

    [Test]
    public void A_refused_upgrade_fails_with_the_words_of_the_server()
    {
        RecordedEvents events = new();
        WebSocketWire wire = new(events, new MosquittoWire(events, 0), "/nowhere");
        wire.Receive("HTTP/1.1 404 Not Found\r\n\r\n"u8, new SendBuffer());
        Assert.That(events.Lines, Is.EqualTo(new[] { "failed the upgrade is refused: HTTP/1.1 404 Not Found" }));
    }

    [TestCase(100, 6, new byte[] { 0x82, 0x80 | 104 })]
    [TestCase(250, 8, new byte[] { 0x82, 0x80 | 126, 0, 254 })]
    [TestCase(70_000, 14, new byte[] { 0x82, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0x11, 0x74 })]
    public void What_the_inner_wire_writes_in_a_call_is_one_masked_message(int size, int header, byte[] head)
    {
        RecordedEvents events = new();
        SendBuffer output = new();
        WebSocketWire wire = new(events, new EchoWire(events), "/ws");
        wire.Publish(0, 1, new byte[size], output);
        Assert.That(output.Waiting[..head.Length].ToArray(), Is.EqualTo(head));
        Assert.That(output.Waiting[head.Length..header].ToArray(), Is.All.Zero, "the masking key");
        Assert.That(output.Count, Is.EqualTo(header + 4 + size));
    }

    [Test]
    public void A_ping_is_answered_with_its_payload()
    {
        RecordedEvents events = new();
        SendBuffer output = new();
        WebSocketWire wire = new(events, new EchoWire(events), "/ws");
        wire.Receive([.. Encoding.ASCII.GetBytes(Upgraded), 0x89, 2, 1, 2], output);
        Assert.That(output.Waiting.ToArray(), Is.EqualTo(new byte[] { 0x8A, 0x82, 0, 0, 0, 0, 1, 2 }));
    }

    // Writes four bytes and the payload.
    private sealed class EchoWire(IWireEvents events) : Wire(events)
    {
        public override void Begin(SendBuffer output)
        {
        }

        public override int Receive(ReadOnlySpan<byte> input, SendBuffer output) => input.Length;

        public override void Publish(int conversation, long number, ReadOnlySpan<byte> payload, SendBuffer output)
        {
            output.Write("head"u8);
            output.Write(payload);
        }
    }
}
