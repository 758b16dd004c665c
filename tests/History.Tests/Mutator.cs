namespace FastChat.History.Tests;

/// <summary>One way in which a broker or a client could break its word.</summary>
/// <param name="Name">What it does to the history.</param>
/// <param name="Breaks">The promise that is broken by it.</param>
/// <param name="TryApply">Spoils the draft; false when the history has nothing to spoil in this way.</param>
internal sealed record Mutator(string Name, Promise Breaks, Func<Draft, bool> TryApply)
{
    /// <summary>The history of a seed that is spoiled.</summary>
    public Func<int, IReadOnlyList<IReadOnlyList<HistoryEvent>>> Source { get; init; } = static seed => GoodHistory.Make(seed).Events;

    /// <summary>Nothing else is broken, so nothing else may be flagged.</summary>
    public bool IsPure { get; init; }

    public override string ToString() => $"{Promises.NumberOf(Breaks)}: {Name}";
}
