namespace FastChat.Protocol;

/// <summary>The peer broke the protocol: the connection ends with <see cref="Code"/>. The only exception that reading frames raises.</summary>
public sealed class ProtocolViolationException : Exception
{
    /// <summary>Makes the exception with the code and the sentence that the peer is told.</summary>
    public ProtocolViolationException(CloseCode code, string message)
        : base(message) => Code = code;

    /// <summary>What the connection is closed with.</summary>
    public CloseCode Code { get; }
}
