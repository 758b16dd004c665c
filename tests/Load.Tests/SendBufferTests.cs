using FastChat.Bench.Compare.Wires;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>The bytes that wait on a connection keep their order whatever is written, sent and written again.</summary>
public sealed class SendBufferTests
{
    [Test]
    public void Bytes_leave_in_the_order_they_came_while_the_buffer_grows_and_is_sent_in_parts()
    {
        SendBuffer buffer = new(capacity: 4);
        List<byte> sent = [];
        for (int i = 0; i < 1000; i++)
        {
            buffer.Write([(byte)i, (byte)(i >> 8), 7]);
            int part = Math.Min(buffer.Count, i % 5);
            sent.AddRange(buffer.Waiting[..part]);
            buffer.Consume(part);
        }

        sent.AddRange(buffer.Waiting);
        byte[] expected = Enumerable.Range(0, 1000).SelectMany(i => new byte[] { (byte)i, (byte)(i >> 8), 7 }).ToArray();
        Assert.That(sent, Is.EqualTo(expected));
    }

    [Test]
    public void The_owner_hears_of_the_first_bytes_only()
    {
        int filled = 0;
        SendBuffer buffer = new() { Filled = () => filled++ };
        buffer.Write([1]);
        buffer.Write([2]);
        buffer.Consume(2);
        buffer.Write([3]);
        Assert.That(filled, Is.EqualTo(2));
    }
}
