using System.CommandLine;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>direct NAME</c>: finds the conversation with somebody, or makes it.</summary>
internal static class Direct
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> user = new("NAME") { Description = "With whom; your own name for notes to yourself" };
        Command command = new("direct", "Find or make the direct conversation with somebody") { user };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(invocation, parsed.GetRequiredValue(user), token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, string name, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            UserId[] users = await Users.ResolveAsync(client, [name], cancellation).ConfigureAwait(false);
            ConversationJson.Write(invocation.Json, await client.DirectAsync(users[0], cancellation).ConfigureAwait(false), withCreated: true);
        }

        return ExitCodes.Done;
    }
}
