using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>The checks on the records of a Deliver or Chunk frame: count, order, checksums, nothing behind the last. Pure.</summary>
internal static class RecordRun
{
    /// <summary>Checks the records and returns the sequence of the last one.</summary>
    /// <param name="deliver">The frame.</param>
    /// <param name="next">The sequence that the first record must have; 0 = any.</param>
    /// <exception cref="ProtocolViolationException">They are not what the protocol promises.</exception>
    public static ulong Check(in Deliver deliver, ulong next)
    {
        ReadOnlySpan<byte> rest = deliver.Records;
        ulong last = 0;
        for (uint i = 0; i < deliver.Count; i++)
        {
            if (!MessageRecord.TryRead(ref rest, out MessageRecord record))
            {
                throw Violation(deliver, "a record cannot be read");
            }

            if (next != 0 && record.Sequence != next)
            {
                throw Violation(deliver, $"record {record.Sequence} came where {next} was due");
            }

            if (!record.ChecksumMatches)
            {
                throw Violation(deliver, $"the checksum of record {record.Sequence} is wrong");
            }

            last = record.Sequence;
            next = last + 1;
        }

        if (deliver.Count == 0 || rest.Length > 0)
        {
            throw Violation(deliver, $"{deliver.Count} records and {rest.Length} bytes behind them");
        }

        return last;
    }

    private static ProtocolViolationException Violation(in Deliver deliver, string what) =>
        new(CloseCode.BadFrame, $"conversation {deliver.Conversation}: {what}");
}
