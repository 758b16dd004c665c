namespace FastChat.History.Tests;

/// <summary>Events as files in memory, through the real writer and reader.</summary>
internal static class WrittenHistory
{
    /// <summary>Writes each list as a file and checks them together.</summary>
    public static CheckReport Check(params IReadOnlyList<IReadOnlyList<HistoryEvent>> files)
    {
        HistoryReader[] readers = [.. files.Select((events, number) => new HistoryReader(new MemoryStream(Write(events)), $"file-{number}"))];
        return HistoryChecker.Check(readers);
    }

    /// <summary>The bytes of a file.</summary>
    public static byte[] Write(IReadOnlyList<HistoryEvent> events)
    {
        MemoryStream bytes = new();
        using (HistoryWriter writer = new(bytes, new FrozenTime()))
        {
            foreach (HistoryEvent e in events)
            {
                writer.Write(e);
            }
        }

        return bytes.ToArray();
    }

    private sealed class FrozenTime : TimeProvider
    {
        public override long TimestampFrequency => 1_000_000_000;

        public override long GetTimestamp() => 1;
    }
}
