using System.Collections.Concurrent;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// Which records are to be erased and may still have their body somewhere: what the entries 'e' of small state say (docs/log-format.md §6), in memory, for readers. A reader asks once per page, and
/// when nothing waits that is one volatile read.
/// <para>
/// Noting comes after the commit is durable and before its number is published, so no read that begins after the acknowledgement misses it. Forgetting comes after the tables have the tombstone:
/// a reader therefore asks first and opens what it reads from afterwards. Then either it has been told, or what it opens has no body any more.
/// </para>
/// Threads: <see cref="Note(ReadOnlySpan{byte}, int)"/> by the committer, <see cref="Forget"/> by the eraser, the rest by anyone. The arrays in it are never changed, only replaced.
/// </summary>
internal sealed class NotedErasures
{
    private readonly ConcurrentDictionary<ConversationId, ulong[]> _waiting = new();
    private readonly Lock _gate = new();
    private int _count;

    /// <summary>Records that wait.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>What is noted of a conversation.</summary>
    public ErasedSequences Of(ConversationId conversation) =>
        Count != 0 && _waiting.TryGetValue(conversation, out ulong[]? sequences) ? new ErasedSequences(sequences) : default;

    /// <summary>Notes what the entries of a commit say, from an offset to the end of the span.</summary>
    public void Note(ReadOnlySpan<byte> source, int offset)
    {
        Dictionary<ConversationId, List<ulong>> noted = [];
        CommitBatchReader entries = new(source, offset);
        while (entries.Next())
        {
            if (entries.Table == Table.State && !entries.IsDelete && StateKeys.TryReadErasure(entries.Key, out ConversationId conversation, out ulong sequence))
            {
                Collect(noted, conversation, sequence);
            }
        }

        Add(noted);
    }

    /// <summary>Notes what a store had when it was opened.</summary>
    public void Load(RocksDbStore tables)
    {
        Dictionary<ConversationId, List<ulong>> noted = [];
        using RocksDbIterator cursor = tables.CreateIterator(Table.State);
        for (cursor.Seek(StateKeys.ErasuresPrefix); cursor.Valid && cursor.Key.StartsWith(StateKeys.ErasuresPrefix); cursor.Next())
        {
            // An entry of another shape is for `verify` to report.
            if (StateKeys.TryReadErasure(cursor.Key, out ConversationId conversation, out ulong sequence))
            {
                Collect(noted, conversation, sequence);
            }
        }

        Add(noted);
    }

    /// <summary>Everything that waits now, ordered as the log is.</summary>
    public List<(ConversationId Conversation, ulong[] Sequences)> Snapshot() =>
        [.. _waiting.Select(static noted => (noted.Key, noted.Value)).OrderBy(static noted => noted.Key.Value)];

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

            Volatile.Write(ref _count, _count - before.Length + left.Count);
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
                Volatile.Write(ref _count, _count + merged.Length - before.Length);
            }
        }
    }
}
