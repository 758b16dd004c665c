using System.Globalization;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// Reads the log from end to end: sequences without holes in each conversation, from 1 or from where it was cut off, every checksum, the hash chain. Whatever record is sound is shown to the other checks. What
/// was cut off is there only as long as that is noted; it is not looked at. Nothing here is ever repaired: the log is what everything else follows from.
/// </summary>
internal sealed class LogCheck(CheckedStore store, IReadOnlyList<StoreCheck> others)
{
    private const string Stage = "log";

    private readonly HashSet<ConversationId> _noted = [];
    private byte[] _served = new byte[4096];

    /// <summary>Reads all of it.</summary>
    /// <exception cref="StorageException">RocksDB itself found damage and cannot go on.</exception>
    public void Run()
    {
        ReadStarts();
        HashSet<ConversationId> unseen = [.. store.Starts.Keys];
        using RocksDbIterator cursor = store.Iterate(Table.Log);
        ConversationRun run = default;
        for (cursor.Seek(default); cursor.Valid; cursor.Next())
        {
            ReadOnlySpan<byte> key = cursor.Key;
            if (key.Length != ChunkKey.Size)
            {
                store.Report($"The log holds a key of {key.Length} bytes: {Convert.ToHexStringLower(key)}.");
                continue;
            }

            if (!run.IsBegun || run.Id != ChunkKey.Conversation(key))
            {
                End(run);
                run = Begin(ChunkKey.Conversation(key));
                unseen.Remove(run.Id);
            }

            CheckChunk(ref run, key, cursor.Value);
        }

        End(run);
        foreach (ConversationId conversation in unseen.OrderBy(static one => one.Value))
        {
            // Nothing of it is kept, and it goes on.
            End(Begin(conversation));
        }
    }

    private void ReadStarts()
    {
        store.Scan(Table.State, StateKeys.LogStartsPrefix, (key, value) =>
        {
            try
            {
                LogStart start = LogStart.Read(value);
                if (key.Length == StateKeys.LogStartSize)
                {
                    store.Starts[ConversationId.Read(key[1..])] = start;
                    return true;
                }
            }
            catch (CorruptRecordException)
            {
                // Nobody knows any more where that log begins: what is missing of it is reported as missing.
            }

            store.Report($"The entry {Convert.ToHexStringLower(key)} does not say where a log begins: {Convert.ToHexStringLower(value)}.");
            return true;
        });
        store.Scan(Table.State, [StateKeys.CutKind], (key, _) =>
        {
            if (StateKeys.TryReadCut(key, StateKeys.CutKind, out ConversationId conversation, out ulong first))
            {
                _noted.Add(conversation);
                if (store.FirstOf(conversation) < first)
                {
                    store.Report($"Conversation {conversation} is to be cut off at record {first}, and its log begins at {store.FirstOf(conversation)}.");
                }
            }
            else
            {
                store.Report($"The entry {Convert.ToHexStringLower(key)} does not say where a log is to be cut off.");
            }

            return true;
        });
    }

    private ConversationRun Begin(ConversationId conversation)
    {
        store.Conversations++;
        store.UnreadBodies = 0;
        return new ConversationRun(conversation, store.Starts.TryGetValue(conversation, out LogStart start) ? start : LogStart.Beginning);
    }

    private void End(in ConversationRun run)
    {
        if (!run.IsBegun)
        {
            return;
        }

        bool isSound = store.IsComplete && run.DamageCount == 0;
        foreach (StoreCheck check in others)
        {
            check.OnConversation(store, run.Id, isSound);
        }
    }

    private void CheckChunk(ref ConversationRun run, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        string name = ChunkHeader.Name(key);
        ulong first = ChunkKey.First(key);
        if (first < run.Start.First)
        {
            if (!_noted.Contains(run.Id))
            {
                store.Report($"{Capital(name)} lies before the beginning of its log, which is {run.Start.First}.");
            }

            if (ChunkHeader.TryRead(key, value, out ChunkHeader cut, out _) && cut.Last < run.Start.First)
            {
                return;
            }

            // It begins where the log does, as far as anybody reads it.
            first = run.Next;
        }

        if (first > run.Next)
        {
            Damage(ref run, $"Records {run.Next} to {first - 1} before {name} are missing.");
        }
        else if (first < run.Next)
        {
            Damage(ref run, $"{Capital(name)} overlaps the chunk before it, which ends at {run.Next - 1}.");
        }

        if (!ChunkHeader.TryRead(key, value, out ChunkHeader header, out string reason))
        {
            Damage(ref run, Capital(reason));
            run.Next = Math.Max(run.Next, ChunkKey.First(key) + CountReadable(value));
            return;
        }

        if (header.Epoch > store.Directory.Epoch)
        {
            store.Report($"{Capital(name)} was written in epoch {header.Epoch}; the store is in epoch {store.Directory.Epoch}.");
        }

        bool isSound = CheckRecords(ref run, name, header, value[ChunkHeader.Size..]);
        if (isSound && run.IsChainKnown && run.Chain != header.ChainAfter)
        {
            Damage(ref run, $"The hash chain behind {name} does not follow from its records.");
        }

        // After damage the chain goes on from what the next sound header says, so that one damage is one problem.
        run.Chain = header.ChainAfter;
        run.IsChainKnown = true;
        run.Next = header.Last + 1;
    }

