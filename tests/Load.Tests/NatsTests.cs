using System.Text;

using FastChat.Bench.Compare.Systems.Nats;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>The wire of NATS, on a transcript and on the real server.</summary>
public sealed class NatsTests
{
    [Test]
    public void The_words_of_the_server_mean_the_same_wherever_they_are_cut()
    {
        byte[] transcript = Encoding.ASCII.GetBytes(
            "INFO {\"server_id\":\"X\"}\r\nPONG\r\nPONG\r\nPING\r\n" +
            "MSG chat.7 17 6\r\nab\r\ncd\r\n" +
            "MSG _I.5.41 1 26\r\n{\"stream\":\"CHAT\",\"seq\":10}\r\n" +
            "MSG _I.5.42 1 12\r\n{\"error\":{}}\r\n" +
            "MSG _A.5 2 17\r\n{\"num_pending\":2}\r\n" +
            "MSG chat.7 3 $JS.ACK.CHAT.c.1.1.1.99.1 2\r\nhi\r\n" +
            "HMSG _R.5 3 _F.1 36 36\r\nNATS/1.0 100 FlowControl Request\r\n\r\n\r\n" +
            "MSG chat.7 3 $JS.ACK.CHAT.c.1.2.2.99.0 0\r\n\r\n" +
            "-ERR 'Stale Connection'\r\n");
        SplitInput.Check(
            transcript,
            (events, output) =>
            {
                NatsWire wire = new(events, connection: 5, isLog: true);
                wire.Begin(output);
                wire.Subscribe(7, output);
                wire.ReadAll(7, output);
                return wire;
            },
            ["ready", "subscribed 7", "delivered ab\r\ncd", "acknowledged 41", "refused 42 {\"error\":{}}", "delivered hi", "delivered ", "end 7", "failed 'Stale Connection'"]);
    }

    [Test]
    public Task What_is_published_is_delivered_once_and_in_order() => SystemWork.FanOutAsync("nats-core");

    [Test]
    public Task What_is_acknowledged_is_read_back() => SystemWork.StoreAsync("nats");

    [Test]
    public Task Every_acknowledgement_had_a_flush() => SystemWork.FlushesAsync("nats");
}
