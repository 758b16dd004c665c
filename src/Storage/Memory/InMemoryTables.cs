using System.Collections.Immutable;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>One entry; ordered by its key's bytes, as RocksDB orders them.</summary>
internal sealed record InMemoryEntry(byte[] Key, byte[] Value)
{
    public static readonly Comparer<InMemoryEntry> ByKey =
        Comparer<InMemoryEntry>.Create(static (a, b) => a.Key.AsSpan().SequenceCompareTo(b.Key));
}

/// <summary>
/// An immutable state of all tables: a reader holds one and is never disturbed, a crash goes back to one at no cost.
/// </summary>
internal sealed class InMemoryTables : ILogStarts
{
    private const int TableCount = 3;

    public static readonly InMemoryTables Empty =
        new([.. Enumerable.Repeat(ImmutableSortedSet.Create<InMemoryEntry>(InMemoryEntry.ByKey), TableCount)]);

    private readonly ImmutableArray<ImmutableSortedSet<InMemoryEntry>> _tables;

    private InMemoryTables(ImmutableArray<ImmutableSortedSet<InMemoryEntry>> tables) => _tables = tables;

    public ImmutableSortedSet<InMemoryEntry> Of(Table table) => _tables[(int)table];

    public byte[]? Find(Table table, ReadOnlySpan<byte> key) =>
        Of(table).TryGetValue(new InMemoryEntry(key.ToArray(), []), out InMemoryEntry found) ? found.Value : null;

    /// <inheritdoc/>
    public LogStart StartOf(ConversationId conversation)
    {
        Span<byte> key = stackalloc byte[StateKeys.LogStartSize];
        StateKeys.WriteLogStart(key, conversation);
        return Find(Table.State, key) is { } value ? LogStart.Read(value) : LogStart.Beginning;
    }

    /// <summary>The next state, made from the entries of batches.</summary>
    internal sealed class Builder(InMemoryTables from)
    {
        private readonly ImmutableSortedSet<InMemoryEntry>.Builder[] _tables = [.. from._tables.Select(table => table.ToBuilder())];

        public bool Changed { get; private set; }

        /// <summary>A table as it is by now.</summary>
        public ImmutableSortedSet<InMemoryEntry> Of(Table table) => _tables[(int)table].ToImmutable();

        public void Apply(ReadOnlySpan<byte> representation)
        {
            CommitBatchReader reader = new(representation);
            uint announced = reader.Count;
            uint count = Apply(ref reader);
            if (count != announced)
            {
                throw new InvalidOperationException($"The batch announces {announced} entries and holds {count}.");
            }
        }

        /// <summary>Applies entries wherever they stand, and says how many they were.</summary>
        public uint Apply(ref CommitBatchReader reader)
        {
            uint count = 0;
            for (; reader.Next(); count++)
            {
                if (reader.IsDelete)
                {
                    Delete(reader.Table, reader.Key);
                }
                else
                {
                    Put(reader.Table, reader.Key, reader.Value);
                }
            }

            return count;
        }

        public void Put(Table table, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
            InMemoryEntry entry = new(key.ToArray(), value.ToArray());
            _tables[(int)table].Remove(entry);
            _tables[(int)table].Add(entry);
            Changed = true;
        }

        public void Delete(Table table, ReadOnlySpan<byte> key)
        {
            _tables[(int)table].Remove(new InMemoryEntry(key.ToArray(), []));
            Changed = true;
        }

        public InMemoryTables Build() => new([.. _tables.Select(table => table.ToImmutable())]);
    }
}

/// <summary>A position in one table of one state.</summary>
internal struct InMemoryCursor(ImmutableSortedSet<InMemoryEntry> table) : IChunkCursor
{
    private int _index = -1;

    public readonly bool Valid => (uint)_index < (uint)table.Count;

    public readonly ReadOnlySpan<byte> Key => table[_index].Key;

    public readonly ReadOnlySpan<byte> Value => table[_index].Value;

    public void Seek(scoped ReadOnlySpan<byte> key)
    {
        int index = table.IndexOf(new InMemoryEntry(key.ToArray(), []));
        _index = index < 0 ? ~index : index;
    }

    public void SeekForPrevious(scoped ReadOnlySpan<byte> key)
    {
        int index = table.IndexOf(new InMemoryEntry(key.ToArray(), []));
        _index = index < 0 ? ~index - 1 : index;
    }

    public void Next() => _index++;

    public void Previous() => _index--;
}
