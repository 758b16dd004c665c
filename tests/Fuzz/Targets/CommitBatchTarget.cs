using FastChat.Storage;

namespace FastChat.Fuzz.Targets;

/// <summary>
/// The reader of a commit's entries (docs/log-format.md §8). What it reads lies behind a checksum, so bytes that are no entries are somebody's mistake and end in an exception; but it must be one of those three,
/// without a step outside the bytes and without an endless loop. Entries that it reads to the end come out again, one by one, after they were written by <see cref="CommitBatch"/>.
/// </summary>
internal sealed class CommitBatchTarget : IFuzzTarget
{
    /// <summary>Entries that tell outcomes apart: with all of them nearly every input would be new.</summary>
    private const int EntriesClassed = 2;

    private readonly CommitBatch _batch = new(epoch: 1);

    public string Name => "commit-batch";

    public IReadOnlyList<byte[]> Words { get; } = [[1, 2, 0, 1], [5, 1, 24], [5, 2, 56], [4, 1], [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [0x80, 0x80, 0x80, 0x80, 0x80], [0x80, 0x01], [0x80, 0x00]];

    public IEnumerable<byte[]> Seeds()
    {
        CommitBatch batch = new(epoch: 1);
        batch.Put(Table.State, [0, 1], new byte[8]);
        yield return Entries(batch);
        batch.Put(Table.Dedupe, new byte[56], new byte[16]);
        batch.Delete(Table.Log, [1, 2, 3]);
        batch.Delete(Table.State, []);
        yield return Entries(batch);
        batch.Reset();
        batch.AppendChunk(WrittenLog.Conversation, 1, 2, default, [.. WrittenLog.Records[0], .. WrittenLog.Records[1]]);
        batch.Put(Table.State, new byte[200], []);
        yield return Entries(batch);
    }

    public long AllocationCap(int inputSize) => 8 * 1024;

    public ulong Run(ReadOnlySpan<byte> input)
    {
        Outcome outcome = default;
        _batch.Reset();
        CommitBatchReader reader = new(input, 0);
        int entries = 0;
        try
        {
            bool canBeWritten = true;
            while (reader.Next())
            {
                Property.Holds(reader.Offset >= 0 && reader.End > reader.Offset && reader.End <= input.Length, "an entry lies outside the bytes");
                Property.Holds(reader.Key == input.Slice(reader.KeyOffset, reader.Key.Length), "the key is not where it is said to be");
                Property.Holds(reader.IsDelete || reader.Value == input[reader.ValueOffset..reader.End], "the value is not where it is said to be");
                canBeWritten &= reader.Table <= Table.Dedupe && (reader.Table != Table.Dedupe || reader.Key.Length <= DedupeKey.Size);
                if (entries++ < EntriesClassed)
                {
                    outcome.Add((ulong)reader.Table << 1 | (reader.IsDelete ? 1ul : 0));
                    outcome.AddSize(reader.Key.Length);
                }

                if (canBeWritten)
                {
                    Write(reader);
                }
            }

            Property.Holds(reader.End == input.Length, "the end is not the bytes' end");
            if (canBeWritten)
            {
                CheckWritten(input);
            }

            outcome.Add(canBeWritten);
        }
        catch (Exception wrong) when (wrong is InvalidOperationException or ArgumentOutOfRangeException or IndexOutOfRangeException)
        {
            outcome.Add(wrong.GetType().Name);
        }

        outcome.Add((ulong)Math.Min(entries, 4));
        return outcome.Value;
    }

    public void Dispose()
    {
    }

    private static byte[] Entries(CommitBatch batch) => batch.Representation[CommitBatch.HeaderSize..].ToArray();

    private void Write(scoped in CommitBatchReader reader)
    {
        if (reader.IsDelete)
        {
            _batch.Delete(reader.Table, reader.Key);
        }
        else
        {
            _batch.Put(reader.Table, reader.Key, reader.Value);
        }
    }

    private void CheckWritten(ReadOnlySpan<byte> input)
    {
        CommitBatchReader original = new(input, 0);
        CommitBatchReader written = new(_batch.Entries, 0);
        while (original.Next())
        {
            bool isSame = written.Next() && written.Table == original.Table && written.IsDelete == original.IsDelete
                && written.Key.SequenceEqual(original.Key) && written.Value.SequenceEqual(original.Value);
            Property.Holds(isSame, "an entry that was written again is another one");
        }

        Property.Holds(!written.Next(), "an entry too many was written");
    }
}
