using FastChat.Cli;
using FastChat.Client;
using FastChat.History;

namespace FastChat.Simulation;

/// <summary>What a device knows without having been told everything anew: its list, what became of the messages that it read, and who is there. It survives the device's program, as on a disk.</summary>
internal sealed class Picture
{
    /// <summary>The list as it was last told, or told to be different.</summary>
    public Dictionary<ConversationId, InboxEntry> Inbox { get; } = [];

    /// <summary>The epoch of the list.</summary>
    public uint Epoch { get; private set; }

    /// <summary>How far each followed conversation was read, and what that has made of its messages.</summary>
    public Dictionary<ConversationId, ReadState> Read { get; } = [];

    /// <summary>Who is there, in the conversation that is watched.</summary>
    public SortedDictionary<UserId, PresenceEntry> Present { get; } = new(Comparer<UserId>.Create(static (left, right) => left.Value.CompareTo(right.Value)));

    /// <summary>Asks what is different and takes it in, page by page.</summary>
    public async Task CatchUpAsync(FastChatClient client, int limit)
    {
        KnownConversation[] knows = [.. Inbox.Values.Select(entry => new KnownConversation(entry.Conversation.Conversation, entry.Conversation.Head, entry.Read))];
        uint known = Epoch;
        ReadOnlyMemory<byte>? next = null;
        do
        {
            InboxPage page = await client.GetInboxAsync(knows, known, limit, next);
            foreach (InboxEntry entry in page.Entries)
            {
                Inbox[entry.Conversation.Conversation] = entry;
            }

            foreach (ConversationId gone in page.Gone)
            {
                Inbox.Remove(gone);
            }

            (Epoch, next) = (page.Epoch, page.Next);
        }
        while (next is not null);
    }

    /// <summary>A record was read: what it changes is changed. One that does not follow the last one begins anew.</summary>
    public void Take(ChatMessage message)
    {
        if (!Read.TryGetValue(message.Conversation, out ReadState? read) || read.Position.Sequence + 1 != message.Sequence)
        {
            Read[message.Conversation] = read = new ReadState(message.Sequence);
        }

        read.State.Apply(ReadMessage.ToEvent(message));
        read.Position = message.Position;
    }

    /// <summary>Somebody came, went, or is seen otherwise.</summary>
    public void Take(PresenceUpdate update)
    {
        if (update.IsRestart)
        {
            Present.Clear();
        }

        foreach (PresenceEntry entry in update.Entries ?? [])
        {
            Present[entry.User] = entry;
        }
    }

    /// <summary>What is different from a list that was told as a whole; null when nothing is. Only the mark of what has arrived may be older: a list is asked for by head and read cursor.</summary>
    public string? DifferenceFrom(IReadOnlyList<InboxEntry> fresh)
    {
        foreach (InboxEntry entry in fresh)
        {
            if (!Inbox.TryGetValue(entry.Conversation.Conversation, out InboxEntry? known))
            {
                return $"does not know of {entry.Conversation.Conversation}";
            }

            if (Comparable(known) != Comparable(entry))
            {
                return $"has {Comparable(known)} where a new device is told {Comparable(entry)}";
            }
        }

        return Inbox.Count == fresh.Count ? null : $"has {Inbox.Count} conversations in its list, and a new device {fresh.Count}";
    }

    /// <summary>A mute that is over needs no record to be over.</summary>
    private static InboxEntry Comparable(InboxEntry entry) => entry with { Delivered = 0, Conversation = entry.Conversation with { MutedUntil = null } };
}

/// <summary>How far a conversation was read without a gap, and what that says of the messages from <paramref name="from"/> on.</summary>
internal sealed class ReadState(ulong from)
{
    /// <summary>The first record that was read.</summary>
    public ulong From { get; } = from;

    /// <summary>The last one.</summary>
    public LogPosition Position { get; set; }

    /// <summary>What follows from them.</summary>
    public LogState State { get; } = new();
}
