namespace FastChat.Storage;

/// <summary>What a check of a store found.</summary>
/// <param name="Conversations">Conversations with at least one record.</param>
/// <param name="Messages">Records read, system records included.</param>
/// <param name="Repaired">Entries set or removed by a rebuild; 0 without one.</param>
/// <param name="ProblemCount">Problems that remain.</param>
/// <param name="Problems">The first <see cref="StoreVerifier.ProblemsMax"/> of them, one readable line each.</param>
public sealed record VerifyResult(long Conversations, long Messages, long Repaired, long ProblemCount, IReadOnlyList<string> Problems)
{
    /// <summary>How many of the records are tombstones.</summary>
    public long Tombstones { get; init; }

    /// <summary>How many are sealed and could not be read: no vault was given, or their keys were destroyed.</summary>
    public long UnreadBodies { get; init; }
}

/// <summary>How far a check has come.</summary>
/// <param name="Stage">What is being looked at, in a word.</param>
/// <param name="Conversations">Conversations begun so far.</param>
/// <param name="Messages">Records read so far.</param>
public readonly record struct VerifyProgress(string Stage, long Conversations, long Messages);
