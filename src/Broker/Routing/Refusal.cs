using FastChat.Protocol;

namespace FastChat.Broker.Routing;

/// <summary>Why a command was refused, with nothing changed; the default refuses nothing.</summary>
/// <param name="Code">None when it was not refused.</param>
/// <param name="Reason">For developers.</param>
/// <param name="RetryAfterMs">When the same request may succeed, ms; 0 = no telling.</param>
internal readonly record struct Refusal(ErrorCode Code, string Reason, uint RetryAfterMs = 0)
{
    public static Refusal NoSuchConversation => new(ErrorCode.NoSuchConversation, "no such conversation");
}
