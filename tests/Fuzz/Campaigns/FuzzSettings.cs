namespace FastChat.Fuzz;

/// <summary>How long and how hard.</summary>
internal sealed record FuzzSettings
{
    /// <summary>What every input follows from.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Inputs of each target.</summary>
    public long Inputs { get; init; } = 1_000_000;

    /// <summary>When a target ends although it has inputs left; null = it does not.</summary>
    public TimeSpan? TimeMax { get; init; }

    /// <summary>Workers of each target. What they do does not depend on their number.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>A run that takes longer hangs.</summary>
    public TimeSpan HangAfter { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Different violations after which a target is given up.</summary>
    public int ViolationsMax { get; init; } = 10;

    /// <summary>Keep inputs with outcomes that the corpus does not reach, so that they can be put into it.</summary>
    public bool KeepsFinds { get; init; }

    /// <summary>Told the inputs done so far, a few times a second; null = nobody is.</summary>
    public Action<string, long>? Progress { get; init; }
}

/// <summary>What became of a target.</summary>
internal sealed class TargetResult(string name)
{
    public string Name { get; } = name;

    public long Inputs { get; set; }

    public TimeSpan Elapsed { get; set; }

    /// <summary>Different outcomes.</summary>
    public HashSet<ulong> Outcomes { get; } = [];

    public long AllocatedMax { get; set; }

    public TimeSpan Slowest { get; set; }

    public long SlowestNumber { get; set; }

    /// <summary>Inputs that failed, those of one kind counted each.</summary>
    public long FailedInputs { get; set; }

    public List<Violation> Violations { get; } = [];

    /// <summary>Inputs that reached what the corpus does not.</summary>
    public Dictionary<ulong, byte[]> Finds { get; } = [];

    public double InputsPerSecond => Elapsed > TimeSpan.Zero ? Inputs / Elapsed.TotalSeconds : 0;
}
