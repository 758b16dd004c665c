using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>Where a client stands.</summary>
public enum ConnectionPhase
{
    /// <summary>A transport is being opened, or the sign-in is under way.</summary>
    Connecting,

    /// <summary>Signed in.</summary>
    Connected,

    /// <summary>The connection ended; the client waits before it tries again.</summary>
    Waiting,

    /// <summary>The client ended and will not come back by itself.</summary>
    Closed,
}

/// <summary>Why a connection ended.</summary>
/// <param name="Code">The close code; <see cref="CloseCode.None"/> when the connection broke, or could not be made, without a Close.</param>
/// <param name="Text">For a developer's eyes.</param>
/// <param name="RetryAfter">When the broker asked to be called again; zero = it named no time.</param>
/// <param name="Cause">What failed on this side; null when the broker closed.</param>
public sealed record CloseReason(CloseCode Code, string Text, TimeSpan RetryAfter, Exception? Cause)
{
    /// <summary>Whose word it is: true when this client closed, so the code says what the broker did wrong and not what the client should do.</summary>
    public bool IsLocal { get; init; }

    /// <summary>This side cannot go on, whatever the code says.</summary>
    internal bool IsFatal { get; init; }

    /// <summary>What to do next. A connection that broke without a word is taken up again.</summary>
    public ReconnectAdvice Advice =>
        IsFatal ? ReconnectAdvice.Never :
        IsLocal || Code == CloseCode.None ? ReconnectAdvice.Now :
        CloseCodes.AdviceOf(Code);

    /// <inheritdoc/>
    public override string ToString() => Code == CloseCode.None ? Text : $"{Code} ({(ushort)Code}): {Text}";
}

/// <summary>A client's state.</summary>
/// <param name="Phase">Where it stands.</param>
/// <param name="LastClose">Why the last connection ended; null before the first one did.</param>
/// <param name="Attempts">Attempts in a row since the last stable connection.</param>
public sealed record ConnectionState(ConnectionPhase Phase, CloseReason? LastClose, int Attempts);
