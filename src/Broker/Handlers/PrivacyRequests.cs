using FastChat.Broker.Audit;
using FastChat.Broker.Identity;
using FastChat.Broker.Limits;
using FastChat.Broker.Privacy;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Handlers;

/// <summary>ExportPerson, GetExport and ErasePerson (protocol.md §4.12): for oneself, and for operators about others. Pool threads.</summary>
internal sealed class PrivacyRequests(Accounts accounts, ScramSignIn scram, PersonExports exports, PersonErasures erasures, UserLimits limits, AuditLog audit)
{
    /// <summary>Begins an export, ends one, or says how it goes.</summary>
    public async Task<ControlAnswer> ExportAsync(Actor actor, ControlMap map)
    {
        if (Denied(actor, map, OperatorOperation.ExportOwn, OperatorOperation.ExportOthers, out UserId user) is { } denied)
        {
            return denied;
        }

        if (!exports.IsSupported)
        {
            return ControlAnswer.Refused(ErrorCode.Unsupported, "this broker has no directory for exports");
        }

        if (map.Flag("discard"))
        {
            exports.Discard(user);
        }
        else if (map.Flag("begin") && exports.Of(user).State is not (ExportState.Running or ExportState.Ready))
        {
            if (user != actor.User && accounts.RecordOf(user) is null)
            {
                return ControlAnswer.Refused(ErrorCode.NoSuchUser, "there is no such user");
            }

            if (user == actor.User && !limits.TryTake(actor, Budget.Exports, 1, out uint retryAfterMs))
            {
                return ControlAnswer.TryLater(retryAfterMs, "too many exports in too short a time");
            }

            audit.Note(new AuditEntry(AuditAct.PersonExported) { User = actor.User, Device = actor.Device, Target = user.ToString(), Detail = "begun" });
            await audit.FlushAsync();
            if (!exports.TryBegin(user))
            {
                return ControlAnswer.Refused(ErrorCode.TooMany, "as many exports as may be wait or lie there already");
            }
        }

        Export export = exports.Of(user);
        return ControlAnswer.Ok(new ControlMap()
            .Set("state", export.State.ToString().ToLowerInvariant())
            .Set("looked", export.Looked)
            .Set("records", export.Records)
            .Set("size", export.State == ExportState.Ready ? export.Size : null)
            .Set("hash", export.Hash)
            .Set("until", export.State == ExportState.Ready ? export.UntilMicros : null)
            .Set("reason", export.Failure));
    }

    /// <summary>A range of an archive.</summary>
    public ControlAnswer Get(Actor actor, ControlMap map)
    {
        if (Denied(actor, map, OperatorOperation.ExportOwn, OperatorOperation.ExportOthers, out UserId user) is { } denied)
        {
            return denied;
        }

        ulong offset = map.Number("offset", 0, long.MaxValue);
        int length = (int)map.Number("length", AttachmentLimits.ChunkSize, AttachmentLimits.ChunkSize);
        return exports.IsSupported && exports.Read(user, offset, length) is { } bytes
            ? ControlAnswer.Ok(new ControlMap().Set("bytes", bytes))
            : ControlAnswer.Refused(ErrorCode.NoSuchExport, "there is no export that is ready, or nothing of it there");
    }

    /// <summary>Erases a person, or says how that goes.</summary>
    public async Task<ControlAnswer> EraseAsync(Peer peer, ControlMap map)
    {
        Actor actor = peer.Actor;
        if (Denied(actor, map, OperatorOperation.EraseSelf, OperatorOperation.EraseOthers, out UserId user) is { } denied)
        {
            return denied;
        }

        if (map.Flag("begin") && erasures.Find(user) is null)
        {
            if (user == actor.User && await RefuseWithoutPasswordAsync(peer, map.Text("password", ProtocolLimits.HelloSizeMax), Proof.Parse(map)) is { } refused)
            {
                return refused;
            }

            Routing.CommandResult begun = await erasures.BeginAsync(user, actor);
            if (begun.Error != ErrorCode.None)
            {
                return ControlAnswer.Refused(begun.Error, begun.Reason);
            }

            exports.Discard(user);
        }

        StoredErasure? erasure = erasures.Find(user);
        return ControlAnswer.Ok(new ControlMap()
            .Set("state", erasure is null ? "none" : erasure.DoneMicros == 0 ? "running" : "done")
            .Set("begun", erasure?.BegunMicros)
            .Set("done", erasure is { DoneMicros: > 0 } done ? done.DoneMicros : null)
            .Set("erased", erasure?.Erased)
            .Set("backups", erasures.ReachBackups)) with
        {
            Sent = erasure is null ? null : () => erasures.CloseSessions(user),
        };
    }

    /// <summary>A connection that was left open must not be enough.</summary>
    private async Task<ControlAnswer?> RefuseWithoutPasswordAsync(Peer peer, string? password, Proof proof)
    {
        Actor actor = peer.Actor;
        if (accounts.RecordOf(actor.User) is not { HasPassword: true })
        {
            return ControlAnswer.Refused(ErrorCode.Forbidden, "this account has no password: an operator erases it");
        }

        if (password is null && proof.Scram is null)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "password or a proof of it (scram): it is asked for again");
        }

        if (proof.Scram is null && !accounts.Passwords.TakesPlain)
        {
            return ControlAnswer.Refused(ErrorCode.MechanismRefused, "no password is taken here: prove it (BeginProof)");
        }

        if (!limits.TryTake(actor, Budget.Passwords, 1, out uint retryAfterMs))
        {
            return ControlAnswer.TryLater(retryAfterMs, "too many passwords");
        }

        if (proof.Scram is not null)
        {
            Routing.CommandResult judged = scram.Check(actor.User, peer.TakeChallenge(), proof, out _);
            return judged.Error == ErrorCode.None ? null : ControlAnswer.Refused(judged.Error, judged.Reason);
        }

        return await accounts.VerifyPasswordAsync(actor.User, password!, AddressKey.Of(peer.Remote)) switch
        {
            null => ControlAnswer.Refused(ErrorCode.Overloaded, "too many sign-ins at once", Accounts.OverloadedRetryMs),
            false => ControlAnswer.Refused(ErrorCode.WrongCredentials, "the password is wrong"),
            true => null,
        };
    }

    private static ControlAnswer? Denied(Actor actor, ControlMap map, OperatorOperation own, OperatorOperation others, out UserId user)
    {
        user = map["user"] is null ? actor.User : new UserId(map.Id("user"));
        return OperatorPolicy.Decide(user == actor.User ? own : others, actor.Rights) == ErrorCode.None
            ? null
            : ControlAnswer.Refused(ErrorCode.Forbidden, user == actor.User ? "this account is no person's" : "only operators do that to others");
    }
}
