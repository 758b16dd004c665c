using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>cursors CONVERSATION</c>: how far the members have received and read, as far as they let others know.</summary>
internal static class Cursors
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Option<ulong> thread = new("--thread") { Description = "Of the thread of this message instead", HelpName = "SEQ" };
        Command command = new("cursors", "Say how far the members of a group have read") { conversation, thread };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation, parsed.GetRequiredValue(conversation), parsed.GetValue(thread), token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, string conversation, ulong thread, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            UserId after = default;
            do
            {
                CursorPage page = await client.ListCursorsAsync(target.Conversation, after, thread: thread, cancellationToken: cancellation).ConfigureAwait(false);
                UserId[] users = [.. page.Cursors.Select(static cursor => cursor.User)];
                IReadOnlyList<UserInfo?> names = await client.ResolveUsersAsync(users, cancellation).ConfigureAwait(false);
                for (int i = 0; i < users.Length; i++)
                {
                    Print(invocation, page.Cursors[i], names[i]?.Name ?? users[i].ToString());
                }

                after = page.Next;
            }
            while (!after.IsNone);
        }

        return ExitCodes.Done;
    }

    private static void Print(Invocation invocation, MemberCursor cursor, string name)
    {
        if (invocation.IsHuman)
        {
            invocation.PrintHuman(string.Create(CultureInfo.InvariantCulture, $"read {cursor.Read,9}  delivered {cursor.Delivered,9}  {SafeText.OneLine(name)}"));
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("user", cursor.User.ToString());
        json.WriteString("name", name);
        json.WriteNumber("delivered", cursor.Delivered);
        json.WriteNumber("read", cursor.Read);
        invocation.Json.End();
    }
}
