using FastChat.Broker.Audit;
using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Handlers;

/// <summary>CreateService, ListServices, ChangeServiceKeys and RevokeService, for operators (protocol.md §4.8). Pool threads.</summary>
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

        if (!TryCredential(map, out ServiceCredential? credential, out ControlAnswer? wrong))
        {
            return wrong!.Value;
        }

        (UserId user, string? token, CommandResult result) = await services.CreateAsync(actor, name!, canonical, rights, conversations, credential);
        if (result.Error == ErrorCode.None)
        {
            string way = credential?.Key is { } key ? $" key {key.Thumbprint}" : credential is not null ? " certificate" : string.Empty;
            audit.Note(new AuditEntry(AuditAct.ServiceCreated) { User = actor.User, Device = actor.Device, Target = user.ToString(), Detail = string.Join(',', ServiceInfo.NamesOf(rights)) + way });
            await audit.FlushAsync();
        }

        return result.Error switch
        {
            ErrorCode.None => ControlAnswer.Ok(new ControlMap().SetId("user", user.Value).Set("token", token).Set("key", credential?.Key?.Thumbprint)),
            ErrorCode.NameTaken => ControlAnswer.Refused(ErrorCode.NameTaken, "an account has this name"),
            _ => ControlAnswer.Refused(result.Error, result.Reason),
        };
    }

    /// <summary>Another public key for the account of a program, or one less. What was signed in goes when one is taken away: nobody can say which of them let it in.</summary>
    public async Task<ControlAnswer> ChangeKeysAsync(Actor actor, ControlMap map)
    {
        if (Denied(actor) is { } denied)
        {
            return denied;
        }

        UserId user = map["user"] is null ? throw new ControlFormatException("user: an id is expected") : new UserId(map.Id("user"));
        string? removed = map.Text("remove", ProtocolLimits.NameSizeMax);
        string? text = map.Text("add", ProtocolLimits.PublicKeySizeMax);
        if (text is null && removed is null)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "add, remove or both are expected");
        }

        VerificationKey? added = null;
        if (text is not null && !VerificationKey.TryParse(text, out added, out string reason))
        {
            return ControlAnswer.Refused(ErrorCode.KeyInvalid, $"add: {reason}");
        }

        if (added is not null && added.Thumbprint == removed)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "add and remove are the same key");
        }

        (CommandResult result, IReadOnlyList<VerificationKey> keys) = await services.ChangeKeysAsync(user, added, removed);
        if (result.Error != ErrorCode.None)
        {
            return ControlAnswer.Refused(result.Error, result.Reason);
        }

        if (result.Count > 0)
        {
            sessions.CloseAllOf(user, CloseCode.TokenExpired, "a key of the service account was taken away");
        }

        audit.Note(new AuditEntry(AuditAct.ServiceKeysChanged) { User = actor.User, Device = actor.Device, Target = user.ToString(), Detail = string.Join(' ', keys.Select(static key => key.Thumbprint)) });
        await audit.FlushAsync();
        return ControlAnswer.Ok(new ControlMap().Set("keys", keys.Select(static key => key.Thumbprint).ToList<object?>()));
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

    private static bool TryCredential(ControlMap map, out ServiceCredential? credential, out ControlAnswer? wrong)
    {
        string? text = map.Text("key", ProtocolLimits.PublicKeySizeMax);
        string? certificate = map.Text("certificate", ProtocolLimits.CertificateNameSizeMax);
        (credential, wrong) = (null, null);
        if (text is not null && certificate is not null)
        {
            wrong = ControlAnswer.Refused(ErrorCode.BadRequest, "key or certificate, not both");
        }
        else if (text is not null)
        {
            wrong = VerificationKey.TryParse(text, out VerificationKey? key, out string reason) ? null : ControlAnswer.Refused(ErrorCode.KeyInvalid, $"key: {reason}");
            credential = new ServiceCredential(key, null);
        }
        else if (certificate is not null)
        {
            // As it stands in the certificate, byte for byte: no patterns, no folding of case.
            bool isName = certificate.Length > "dns:".Length && (certificate.StartsWith("dns:", StringComparison.Ordinal) || certificate.StartsWith("uri:", StringComparison.Ordinal)) && certificate.All(static character => character is > ' ' and < '\x7f');
            wrong = isName ? null : ControlAnswer.Refused(ErrorCode.KeyInvalid, "certificate: dns:NAME or uri:URI of the certificate's subject alternative name is expected");
            credential = new ServiceCredential(null, certificate);
        }

        return wrong is null;
    }

    private static ControlAnswer? Denied(Actor actor) => OperatorPolicy.Decide(OperatorOperation.ManageServices, actor.Rights) == ErrorCode.None
        ? null
        : ControlAnswer.Refused(ErrorCode.Forbidden, "only operators manage service accounts");
}
