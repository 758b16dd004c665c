using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>What a watch of a conversation's people brings: first everything, then what is different. It tells states and no events: what came and went in between is not told.</summary>
/// <param name="IsRestart">Everything that was known before is void, as at the beginning and after a reconnect.</param>
/// <param name="Online">Members who are not offline.</param>
/// <param name="Members">All members.</param>
/// <param name="Entries">People as they are now, to take the place of what was known of the same people; null in a large conversation, where there are only numbers.</param>
public sealed record PresenceUpdate(bool IsRestart, int Online, int Members, IReadOnlyList<PresenceEntry>? Entries);

/// <summary>Somebody begins to type or to record, or no longer does.</summary>
/// <param name="Conversation">Where.</param>
/// <param name="User">Who.</param>
/// <param name="Kind">What they do now; <see cref="SignalKind.Stopped"/> also when nothing was heard for as long as the last signal was good for.</param>
public readonly record struct TypingNotice(ConversationId Conversation, UserId User, SignalKind Kind);
