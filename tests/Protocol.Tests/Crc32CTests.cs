using System.Text;

namespace FastChat.Protocol.Tests;

/// <summary>Known answers of CRC-32C, and the definition bit by bit.</summary>
public sealed class Crc32CTests
{
    [Test]
    public void Known_answers_of_RFC_3720_B_4()
    {
        byte[] ascending = Enumerable.Range(0, 32).Select(value => (byte)value).ToArray();
        byte[] readCommand = Convert.FromHexString(
            "01c000000000000000000000000000001400000000000400000000140000001828000000000000000200000000000000");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Crc32C.Compute(new byte[32]), Is.EqualTo(0x8A9136AA));
            Assert.That(Crc32C.Compute(Enumerable.Repeat((byte)0xFF, 32).ToArray()), Is.EqualTo(0x62A8AB43));
            Assert.That(Crc32C.Compute(ascending), Is.EqualTo(0x46DD794E));
            Assert.That(Crc32C.Compute([.. ascending.Reverse()]), Is.EqualTo(0x113FDB5C));
            Assert.That(Crc32C.Compute(readCommand), Is.EqualTo(0xD9963A56));
            Assert.That(Crc32C.Compute(Encoding.ASCII.GetBytes("123456789")), Is.EqualTo(0xE3069283));
            Assert.That(Crc32C.Compute([]), Is.Zero);
        }
    }

    [Test]
    public void Every_length_up_to_100_agrees_with_the_definition()
    {
        byte[] data = new byte[100];
        new Random(3).NextBytes(data);
        for (int size = 0; size <= data.Length; size++)
        {
            Assert.That(Crc32C.Compute(data.AsSpan(0, size)), Is.EqualTo(ByDefinition(data.AsSpan(0, size))), $"size {size}");
        }
    }

    private static uint ByDefinition(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in data)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F6_3B78 : 0);
            }
        }

        return ~crc;
    }
}
