using System.Globalization;
using System.Runtime.CompilerServices;

using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// Gives account 0 a list of conversations as somebody has it after years: two in five are with one other person, where the person spoke last, the others are groups of three, where account
/// 1 did. Most are read up to some of the last messages, and in one of
/// twenty groups or so the person is mentioned behind that. So most rows have records behind the cursor that have to be counted. Account 2 gets
/// a few of its own, without numbers: opening its list makes the machine code after a start.
/// </summary>
internal static class InboxMaker
{
    /// <summary>Messages of each conversation.</summary>
    public const int Messages = 12;

    /// <summary>Conversations are of these many kinds in turn; the kinds before <see cref="FirstGroup"/> are with one other person.</summary>
    public const int Kinds = 5;

    /// <inheritdoc cref="Kinds"/>
    public const int FirstGroup = 2;

    private const int OfStranger = 3;
    private const int Workers = 16;
    private const int MentionedOf = 20;

    /// <summary>Makes them; the numbers follow those that there are.</summary>
    public static async Task MakeAsync(FastChatSystem system, int conversations, CancellationToken cancellation)
    {
        FastChatClient person = await system.ConnectAsAsync(0, cancellation).ConfigureAwait(false);
        await using ConfiguredAsyncDisposable ofPerson = person.ConfigureAwait(false);
        FastChatClient talker = await system.ConnectAsAsync(1, cancellation).ConfigureAwait(false);
        await using ConfiguredAsyncDisposable ofTalker = talker.ConfigureAwait(false);
        FastChatClient importer = await system.ConnectAsAsync(account: null, cancellation).ConfigureAwait(false);
        await using ConfiguredAsyncDisposable ofImporter = importer.ConfigureAwait(false);
        string[] names = [.. Enumerable.Range(0, conversations).Select(i => string.Create(CultureInfo.InvariantCulture, $"friend {i}"))];
        IReadOnlyList<UserId> friends = await importer.ImportUsersAsync(names, cancellation).ConfigureAwait(false);
        ConversationInfo[] made = new ConversationInfo[conversations];
        int next = -1;
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(async _ =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < conversations;)
            {
                bool isDirect = i % Kinds < FirstGroup;
                made[i] = isDirect
                    ? await person.CreateConversationAsync(ConversationKind.Direct, name: null, title: null, [friends[i]], cancellationToken: cancellation).ConfigureAwait(false)
                    : await talker.CreateConversationAsync(ConversationKind.Group, name: null, title: names[i] + "'s birthday", [system.UserOf(0), friends[i]], cancellationToken: cancellation).ConfigureAwait(false);
                await FillAsync(isDirect ? person : talker, made[i].Conversation, !isDirect && i % MentionedOf == FirstGroup ? system.UserOf(0) : default, cancellation).ConfigureAwait(false);

                // A conversation's first records say who is in it: what was read is counted from its end.
                ulong head = (await person.GetConversationAsync(made[i].Conversation, cancellation).ConfigureAwait(false)).Head;
                await person.MoveCursorAsync(made[i].Conversation, read: head - (ulong)(i % Messages), cancellationToken: cancellation).ConfigureAwait(false);
            }
        })).ConfigureAwait(false);
        Array.ForEach(made, one => system.Add(one));
        for (int i = 0; i < OfStranger; i++)
        {
            ConversationInfo other = await talker.CreateConversationAsync(
                ConversationKind.Group, name: null, title: "others", [system.UserOf(2)], cancellationToken: cancellation).ConfigureAwait(false);
            await FillAsync(talker, other.Conversation, system.UserOf(2), cancellation).ConfigureAwait(false);
        }
    }

    private static async Task FillAsync(FastChatClient speaker, ConversationId conversation, UserId mentioned, CancellationToken cancellation)
    {
        Task<PublishReceipt>[] published = [.. Enumerable.Range(0, Messages).Select(number =>
        {
            MessageAttributes? attributes = !mentioned.IsNone && number >= Messages - 2 ? new MessageAttributes { Mentions = [mentioned] } : null;
            string text = string.Create(CultureInfo.InvariantCulture, $"message {number}: shall we meet at the usual place at {10 + number} o'clock, or is that too early for everybody?");
            return speaker.PublishTextAsync(conversation, text, new PublishOptions { Attributes = attributes }, cancellation).AsTask();
        })];
        await Task.WhenAll(published).ConfigureAwait(false);
    }
}
