using System.Collections.Concurrent;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// Which records are to be erased, or are cut off, and may still be somewhere: what the entries 'e', 'P' and 'Q' of small state say (docs/log-format.md §6), in memory, for readers. A reader asks once per page,
/// and when nothing waits that is one volatile read.
/// <para>
/// Noting comes after the commit is durable and before its number is published, so no read that begins after the acknowledgement misses it. Forgetting comes after the tables have the tombstone:
/// a reader therefore asks first and opens what it reads from afterwards. Then either it has been told, or what it opens has no body any more.
/// </para>
/// Threads: <see cref="Note(ReadOnlySpan{byte}, int)"/> by the committer, <see cref="Forget"/> by the eraser, the rest by anyone. The arrays in it are never changed, only replaced.
/// </summary>
internal sealed class NotedErasures
{
    private readonly ConcurrentDictionary<ConversationId, ulong[]> _waiting = new();

    /// <summary>Where logs begin whose files have more than that.</summary>
    private readonly ConcurrentDictionary<ConversationId, ulong> _cuts = new();

    /// <summary>Below which records dedupe entries are to go. No reader asks for it.</summary>
    private readonly ConcurrentDictionary<ConversationId, ulong> _forgotten = new();
    private readonly Lock _gate = new();
    private int _count;
    private int _records;

    /// <summary>Records, and conversations that were cut, that wait.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Records that wait to be erased.</summary>
    public int Records => Volatile.Read(ref _records);

    /// <summary>What is noted of a conversation.</summary>
    public ErasedSequences Of(ConversationId conversation)
    {
        if (Count == 0)
        {
            return default;
        }

        _cuts.TryGetValue(conversation, out ulong first);
        return new ErasedSequences(_waiting.TryGetValue(conversation, out ulong[]? sequences) ? sequences : default, first);
    }

    /// <summary>Notes what the entries of a commit say, from an offset to the end of the span.</summary>
    public void Note(ReadOnlySpan<byte> source, int offset)
    {
        Dictionary<ConversationId, List<ulong>> noted = [];
        CommitBatchReader entries = new(source, offset);
        while (entries.Next())
        {
            if (entries.Table == Table.State && !entries.IsDelete)
            {
                Note(noted, entries.Key);
            }
        }

        Add(noted);
    }

    /// <summary>Notes what a store had when it was opened.</summary>
    public void Load(RocksDbStore tables)
    {
        Dictionary<ConversationId, List<ulong>> noted = [];
        using RocksDbIterator cursor = tables.CreateIterator(Table.State);
        foreach (byte kind in (ReadOnlySpan<byte>)[StateKeys.ErasuresPrefix[0], StateKeys.CutKind, StateKeys.ForgottenKind])
        {
            for (cursor.Seek([kind]); cursor.Valid && cursor.Key[0] == kind; cursor.Next())
            {
                // An entry of another shape is for `verify` to report.
                Note(noted, cursor.Key);
            }
        }

        Add(noted);
    }

    /// <summary>Everything that waits now, ordered as the log is.</summary>
    public NotedWork Snapshot() => new(
        [.. _waiting.Select(static noted => (noted.Key, noted.Value)).OrderBy(static noted => noted.Key.Value)], Ordered(_cuts), Ordered(_forgotten));

    /// <summary>Takes a cut away that the files have by now; a later one of the same conversation stays.</summary>
    public void ForgetCut(ConversationId conversation, ulong first) => Drop(_cuts, conversation, first);

    /// <summary>The same of dedupe entries.</summary>
    public void ForgetForgotten(ConversationId conversation, ulong below) => Drop(_forgotten, conversation, below);

    /// <summary>Takes away what no file has a body of any more.</summary>
    public void Forget(ConversationId conversation, ReadOnlySpan<ulong> erased)
    {
        lock (_gate)
        {
            if (!_waiting.TryGetValue(conversation, out ulong[]? before))
            {
                return;
            }

            ErasedSequences gone = new(erased);
            List<ulong> left = [];
            foreach (ulong sequence in before)
            {
                if (!gone.Has(sequence))
                {
                    left.Add(sequence);
                }
            }

            if (left.Count == 0)
            {
                _waiting.TryRemove(conversation, out _);
            }
            else
            {
                _waiting[conversation] = [.. left];
            }

            CountRecords(left.Count - before.Length);
        }
    }

    private static List<(ConversationId Conversation, ulong Sequence)> Ordered(ConcurrentDictionary<ConversationId, ulong> noted) =>
        [.. noted.Select(static one => (one.Key, one.Value)).OrderBy(static one => one.Key.Value)];

    private void Drop(ConcurrentDictionary<ConversationId, ulong> noted, ConversationId conversation, ulong sequence)
    {
        lock (_gate)
        {
            if (noted.TryRemove(KeyValuePair.Create(conversation, sequence)))
            {
                Volatile.Write(ref _count, _count - 1);
            }
        }
    }

    private void CountRecords(int more)
    {
        Volatile.Write(ref _records, _records + more);
        Volatile.Write(ref _count, _count + more);
    }

    /// <summary>What a key of small state says, if it says anything about it: of a cut at once, of records with the others of its conversation.</summary>
    private void Note(Dictionary<ConversationId, List<ulong>> noted, ReadOnlySpan<byte> key)
    {
        if (StateKeys.TryReadErasure(key, out ConversationId conversation, out ulong sequence))
        {
            Collect(noted, conversation, sequence);
        }
        else if (StateKeys.TryReadCut(key, StateKeys.CutKind, out conversation, out sequence))
        {
            NoteFurthest(_cuts, conversation, sequence);
        }
        else if (StateKeys.TryReadCut(key, StateKeys.ForgottenKind, out conversation, out sequence))
        {
            NoteFurthest(_forgotten, conversation, sequence);
        }
    }

    private void NoteFurthest(ConcurrentDictionary<ConversationId, ulong> noted, ConversationId conversation, ulong sequence)
    {
        lock (_gate)
        {
            bool isNoted = noted.TryGetValue(conversation, out ulong before);
            noted[conversation] = Math.Max(before, sequence);
            Volatile.Write(ref _count, _count + (isNoted ? 0 : 1));
        }
    }

    private static void Collect(Dictionary<ConversationId, List<ulong>> noted, ConversationId conversation, ulong sequence)
    {
        if (!noted.TryGetValue(conversation, out List<ulong>? sequences))
        {
            noted[conversation] = sequences = [];
        }

        sequences.Add(sequence);
    }

    private void Add(Dictionary<ConversationId, List<ulong>> noted)
    {
        lock (_gate)
        {
            foreach ((ConversationId conversation, List<ulong> sequences) in noted)
            {
                ulong[] before = _waiting.GetValueOrDefault(conversation, []);
                ulong[] merged = [.. before.Concat(sequences).Distinct().Order()];
                _waiting[conversation] = merged;
                CountRecords(merged.Length - before.Length);
            }
        }
    }
}

/// <summary>What waits at one moment, each in the order of the log.</summary>
/// <param name="Erased">Records of which the body is to go.</param>
/// <param name="Cuts">Below which sequence records are to go.</param>
/// <param name="Forgotten">Below which sequence dedupe entries are to go.</param>
internal sealed record NotedWork(
    List<(ConversationId Conversation, ulong[] Sequences)> Erased,
    List<(ConversationId Conversation, ulong Sequence)> Cuts,
    List<(ConversationId Conversation, ulong Sequence)> Forgotten);
