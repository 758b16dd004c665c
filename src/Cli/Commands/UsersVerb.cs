using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>users PREFIX</c>: people one shares a conversation with, by the beginning of a name.</summary>
internal static class UsersVerb
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> prefix = new("PREFIX") { Description = "The beginning of a name or display name; upper and lower case are the same" };
        Command command = new("users", "Find people among those you share a group with") { prefix };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation, parsed.GetRequiredValue(prefix), token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, string prefix, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            UserId after = default;
            UserPage page;
            do
            {
                page = await client.SearchUsersAsync(prefix, after, cancellationToken: cancellation).ConfigureAwait(false);
                foreach (FoundUser user in page.Users)
                {
                    Print(invocation, user);
                    after = user.User;
                }
            }
            while (page.HasMore && page.Users.Count > 0);

            if (!page.IsComplete)
            {
                Invocation.Note("you share conversations with more people than the broker looks at: some may be missing");
            }
        }

        return ExitCodes.Done;
    }

    private static void Print(Invocation invocation, FoundUser user)
    {
        if (invocation.IsHuman)
        {
            invocation.PrintHuman($"{user.User}  {SafeText.OneLine(user.Name)}{(user.DisplayName is null ? string.Empty : $"  {SafeText.OneLine(user.DisplayName)}")}");
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("user", user.User.ToString());
        json.WriteString("name", user.Name);
        json.WriteString("display_name", user.DisplayName);
        json.WriteBoolean("external", user.IsExternal);
        invocation.Json.End();
    }
}
