using System.Text;

using FastChat.Bench.Compare.Systems.Redis;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>The wire of Redis, on a transcript and on the real server.</summary>
public sealed class RedisTests
{
    [Test]
    public void The_words_of_the_server_mean_the_same_wherever_they_are_cut()
    {
        byte[] transcript = Encoding.ASCII.GetBytes(
            "%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nmodules\r\n*0\r\n" +
            ">3\r\n$9\r\nsubscribe\r\n$3\r\nc:7\r\n:1\r\n" +
            ">3\r\n$7\r\nmessage\r\n$3\r\nc:7\r\n$6\r\nab\r\ncd\r\n" +
            "$15\r\n1700000000000-0\r\n-OOM no memory\r\n+PONG\r\n" +
            "*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nb\r\n$2\r\nhi\r\n*2\r\n$3\r\n2-0\r\n*2\r\n$1\r\nb\r\n$0\r\n\r\n*0\r\n");
        SplitInput.Check(
            transcript,
            (events, output) =>
            {
                RedisWire wire = new(events, "pw"u8.ToArray(), isLog: true);
                wire.Begin(output);
                wire.Subscribe(7, output);
                wire.Publish(7, 41, "x"u8, output);
                wire.Publish(7, 42, "y"u8, output);
                wire.Heartbeat(output);
                wire.ReadAll(7, output);
                return wire;
            },
            ["ready", "subscribed 7", "delivered ab\r\ncd", "acknowledged 41", "refused 42 OOM no memory", "delivered hi", "delivered ", "end 7"]);
    }

    [Test]
    public Task What_is_published_is_delivered_once_and_in_order() => SystemWork.FanOutAsync("redis");

    [Test]
    public Task What_is_acknowledged_is_read_back() => SystemWork.StoreAsync("redis");

    [Test]
    public Task Every_acknowledgement_had_a_flush() => SystemWork.FlushesAsync("redis");
}
