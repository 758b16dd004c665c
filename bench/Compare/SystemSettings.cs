namespace FastChat.Bench.Compare;

/// <summary>How the harness wants a system started.</summary>
/// <param name="DataDirectory">An empty directory of its own, on the disk whose flushes are counted.</param>
/// <param name="Transport">tcp, tls or ws: what its clients will speak.</param>
/// <param name="Prefix">Words to put before the server's command, such as <c>taskset -c 0</c>; empty for none.</param>
public sealed record SystemSettings(string DataDirectory, string Transport, IReadOnlyList<string> Prefix)
{
    /// <summary>The file that its clients' history goes into; null for none. Only systems with <see cref="SystemUnderTest.IsRecordable"/> are given one.</summary>
    public string? HistoryFile { get; init; }
}
