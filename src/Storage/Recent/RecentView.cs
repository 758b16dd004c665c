namespace FastChat.Storage;

/// <summary>
/// The journal files whose commits may not be in the tables yet, oldest first, as they were at one moment. A reader stays inside while it looks; a file is not used again before everybody
/// has left every view that has it. The tables are read after a view was entered: what left the view since then is in them, and what is in both is the same.
/// </summary>
internal sealed class RecentView(params JournalSegment[] segments)
{
    private static long s_last;

    private Rundown _readers;

    /// <summary>Tells views apart that came after one another. A number holds no file's image, as a reference to the view would.</summary>
    public long Number { get; } = Interlocked.Increment(ref s_last);

    public ReadOnlySpan<JournalSegment> Segments => segments;

    /// <summary>False when the view was replaced.</summary>
    public bool TryEnter() => _readers.TryEnter();

    public void Leave() => _readers.Leave();

    /// <summary>Lets nobody in any more and returns when the last one left.</summary>
    public void Close() => _readers.Close();

    /// <summary>The value of a dedupe entry, if a commit of these files has it.</summary>
    public bool TryGetPublish(ReadOnlySpan<byte> key, ulong hash, out ReadOnlySpan<byte> value)
    {
        for (int i = segments.Length - 1; i >= 0; i--)
        {
            if (segments[i].Index.TryGetPublish(key, hash, out value))
            {
                return true;
            }
        }

        value = default;
        return false;
    }
}

/// <summary>The chunks of one conversation in a view: one run of sequences without a hole, up to the conversation's head. Lives inside the view.</summary>
internal ref struct RecentTail
{
    private readonly RecentView _view;
    private readonly ReadOnlySpan<byte> _conversation;
    private readonly ulong _hash;

    public RecentTail(RecentView view, ReadOnlySpan<byte> conversation)
    {
        _view = view;
        _conversation = conversation;
        _hash = KeyHash.Of(conversation);
        foreach (JournalSegment segment in view.Segments)
        {
            int newest = segment.Index.Newest(conversation, _hash);
            if (newest != RecentIndex.None)
            {
                Oldest = segment.Index.Chunk(newest).Oldest;
                return;
            }
        }
    }

    /// <summary>The first sequence of the run; 0 when the view has nothing of the conversation.</summary>
    public ulong Oldest { get; }

    /// <summary>Finds the chunk with the greatest first sequence not behind <paramref name="sequence"/>.</summary>
    public readonly bool TryFloor(ulong sequence, out RecentIndex index, out RecentChunk chunk)
    {
        for (int i = _view.Segments.Length - 1; i >= 0; i--)
        {
            index = _view.Segments[i].Index;
            int newest = index.Newest(_conversation, _hash);
            if (newest != RecentIndex.None && index.Floor(newest, sequence) is var at && at != RecentIndex.None)
            {
                chunk = index.Chunk(at);
                return true;
            }
        }

        index = null!;
        chunk = default;
        return false;
    }
}
