using FastChat.Broker.Audit;
using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Handlers;

/// <summary>CreateService, ListServices and RevokeService, for operators (protocol.md §4.8). Pool threads.</summary>
internal sealed class ServiceRequests(ServiceAccounts services, SessionRegistry sessions, IConversationLog log, AuditLog audit)
{
    /// <summary>Makes the account of a program.</summary>
    public async Task<ControlAnswer> CreateAsync(Actor actor, ControlMap map)
    {
        if (Denied(actor) is { } denied)
        {
            return denied;
        }

        string? name = map.Text("name", ProtocolLimits.HelloSizeMax);
        if (!Names.TryCanonicalize(name, out string? canonical))
        {
            return ControlAnswer.Refused(ErrorCode.NameInvalid, "1–64 of a–z A–Z 0–9 . _ -, beginning with a letter or digit");
        }

        if (ServiceInfo.ParseRights(map.Texts("rights", ProtocolLimits.NameSizeMax) ?? []) is not { } rights || rights == ServiceRights.None)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "rights: some of publish, import and read are expected");
        }

        ConversationId[]? conversations = map.Ids("conversations")?.Select(id => new ConversationId(id)).ToArray();
        if (conversations is not null && Array.Exists(conversations, conversation => ConversationMeta.ReadLiving(log.Get(Table.State, ConversationKeys.Meta(conversation))) is null))
        {
            return ControlAnswer.Refused(ErrorCode.NoSuchConversation, "conversations: there is no such conversation");
        }

        if (services.IsFull)
        {
            return ControlAnswer.Refused(ErrorCode.TooMany, $"a broker has at most {ServiceAccounts.CountMax} service accounts");
        }

        (UserId user, string token, CommandResult result) = await services.CreateAsync(actor, name!, canonical, rights, conversations);
        if (result.Error == ErrorCode.None)
        {
            audit.Note(new AuditEntry(AuditAct.ServiceCreated) { User = actor.User, Device = actor.Device, Target = user.ToString(), Detail = string.Join(',', ServiceInfo.NamesOf(rights)) });
            await audit.FlushAsync();
        }

        return result.Error switch
        {
            ErrorCode.None => ControlAnswer.Ok(new ControlMap().SetId("user", user.Value).Set("token", token)),
            ErrorCode.NameTaken => ControlAnswer.Refused(ErrorCode.NameTaken, "an account has this name"),
            _ => ControlAnswer.Refused(result.Error, result.Reason),
        };
    }

    /// <summary>A page of the accounts of programs.</summary>
    public ControlAnswer List(Actor actor, ControlMap map)
    {
        if (Denied(actor) is { } denied)
        {
            return denied;
        }

        int limit = (int)Math.Min(map.Number("limit", 0), ProtocolLimits.ControlArrayMax);
        List<ServiceInfo> page = services.List(new UserId(map.Id("after")), limit == 0 ? ProtocolLimits.ControlArrayMax : limit, out bool isComplete);
        return ControlAnswer.Ok(new ControlMap().Set("services", page.Select(service => service.ToMap()).ToList<object?>()).Set("complete", isComplete));
    }

    /// <summary>Ends the account of a program, and its open sessions before the answer leaves.</summary>
    public async Task<ControlAnswer> RevokeAsync(Actor actor, ControlMap map)
    {
        if (Denied(actor) is { } denied)
        {
            return denied;
        }

        UserId user = map["user"] is null ? throw new ControlFormatException("user: an id is expected") : new UserId(map.Id("user"));
        CommandResult result = await services.RevokeAsync(user);
        if (result.Error != ErrorCode.None)
        {
            return ControlAnswer.Refused(result.Error, result.Reason);
        }

        sessions.CloseAllOf(user, CloseCode.TokenInvalid, "the service account was ended");
        audit.Note(new AuditEntry(AuditAct.ServiceRevoked) { User = actor.User, Device = actor.Device, Target = user.ToString() });
        await audit.FlushAsync();
        return ControlAnswer.Ok(new ControlMap());
    }

    private static ControlAnswer? Denied(Actor actor) => OperatorPolicy.Decide(OperatorOperation.ManageServices, actor.Rights) == ErrorCode.None
        ? null
        : ControlAnswer.Refused(ErrorCode.Forbidden, "only operators manage service accounts");
}