    private bool CheckRecords(ref ConversationRun run, string name, in ChunkHeader header, ReadOnlySpan<byte> records)
    {
        long damageBefore = run.DamageCount;
        for (ulong sequence = header.First; sequence <= header.Last; sequence++)
        {
            if (!MessageRecord.TryRead(ref records, out MessageRecord record))
            {
                Damage(ref run, $"Record {sequence} in {name} is cut off.");
                return false;
            }

            if (sequence < run.Start.First)
            {
                continue;
            }

            store.Messages++;
            if (!record.ChecksumMatches)
            {
                Damage(ref run, $"Record {sequence} in {name} does not match its checksum.");
                continue;
            }

            if (record.Sequence != sequence)
            {
                Damage(ref run, $"Record {sequence} in {name} calls itself {record.Sequence}.");
                continue;
            }

            if (!Tombstone.IsShaped(record))
            {
                Damage(ref run, $"Record {sequence} in {name} is a tombstone and holds {record.Body.Length} bytes instead of a hash.");
                continue;
            }

            if (!SealedBody.IsShaped(record))
            {
                Damage(ref run, $"Record {sequence} in {name} is sealed and holds {record.Body.Length} bytes.");
                continue;
            }

            store.Tombstones += Tombstone.Is(record) ? 1 : 0;
            run.Chain = run.Chain.Next(record);
            Show(ref run, record);

            store.Tick(Stage);
        }

        bool isSound = run.DamageCount == damageBefore;
        if (!records.IsEmpty)
        {
            store.Report($"{Capital(name)} has {records.Length} bytes behind its last record.");
        }

        return isSound;
    }

    private void Show(ref ConversationRun run, in MessageRecord record)
    {
        foreach (StoreCheck check in others)
        {
            check.OnStored(store, run.Id, record);
        }

        MessageRecord served = record;
        if (SealedBody.Is(record))
        {
            int size = Open(ref run, record);
            if (size == 0)
            {
                return;
            }

            served = MessageRecord.Of(_served.AsSpan(0, size));
            int unread = Tombstone.Is(served) && !Tombstone.Is(record) ? 1 : 0;
            store.UnreadBodies += unread;
            store.UnreadBodiesInAll += unread;
        }

        foreach (StoreCheck check in others)
        {
            check.OnRecord(store, run.Id, served);
        }
    }

    /// <summary>What readers get of a sealed record, in <see cref="_served"/>; 0 when its keys are there and do not open it.</summary>
    private int Open(ref ConversationRun run, in MessageRecord record)
    {
        int sizeMax = SealedBody.ServedSizeMax(record);
        if (sizeMax > _served.Length)
        {
            _served = new byte[2 * sizeMax];
        }

        try
        {
            return store.Vault is { } vault ? vault.Opener.Open(run.Id, record, _served) : SealedBody.WriteTombstone(_served, record);
        }
        catch (CorruptRecordException damage)
        {
            Damage(ref run, damage.Message);
            return 0;
        }
    }

    private void Damage(ref ConversationRun run, string problem)
    {
        store.Report(problem);
        run.DamageCount++;
        run.IsChainKnown = false;
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

    private static string Capital(string text) => string.Concat(text[..1].ToUpper(CultureInfo.InvariantCulture), text.AsSpan(1));

    /// <summary>A conversation on the way through its chunks.</summary>
    private struct ConversationRun(ConversationId id, LogStart start)
    {
        public readonly ConversationId Id = id;
        public readonly LogStart Start = start;
        public readonly bool IsBegun = true;
        public ulong Next = start.First;
        public ChainHash Chain = start.Chain;
        public bool IsChainKnown = true;
        public long DamageCount;
    }
}
