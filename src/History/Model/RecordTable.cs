using FastChat.Protocol;

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

    /// <summary>The latest request that still brought its body, and where that stands; 0 = none did.</summary>
    public long WholeAskedAt;
    public Place WholePlace;

    /// <summary>Where it was first seen without its body.</summary>
    public Place ErasedPlace;
}

/// <summary>What a record says that is no plain message: what it changes, answers, or makes of whom.</summary>
internal sealed record RecordDetail
{
    public required MessageKind Kind { get; init; }

    /// <summary>Number of the sender.</summary>
    public required int User { get; init; }

    public ulong Target { get; init; }

    /// <summary>The records whose bodies it takes away, of one of kind 133; empty otherwise.</summary>
    public IReadOnlyList<ulong> Erases { get; init; } = [];

    public ulong ReplyTo { get; init; }

    public ulong Thread { get; init; }

    public bool IsTakenBack { get; init; }

    public ulong Content { get; init; }

    /// <summary>Number of the member; -1 = it is about none.</summary>
    public int Member { get; init; } = -1;

    public MemberRole Role { get; init; }

    public ulong VisibleFrom { get; init; }

    /// <summary>When anybody saw it first, and where.</summary>
    public required long SeenAt { get; init; }

    public required Place Place { get; init; }

    /// <summary>Nobody saw it with its body: what it changed or answered is not known.</summary>
    public bool IsBlind { get; init; }
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
