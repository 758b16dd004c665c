using FastChat.Broker.Audit;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Identity;
using FastChat.Broker.Limits;
using FastChat.Broker.Maintenance;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Handlers;

/// <summary>Backup, GetStats, Drain, GetLimits and SetLimits: what an operator asks of the broker as a whole. Pool threads.</summary>
/// <param name="backups">The backups.</param>
/// <param name="metrics">What is counted.</param>
/// <param name="drain">Has the process drain and end; returns at once.</param>
/// <param name="limits">The limits in force.</param>
/// <param name="audit">Where it is noted.</param>
internal sealed class OperatorRequests(BackupRuns backups, BrokerMetrics metrics, Action drain, RunningLimits limits, AuditLog audit)
{
    /// <summary>What the broker counts.</summary>
    public ControlAnswer Stats(Actor actor)
    {
        ErrorCode denied = OperatorPolicy.Decide(OperatorOperation.SeeStats, actor.Rights);
        if (denied != ErrorCode.None)
        {
            return ControlAnswer.Refused(denied, "only operators see what the broker counts");
        }

        ControlMap stats = new();
        foreach ((string name, long value) in metrics.Read().Take(ProtocolLimits.ControlMapMax))
        {
            stats.Set(name, value);
        }

        ControlMap parts = new();
        foreach ((string name, IEnumerable<(string Word, long Value)> counts) in metrics.ReadParts())
        {
            ControlMap part = new();
            foreach ((string word, long value) in counts.Take(ProtocolLimits.ControlMapMax))
            {
                part.Set(word, value);
            }

            parts.Set(name, part);
        }

        return ControlAnswer.Ok(new ControlMap().Set("stats", stats).Set("parts", parts));
    }

    /// <summary>Lets the process finish. The answer leaves first: what drains answers what it accepted.</summary>
    public async Task<ControlAnswer> DrainAsync(Actor actor)
    {
        ErrorCode denied = OperatorPolicy.Decide(OperatorOperation.Drain, actor.Rights);
        if (denied != ErrorCode.None)
        {
            return ControlAnswer.Refused(denied, "only operators end the broker");
        }

        audit.Note(new AuditEntry(AuditAct.DrainAsked) { User = actor.User, Device = actor.Device });
        await audit.FlushAsync();
        return ControlAnswer.Ok(new ControlMap().Set("draining", true)) with { Sent = drain };
    }

    /// <summary>The limits that are in force.</summary>
    public ControlAnswer GetLimits(Actor actor)
    {
        ErrorCode denied = OperatorPolicy.Decide(OperatorOperation.ManageLimits, actor.Rights);
        return denied != ErrorCode.None ? ControlAnswer.Refused(denied, "only operators see the limits") : LimitsAnswer();
    }

    /// <summary>Puts others in force, all that are named or none.</summary>
    public async Task<ControlAnswer> SetLimitsAsync(Peer peer, ControlMap map)
    {
        ErrorCode denied = OperatorPolicy.Decide(OperatorOperation.ManageLimits, peer.Actor.Rights);
        if (denied != ErrorCode.None)
        {
            return ControlAnswer.Refused(denied, "only operators change the limits");
        }

        ControlMap changes = map.Map("limits") ?? throw new ControlFormatException("limits: a map is expected");
        try
        {
            await limits.ChangeAsync(current => LimitNames.Merge(current, changes), new AuditEntry(default) { User = peer.Actor.User, Device = peer.Actor.Device, Remote = peer.Remote });
            return LimitsAnswer();
        }
        catch (ArgumentException wrong)
        {
            return ControlAnswer.Refused(ErrorCode.SettingInvalid, wrong.Message);
        }
    }

    /// <summary>Begins a backup when a directory is named, stops the one under way when asked to, and says in any case how the latest one goes.</summary>
    public async Task<ControlAnswer> BackupAsync(Actor actor, ControlMap map)
    {
        ErrorCode denied = OperatorPolicy.Decide(OperatorOperation.Backup, actor.Rights);
        if (denied != ErrorCode.None)
        {
            return ControlAnswer.Refused(denied, "this account may not have backups taken");
        }

        string? directory = map.Text("directory", ProtocolLimits.PathSizeMax);
        int keep = (int)map.Number("keep", 0, int.MaxValue);
        if (!backups.IsSupported)
        {
            return ControlAnswer.Refused(ErrorCode.Unsupported, "this broker's store has no files");
        }

        if (directory is not null && directory.Any(char.IsControl))
        {
            // It is written into logs, which are read line by line.
            return ControlAnswer.Refused(ErrorCode.BadRequest, "directory: a path has no control characters");
        }

        bool isAct = map.Flag("stop") || directory is not null;
        if (isAct)
        {
            audit.Note(new AuditEntry(AuditAct.BackupAsked) { User = actor.User, Device = actor.Device, Target = directory, Detail = map.Flag("stop") ? "stop" : null });
            await audit.FlushAsync();
        }

        if (map.Flag("stop"))
        {
            backups.Stop();
        }
        else if (directory is not null && !Path.IsPathFullyQualified(directory))
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "directory: an absolute path is expected");
        }
        else if (directory is not null && !backups.TryBegin(directory, keep))
        {
            return ControlAnswer.Refused(ErrorCode.TooMany, "a backup is under way, or the broker is stopping");
        }

        return ControlAnswer.Ok(backups.Status.ToMap());
    }

    private ControlAnswer LimitsAnswer() => ControlAnswer.Ok(new ControlMap().Set("limits", LimitNames.ToMap(limits.Current)));
}
