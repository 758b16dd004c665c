using FastChat.Broker.Audit;
using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Handlers;

/// <summary>SuspendUser, ListUsers and ListSessions, for operators (protocol.md §4.11). Pool threads.</summary>
internal sealed class AccountRequests(Accounts accounts, SessionRegistry sessions, AuditLog audit, Router router)
{
    /// <summary>Shuts somebody out, or lets them in again.</summary>
    public async Task<ControlAnswer> SuspendAsync(Peer peer, ControlMap map)
    {
        if (Denied(peer.Actor) is { } denied)
        {
            return denied;
        }

        if (map["user"] is null || map["suspended"] is null)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "user and suspended are expected");
        }

        UserId user = new(map.Id("user"));
        bool isSuspended = map.Flag("suspended");
        CommandResult result = await accounts.SuspendAsync(user, isSuspended);
        if (result.Error != ErrorCode.None)
        {
            return ControlAnswer.Refused(result.Error, result.Reason);
        }

        if (isSuspended)
        {
            // Also when they were before: a close is asked for once more, and does no harm.
            sessions.CloseAllOf(user, CloseCode.Suspended, "the account is suspended");
        }

        audit.Note(new AuditEntry(isSuspended ? AuditAct.UserSuspended : AuditAct.UserRestored)
        {
            User = peer.Actor.User,
            Device = peer.Actor.Device,
            Remote = peer.Remote,
            Target = user.ToString(),
        });
        await audit.FlushAsync();
        return ControlAnswer.Ok(new ControlMap().Set("changed", result.Changed));
    }

    /// <summary>A page of the accounts, of all or of those whose name begins so.</summary>
    public ControlAnswer ListUsers(Actor actor, ControlMap map)
    {
        if (Denied(actor) is { } denied)
        {
            return denied;
        }

        UserId after = new(map.Id("after"));
        List<AccountInfo> page = map.Text("prefix", ProtocolLimits.NameSizeMax) is { Length: > 0 } prefix
            ? accounts.Find(prefix, after, Paging.LimitOf(map), out bool isComplete)
            : accounts.List(after, Paging.LimitOf(map), out isComplete);
        return ControlAnswer.Ok(new ControlMap().Set("users", page.ConvertAll<object?>(static account => account.ToMap())).Set("complete", isComplete));
    }

    /// <summary>A page of the sessions that have a connection. What comes or goes between two pages may be missing or not.</summary>
    public ControlAnswer ListSessions(Actor actor, ControlMap map)
    {
        if (Denied(actor) is { } denied)
        {
            return denied;
        }

        UserId? user = map["user"] is null ? null : new UserId(map.Id("user"));
        UInt128 after = map.Id("after");
        int limit = Paging.LimitOf(map);
        List<Peer> found = router.Peers.All()
            .Where(peer => peer.Session.Value > after && (user is null || peer.Actor.User == user))
            .OrderBy(static peer => peer.Session.Value)
            .Take(limit + 1)
            .ToList();
        long now = router.NowMicros();
        List<object?> page = found.Take(limit).Select(peer => (object?)new SessionInfo
        {
            Session = peer.Session,
            User = peer.Actor.User,
            Name = peer.Name,
            Device = peer.Actor.Device,
            Remote = peer.Remote,
            TokenSeconds = peer.HoldsUntilMicros == 0 ? null : (ulong)Math.Max(0, peer.HoldsUntilMicros - now) / 1_000_000,
        }.ToMap()).ToList();
        return ControlAnswer.Ok(new ControlMap().Set("sessions", page).Set("complete", found.Count <= limit));
    }

    private static ControlAnswer? Denied(Actor actor) => OperatorPolicy.Decide(OperatorOperation.ManageUsers, actor.Rights) == ErrorCode.None
        ? null
        : ControlAnswer.Refused(ErrorCode.Forbidden, "only operators manage accounts");
}

/// <summary>How many things of a list a request asks for (protocol.md §4.6).</summary>
internal static class Paging
{
    /// <summary>Of <c>limit</c>; absent, 0 and more than may be mean as many as may be.</summary>
    public static int LimitOf(ControlMap map)
    {
        int limit = (int)Math.Min(map.Number("limit", 0), ProtocolLimits.ControlArrayMax);
        return limit == 0 ? ProtocolLimits.ControlArrayMax : limit;
    }
}
