using FastChat.Broker.Audit;
using FastChat.Broker.Identity;
using FastChat.Broker.Limits;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Handlers;

/// <summary>ResolveUsers and ImportUsers. Pool threads.</summary>
internal sealed class UserRequests(Accounts accounts, UserLimits limits, AuditLog audit)
{
    /// <summary>Users by name or by id, in the order asked.</summary>
    public ControlAnswer Resolve(Actor actor, ControlMap map)
    {
        string[]? names = map.Texts("names", ProtocolLimits.NameSizeMax);
        UInt128[]? ids = map.Ids("users");
        if ((names is null) == (ids is null))
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "either names or users is expected");
        }

        // Ahead of the look: an answer that is refused must not have told anything, not even by the time it took.
        if (!limits.TryTake(actor, names is not null ? Budget.Names : Budget.Ids, names?.Length ?? ids!.Length, out uint retryAfterMs))
        {
            return ControlAnswer.TryLater(retryAfterMs, "too many users were looked up");
        }

        IEnumerable<UserInfo?> found = names is not null
            ? names.Select(accounts.Find)
            : ids!.Select(id => accounts.Find(new UserId(id)));
        return ControlAnswer.Ok(new ControlMap().Set("users", found.Select(user => user?.ToMap()).ToList<object?>()));
    }

    /// <summary>People of another system get ids here.</summary>
    public async Task<ControlAnswer> ImportAsync(Actor actor, ControlMap map)
    {
        ErrorCode denied = OperatorPolicy.Decide(OperatorOperation.ImportUsers, actor.Rights);
        if (denied != ErrorCode.None)
        {
            return ControlAnswer.Refused(denied, "this account may not import");
        }

        string[] names = map.Texts("names", ProtocolLimits.NameSizeMax) ?? throw new ControlFormatException("names: texts are expected");
        if (Array.Find(names, name => !Names.IsExternalName(name)) is not null)
        {
            return ControlAnswer.Refused(ErrorCode.NameInvalid, "an imported name is 1–64 bytes without control characters");
        }

        UserId[] users = await accounts.ImportAsync(names, CancellationToken.None);
        audit.Note(new AuditEntry(AuditAct.UsersImported) { User = actor.User, Device = actor.Device, Detail = names.Length.ToString(System.Globalization.CultureInfo.InvariantCulture) });
        return ControlAnswer.Ok(new ControlMap().Set("users", users.Select(user => ControlMap.IdBytes(user.Value)).ToList<object?>()));
    }
}
