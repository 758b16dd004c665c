namespace FastChat.Bench.Load.Scenarios;

/// <summary>What is wrong with a conversation that was read back, compared with its log: all zero when the two are the same, byte for byte and line for line.</summary>
/// <param name="Lost">Lines that are not there, or not as often as in the log.</param>
/// <param name="Duplicated">Messages that are there once too often, or that no line is like.</param>
/// <param name="Reordered">Messages that came behind one that the log has after them.</param>
internal readonly record struct CorpusFindings(long Lost, long Duplicated, long Reordered)
{
    /// <summary>All of them.</summary>
    public long Total => Lost + Duplicated + Reordered;

    /// <summary>Compares. Equal lines are told apart by their order: the second in the conversation is the second in the log.</summary>
    public static CorpusFindings Of(CorpusLog log, IReadOnlyList<byte[]> read)
    {
        int same = 0;
        while (same < read.Count && same < log.Count && log[same].SequenceEqual(read[same]))
        {
            same++;
        }

        return same == read.Count && same == log.Count ? default : Compare(log, read);
    }

    public static CorpusFindings operator +(CorpusFindings left, CorpusFindings right) =>
        new(left.Lost + right.Lost, left.Duplicated + right.Duplicated, left.Reordered + right.Reordered);

    private static CorpusFindings Compare(CorpusLog log, IReadOnlyList<byte[]> read)
    {
        Dictionary<string, Queue<int>> places = [];
        for (int line = 0; line < log.Count; line++)
        {
            string key = Convert.ToHexString(log[line]);
            if (!places.TryGetValue(key, out Queue<int>? queue))
            {
                places.Add(key, queue = new Queue<int>());
            }

            queue.Enqueue(line);
        }

        (long found, long duplicated, long reordered) = (0, 0, 0);
        int furthest = -1;
        foreach (byte[] message in read)
        {
            if (!places.TryGetValue(Convert.ToHexString(message), out Queue<int>? queue) || !queue.TryDequeue(out int place))
            {
                duplicated++;
                continue;
            }

            found++;
            reordered += place < furthest ? 1 : 0;
            furthest = Math.Max(furthest, place);
        }

        return new CorpusFindings(log.Count - found, duplicated, reordered);
    }
}
