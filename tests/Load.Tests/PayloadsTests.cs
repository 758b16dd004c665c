using FastChat.Bench.Load.Measure;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>A received payload leads back to the time at which its message was to be sent.</summary>
public sealed class PayloadsTests
{
    [Test]
    public void A_payload_carries_its_number_and_the_number_its_time()
    {
        Payloads payloads = new(128);
        for (int i = 0; i < 1000; i++)
        {
            byte[] received = payloads.Make(planned: 7 * i, out long number).ToArray();
            Assert.That(received, Has.Length.EqualTo(128));
            Assert.That(received, Is.All.InRange((byte)' ', (byte)'~'), "printable, for text protocols");
            Assert.That(Payloads.NumberOf(received), Is.EqualTo(number));
            Assert.That(payloads.PlannedAt(number), Is.EqualTo(7 * i));
        }
    }

    [Test]
    public void What_is_none_of_ours_has_no_number() =>
        Assert.That(new[] { Payloads.NumberOf("short"u8), Payloads.NumberOf("no hexadecimal number at all"u8) }, Is.All.EqualTo(-1));
}
