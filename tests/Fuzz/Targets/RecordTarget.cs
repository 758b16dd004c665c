using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Fuzz.Targets;

/// <summary>
/// Records back to back (protocol.md §5.1), as chunks and Deliver frames hold them. Reading never throws and never reaches over the bytes; all fields of what was read can be asked for; what a reader makes of a
/// record does not depend on what follows; and a record whose checksum matches is, written again from its fields, the same bytes.
/// </summary>
internal sealed class RecordTarget : IFuzzTarget
{
    private const byte KnownFlags = (byte)(RecordFlags.OnBehalf | RecordFlags.Erased);

    private readonly byte[] _written = new byte[2048];

    public string Name => "record";

    public IReadOnlyList<byte[]> Words { get; } = [[68, 0, 0, 0], [84, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0x80], [1, 3], [128, 0], [1, 2]];

    public IEnumerable<byte[]> Seeds()
    {
        byte[][] records = [.. VectorSeeds.Records()];
        return records.Concat(records.Select((record, i) => (byte[])[.. record, .. records[(i + 1) % records.Length]]));
    }

    public long AllocationCap(int inputSize) => 0;

    /// <summary>Seals the first record again: its checksum fits what was made of it, so all of it counts as written.</summary>
    public int Shape(Span<byte> buffer, int size, ref FuzzRandom random)
    {
        if (size < MessageRecord.FixedSize)
        {
            return size;
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(buffer);
        if (length > (uint)size || length < MessageRecord.FixedSize)
        {
            length = (uint)(MessageRecord.FixedSize + random.Below(size - MessageRecord.FixedSize + 1));
            BinaryPrimitives.WriteUInt32LittleEndian(buffer, length);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(buffer[4..], Crc32C.Compute(buffer[8..(int)length]));
        return size;
    }

    public ulong Run(ReadOnlySpan<byte> input)
    {
        Outcome outcome = default;
        ReadOnlySpan<byte> rest = input;
        int count = 0;
        while (true)
        {
            ReadOnlySpan<byte> before = rest;
            if (!MessageRecord.TryRead(ref rest, out MessageRecord record))
            {
                Property.Holds(rest == before, "bytes that are no record were passed over");
                break;
            }

            Property.Holds(record.Bytes == before[..record.Bytes.Length] && rest == before[record.Bytes.Length..], "the record is not where it was read");
            Property.Holds(record.Bytes.Length >= MessageRecord.FixedSize, "a record is shorter than its fields");
            Check(record, ref outcome);
            count++;
        }

        outcome.Add((ulong)Math.Min(count, 4));
        outcome.Add(rest.IsEmpty);
        return outcome.Value;
    }

    public void Dispose()
    {
    }

    private void Check(in MessageRecord record, ref Outcome outcome)
    {
        ReadOnlySpan<byte> alone = record.Bytes;
        Property.Holds(MessageRecord.TryRead(ref alone, out _) && alone.IsEmpty, "a record alone is none");
        Property.Holds(record.Body.Length == record.Bytes.Length - MessageRecord.SizeOf((record.Flags & RecordFlags.OnBehalf) != 0, 0), "the body is not the rest");

        bool isOnBehalf = (record.Flags & RecordFlags.OnBehalf) != 0;
        bool isPlain = ((byte)record.Flags & ~KnownFlags) == 0 && record.Bytes[66] == 0 && record.Bytes[67] == 0 && isOnBehalf == (record.Publisher != record.Sender);
        outcome.Add(isPlain);
        outcome.Add((ulong)(byte)record.Flags & 7);
        outcome.Add(Enum.IsDefined(record.Kind) ? (ulong)record.Kind : 255);
        outcome.AddSize(record.Body.Length);
        outcome.Add(record.ChecksumMatches);
        if (record.ChecksumMatches && isPlain)
        {
            int size = MessageRecord.Write(
                _written, record.Sequence, record.SentAtMicros, record.Sender, record.Publisher, record.Device, record.ClientMessageId, record.Kind, record.Flags, record.Body);
            Property.Holds(record.Bytes.SequenceEqual(_written.AsSpan(0, size)), "a record written again from its fields is other bytes");
        }
    }
}
