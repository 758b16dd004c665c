using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>inbox</c>: the user's conversations, most recently active first, with what waits there; <c>mark-read CONVERSATION [SEQUENCE]</c>.</summary>
internal static class InboxVerbs
{
    /// <summary>The list.</summary>
    public static Command BuildInbox()
    {
        Option<int> limit = new("--limit") { Description = "Conversations at the most (default: all)" };
        Command command = new("inbox", "List your conversations by activity, with what is unread") { limit };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => ListAsync(invocation, parsed.GetValue(limit), token))(parsed, cancellation));
        return command;
    }

    /// <summary>The cursor.</summary>
    public static Command BuildMarkRead()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<ulong?> sequence = new("SEQUENCE") { Description = "Up to here (default: the last message)", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> isPrivate = new("--private") { Description = "Do not let others know" };
        Option<ulong> thread = new("--thread") { Description = "In the thread of this message", HelpName = "SEQ" };
        Command command = new("mark-read", "Say how far you have read") { conversation, sequence, isPrivate, thread };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => MarkAsync(
            invocation, parsed.GetRequiredValue(conversation), parsed.GetValue(sequence), parsed.GetValue(isPrivate), parsed.GetValue(thread), token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> MarkAsync(Invocation invocation, string conversation, ulong? sequence, bool isPrivate, ulong thread, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            ulong read = sequence ?? target.Head;
            MemberCursor cursor = read == 0 ? default : await client.MoveCursorAsync(target.Conversation, read, isPrivate: isPrivate, thread: thread, cancellationToken: cancellation).ConfigureAwait(false);
            Utf8JsonWriter json = invocation.Json.Begin();
            json.WriteString("conversation", target.Conversation.ToString());
            json.WriteNumber("delivered", cursor.Delivered);
            json.WriteNumber("read", cursor.Read);
            invocation.Json.End();
        }

        return ExitCodes.Done;
    }

    private static async Task<int> ListAsync(Invocation invocation, int limit, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ReadOnlyMemory<byte>? next = null;
            int printed = 0;
            do
            {
                InboxPage page = await client.GetInboxAsync(limit: limit is > 0 and <= 200 ? limit : 200, next: next, cancellationToken: cancellation).ConfigureAwait(false);
                foreach (InboxEntry entry in page.Entries)
                {
                    Print(invocation, entry);
                    printed++;
                }

                next = page.Next;
            }
            while (next is not null && (limit == 0 || printed < limit));
        }

        return ExitCodes.Done;
    }

    private static void Print(Invocation invocation, InboxEntry entry)
    {
        string preview = entry.Last is not { } last ? string.Empty : last.IsDeleted ? "(deleted)" : last.IsHidden ? "(hidden)" : last.Text ?? "(no text)";
        if (invocation.IsHuman)
        {
            string unread = entry.Unread == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $"{entry.Unread}{(entry.HasMoreUnread ? "+" : string.Empty)}{(entry.Mentions > 0 ? " @" : string.Empty)}");
            string role = entry.Conversation.Role == MemberRole.Invited ? "  (invited)" : string.Empty;
            invocation.PrintHuman($"{entry.Conversation.Conversation}  {unread,8}  {ConversationArgument.Label(entry.Conversation)}{role}  {SafeText.OneLine(preview)}");
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("conversation", entry.Conversation.Conversation.ToString());
        json.WriteString("kind", ConversationKinds.NameOf(entry.Conversation.Kind));
        json.WriteString("name", entry.Conversation.Name);
        json.WriteString("title", entry.Conversation.Title);
        json.WriteString("role", MemberRoles.NameOf(entry.Conversation.Role));
        json.WriteNumber("head", entry.Conversation.Head);
        json.WriteNumber("read", entry.Read);
        json.WriteNumber("unread", entry.Unread);
        json.WriteBoolean("unread_more", entry.HasMoreUnread);
        json.WriteNumber("mentions", entry.Mentions);
        if (entry.Last is { } message)
        {
            json.WriteNumber("last", message.Sequence);
            json.WriteString("text", message.Text);
        }

        invocation.Json.End();
    }
}
