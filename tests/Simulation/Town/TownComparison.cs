using FastChat.Client;
using FastChat.History;

namespace FastChat.Simulation;

/// <summary>When nothing happens any more: what a device knows, by having been told what is different, is what a device that is new is told as a whole.</summary>
internal sealed class TownComparison(SimulatedWorld world, Town town, Device device, string name)
{
    /// <summary>Presence is told when there is room for it.</summary>
    private const int PresenceTriesMax = 12;

    /// <summary>Compares, and reports each difference as a defect of the world.</summary>
    public async Task RunAsync(FastChatClient client, FastChatClient fresh, Acts acts, ConversationId watched, TimeProvider clock)
    {
        await device.Picture.CatchUpAsync(client);
        List<InboxEntry> list = await acts.ReadInboxAsync();
        if (device.Picture.DifferenceFrom(list) is { } difference)
        {
            Report(difference);
        }

        foreach (InboxEntry entry in list.Where(static entry => MemberRoles.IsMember(entry.Conversation.Role)))
        {
            if (device.Picture.Read.TryGetValue(entry.Conversation.Conversation, out ReadState? read) && device.Follows(entry.Conversation.Conversation))
            {
                await CompareStatesAsync(acts, entry, read);
            }

            if (entry.Conversation.Kind is ConversationKind.Group or ConversationKind.Direct)
            {
                await CompareCursorsAsync(acts, entry);
            }
        }

        await CompareScheduledAndHiddenAsync(client, clock);
        if (!watched.IsNone)
        {
            await ComparePresenceAsync(fresh, watched, clock);
        }

        town.Count("compared");
    }

    /// <summary>What was to be published by now is, or says why not; what is hidden is so in both ways in which it is told.</summary>
    private async Task CompareScheduledAndHiddenAsync(FastChatClient client, TimeProvider clock)
    {
        foreach (ScheduledMessage message in (await client.ListScheduledAsync()).Messages)
        {
            if (message.Refused == ErrorCode.None && message.At < clock.GetUtcNow() - TimeSpan.FromSeconds(5))
            {
                Report($"has a message for {message.Conversation} that was to be published at {message.At:O} and waits still");
            }
        }

        foreach (IGrouping<ConversationId, HiddenMessage> hidden in (await client.ListHiddenAsync()).Messages.GroupBy(static one => one.Conversation))
        {
            if (!device.Picture.Inbox.TryGetValue(hidden.Key, out InboxEntry? entry) || entry.Conversation.Role == MemberRole.Invited)
            {
                continue;
            }

            MessageStatePage page = await client.GetMessageStatesAsync(hidden.Key);
            ulong[] expected = [.. hidden.Select(static one => one.Sequence).Where(sequence => sequence >= entry.Conversation.VisibleFrom)];
            if (page.Next == 0 && !page.Hidden.SequenceEqual(expected))
            {
                Report($"is told that {string.Join(' ', page.Hidden)} are hidden in {hidden.Key}, and in its list that {string.Join(' ', expected)} are");
            }

            town.Count("hidden compared");
        }
    }

    private void Report(string difference) => world.Defects.Add($"{name} {difference}");

    private async Task CompareStatesAsync(Acts acts, InboxEntry entry, ReadState read)
    {
        ConversationId conversation = entry.Conversation.Conversation;
        if (read.Position.Sequence != entry.Conversation.Head)
        {
            Report($"has read {conversation} up to {read.Position}, and its head is {entry.Conversation.Head}");
            return;
        }

        ulong first = Math.Max(read.From, Math.Max(1, entry.Conversation.VisibleFrom));
        Dictionary<ulong, MessageState> told = await acts.ReadStatesAsync(conversation, first);
        foreach (ulong sequence in told.Keys.Union(read.State.Notes.Keys).Where(sequence => sequence >= first).Order())
        {
            MessageNote own = read.State.Of(sequence);
            MessageState state = told.GetValueOrDefault(sequence) ?? new MessageState();
            bool isSame = own.DeletedBy == state.DeletedBy && own.PinnedBy == state.PinnedBy && own.Edits == state.Edits && own.EditedBy == state.EditedBy &&
                own.Replies == state.Replies && own.InThread == state.InThread && own.Reactions == Acts.DigestOf(state);
            if (!isSame)
            {
                Report($"makes message {sequence} of {conversation} {own}, and a new device is told {state} {Acts.DigestOf(state)}");
            }
        }

        town.Count("states compared");
    }

    private async Task CompareCursorsAsync(Acts acts, InboxEntry entry)
    {
        List<MemberCursor> cursors = await acts.ListCursorsAsync(entry.Conversation.Conversation);
        MemberCursor own = cursors.Find(cursor => cursor.User == device.Owner.User);
        if (own.Read != entry.Read || own.Delivered != entry.Delivered)
        {
            Report($"is told {entry.Read} and {entry.Delivered} in its list, and {own} among the cursors of {entry.Conversation.Conversation}");
        }

        town.Count("cursors compared");
    }

    private async Task ComparePresenceAsync(FastChatClient fresh, ConversationId watched, TimeProvider clock)
    {
        string? difference = null;
        for (int i = 0; i < PresenceTriesMax; i++)
        {
            difference = await DifferenceAsync(fresh, watched);
            if (difference is null)
            {
                town.Count("presence compared");
                return;
            }

            await Task.Delay(TimeSpan.FromSeconds(5), clock);
        }

        Report($"sees {watched} otherwise than a new device: {difference}");
    }

    private async Task<string?> DifferenceAsync(FastChatClient fresh, ConversationId watched)
    {
        await foreach (PresenceUpdate update in fresh.WatchPresenceAsync(watched))
        {
            if (update.Entries is null)
            {
                return null;
            }

            foreach (PresenceEntry entry in update.Entries)
            {
                if (!device.Picture.Present.TryGetValue(entry.User, out PresenceEntry? known) || (known.Availability, known.Status) != (entry.Availability, entry.Status))
                {
                    return $"{known} is {entry}";
                }
            }

            break;
        }

        return null;
    }
}
