namespace FastChat.Cli;

/// <summary>
/// How far the user has read in a room, on whichever device, and how much of others waits behind it. Four numbers, however long the conversation is: what was unread at the beginning
/// comes from the broker, later messages are counted as they come, and what is loaded is counted again when only a part was read.
/// </summary>
internal sealed class RoomReading
{
    private ulong _countedTo;

    /// <summary>Up to here it is read.</summary>
    public ulong Read { get; private set; }

    /// <summary>Messages of others behind it.</summary>
    public int Unread { get; private set; }

    /// <summary>Mentions of the reader among them.</summary>
    public int Mentions { get; private set; }

    /// <summary>There are more than were counted.</summary>
    public bool HasMore { get; private set; }

    /// <summary>Begins with what the broker has counted up to a head.</summary>
    public void Begin(ulong read, int unread, bool hasMore, int mentions, ulong head) =>
        (Read, Unread, HasMore, Mentions, _countedTo) = (read, unread, hasMore, mentions, head);

    /// <summary>An entry of the log came, live or with a page; what was counted already is not counted twice.</summary>
    public void OnEntry(ChatEntry entry)
    {
        if (entry.Sequence <= _countedTo)
        {
            return;
        }

        _countedTo = entry.Sequence;
        if (Counts(entry))
        {
            Unread++;
            Mentions += entry.Context.IsMention ? 1 : 0;
        }
    }

    /// <summary>An unread message was deleted.</summary>
    public void OnDeleted(ChatEntry entry)
    {
        if (Unread > 0 && entry.IsMessage && !entry.IsOwn && entry.Sequence > Read)
        {
            Unread--;
            Mentions -= entry.Context.IsMention && Mentions > 0 ? 1 : 0;
        }
    }

    /// <summary>The user has read up to here, in this room or on another device; false when that was so already.</summary>
    /// <param name="upTo">The last sequence that was seen.</param>
    /// <param name="entries">What is loaded: counted when it reaches back to there, and otherwise the count stays until it does.</param>
    public bool OnRead(ulong upTo, RoomEntries entries)
    {
        if (upTo <= Read)
        {
            return false;
        }

        Read = upTo;
        if (upTo >= entries.Newest || entries.IsComplete || entries.Oldest <= upTo + 1)
        {
            (Unread, Mentions, HasMore) = (0, 0, false);
            for (int i = entries.PlacedCount - 1; i >= 0 && (entries[i].Sequence == 0 || entries[i].Sequence > upTo); i--)
            {
                Unread += Counts(entries[i]) ? 1 : 0;
                Mentions += Counts(entries[i]) && entries[i].Context.IsMention ? 1 : 0;
            }

            _countedTo = Math.Max(_countedTo, entries.Newest);
        }

        return true;
    }

    /// <summary>The first message of others behind what was read; null when it is not loaded, or there is none.</summary>
    public static ChatEntry? FirstBehind(ulong read, RoomEntries entries)
    {
        if (!entries.IsComplete && entries.Oldest > read + 1)
        {
            return null;
        }

        ChatEntry? first = null;
        for (int i = entries.PlacedCount - 1; i >= 0 && (entries[i].Sequence == 0 || entries[i].Sequence > read); i--)
        {
            first = Counts(entries[i]) ? entries[i] : first;
        }

        return first;
    }

    private static bool Counts(ChatEntry entry) => entry.IsMessage && !entry.IsOwn && entry.Sequence > 0 && !entry.Marks.IsDeleted;
}
