using FastChat.History;

namespace FastChat.Cli;

/// <summary>Opens the file of <c>--history</c>.</summary>
internal static class HistoryFile
{
    /// <summary>Begins a history; what the file held is gone.</summary>
    /// <exception cref="CliException">It cannot be written.</exception>
    public static HistoryWriter Create(string path, TimeProvider time)
    {
        try
        {
            return HistoryWriter.Create(path, time);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"{SafeText.OneLine(path)} cannot be written: {SafeText.OneLine(failure.Message)}", inner: failure);
        }
    }
}
