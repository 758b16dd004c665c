using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// A store while it is checked: its tables to look at, the problems that were found, and the repairs, which are made only when they were asked for. One thread.
/// <para>
/// Repairs set right in place what is missing or wrong, instead of emptying an index first: cut off half way, they leave it better than it was, and never one that lets a retry in twice.
/// </para>
/// </summary>
public sealed class CheckedStore
{
    private const int ProgressInterval = 10_000;

    private readonly RocksDbStore _tables;
    private readonly Action<VerifyProgress>? _progress;
    private readonly CancellationToken _cancellation;
    private readonly List<string> _problems = [];
    private long _ticks;

    internal CheckedStore(StoreDirectory directory, bool isRebuilding, Action<VerifyProgress>? progress, CancellationToken cancellation)
    {
        Directory = directory;
        _tables = directory.Tables;
        IsRebuilding = isRebuilding;
        _progress = progress;
        _cancellation = cancellation;
    }

    /// <summary>True when what is wrong and can be told from the rest is set right instead of reported.</summary>
    public bool IsRebuilding { get; }

    /// <summary>True when no acknowledged commit is missing: otherwise small state may know of records that are gone, and the log is not the last word.</summary>
    public bool IsComplete { get; internal set; }

    /// <summary>True when journal and log are without damage. Before the log was read: false.</summary>
    public bool IsLogSound { get; internal set; }

    /// <summary>Problems so far.</summary>
    public long ProblemCount { get; private set; }

    /// <summary>The first <see cref="StoreVerifier.ProblemsMax"/> of them.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>Entries set right so far.</summary>
    public long Repaired { get; private set; }

    /// <summary>Bodies of the present conversation, so far, that are sealed and cannot be read: without the vault, or because their keys were destroyed.</summary>
    public long UnreadBodies { get; internal set; }

    /// <summary>The same of all conversations so far.</summary>
    public long UnreadBodiesInAll { get; internal set; }

    /// <summary>Where the logs begin that were cut off, as far as their entries can be read.</summary>
    internal Dictionary<ConversationId, LogStart> Starts { get; } = [];

    internal StoreDirectory Directory { get; }

    /// <summary>The keys of the bodies, if they were given.</summary>
    public KeyVault? Vault { get; internal init; }

    internal long Conversations { get; set; }

    internal long Messages { get; set; }

    internal long Tombstones { get; set; }

    /// <summary>The first record of a conversation that is kept; 1 unless its log was cut off.</summary>
    public ulong FirstOf(ConversationId conversation) => Starts.TryGetValue(conversation, out LogStart start) ? start.First : 1;

    /// <summary>A table's value; null when the key is absent.</summary>
    public byte[]? Get(Table table, ReadOnlySpan<byte> key) => _tables.Get(table, key);

    /// <summary>Visits the entries whose keys begin with <paramref name="prefix"/>, ascending, as they are at the beginning; false ends it.</summary>
    public void Scan(Table table, ReadOnlySpan<byte> prefix, ScanVisitor visitor)
    {
        using RocksDbIterator cursor = _tables.CreateScan(table);
        for (cursor.Seek(prefix); cursor.Valid && cursor.Key.StartsWith(prefix) && visitor(cursor.Key, cursor.Value);)
        {
            cursor.Next();
        }
    }

    /// <summary>Something else than a record's body is sealed and cannot be read.</summary>
    public void NoteUnread() => UnreadBodiesInAll++;

    /// <summary>Counts a problem that a rebuild does not set right.</summary>
    /// <param name="problem">A sentence for an operator: what is wrong, and where.</param>
    public void Report(string problem)
    {
        ProblemCount++;
        if (_problems.Count < StoreVerifier.ProblemsMax)
        {
            _problems.Add(problem);
        }
    }

    /// <summary>An entry is not what the rest of the store says: sets it right, or reports it.</summary>
    /// <param name="expected">What it must be; null = it must not be there.</param>
    /// <param name="problem">As in <see cref="Report"/>.</param>
    public void Correct(Table table, ReadOnlySpan<byte> key, byte[]? expected, string problem)
    {
        if (!IsRebuilding)
        {
            Report(problem);
            return;
        }

        if (expected is null)
        {
            _tables.Remove(table, key);
        }
        else
        {
            _tables.Repair(table, key, expected);
        }

        Repaired++;
    }

    /// <summary>A record has its body and must not: notes that it is to be erased, which the next start does, or reports it.</summary>
    /// <param name="problem">As in <see cref="Report"/>.</param>
    public void CorrectErasure(ConversationId conversation, ulong sequence, string problem)
    {
        if (IsRebuilding)
        {
            // A program of an earlier version would serve the record with its body.
            Directory.RequireVersion(StoreFormat.ErasingVersion);
        }

        byte[] key = new byte[StateKeys.ErasureSize];
        StateKeys.WriteErasure(key, conversation, sequence);
        Correct(Table.State, key, [], problem);
    }

    /// <summary>Something was looked at: tells the progress now and then.</summary>
    /// <exception cref="OperationCanceledException">The check is to end.</exception>
    public void Tick(string stage)
    {
        _cancellation.ThrowIfCancellationRequested();
        if (++_ticks % ProgressInterval == 0 && _progress is not null)
        {
            _progress(new VerifyProgress(stage, Conversations, Messages));
        }
    }

    internal RocksDbIterator Iterate(Table table) => _tables.CreateIterator(table);
}
