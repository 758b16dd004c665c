using System.Security.Cryptography;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// What is done with messages: sending, and the commands about one that is picked, or about the one that is meant when none is. Called on the chat's loop; the broker's answers come
/// beside it.
/// </summary>
/// <param name="client">The connection.</param>
/// <param name="rooms">The rooms.</param>
/// <param name="time">The clock.</param>
/// <param name="start">Runs something beside the loop and says its failure.</param>
/// <param name="ending">The chat ends.</param>
internal sealed class MessageCommands(FastChatClient client, ChatRooms rooms, TimeProvider time, Action<Func<CancellationToken, Task>> start, CancellationToken ending)
{
    /// <summary>Sends a text to the room; in a thread, into the thread.</summary>
    public void Say(ChatRoom room, string text, ChatEntry? answered = null)
    {
        if (text.Length == 0)
        {
            return;
        }

        Span<byte> random = stackalloc byte[Id128.Size];
        RandomNumberGenerator.Fill(random);
        ClientMessageId id = ClientMessageId.Read(random);
        MessageAttributes? attributes = Mentions.AttributesOf(text, name => room.Names.GetValueOrDefault(name), MemberRoles.Rank(room.Role) >= MemberRoles.Rank(MemberRole.Moderator));
        if (answered is not null || room.Thread != 0)
        {
            attributes = (attributes ?? new MessageAttributes()) with { ReplyTo = answered?.Sequence ?? 0, Thread = room.Thread != 0 ? room.Thread : answered?.Context.Thread ?? 0 };
        }

        EntryContext context = new() { SenderId = client.User, ReplyTo = attributes?.ReplyTo ?? 0, Thread = attributes?.Thread ?? 0 };
        room.AddPending(ChatEntry.FromText(client.UserName, text, time.GetLocalNow(), 0, id, isOwn: true, EntryState.Pending, context));

        // The text is in the send queue before this returns, so lines leave in the order of typing, and wait there while there is no connection.
        ValueTask<PublishReceipt> receipt = client.PublishTextAsync(room.Conversation, text, new PublishOptions { ClientMessageId = id, Attributes = attributes }, ending);
        start(cancellation => AwaitReceiptAsync(room, id, receipt, cancellation));
    }

    /// <summary>Answers a message.</summary>
    public void Reply(ChatRoom room, string text) => With(room, Meant.OfOthers, entry =>
    {
        if (text.Length == 0)
        {
            rooms.Remark($"/reply TEXT answers {entry.Sender}");
            return;
        }

        Say(room, text, entry);
    });

    /// <summary>Says something else in a message.</summary>
    public void Edit(ChatRoom room, string text) => With(room, Meant.Own, entry =>
    {
        if (text.Length == 0)
        {
            rooms.Remark("/edit TEXT says something else; /delete takes the message away");
            return;
        }

        MessageAttributes? attributes = Mentions.AttributesOf(text, name => room.Names.GetValueOrDefault(name), maySayEveryone: false);
        Publish(client.EditAsync(room.Conversation, entry.Sequence, text, new PublishOptions { Attributes = attributes }, ending));
    });

    /// <summary>Deletes a message.</summary>
    public void Delete(ChatRoom room) => With(room, Meant.Own, entry => Publish(client.DeleteAsync(room.Conversation, entry.Sequence, ending)));

    /// <summary>Hides a message from the reader, on all devices, or shows it again. That it is done comes as a notice, like what is done on another device.</summary>
    public void Hide(ChatRoom room, bool isHidden) => With(room, isHidden ? Meant.Any : Meant.Hidden, entry => start(async cancellation =>
        await client.HideAsync(room.Conversation, [entry.Sequence], isHidden, cancellation).ConfigureAwait(false)));

    /// <summary>Reacts to a message.</summary>
    public void React(ChatRoom room, string reaction) => With(room, Meant.OfOthers, entry =>
    {
        if (reaction.Length == 0)
        {
            rooms.Remark($"/react 👍, or whatever sign you like, or a name: {string.Join(' ', ReactionNames.All)}");
            return;
        }

        Publish(client.ReactAsync(room.Conversation, entry.Sequence, ReactionNames.ReactionOf(reaction), isAdded: true, ending));
    });

