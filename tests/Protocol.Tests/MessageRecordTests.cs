using System.Buffers.Binary;

using FastChat.TestSupport;

namespace FastChat.Protocol.Tests;

/// <summary>Records: what cannot be one is refused, and no changed bit goes unnoticed.</summary>
public sealed class MessageRecordTests
{
    private static IEnumerable<Vector> Records() => VectorFile.Read("record");

    [TestCaseSource(nameof(Records))]
    public void A_record_cut_at_any_byte_is_refused(Vector vector)
    {
        for (int size = 0; size < vector.Bytes.Length; size++)
        {
            Assert.That(CanRead(vector.Bytes.AsSpan(0, size), out _), Is.False, $"cut at {size}");
        }
    }

    [TestCaseSource(nameof(Records))]
    public void Every_flipped_bit_is_detected(Vector vector)
    {
        byte[] bytes = [.. vector.Bytes];
        for (int bit = 0; bit < 8 * bytes.Length; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.That(CanRead(bytes, out bool intact) && intact, Is.False, $"bit {bit}");
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.That(CanRead(bytes, out bool restored) && restored, Is.True);
    }

    [Test]
    public void Records_back_to_back_are_read_one_after_another()
    {
        byte[][] records = Records().Select(vector => vector.Bytes).ToArray();
        ReadOnlySpan<byte> source = records.SelectMany(record => record).ToArray();
        foreach (byte[] expected in records)
        {
            Assert.That(MessageRecord.TryRead(ref source, out MessageRecord record), Is.True);
            Assert.That(record.Bytes.SequenceEqual(expected), Is.True);
        }

        Assert.That(source.IsEmpty, Is.True);
    }

    [Test]
    public void A_refused_record_moves_nothing()
    {
        byte[] bytes = [.. Records().First().Bytes];
        foreach (uint size in new uint[] { 0, 1, MessageRecord.FixedSize - 1, (uint)bytes.Length + 1, int.MaxValue, 0x8000_0000, uint.MaxValue })
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, size);
            ReadOnlySpan<byte> source = bytes;
            Assert.That(MessageRecord.TryRead(ref source, out MessageRecord record), Is.False, $"size {size}");
            Assert.That(source.Length, Is.EqualTo(bytes.Length));
            Assert.That(record.Bytes.IsEmpty, Is.True);
        }
    }

    [Test]
    public void An_on_behalf_record_needs_room_for_its_publisher()
    {
        byte[] bytes = new byte[MessageRecord.FixedSize + Id128.Size];
        bytes[65] = (byte)RecordFlags.OnBehalf;
        for (uint size = MessageRecord.FixedSize; size < bytes.Length; size++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, size);
            Assert.That(CanRead(bytes, out _), Is.False, $"size {size}");
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)bytes.Length);
        Assert.That(CanRead(bytes, out _), Is.True);
    }

    [Test]
    public void Random_bytes_never_throw()
    {
        Random random = new(7);
        for (int i = 0; i < 100_000; i++)
        {
            byte[] bytes = new byte[random.Next(0, 200)];
            random.NextBytes(bytes);
            if (bytes.Length >= 4 && i % 2 == 0)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)random.Next(0, 220));
            }

            ReadOnlySpan<byte> source = bytes;
            if (MessageRecord.TryRead(ref source, out MessageRecord record))
            {
                int seen = record.Body.Length + (record.ChecksumMatches ? 1 : 0) + (record.Publisher.IsNone ? 1 : 0) + record.Device.ToString().Length;
                Assert.That(seen, Is.Positive);
            }
        }
    }

    [Test]
    public void The_on_behalf_flag_follows_from_publisher_and_sender()
    {
        UserId sender = new(1);
        UserId publisher = new(2);
        byte[] bytes = new byte[MessageRecord.SizeOf(onBehalf: true, 0)];
        int own = MessageRecord.Write(bytes, 1, 0, sender, sender, default, default, MessageKind.Text, RecordFlags.OnBehalf, []);
        ReadOnlySpan<byte> source = bytes.AsSpan(0, own);
        Assert.That(own, Is.EqualTo(MessageRecord.FixedSize));
        Assert.That(MessageRecord.TryRead(ref source, out MessageRecord record) && record.Flags == RecordFlags.None && record.Publisher == sender, Is.True);

        int behalf = MessageRecord.Write(bytes, 1, 0, sender, publisher, default, default, MessageKind.Text, RecordFlags.None, []);
        source = bytes.AsSpan(0, behalf);
        Assert.That(MessageRecord.TryRead(ref source, out record) && record.Flags == RecordFlags.OnBehalf && record.Publisher == publisher && record.Sender == sender, Is.True);
    }

    private static bool CanRead(ReadOnlySpan<byte> source, out bool intact)
    {
        bool read = MessageRecord.TryRead(ref source, out MessageRecord record);
        intact = read && record.ChecksumMatches;
        return read;
    }
}
