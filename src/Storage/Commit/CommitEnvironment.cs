namespace FastChat.Storage;

/// <summary>Writes a group of batches and returns when it is durable; throws when it is not. The span dies with the call.</summary>
public delegate void CommitGroup(ReadOnlySpan<CommitBatch> batches);

/// <summary>
/// What the <see cref="CommitPipeline"/> needs from the world, so that its orderings are tested without a disk.
/// </summary>
public sealed record CommitEnvironment
{
    /// <summary>Makes a group durable.</summary>
    public required CommitGroup Commit { get; init; }

    /// <summary>Measures how long commits take.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Gives the committer somewhere to run.</summary>
    public Workers Workers { get; init; } = Workers.Threads;

    /// <summary>Sees every commit, on the committer's thread, before the callbacks of its batches. Must not throw.</summary>
    public Action<CommitObservation>? Observe { get; init; }

    /// <summary>The environment of a real log.</summary>
    public static CommitEnvironment Of(IConversationLog log) => new() { Commit = log.Commit };
}

/// <summary>One commit, for metrics.</summary>
/// <param name="Batches">Batches in the group.</param>
/// <param name="Entries">Entries in them.</param>
/// <param name="Bytes">Bytes in them.</param>
/// <param name="Duration">From the call to its return: write and sync.</param>
public readonly record struct CommitObservation(int Batches, int Entries, long Bytes, TimeSpan Duration);
