using System.Runtime.CompilerServices;

using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <content>Presence and typing (protocol.md §4.9).</content>
public sealed partial class FastChatClient
{
    /// <summary>
    /// Somebody in a conversation that this client reads begins to type or to record, or no longer does. An end comes by itself when nothing was heard for eight seconds; that call comes from a timer, and never beside another
    /// one of this event. Only with <see cref="ClientOptions.Signals"/>.
    /// </summary>
    public event Action<TypingNotice>? TypingChanged
    {
        add => _session.TypingChanged += value;
        remove => _session.TypingChanged -= value;
    }

    /// <summary>Changes how the user is seen, and says how that is now; what is null stays as it is. Durable when it returns. Asked again by itself when the connection breaks.</summary>
    /// <param name="availability">Online, away, do-not-disturb or invisible; on every device, until it is changed.</param>
    /// <param name="status">A line of at most 128 bytes; empty takes it away.</param>
    /// <param name="statusUntil">When the line goes by itself; only with a line.</param>
    /// <param name="isIdle">Nobody is at this device: when that is so of all, the user is away. It ends with the session and is not stored.</param>
    /// <param name="cancellationToken">Stops waiting; the change may be made all the same.</param>
    /// <exception cref="RequestException">BAD_REQUEST, RATE_LIMITED, STORE_FULL.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<PresenceSetting> SetPresenceAsync(
        Availability? availability = null, string? status = null, DateTimeOffset? statusUntil = null, bool? isIdle = null, CancellationToken cancellationToken = default)
    {
        ControlMap body = new ControlMap()
            .Set("availability", availability is { } chosen ? Availabilities.NameOf(chosen) : null)
            .Set("status", status)
            .Set("status_until", statusUntil is { } until ? (until - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond : null)
            .Set("idle", isIdle);
        return ControlAsync(FrameType.SetPresence, body, isIdempotent: true, PresenceSetting.Parse, cancellationToken);
    }

    /// <summary>
    /// Watches who of a conversation is there: first everybody, then what changes, for as long as the caller enumerates. After a reconnect everybody comes again, by itself. Who takes slowly gets the latest state and not every one. A
    /// conversation can be watched once at a time by one client, and 64 of them at once. The stream ends without an error when the user is removed from the conversation. Without
    /// <see cref="ClientOptions.Signals"/> nothing comes behind the first.
    /// </summary>
    /// <param name="conversation">The conversation; the user is a member of it.</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <exception cref="InvalidOperationException">This client watches the conversation already.</exception>
    /// <exception cref="RequestException">FORBIDDEN, NO_SUCH_CONVERSATION, TOO_MANY, or UNSUPPORTED by an older broker.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public async IAsyncEnumerable<PresenceUpdate> WatchPresenceAsync(ConversationId conversation, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        PresenceWatch watch = _session.BeginWatching(conversation);
        try
        {
            while (await watch.TakeAsync(cancellationToken).ConfigureAwait(Continuation.InContext) is { } update)
            {
                yield return update;
            }
        }
        finally
        {
            _session.StopWatching(watch);
        }
    }

    /// <summary>
    /// Says that the user types (or records, or stopped) in a conversation. To be called for every key: it sends at most one signal in five seconds, and none that would be late. Nothing comes back, and nothing of it is kept.
    /// </summary>
    /// <param name="conversation">Where.</param>
    /// <param name="kind">What the user does.</param>
    public Task SignalTypingAsync(ConversationId conversation, SignalKind kind = SignalKind.Typing)
    {
        if (kind is < SignalKind.Typing or > SignalKind.Stopped)
        {
            throw new ArgumentOutOfRangeException(nameof(kind));
        }

        _session.SignalTyping(conversation, kind);
        return Task.CompletedTask;
    }
}
