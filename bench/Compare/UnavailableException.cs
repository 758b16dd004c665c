namespace FastChat.Bench.Compare;

/// <summary>A system cannot be started here. The message is one line and says what to install or change.</summary>
public sealed class UnavailableException(string message) : Exception(message);
