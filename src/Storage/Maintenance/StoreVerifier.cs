namespace FastChat.Storage;

/// <summary>
/// Checks a store that nobody serves (it takes the directory's lock): that no acknowledged commit is missing (<see cref="JournalCheck"/>), the log itself (<see cref="LogCheck"/>), the dedupe table
/// (<see cref="DedupeCheck"/>), what is noted to be erased (<see cref="ErasureCheck"/>), and what else it is given. Reads only, unless asked to rebuild what follows from the rest of the store.
/// Of sealed records it proves without keys what it proves with them but for what their bodies say (<see cref="StorageOptions.Vault"/>).
/// </summary>
public static class StoreVerifier
{
    /// <summary>Problems that are written out; the rest is counted.</summary>
    public const int ProblemsMax = 1000;

    /// <summary>Checks a store.</summary>
    /// <param name="rebuild">Also set right what follows from the rest.</param>
    /// <param name="progress">Called now and then, on the calling thread.</param>
    /// <param name="further">Checks of what the storage does not know the meaning of; each for one use.</param>
    /// <exception cref="StoreOpenException">It is in use, no store, of a newer format, or RocksDB cannot open it at all.</exception>
    public static VerifyResult Verify(
        StorageOptions options, bool rebuild = false, Action<VerifyProgress>? progress = null, IReadOnlyList<StoreCheck>? further = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        using StoreDirectory directory = StoreDirectory.OpenForMaintenance(options, writable: rebuild);
        CheckedStore store = new(directory, rebuild, progress, cancellation) { Vault = options.Vault };
        StoreCheck[] checks = [new DedupeCheck(), new ErasureCheck(), new VaultCheck(), .. further ?? []];
        new JournalCheck().Finish(store);
        store.IsComplete = store.ProblemCount == 0;
        long problemsBefore = store.ProblemCount;
        Guard(store, "log", new LogCheck(store, checks).Run);
        store.IsLogSound = directory.JournalDamage is null && store.ProblemCount == problemsBefore;
        foreach (StoreCheck check in checks)
        {
            Guard(store, check.Stage, () => check.Finish(store));
        }

        if (rebuild)
        {
            directory.Tables.SyncRepairs();
        }

        return new VerifyResult(store.Conversations, store.Messages, store.Repaired, store.ProblemCount, store.Problems) { Tombstones = store.Tombstones, UnreadBodies = store.UnreadBodiesInAll };
    }

    /// <summary>Damage that RocksDB itself finds ends the stage, not the check.</summary>
    private static void Guard(CheckedStore store, string stage, Action check)
    {
        try
        {
            check();
        }
        catch (StorageException damage)
        {
            store.Report($"The {stage} table could not be read to its end: {damage.Message}");
        }
    }
}
