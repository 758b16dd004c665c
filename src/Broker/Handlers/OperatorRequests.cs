using FastChat.Broker.Audit;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Identity;
using FastChat.Broker.Maintenance;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Handlers;

/// <summary>Backup, GetStats and Drain: what an operator asks of the broker as a whole. Pool threads.</summary>
/// <param name="backups">The backups.</param>
/// <param name="metrics">What is counted.</param>
/// <param name="drain">Has the process drain and end; returns at once.</param>
/// <param name="audit">Where it is noted.</param>
internal sealed class OperatorRequests(BackupRuns backups, BrokerMetrics metrics, Action drain, AuditLog audit)
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

        return ControlAnswer.Ok(new ControlMap().Set("stats", stats));
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
}
