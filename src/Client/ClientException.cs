using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>Whom an error hurts.</summary>
public enum ErrorScope
{
    /// <summary>One request failed; the client goes on.</summary>
    Request,

    /// <summary>The connection or the client ended.</summary>
    Connection,
}

/// <summary>What every failure of a client derives from.</summary>
public abstract class ClientException : Exception
{
    private protected ClientException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    /// <summary>Whom it hurts.</summary>
    public abstract ErrorScope Scope { get; }

    /// <summary>The number on the wire, an <see cref="ErrorCode"/> or a <see cref="CloseCode"/> by the scope; 0 when there was none.</summary>
    public abstract ushort CodeValue { get; }

    /// <summary>True when the same thing may succeed later, unchanged.</summary>
    public abstract bool IsRetryable { get; }

    /// <summary>When to try again; zero = nobody named a time.</summary>
    public TimeSpan RetryAfter { get; private protected init; }
}

/// <summary>The broker answered a request with an error (protocol.md §8), or the client refused it for the reason the broker would have.</summary>
public class RequestException : ClientException
{
    internal RequestException(ErrorCode code, string reason, TimeSpan retryAfter = default)
        : base($"{code} ({(ushort)code}): {reason}")
    {
        Code = code;
        Reason = reason;
        RetryAfter = retryAfter;
    }

    /// <summary>Why.</summary>
    public ErrorCode Code { get; }

    /// <summary>The broker's sentence, for developers.</summary>
    public string Reason { get; }

    /// <inheritdoc/>
    public override ErrorScope Scope => ErrorScope.Request;

    /// <inheritdoc/>
    public override ushort CodeValue => (ushort)Code;

    /// <inheritdoc/>
    public override bool IsRetryable => ErrorCodes.IsRetryable(Code);

    /// <summary>The exception of an Error frame.</summary>
    internal static RequestException From(in Failure failure)
    {
        TimeSpan retryAfter = TimeSpan.FromMilliseconds(failure.RetryAfterMs);
        return (ErrorCode)failure.Code == ErrorCode.RateLimited
            ? new RateLimitedException(failure.Reason, retryAfter)
            : new RequestException((ErrorCode)failure.Code, failure.Reason, retryAfter);
    }
}

/// <summary>
/// Too much in too short a time: a publish where slow mode is on (protocol.md §5.3), or what else the broker limits. Nothing was done; the same request may succeed after
/// <see cref="ClientException.RetryAfter"/>. The client does not wait by itself: by then people may not want to say it any more.
/// </summary>
public sealed class RateLimitedException : RequestException
{
    internal RateLimitedException(string reason, TimeSpan retryAfter)
        : base(ErrorCode.RateLimited, reason, retryAfter)
    {
    }
}

/// <summary>
/// The connection ended before the answer came, or the client ended. The outcome of what was asked is unknown, except for a publish, whose outcome
/// is learned by publishing it again with the same client message id.
/// </summary>
public sealed class ConnectionException : ClientException
{
    internal ConnectionException(CloseReason close, bool isFinal)
        : base(isFinal ? $"the client ended: {close}" : $"the connection ended before the answer came: {close}", close.Cause)
    {
        Close = close;
        IsFinal = isFinal;
        RetryAfter = close.RetryAfter;
    }

    /// <summary>Why the connection ended.</summary>
    public CloseReason Close { get; }

    /// <summary>The close code; <see cref="CloseCode.None"/> when there was none.</summary>
    public CloseCode Code => Close.Code;

    /// <summary>True when the client has ended; false when it is coming back by itself.</summary>
    public bool IsFinal { get; }

    /// <inheritdoc/>
    public override ErrorScope Scope => ErrorScope.Connection;

    /// <inheritdoc/>
    public override ushort CodeValue => (ushort)Code;

    /// <inheritdoc/>
    public override bool IsRetryable => !IsFinal || Close.Advice != ReconnectAdvice.Never;
}

/// <summary>
/// The conversation's log is another incarnation than the one that was read: records behind <see cref="Head"/> may be gone and their numbers given to others
/// (protocol.md §6.2). The reader tells its user, drops or re-reads what it holds, and reads on from a position of the new epoch.
/// </summary>
public sealed class EpochChangedException : ClientException
{
    internal EpochChangedException(ConversationId conversation, LogPosition position, uint epoch, ulong head)
        : base($"conversation {conversation}: read up to {position}, but the log is epoch {epoch} now, up to {head}")
    {
        Conversation = conversation;
        Position = position;
        Epoch = epoch;
        Head = head;
    }

    /// <summary>The conversation.</summary>
    public ConversationId Conversation { get; }

    /// <summary>The last position that was read, of the old epoch.</summary>
    public LogPosition Position { get; }

    /// <summary>The epoch now.</summary>
    public uint Epoch { get; }

    /// <summary>The head now.</summary>
    public ulong Head { get; }

    /// <inheritdoc/>
    public override ErrorScope Scope => ErrorScope.Request;

    /// <inheritdoc/>
    public override ushort CodeValue => 0;

    /// <inheritdoc/>
    public override bool IsRetryable => false;
}

/// <summary>
/// Records between the reader's position and <see cref="First"/> are no longer kept (protocol.md §6.2). Reading on from <see cref="ResumeAfter"/>
/// accepts the gap.
/// </summary>
public sealed class HistoryTruncatedException : ClientException
{
    internal HistoryTruncatedException(ConversationId conversation, LogPosition position, uint epoch, ulong first, ulong head)
        : base($"conversation {conversation}: read up to {position}, but the oldest record kept is {first}")
    {
        Conversation = conversation;
        Position = position;
        ResumeAfter = new LogPosition(epoch, first - 1);
        First = first;
        Head = head;
    }

    /// <summary>The conversation.</summary>
    public ConversationId Conversation { get; }

    /// <summary>The last position that was read.</summary>
    public LogPosition Position { get; }

    /// <summary>Where to read on: before the oldest record that is kept.</summary>
    public LogPosition ResumeAfter { get; }

    /// <summary>Sequence of the oldest record that is kept.</summary>
    public ulong First { get; }

    /// <summary>The head now.</summary>
    public ulong Head { get; }

    /// <inheritdoc/>
    public override ErrorScope Scope => ErrorScope.Request;

    /// <inheritdoc/>
    public override ushort CodeValue => 0;

    /// <inheritdoc/>
    public override bool IsRetryable => false;
}
