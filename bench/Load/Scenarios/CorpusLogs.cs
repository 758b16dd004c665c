using FastChat.Bench.Compare;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>Chat logs in memory, a line a message; what ends a line is not part of it. Logs without a line are left out.</summary>
internal sealed class CorpusLogs
{
    private const string Pattern = "*.raw.txt";

    private CorpusLogs(IReadOnlyList<CorpusLog> logs)
    {
        Logs = logs;
        Lines = logs.Sum(log => (long)log.Count);
        BytesMax = logs.Max(log => Enumerable.Range(0, log.Count).Max(i => log[i].Length));
    }

    /// <summary>The logs in the order of their names.</summary>
    public IReadOnlyList<CorpusLog> Logs { get; }

    /// <summary>Lines of all logs.</summary>
    public long Lines { get; }

    /// <summary>Bytes of the longest line.</summary>
    public int BytesMax { get; }

    /// <summary>Where logs are when nobody says: in the data that is shared beside the checkout.</summary>
    public static string DefaultDirectory => Path.GetFullPath(Path.Combine(SourceTree.Root, "..", "shared", "data", "ubuntu-irc"));

    /// <summary>Reads all logs of a directory.</summary>
    /// <exception cref="RunFailedException">There are none.</exception>
    public static CorpusLogs Load(string directory)
    {
        CorpusLog[] logs = Directory.Exists(directory)
            ? [.. Directory.EnumerateFiles(directory, Pattern).Order(StringComparer.Ordinal).Select(CorpusLog.Read).Where(log => log.Count > 0)]
            : [];
        return logs.Length > 0 ? new CorpusLogs(logs) : throw new RunFailedException($"there are no chat logs ({Pattern}) in {directory}: say with --corpus DIR where they are");
    }
}

/// <summary>The lines of one log.</summary>
internal sealed class CorpusLog
{
    private readonly byte[] _bytes;
    private readonly List<Range> _lines = [];

    private CorpusLog(byte[] bytes)
    {
        _bytes = bytes;
        foreach (Range line in bytes.AsSpan().Split((byte)'\n'))
        {
            _lines.Add(line);
        }

        // Behind the last line's end is no line.
        if (_lines[^1].Start.Value == bytes.Length)
        {
            _lines.RemoveAt(_lines.Count - 1);
        }
    }

    /// <summary>Number of lines.</summary>
    public int Count => _lines.Count;

    /// <summary>A line.</summary>
    public ReadOnlySpan<byte> this[int line] => _bytes.AsSpan(_lines[line]);

    /// <summary>Reads a log.</summary>
    public static CorpusLog Read(string file) => new(File.ReadAllBytes(file));
}
