namespace FastChat.Bench.Report.Results;

/// <summary>A file is no result of bench/load.sh. The message is one line that names the file and what is wrong.</summary>
internal sealed class UnreadableResultException(string file, string reason) : Exception($"{file} is not a result of bench/load.sh: {reason}");
