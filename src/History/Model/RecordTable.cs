namespace FastChat.History;

/// <summary>The first sighting of a record.</summary>
internal struct RecordEntry
{
    /// <summary>Of everything that observers can compare; 0 = not seen.</summary>
    public ulong Fingerprint;

    /// <summary>Where it was seen first.</summary>
    public Place Place;

    /// <summary>Number of the message, or -1 for records that the broker wrote.</summary>
    public int Message;
}

/// <summary>
/// The records of one epoch of one conversation, as anybody saw them. Sequences are dense, so pages of an array beat a hash table by far in time and room; a sequence that
/// no log can have costs a page and not the memory up to it.
/// </summary>
internal sealed class RecordTable
{
    private const int PageBits = 8;
    private const int PageSize = 1 << PageBits;

    private readonly Dictionary<ulong, RecordEntry[]> _pages = [];
    private ulong _lastNumber = ulong.MaxValue;
    private RecordEntry[] _lastPage = [];

    /// <summary>The entry of a sequence, to be filled when it is empty.</summary>
    public ref RecordEntry this[ulong sequence]
    {
        get
        {
            ulong number = sequence >> PageBits;
            if (number != _lastNumber)
            {
                if (!_pages.TryGetValue(number, out RecordEntry[]? page))
                {
                    _pages[number] = page = new RecordEntry[PageSize];
                }

                _lastPage = page;
                _lastNumber = number;
            }

            return ref _lastPage[sequence & (PageSize - 1)];
        }
    }
}
