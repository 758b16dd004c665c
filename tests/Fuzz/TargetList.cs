using FastChat.Fuzz.Targets;

namespace FastChat.Fuzz;

/// <summary>Every target by its name, and how many inputs of it a run without arguments has: about a minute for all of them on two slow cores.</summary>
internal static class TargetList
{
    private static readonly (Func<IFuzzTarget> Make, long ShortRun)[] Entries =
    [
        (static () => new FrameReaderTarget(), 150_000),
        .. BodyTargets.All.Select(body => ((Func<IFuzzTarget>)(() => new BodyTarget(body)), 300_000L)),
        (static () => new ControlMapTarget(), 100_000),
        .. ControlBodyTargets.All.Select(make => (make, 100_000L)),
        (static () => new RecordTarget(), 300_000),
        (static () => new ChunkPagerTarget(), 100_000),
        (static () => new CommitBatchTarget(), 200_000),
        (static () => new JournalTarget(), 150_000),
        .. StoredValueTargets.All.Select(make => (make, 100_000L)),
        (static () => new UpgradeRequestTarget(), 100_000),
        (static () => new HistoryTarget(), 10_000),
        (static () => new SessionTarget(), 4_000),
        (static () => new WebSocketTarget(), 4_000),
    ];

    private static readonly Dictionary<string, (Func<IFuzzTarget> Make, long ShortRun)> ByName = Entries.ToDictionary(NameOf, StringComparer.Ordinal);

    /// <summary>The names, in the order in which targets run.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Entries.Select(NameOf)];

    /// <summary>A new target.</summary>
    public static IFuzzTarget Make(string name) => ByName[name].Make();

    /// <summary>Inputs when nobody says how many.</summary>
    public static long ShortRunOf(string name) => ByName[name].ShortRun;

    private static string NameOf((Func<IFuzzTarget> Make, long ShortRun) entry)
    {
        using IFuzzTarget target = entry.Make();
        return target.Name;
    }
}
