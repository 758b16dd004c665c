using FastChat.Bench.Compare;
using FastChat.Bench.Compare.Systems.RabbitMq;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>The wire of RabbitMQ, on a transcript and on the real server.</summary>
public sealed class RabbitMqTests
{
    private const int Messages = 1000;

    [Test]
    public void The_words_of_the_server_mean_the_same_wherever_they_are_cut()
    {
        byte[] properties = [7, .. "version"u8, (byte)'S', 0, 0, 0, 6, .. "3.10.8"u8];
        byte[] transcript =
        [
            .. Method(0, 10, 10, [0, 9, 0, 0, 0, (byte)properties.Length, .. properties, 0, 0, 0, 5, .. "PLAIN"u8, 0, 0, 0, 5, .. "en_US"u8]),
            .. Method(0, 10, 30, [7, 255, 0, 2, 0, 0, 0, 60]),
            .. Method(0, 10, 41, [0]),
            .. Method(1, 20, 11, [0, 0, 0, 0]),
            .. Method(1, 85, 11, []),
            .. Method(1, 50, 11, [3, .. "c12"u8, 0, 0, 0, 0, 0, 0, 0, 0]),
            // The third alone, then all up to the fourth, then a refusal of the fifth and sixth
            .. Method(1, 60, 80, [0, 0, 0, 0, 0, 0, 0, 3, 0]),
            .. Method(1, 60, 80, [0, 0, 0, 0, 0, 0, 0, 4, 1]),
            .. Method(1, 60, 120, [0, 0, 0, 0, 0, 0, 0, 6, 1]),
            .. Method(1, 20, 40, [0x01, 0x94, 9, .. "NOT_FOUND"u8, 0, 60, 0, 40]),
        ];
        SplitInput.Check(
            transcript,
            (events, output) =>
            {
                RabbitMqWire wire = new(events) { Declared = (conversation, _) => events.OnSubscribed(conversation) };
                wire.Begin(output);
                for (int i = 0; i < 7; i++)
                {
                    wire.Publish(12, 100 + i, "payload"u8, output);
                }

                return wire;
            },
            [
                "ready", "subscribed 12", "acknowledged 102", "acknowledged 100", "acknowledged 101", "acknowledged 103", "refused 104 nack", "refused 105 nack",
                "failed closed by the server: 404 NOT_FOUND",
            ]);
    }

    [Test]
    public void Confirms_settle_each_publish_once_while_the_window_grows()
    {
        ConfirmWindow window = new();
        List<long> settled = [];
        for (long number = 1; number <= Messages; number++)
        {
            window.Add(number);
            if (number % 7 == 0)
            {
                Settle(number - 3, isMultiple: false);
            }

            if (number % 400 == 0)
            {
                Settle(number - 50, isMultiple: true);
            }
        }

        Settle(Messages, isMultiple: true);
        Settle(Messages, isMultiple: true);
        Settle(5, isMultiple: false);
        Assert.That(settled, Is.Unique.And.EquivalentTo(Enumerable.Range(1, Messages).Select(number => (long)number)));

        void Settle(long tag, bool isMultiple)
        {
            while (window.TrySettle((ulong)tag, isMultiple, out long number))
            {
                settled.Add(number);
            }
        }
    }

    [Test]
    public async Task What_is_acknowledged_is_in_the_queue()
    {
        await using RunningSystem running = await RunningSystem.StartAsync("rabbitmq", Scenario.Durable);
        RecordedEvents said = new();
        using WireDriver publisher = running.Connect(said, 0);
        for (int i = 0; i < Messages; i++)
        {
            publisher.Wire.Publish(3, i, RunningSystem.Payload(i), publisher.Output);
        }

        publisher.Run(() => said.Count("acknowledged") + said.Count("refused") >= Messages);
        Assert.That(said.Lines.Skip(1), Is.EquivalentTo(Enumerable.Range(0, Messages).Select(i => $"acknowledged {i}")));

        int held = 0;
        RabbitMqWire wire = (RabbitMqWire)publisher.Wire;
        wire.Declared = (_, messages) =>
        {
            held = messages;
            wire.Declare(3, publisher.Output);
        };
        wire.Declare(3, publisher.Output);
        publisher.Run(() => held == Messages);
        Assert.That(running.System.Version, Does.Match(@"^\d+\.\d+"));
    }

    [Test]
    public async Task A_publish_to_no_queue_is_no_success()
    {
        await using RunningSystem running = await RunningSystem.StartAsync("rabbitmq", Scenario.Durable);
        RecordedEvents said = new();
        using WireDriver publisher = running.Connect(said, 0);
        publisher.Wire.Publish(99, 1, RunningSystem.Payload(1), publisher.Output);
        publisher.Run(() => said.Count("failed returned: 312 NO_ROUTE") == 1);
    }

    [Test]
    public Task Every_acknowledgement_had_a_flush() => SystemWork.FlushesAsync("rabbitmq");

    private static byte[] Method(byte channel, byte classNumber, byte number, byte[] arguments) =>
        [1, 0, channel, 0, 0, 0, (byte)(4 + arguments.Length), 0, classNumber, 0, number, .. arguments, 0xCE];
}