    /// <summary>Takes a reaction back; the last own one when none is named.</summary>
    public void Unreact(ChatRoom room, string reaction) => With(room, Meant.OfOthers, entry =>
    {
        string? own = reaction.Length > 0 ? ReactionNames.ReactionOf(reaction) : entry.Marks.Reactions.LastOrDefault(static one => one.IsOwn).Reaction;
        if (own is null)
        {
            rooms.Remark("you have not reacted to that message");
            return;
        }

        Publish(client.ReactAsync(room.Conversation, entry.Sequence, own, isAdded: false, ending));
    });

    /// <summary>Pins a message, or takes the pin away.</summary>
    public void Pin(ChatRoom room, bool isPinned) =>
        With(room, isPinned ? Meant.Any : Meant.Pinned, entry => Publish(client.PinAsync(room.Conversation, entry.Sequence, isPinned, ending)));

    /// <summary>Opens the thread of a message: the one that it is in, or the one that it begins.</summary>
    public void OpenThread(ChatRoom room) => With(room, Meant.Any, entry => rooms.Show(rooms.OpenThread(room, entry.Context.Thread != 0 ? entry.Context.Thread : entry.Sequence)));

    /// <summary>Says a message in another conversation.</summary>
    public void Forward(ChatRoom room, string target) => With(room, Meant.Any, entry => start(async cancellation =>
    {
        if (target.Length == 0)
        {
            throw new CliException("/forward #room (or @name)");
        }

        ConversationInfo to = await ChatTargets.ResolveAsync(client, target, create: false, cancellation).ConfigureAwait(false);
        await client.ForwardAsync(room.Conversation, entry.Sequence, to.Conversation, cancellationToken: cancellation).ConfigureAwait(false);
        string label = await RoomLabels.OfAsync(client, to, cancellation).ConfigureAwait(false);
        await rooms.PostAsync(() => rooms.Remark(room, $"forwarded to {label}")).ConfigureAwait(false);
    }));

    /// <summary>Lists what is pinned.</summary>
    public void ListPins(ChatRoom room) => start(async cancellation =>
    {
        MessagePage page = await client.GetPinsAsync(room.Conversation, cancellationToken: cancellation).ConfigureAwait(false);
        UserNames names = new(client);
        await names.LearnAsync(page.Messages, cancellation).ConfigureAwait(false);
        string lines = string.Join('\n', page.Messages.Select(message => $"{names.NameOf(message.Sender)}: {SafeText.OneLine(message.Text ?? "(no text)")}"));
        string text = lines.Length == 0 ? "nothing is pinned here" : $"pinned here{(page.IsComplete ? string.Empty : " (the first ones)")}:\n{lines}";
        await rooms.PostAsync(() => rooms.Remark(room, text)).ConfigureAwait(false);
    });

    // The picked message, or the newest that the command can mean: what a command is about is either in sight or the last thing that happened.
    private void With(ChatRoom room, Meant meant, Action<ChatEntry> act)
    {
        ChatEntry? entry = room.Picked ?? room.Newest(candidate => meant switch
        {
            Meant.Own => candidate.IsOwn,
            Meant.OfOthers => !candidate.IsOwn,
            Meant.Pinned => candidate.Marks.IsPinned,
            Meant.Hidden => candidate.Marks.IsHidden,
            _ => true,
        });
        entry ??= meant == Meant.OfOthers ? room.Newest(static _ => true) : null;
        if (entry is null)
        {
            rooms.Remark("there is no message that this can be about; Ctrl-↑ picks one");
            return;
        }

        room.Unpick();
        act(entry);
    }

    private void Publish(ValueTask<PublishReceipt> publishing) => start(async _ => await publishing.ConfigureAwait(false));

    private async Task AwaitReceiptAsync(ChatRoom room, ClientMessageId id, ValueTask<PublishReceipt> receipt, CancellationToken cancellation)
    {
        try
        {
            await receipt.ConfigureAwait(false);
            await rooms.PostAsync(() => room.Acknowledge(id)).ConfigureAwait(false);
        }
        catch (ClientException refused) when (!cancellation.IsCancellationRequested)
        {
            await rooms.PostAsync(() =>
            {
                room.Fail(id);
                rooms.Remark(room, FailureText.Of(refused));
            }).ConfigureAwait(false);
        }
    }

    private enum Meant
    {
        Any,
        Own,
        OfOthers,
        Pinned,
        Hidden,
    }
}
