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

    /// <summary>Asks what is different and takes it in.</summary>
    public async Task CatchUpAsync(FastChatClient client)
    {
        InboxChanges changes = await client.CatchUpAsync([.. Inbox.Values.Select(KnownConversation.Of)], Epoch);
        if (!changes.IsRecovered)
        {
            Inbox.Clear();
        }

        foreach (InboxEntry entry in changes.Entries)
        {
            Inbox[entry.Conversation.Conversation] = entry;
        }

        foreach (ConversationId gone in changes.Gone)
        {
            Inbox.Remove(gone);
        }

        Epoch = changes.Epoch;
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

    /// <summary>What is different from a list that was told as a whole; null when nothing is.</summary>
    public string? DifferenceFrom(IReadOnlyList<InboxEntry> fresh)
    {
        foreach (InboxEntry entry in fresh)
        {
            if (!Inbox.TryGetValue(entry.Conversation.Conversation, out InboxEntry? known))
            {
                return $"does not know of {entry.Conversation.Conversation}";
            }

            if (Comparable(known) != Comparable(entry) || !(known.Cursors ?? []).SequenceEqual(entry.Cursors ?? []))
            {
                return $"has {Comparable(known)} where a new device is told {Comparable(entry)}";
            }
        }

        return Inbox.Count == fresh.Count ? null : $"has {Inbox.Count} conversations in its list, and a new device {fresh.Count}";
    }

    /// <summary>A mute that is over needs no record to be over, and what is hidden is told in a list of its own.</summary>
    private static InboxEntry Comparable(InboxEntry entry) => entry with { Cursors = null, Last = entry.Last is { } last ? last with { IsHidden = false } : null, Conversation = entry.Conversation with { MutedUntil = null } };
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
