using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>block NAME</c>, <c>unblock NAME</c>, <c>blocks</c>: whom one wants nothing of.</summary>
internal static class BlockVerbs
{
    /// <summary><c>block</c> or <c>unblock</c>.</summary>
    public static Command Build(bool blocks)
    {
        Argument<string> user = new("NAME") { Description = blocks ? "Who is to be kept away" : "Who may write again" };
        Command command = blocks
            ? new("block", "Keep somebody away: no direct messages, no invitations, no view of your profile") { user }
            : new("unblock", "Take a block back") { user };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => SetAsync(
            invocation, parsed.GetRequiredValue(user), blocks, token))(parsed, cancellation));
        return command;
    }

    /// <summary><c>blocks</c>.</summary>
    public static Command BuildList()
    {
        Command command = new("blocks", "List whom you have blocked");
        command.SetAction((parsed, cancellation) => Invocation.Action(ListAsync)(parsed, cancellation));
        return command;
    }

    private static async Task<int> SetAsync(Invocation invocation, string name, bool blocked, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            UserId user = (await Users.ResolveAsync(client, [name], cancellation).ConfigureAwait(false))[0];
            await client.BlockAsync(user, blocked, cancellation).ConfigureAwait(false);
            Utf8JsonWriter json = invocation.Json.Begin();
            json.WriteString("user", user.ToString());
            json.WriteBoolean("blocked", blocked);
            invocation.Json.End();
        }

        return ExitCodes.Done;
    }

    private static async Task<int> ListAsync(Invocation invocation, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            UserId after = default;
            bool complete = false;
            while (!complete)
            {
                BlockPage page = await client.ListBlocksAsync(after, cancellationToken: cancellation).ConfigureAwait(false);
                foreach (BlockInfo block in page.Blocks)
                {
                    Print(invocation, block);
                    after = block.User;
                }

                complete = page.IsComplete || page.Blocks.Count == 0;
            }
        }

        return ExitCodes.Done;
    }

    private static void Print(Invocation invocation, BlockInfo block)
    {
        string since = Timestamps.Format((long)block.BlockedAtMicros);
        if (invocation.IsHuman)
        {
            invocation.PrintHuman(string.Create(CultureInfo.InvariantCulture, $"{block.User}  {since}  {SafeText.OneLine(block.Name)}"));
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("user", block.User.ToString());
        json.WriteString("name", block.Name);
        json.WriteString("blocked_at", since);
        invocation.Json.End();
    }
}
