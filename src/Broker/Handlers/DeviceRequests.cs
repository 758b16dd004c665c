using FastChat.Broker.Audit;
using FastChat.Broker.Identity;
using FastChat.Broker.Limits;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Handlers;

/// <summary>
/// Reauthenticate, ListDevices, NameDevice, EndDevices, BeginProof and ChangePassword (protocol.md §4.11). What is ended is durably ended first; then the connections are closed; then the answer leaves. Pool threads.
/// </summary>
internal sealed class DeviceRequests(Accounts accounts, ScramSignIn scram, AssertionSignIn vouched, SessionRegistry sessions, AuditLog audit, UserLimits limits, Router router)
{
    private const uint OverloadedRetryMs = 2000;

    /// <summary>Goes on with a newer token of the same user and device.</summary>
    public async Task<ControlAnswer> ReauthenticateAsync(Peer peer, ControlMap map)
    {
        string? token = map.Text("token", ProtocolLimits.TokenSizeMax);
        string? refresh = map.Text("refresh", ProtocolLimits.TokenSizeMax);
        string? assertion = map.Text("assertion", ProtocolLimits.AssertionSizeMax);
        if ((token is null ? 0 : 1) + (refresh is null ? 0 : 1) + (assertion is null ? 0 : 1) != 1)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "one of token, refresh and assertion is expected");
        }

        if (assertion is not null)
        {
            return await ReassertAsync(peer, assertion);
        }

        ControlAnswer wrong = ControlAnswer.Refused(ErrorCode.WrongCredentials, "the token is not one of this device, or holds no longer");
        if (token is not null)
        {
            if (await accounts.ReauthenticateAsync(peer.Actor, token) is not { } user)
            {
                return wrong;
            }

            return Extended(peer, user.HoldsUntilMicros, new TokenPair(null, null, null));
        }

        Renewal renewal = await accounts.Devices.RenewAsync(refresh!, peer.Actor);
        if (renewal.Outcome == RenewalOutcome.Reused)
        {
            sessions.CloseAllOf(renewal.User, device => device == renewal.Device, CloseCode.TokenInvalid, "a refresh token of this device was used twice");
            audit.Note(new AuditEntry(AuditAct.TokenReused) { User = renewal.User, Device = renewal.Device, Remote = peer.Remote });
        }
        else if (renewal.Outcome == RenewalOutcome.NotStored)
        {
            return ControlAnswer.Refused(renewal.Error, "the token could not be renewed", OverloadedRetryMs);
        }

        if (renewal.Tokens is not { } tokens)
        {
            return wrong;
        }

        audit.Note(new AuditEntry(AuditAct.TokensRefreshed) { User = peer.Actor.User, Device = peer.Actor.Device, Remote = peer.Remote });
        return Extended(peer, tokens.HoldsUntilMicros, new TokenPair(tokens.Token, tokens.Refresh, null));
    }

    private async Task<ControlAnswer> ReassertAsync(Peer peer, string assertion)
    {
        (SignedIn? user, SignInRefused? refused) = await vouched.ReauthenticateAsync(peer.Actor, assertion);
        if (user is null)
        {
            return refused!.RetryAfterMs != 0
                ? ControlAnswer.Refused(refused.Code == CloseCode.StoreFull ? ErrorCode.StoreFull : ErrorCode.Overloaded, refused.Reason, refused.RetryAfterMs)
                : ControlAnswer.Refused(ErrorCode.WrongCredentials, refused.Reason);
        }

        audit.Note(new AuditEntry(AuditAct.TokensRefreshed) { User = peer.Actor.User, Device = peer.Actor.Device, Remote = peer.Remote, Detail = "assertion" });
        return Extended(peer, user.HoldsUntilMicros, new TokenPair(null, null, null));
    }

    /// <summary>A page of the devices of the user, or for operators of somebody else.</summary>
    public ControlAnswer List(Actor actor, ControlMap map)
    {
        if (Denied(actor, map, out UserId user) is { } denied)
        {
            return denied;
        }

        HashSet<DeviceId> online = sessions.OnlineDevicesOf(user);
        List<object?> page = accounts.Devices.List(user, new DeviceId(map.Number("after", 0)), Paging.LimitOf(map), out bool isComplete).ConvertAll<object?>(entry => new DeviceInfo
        {
            Device = entry.Number,
            Name = entry.Device.Name,
            CreatedAtMicros = (ulong)Math.Max(0, entry.Device.CreatedMicros),
            LastSeenMicros = (ulong)Math.Max(0, online.Contains(entry.Number) ? router.NowMicros() : entry.Device.LastSeenMicros),
            SignedIn = WordOf(entry.Device.Way),
            IsCurrent = user == actor.User && entry.Number == actor.Device,
            IsOnline = online.Contains(entry.Number),
        }.ToMap());
        return ControlAnswer.Ok(new ControlMap().Set("devices", page).Set("complete", isComplete));
    }

    /// <summary>Gives a device of the user a name.</summary>
    public async Task<ControlAnswer> NameAsync(Actor actor, ControlMap map)
    {
        if (Denied(actor, new ControlMap(), out _) is { } denied)
        {
            return denied;
        }

        string name = map.Text("name", ProtocolLimits.NameSizeMax) ?? string.Empty;
        if (name.Length == 0 || name.Any(char.IsControl))
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "name: 1–64 bytes without control characters are expected");
        }

        DeviceId device = map["device"] is null ? actor.Device : new DeviceId(map.Number("device", 0));
        CommandResult result = await accounts.Devices.NameAsync(actor.User, device, name);
        if (result.Error != ErrorCode.None)
        {
            return ControlAnswer.Refused(result.Error, result.Reason);
        }

        audit.Note(new AuditEntry(AuditAct.DeviceNamed) { User = actor.User, Device = actor.Device, Target = device.ToString() });
        return ControlAnswer.Ok(new ControlMap());
    }

    /// <summary>Signs devices out: one, all others, or all.</summary>
    public async Task<ControlAnswer> EndAsync(Peer peer, ControlMap map)
    {
        Actor actor = peer.Actor;
        if (Denied(actor, map, out UserId user) is { } denied)
        {
            return denied;
        }

        bool others = map.Flag("others");
        bool all = map.Flag("all");
        DeviceId device = new(map.Number("device", 0));
        if ((others ? 1 : 0) + (all ? 1 : 0) + (device.Value != 0 ? 1 : 0) != 1 || (others && user != actor.User))
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "one of device, others (of oneself) and all is expected");
        }

        if (device.Value != 0 && accounts.Devices.Find(user, device) is null)
        {
            return ControlAnswer.Refused(ErrorCode.NoSuchDevice, "there is no such device");
        }

        List<DeviceId> ended = device.Value != 0 ? [device] : accounts.Devices.All(user).FindAll(other => all || other != actor.Device);
        CommandResult result = await accounts.Devices.EndAsync(user, ended);
        if (result.Error != ErrorCode.None)
        {
            return ControlAnswer.Refused(result.Error, result.Reason);
        }

        HashSet<DeviceId> gone = [.. ended];
        sessions.CloseAllOf(user, gone.Contains, CloseCode.SignedOut, "the device was signed out");
        audit.Note(new AuditEntry(AuditAct.DevicesEnded)
        {
            User = actor.User,
            Device = actor.Device,
            Remote = peer.Remote,
            Target = device.Value != 0 ? device.ToString() : user.ToString(),
            Detail = all ? "all" : others ? "others" : "one",
        });
        await audit.FlushAsync();
        return ControlAnswer.Ok(new ControlMap().Set("ended", (ulong)ended.Count));
    }

    /// <summary>A challenge for whoever is signed in and is to show the password again.</summary>
    public ControlAnswer BeginProof(Peer peer, ControlMap map)
    {
        if (Denied(peer.Actor, new ControlMap(), out _) is { } denied)
        {
            return denied;
        }

        if (map.Text("scram", ProtocolLimits.ScramSizeMax) is not { } text)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "scram: a client-first-message is expected");
        }

        if (scram.TryRead(text, peer.Bindings, out ScramClientFirst? first, out ChannelBinding? binding) is { } refused)
        {
            return ControlAnswer.Refused(refused.Code == CloseCode.BadFrame ? ErrorCode.BadRequest : ErrorCode.MechanismRefused, refused.Reason);
        }

        if (scram.Challenge(peer.Actor.User, first!, binding, peer.Bindings, map.Flag("changes")) is not { } exchange)
        {
            return ControlAnswer.Refused(ErrorCode.MechanismRefused, "there is nothing to check a proof of this account with: show the password");
        }

        peer.TakeChallenge(exchange);
        return ControlAnswer.Ok(exchange.Challenge.ToMap());
    }

    /// <summary>Another password; all other devices are ended.</summary>
    public async Task<ControlAnswer> ChangePasswordAsync(Peer peer, ControlMap map)
    {
        Actor actor = peer.Actor;
        if (Denied(actor, new ControlMap(), out _) is { } denied)
        {
            return denied;
        }

        Proof proof = Proof.Parse(map);
        string? old = map.Text("password", ProtocolLimits.HelloSizeMax);
        string? next = map.Text("new", ProtocolLimits.HelloSizeMax);
        if (proof.Scram is null && (old is null || next is null))
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "password and new, or a proof (scram, stored_key, server_key), are expected");
        }

        if (proof.Scram is null && !accounts.Passwords.TakesPlain)
        {
            return ControlAnswer.Refused(ErrorCode.MechanismRefused, "no password is taken here: prove it (BeginProof)");
        }

        if (!limits.TryTake(actor, Budget.Passwords, 1, out uint retryAfterMs))
        {
            return ControlAnswer.TryLater(retryAfterMs, "the password was tried too often");
        }

        bool renews = map.Flag("renews");
        (CommandResult result, IssuedTokens? tokens, string? signature) = proof.Scram is not null
            ? await scram.ChangePasswordAsync(actor, peer.TakeChallenge(), proof, renews)
            : await WithPasswordAsync(peer, old!, next!, renews);
        if (tokens is null)
        {
            return ControlAnswer.Refused(result.Error, result.Reason, result.Error == ErrorCode.Overloaded ? OverloadedRetryMs : 0);
        }

        sessions.CloseAllOf(actor.User, device => device != actor.Device, CloseCode.SignedOut, "the password was changed");
        audit.Note(new AuditEntry(AuditAct.PasswordChanged) { User = actor.User, Device = actor.Device, Remote = peer.Remote, Detail = signature is null ? "password" : "scram" });
        await audit.FlushAsync();
        ControlAnswer answer = Extended(peer, tokens.HoldsUntilMicros, new TokenPair(tokens.Token, tokens.Refresh, null));
        answer.Map!.Set("ended", (ulong)result.Count).Set("scram", signature);
        return answer;
    }

    private async Task<(CommandResult Result, IssuedTokens? Tokens, string? Signature)> WithPasswordAsync(Peer peer, string old, string next, bool renews)
    {
        (CommandResult result, IssuedTokens? tokens) = await accounts.ChangePasswordAsync(peer.Actor, old, next, renews, AddressKey.Of(peer.Remote));
        return (result, tokens, null);
    }

    private static string WordOf(SignInWay way) => way switch
    {
        SignInWay.Password => "password",
        SignInWay.External => "external",
        _ => "token",
    };

    private ControlAnswer Extended(Peer peer, long untilMicros, TokenPair pair)
    {
        peer.HoldsUntilMicros = untilMicros;
        return ControlAnswer.Ok((pair with { Seconds = untilMicros == 0 ? null : (ulong)Math.Max(0, untilMicros - router.NowMicros()) / 1_000_000 }).ToMap());
    }

    /// <summary>Whose devices are meant, and whether the actor may.</summary>
    private static ControlAnswer? Denied(Actor actor, ControlMap map, out UserId user)
    {
        user = map["user"] is null ? actor.User : new UserId(map.Id("user"));
        OperatorOperation operation = user == actor.User ? OperatorOperation.ManageOwnDevices : OperatorOperation.ManageUsers;
        return OperatorPolicy.Decide(operation, actor.Rights) == ErrorCode.None
            ? null
            : ControlAnswer.Refused(ErrorCode.Forbidden, "one manages one's own devices; operators those of others");
    }
}
