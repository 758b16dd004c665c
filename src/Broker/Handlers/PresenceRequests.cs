using FastChat.Broker.Presence;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Handlers;

/// <summary>The control requests about presence (protocol.md §4.9): judges the fields and asks the room. Pool threads.</summary>
internal sealed class PresenceRequests(PresenceRoom room, TimeProvider clock)
{
    /// <summary>Changes how the user is seen, or says how that is.</summary>
    public async Task<ControlAnswer> SetAsync(Peer peer, ControlMap map)
    {
        string? chosen = map.Text("availability", ProtocolLimits.NameSizeMax);
        Availability availability = Availabilities.Parse(chosen);
        if (chosen is not null && availability == Availability.Offline)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "availability: \"online\", \"away\", \"dnd\" or \"invisible\"");
        }

        string? status = map.Text("status", ProtocolLimits.StatusSizeMax);
        if (status is not null && status.Any(char.IsControl))
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "status: one line without control characters");
        }

        long until = (long)map.Number("status_until", 0, long.MaxValue);
        long nowMicros = (clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        if (until != 0 && (status is null || until <= nowMicros))
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "status_until: a time to come, with a status");
        }

        bool? isIdle = map["idle"] is null ? null : map.Flag("idle");
        PresenceChange change = new(chosen is null ? null : availability, status, until, isIdle);
        (PresenceSetting setting, ErrorCode error, uint retryAfterMs) = await room.SetAsync(peer, change);
        return error == ErrorCode.None
            ? ControlAnswer.Ok(setting.ToMap())
            : ControlAnswer.Refused(error, error == ErrorCode.RateLimited ? "presence changes once a second, and five times at once" : "the change was not stored") with { RetryAfterMs = retryAfterMs };
    }

    /// <summary>Begins or ends a watch.</summary>
    public async Task<ControlAnswer> WatchAsync(Peer peer, ControlMap map)
    {
        ConversationId conversation = new(map.Id("conversation"));
        if (conversation.IsNone)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "conversation: an id is expected");
        }

        if (map["watch"] is not null && !map.Flag("watch"))
        {
            room.Unwatch(peer, conversation);
            return ControlAnswer.Ok(new ControlMap());
        }

        (PresenceLook? look, ErrorCode error) = await room.WatchAsync(peer, conversation);
        if (look is null)
        {
            return ControlAnswer.Refused(error, error switch
            {
                ErrorCode.TooMany => "too many watches, or too many members",
                ErrorCode.Forbidden => "only members are told who is there",
                _ => "no such conversation",
            });
        }

        if (!peer.TakesSignals)
        {
            // A look and no more: nothing is sent to who did not ask for it in Hello.
            room.Unwatch(peer, conversation);
            return ControlAnswer.Ok(look.Snapshot.ToMap());
        }

        return ControlAnswer.Ok(look.Snapshot.ToMap()) with { Sent = look.Activate };
    }
}
