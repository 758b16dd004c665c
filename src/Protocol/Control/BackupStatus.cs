namespace FastChat.Protocol;

/// <summary>A broker's latest backup since it was started, as the reply of Backup describes it (protocol.md §4.6).</summary>
public sealed record BackupStatus
{
    /// <summary>Which one it is: counts from 1; 0 = there was none yet.</summary>
    public ulong Run { get; init; }

    /// <summary>True while it is being taken.</summary>
    public bool IsRunning { get; init; }

    /// <summary>Bytes that were copied or found so far.</summary>
    public ulong DoneBytes { get; init; }

    /// <summary>Bytes that it will have; 0 while that is not known yet.</summary>
    public ulong TotalBytes { get; init; }

    /// <summary>Why it failed, for an operator; null when it did not.</summary>
    public string? Failure { get; init; }

    /// <summary>Its number in its directory; 0 unless it is complete.</summary>
    public ulong Backup { get; init; }

    /// <summary>When it was begun, µs since 1970-01-01 UTC.</summary>
    public ulong TakenAtMicros { get; init; }

    /// <summary>The store's epoch.</summary>
    public uint Epoch { get; init; }

    /// <summary>The last commit in it.</summary>
    public ulong Commit { get; init; }

    /// <summary>Its files.</summary>
    public ulong Files { get; init; }

    /// <summary>Bytes that were written for it; the rest was there already.</summary>
    public ulong CopiedBytes { get; init; }

    /// <summary>Older backups that were dropped for it.</summary>
    public ulong Dropped { get; init; }

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static BackupStatus Parse(ControlMap map) => new()
    {
        Run = map.Number("run", 0),
        IsRunning = map.Flag("running"),
        DoneBytes = map.Number("done", 0),
        TotalBytes = map.Number("total", 0),
        Failure = map.Text("failure", ProtocolLimits.ReasonSizeMax),
        Backup = map.Number("backup", 0),
        TakenAtMicros = map.Number("taken_at", 0),
        Epoch = (uint)map.Number("epoch", 0, uint.MaxValue),
        Commit = map.Number("commit", 0),
        Files = map.Number("files", 0),
        CopiedBytes = map.Number("copied", 0),
        Dropped = map.Number("dropped", 0),
    };

    /// <summary>The body; what says nothing is left out.</summary>
    public ControlMap ToMap()
    {
        ControlMap map = new ControlMap().Set("run", Run).Set("running", IsRunning).Set("done", DoneBytes).Set("total", TotalBytes).Set("failure", Failure);
        return Backup == 0 ? map : map
            .Set("backup", Backup)
            .Set("taken_at", TakenAtMicros)
            .Set("epoch", Epoch)
            .Set("commit", Commit)
            .Set("files", Files)
            .Set("copied", CopiedBytes)
            .Set("dropped", Dropped);
    }
}
