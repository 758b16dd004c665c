using FastChat.Fuzz.Targets;

namespace FastChat.Fuzz;

/// <summary>Every target by its name, and how many inputs of it a run without arguments has: two minutes of processor time and more for all of them.</summary>
internal static class TargetList
{
    private static readonly (Func<IFuzzTarget> Make, long ShortRun)[] Entries =
    [
        (static () => new FrameReaderTarget(), 300_000),
        .. BodyTargets.All.Select(body => ((Func<IFuzzTarget>)(() => new BodyTarget(body)), 600_000L)),
        .. MessageBodyTargets.All.Select(make => (make, 300_000L)),
        (static () => new ControlMapTarget(), 200_000),
        .. ControlBodyTargets.All.Select(make => (make, 200_000L)),
        .. ControlReplyTargets.All.Select(make => (make, 200_000L)),
        (static () => new ControlRequestTarget(), 30_000),
        (static () => new RecordTarget(), 600_000),
        (static () => new ChunkPagerTarget(), 200_000),
        (static () => new CommitBatchTarget(), 400_000),
        (static () => new JournalTarget(), 300_000),
        .. StoredValueTargets.All.Select(make => (make, 200_000L)),
        (static () => new UpgradeRequestTarget(), 200_000),
        (static () => new ScramTarget(), 100_000),
        (static () => new AssertionTarget(), 60_000),
        (static () => new KeySetTarget(), 30_000),
        (static () => new HistoryTarget(), 20_000),
        (static () => new SessionTarget(), 30_000),
        (static () => new WebSocketTarget(), 100_000),
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
