using System.Globalization;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// Checks a store that nobody serves (it takes the directory's lock): sequences 1..n without holes, every checksum, the hash chain, the
/// dedupe entry of each message and the message of each dedupe entry, and that no acknowledged commit is missing. Reads only, unless asked
/// to rebuild the dedupe table, which the log determines.
/// <para>
/// A rebuild repairs in place (sets what is missing or wrong, removes what has no message) instead of emptying the table first: cut off
/// half way, it leaves a table that is better than before and never one that lets a retry in twice. For the same reason an entry without a
/// message stays while the log has damage: it may be the last trace of a message that can no longer be read.
/// </para>
/// </summary>
public sealed class StoreVerifier
{
    /// <summary>Problems that are written out; the rest is counted.</summary>
    public const int ProblemsMax = 1000;

    private const int ProgressInterval = 10_000;

    private readonly StoreDirectory _directory;
    private readonly RocksDbStore _store;
    private readonly bool _rebuild;
    private readonly Action<VerifyProgress>? _progress;
    private readonly CancellationToken _cancellation;
    private readonly List<string> _problems = [];
    private long _problemCount;
    private long _conversations;
    private long _messages;
    private long _repaired;
    private long _explainedEntries;
    private long _ticks;
    private bool _logIsSound;

    private StoreVerifier(StoreDirectory directory, bool rebuild, Action<VerifyProgress>? progress, CancellationToken cancellation)
    {
        _directory = directory;
        _store = directory.Tables;
        _rebuild = rebuild;
        _progress = progress;
        _cancellation = cancellation;
    }

    /// <summary>Checks a store.</summary>
    /// <param name="rebuild">Also set the dedupe table right.</param>
    /// <param name="progress">Called now and then, on the calling thread.</param>
    /// <exception cref="StoreOpenException">It is in use, no store, of a newer format, or RocksDB cannot open it at all.</exception>
    public static VerifyResult Verify(
        StorageOptions options, bool rebuild = false, Action<VerifyProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        using StoreDirectory directory = StoreDirectory.OpenForMaintenance(options, writable: rebuild);
        StoreVerifier verifier = new(directory, rebuild, progress, cancellation);
        verifier.CheckJournal(options.Directory);
        long problemsBefore = verifier._problemCount;
        verifier.Guard("log", verifier.CheckLog);
        verifier._logIsSound = verifier._problemCount == problemsBefore;
        verifier.Guard("dedupe", verifier.CheckDedupe);
        if (rebuild)
        {
            directory.Tables.SyncRepairs();
        }

        return new VerifyResult(
            verifier._conversations, verifier._messages, verifier._repaired, verifier._problemCount, verifier._problems);
    }

    private void CheckJournal(string directory)
    {
        if (_directory.JournalDamage is { } damage)
        {
            Report($"Acknowledged records are missing: {damage}. What the journal still holds was not looked at.");
        }

        if (!CommitWitness.TryRead(directory, out _, out ulong promised))
        {
            Report("The witness file is missing or damaged: nobody can tell whether everything acknowledged is there.");
        }
        else if (_directory.CommitNumber < promised)
        {
            Report($"Acknowledged records are missing: the store ends at commit {_directory.CommitNumber}, commit {promised} was acknowledged.");
        }
    }

    private void CheckLog()
    {
        using RocksDbIterator cursor = _store.CreateIterator(Table.Log);
        ConversationCheck conversation = default;
        bool any = false;
        for (cursor.Seek(default); cursor.Valid; cursor.Next())
        {
            ReadOnlySpan<byte> key = cursor.Key;
            if (key.Length != ChunkKey.Size)
            {
                Report($"The log holds a key of {key.Length} bytes: {Convert.ToHexStringLower(key)}.");
                continue;
            }

            if (!any || conversation.Id != ChunkKey.Conversation(key))
            {
                any = true;
                conversation = new ConversationCheck(ChunkKey.Conversation(key));
                _conversations++;
            }

            CheckChunk(ref conversation, key, cursor.Value);
        }
    }

