namespace FastChat.History;

/// <summary>A line is no event, or a file no history. The run cannot be judged: that is neither a pass nor a violation.</summary>
public sealed class HistoryFormatException : Exception
{
    /// <summary>Says where and what.</summary>
    public HistoryFormatException(string file, long line, string reason, Exception? inner = null)
        : base($"{file}:{line}: {reason}", inner)
    {
        File = file;
        Line = line;
        Reason = reason;
    }

    /// <summary>The file.</summary>
    public string File { get; }

    /// <summary>The line, from 1.</summary>
    public long Line { get; }

    /// <summary>What is wrong with it.</summary>
    public string Reason { get; }
}
