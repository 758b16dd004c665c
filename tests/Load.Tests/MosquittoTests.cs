using FastChat.Bench.Compare.Systems.Mosquitto;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>The wire of Mosquitto, on a transcript and on the real server.</summary>
public sealed class MosquittoTests
{
    [Test]
    public void The_words_of_the_server_mean_the_same_wherever_they_are_cut()
    {
        byte[] body = [.. Enumerable.Repeat((byte)'y', 200)];
        byte[] transcript =
        [
            0x20, 2, 0, 0,
            0x90, 3, 0, 1, 0,
            0x30, 7, 0, 3, .. "c/7hi"u8[..5],
            0xD0, 0,
            0x30, 205 & 0x7F | 0x80, 1, 0, 3, .. "c/7"u8, .. body,
            0x90, 3, 0, 2, 0x80,
        ];
        SplitInput.Check(
            transcript,
            (events, output) =>
            {
                MosquittoWire wire = new(events, connection: 5);
                wire.Begin(output);
                wire.Subscribe(7, output);
                wire.Subscribe(8, output);
                return wire;
            },
            ["ready", "subscribed 7", "delivered hi", $"delivered {new string('y', 200)}", "failed the subscription is refused"]);
    }

    [Test]
    public Task What_is_published_is_delivered_once_and_in_order() => SystemWork.FanOutAsync("mosquitto");
}
