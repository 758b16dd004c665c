namespace FastChat.Cli;

/// <summary>What the operator or user did or met that a verb cannot get past: one line on stderr and an exit code.</summary>
internal sealed class CliException : Exception
{
    /// <summary>Makes the exception with its one-line reason.</summary>
    public CliException(string message, int exitCode = ExitCodes.Failed, Exception? inner = null)
        : base(message, inner) => ExitCode = exitCode;

    /// <summary>See <see cref="ExitCodes"/>.</summary>
    public int ExitCode { get; }

    /// <summary>The command line itself is wrong.</summary>
    public static CliException Usage(string message) => new(message, ExitCodes.Usage);
}

/// <summary>What every verb ends with; scripts rely on these three.</summary>
internal static class ExitCodes
{
    /// <summary>Did it.</summary>
    public const int Done = 0;

    /// <summary>Failed, with a one-line reason on stderr.</summary>
    public const int Failed = 1;

    /// <summary>Wrong usage.</summary>
    public const int Usage = 2;
}