    private void CheckChunk(ref ConversationCheck conversation, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        string name = ChunkHeader.Name(key);
        ulong first = ChunkKey.First(key);
        if (first > conversation.Next)
        {
            Report($"Records {conversation.Next} to {first - 1} before {name} are missing.");
            conversation.ChainKnown = false;
        }
        else if (first < conversation.Next)
        {
            Report($"{Capital(name)} overlaps the chunk before it, which ends at {conversation.Next - 1}.");
            conversation.ChainKnown = false;
        }

        if (!ChunkHeader.TryRead(key, value, out ChunkHeader header, out string reason))
        {
            Report(reason);
            conversation.ChainKnown = false;
            conversation.Next = first + CountReadable(value);
            return;
        }

        if (header.Epoch > _directory.Epoch)
        {
            Report($"{Capital(name)} was written in epoch {header.Epoch}; the store is in epoch {_directory.Epoch}.");
        }

        bool sound = CheckRecords(ref conversation, name, header, value[ChunkHeader.Size..]);
        if (sound && conversation.ChainKnown && conversation.Chain != header.ChainAfter)
        {
            Report($"The hash chain behind {name} does not follow from its records.");
        }

        // After damage the chain goes on from what the next sound header says, so that one damage is one problem.
        conversation.Chain = header.ChainAfter;
        conversation.ChainKnown = true;
        conversation.Next = header.Last + 1;
    }

    private bool CheckRecords(ref ConversationCheck conversation, string name, in ChunkHeader header, ReadOnlySpan<byte> records)
    {
        bool sound = true;
        for (ulong sequence = header.First; sequence <= header.Last; sequence++)
        {
            if (!MessageRecord.TryRead(ref records, out MessageRecord record))
            {
                Report($"Record {sequence} in {name} is cut off.");
                return false;
            }

            _messages++;
            if (!record.ChecksumMatches)
            {
                Report($"Record {sequence} in {name} does not match its checksum.");
                sound = false;
                continue;
            }

            if (record.Sequence != sequence)
            {
                Report($"Record {sequence} in {name} calls itself {record.Sequence}.");
                sound = false;
                continue;
            }

            conversation.Chain = conversation.Chain.Next(record);
            CheckEntryOf(conversation.Id, record);
            Tick("log");
        }

        if (!records.IsEmpty)
        {
            Report($"{Capital(name)} has {records.Length} bytes behind its last record.");
        }

        return sound;
    }

    private void CheckEntryOf(ConversationId conversation, in MessageRecord record)
    {
        if ((byte)record.Kind >= MessageKinds.FirstSystemKind)
        {
            return;
        }

        Span<byte> key = stackalloc byte[DedupeKey.Size];
        Span<byte> value = stackalloc byte[DedupeValue.Size];
        DedupeKey.Write(key, conversation, record);
        DedupeValue expected = DedupeValue.Of(record);
        byte[]? stored = _store.Get(Table.Dedupe, key);
        if (stored is { Length: DedupeValue.Size } && DedupeValue.Read(stored) == expected)
        {
            _explainedEntries++;
            return;
        }

        string which = $"record {record.Sequence} of conversation {conversation}";
        if (stored is { Length: DedupeValue.Size } && IsEarlierCopy(conversation, key, DedupeValue.Read(stored).Sequence, record.Sequence))
        {
            Report($"{Capital(which)} was published before, as record {DedupeValue.Read(stored).Sequence}.");
        }
        else if (_rebuild)
        {
            expected.Write(value);
            _store.Repair(Table.Dedupe, key, value);
            _explainedEntries++;
            _repaired++;
        }
        else if (stored is null)
        {
            Report($"The dedupe entry of {which} is missing.");
        }
        else
        {
            _explainedEntries++;
            Report($"The dedupe entry of {which} is not about this record: {Convert.ToHexStringLower(stored)}.");
        }
    }

    private bool IsEarlierCopy(ConversationId conversation, ReadOnlySpan<byte> key, ulong sequence, ulong than) =>
        sequence < than && RecordHasKey(conversation, sequence, key);

