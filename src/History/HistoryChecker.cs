namespace FastChat.History;

/// <summary>Holds histories against the promises: one pass over all files in the order of time, then one over what was collected.</summary>
public static class HistoryChecker
{
    /// <summary>Violations of one promise that are reported with their text; the others are counted.</summary>
    public const int DetailsMax = 20;

    /// <summary>Checks files that belong to one run.</summary>
    /// <exception cref="HistoryFormatException">One of them is no history.</exception>
    /// <exception cref="IOException">One of them cannot be read.</exception>
    public static CheckReport Check(IReadOnlyList<string> files, Action<long>? onProgress = null, CancellationToken cancellation = default)
    {
        List<HistoryReader> readers = [];
        try
        {
            foreach (string file in files)
            {
                readers.Add(HistoryReader.Open(file));
            }

            return Check(readers, onProgress, cancellation);
        }
        finally
        {
            readers.ForEach(static reader => reader.Dispose());
        }
    }

    /// <summary>Checks what the readers read.</summary>
    /// <exception cref="HistoryFormatException">One of them reads no history.</exception>
    public static CheckReport Check(IReadOnlyList<HistoryReader> readers, Action<long>? onProgress = null, CancellationToken cancellation = default)
    {
        const long ProgressEvery = 1 << 18;
        using MergedHistory history = new(readers);
        World world = new();
        Findings findings = new(history.Names, DetailsMax);
        DeliveryCheck deliveries = new(world, findings);
        OriginCheck origins = new(world, findings);
        Check[] checks =
        [
            new AgreementCheck(world, findings),
            new OutcomeCheck(world, findings),
            origins,
            new DurabilityCheck(world, findings),
            new OrderCheck(world, findings),
            new CatchUpCheck(world, findings, deliveries),
            deliveries,
            new FreshnessCheck(world, findings),
            new MembershipCheck(world, findings),
            new RightsCheck(world, findings),
            new RevocationCheck(world, findings),
            new ErasureCheck(world, findings),
            new CursorCheck(world, findings),
            new DerivedCheck(world, findings),
        ];
        while (history.TryRead(out HistoryEvent e, out Place place))
        {
            Seen seen = world.Resolve(e, place);
            foreach (Check check in checks)
            {
                check.See(e, seen);
            }

            world.Apply(e, seen);
            if (world.Events % ProgressEvery == 0)
            {
                cancellation.ThrowIfCancellationRequested();
                onProgress?.Invoke(world.Events);
            }
        }

        foreach (Check check in checks)
        {
            check.Finish();
        }

        (IReadOnlyList<PromiseReport> promises, IReadOnlyList<Violation> details) = findings.Take();
        return new CheckReport
        {
            Events = world.Events,
            Operations = world.Operations,
            Publishes = world.Publishes,
            UnknownOutcomes = world.UnknownOutcomes,
            ForeignRecords = origins.Foreign,
            TornFiles = history.TornFiles,
            Promises = promises,
            Details = details,
        };
    }
}
