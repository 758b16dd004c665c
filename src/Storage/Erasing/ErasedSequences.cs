namespace FastChat.Storage;

/// <summary>Sequences of one conversation whose bodies nobody may read any more, ascending; and where its log begins, when it was cut off. A view of one moment.</summary>
internal readonly ref struct ErasedSequences(ReadOnlySpan<ulong> sequences, ulong first = 0)
{
    private readonly ReadOnlySpan<ulong> _sequences = sequences;

    /// <summary>Nobody may read a record below it; 0 when that is all the same.</summary>
    public ulong First { get; } = first;

    /// <summary>True when one lies in [<paramref name="first"/>, <paramref name="last"/>].</summary>
    public bool AnyIn(ulong first, ulong last) => !_sequences.IsEmpty && AnyBetween(first, last);

    public bool Has(ulong sequence) => _sequences.BinarySearch(sequence) >= 0;

    /// <summary>True when a record is to be served, or kept, as its tombstone and is not one yet.</summary>
    public bool Covers(in Protocol.MessageRecord record) => !_sequences.IsEmpty && !Tombstone.Is(record) && Has(record.Sequence);

    private bool AnyBetween(ulong first, ulong last)
    {
        int at = _sequences.BinarySearch(first);
        at = at < 0 ? ~at : at;
        return at < _sequences.Length && _sequences[at] <= last;
    }
}
