namespace FastChat.Bench.Load.Scenarios;

/// <summary>A run could not be made: a system refused, broke or never became ready. The message is one line.</summary>
internal sealed class RunFailedException(string message) : Exception(message);
