namespace FastChat.Bench.Micro;

/// <summary>What the allocation gate (tests/Allocation.Tests) has to know about a benchmark beyond its code.</summary>
public static class MicroCategories
{
    /// <summary>A variant that was measured and not taken: it may allocate, and its figure in the baseline is part of why it lost.</summary>
    public const string Lost = "Lost";

    /// <summary>Does its work on several threads, so what it allocates is counted for the process and not for the calling thread.</summary>
    public const string Threads = "Threads";

    /// <summary>Belongs to tests or to a path that no message takes: it may allocate.</summary>
    public const string Cold = "Cold";
}