    private void CheckDedupe()
    {
        // Every record explained at most one entry and no two the same one. So equal numbers mean no entry without a record, and only a
        // difference is worth a lookup per entry.
        if (CountEntries() == _explainedEntries)
        {
            return;
        }

        using RocksDbIterator cursor = _store.CreateIterator(Table.Dedupe);
        for (cursor.Seek(default); cursor.Valid; cursor.Next())
        {
            Tick("dedupe");
            ReadOnlySpan<byte> key = cursor.Key;
            ReadOnlySpan<byte> value = cursor.Value;
            bool shaped = key.Length == DedupeKey.Size && value.Length == DedupeValue.Size;
            if (shaped && RecordHasKey(ConversationId.Read(key), DedupeValue.Read(value).Sequence, key))
            {
                continue;
            }

            if (_rebuild && _logIsSound)
            {
                _store.Remove(Table.Dedupe, key);
                _repaired++;
            }
            else
            {
                Report(shaped
                    ? $"The dedupe entry {Convert.ToHexStringLower(key)} points to record {DedupeValue.Read(value).Sequence}, which is not there."
                    : $"The dedupe table holds an entry of {key.Length} and {value.Length} bytes: {Convert.ToHexStringLower(key)}.");
            }
        }
    }

    private long CountEntries()
    {
        long entries = 0;
        using RocksDbIterator cursor = _store.CreateIterator(Table.Dedupe);
        for (cursor.Seek(default); cursor.Valid; cursor.Next())
        {
            entries++;
            Tick("dedupe");
        }

        return entries;
    }

    /// <summary>True when the record exists and is the one that <paramref name="key"/> describes.</summary>
    private bool RecordHasKey(ConversationId conversation, ulong sequence, ReadOnlySpan<byte> key)
    {
        using RocksDbIterator cursor = _store.CreateIterator(Table.Log);
        Span<byte> chunk = stackalloc byte[ChunkKey.Size];
        ChunkKey.Write(chunk, conversation, sequence);
        cursor.SeekForPrevious(chunk);
        if (!cursor.Valid || cursor.Key.Length != ChunkKey.Size || ChunkKey.Conversation(cursor.Key) != conversation
            || cursor.Value.Length < ChunkHeader.Size)
        {
            return false;
        }

        Span<byte> own = stackalloc byte[DedupeKey.Size];
        ReadOnlySpan<byte> records = cursor.Value[ChunkHeader.Size..];
        while (MessageRecord.TryRead(ref records, out MessageRecord record))
        {
            if (record.Sequence == sequence)
            {
                DedupeKey.Write(own, conversation, record);
                return (byte)record.Kind < MessageKinds.FirstSystemKind && own.SequenceEqual(key);
            }
        }

        return false;
    }

    private static ulong CountReadable(ReadOnlySpan<byte> value)
    {
        ulong count = 0;
        ReadOnlySpan<byte> records = value.Length > ChunkHeader.Size ? value[ChunkHeader.Size..] : default;
        while (MessageRecord.TryRead(ref records, out _))
        {
            count++;
        }

        return count;
    }

    /// <summary>Damage that RocksDB itself finds ends the stage, not the check.</summary>
    private void Guard(string stage, Action check)
    {
        try
        {
            check();
        }
        catch (StorageException damage)
        {
            Report($"The {stage} table could not be read to its end: {damage.Message}");
        }
    }

    private void Tick(string stage)
    {
        _cancellation.ThrowIfCancellationRequested();
        if (++_ticks % ProgressInterval == 0 && _progress is not null)
        {
            _progress(new VerifyProgress(stage, _conversations, _messages));
        }
    }

    private void Report(string problem)
    {
        _problemCount++;
        if (_problems.Count < ProblemsMax)
        {
            _problems.Add(problem);
        }
    }

    private static string Capital(string text) => string.Concat(text[..1].ToUpper(CultureInfo.InvariantCulture), text.AsSpan(1));

    private struct ConversationCheck(ConversationId id)
    {
        public readonly ConversationId Id = id;
        public ulong Next = 1;
        public ChainHash Chain;
        public bool ChainKnown = true;
    }
}
