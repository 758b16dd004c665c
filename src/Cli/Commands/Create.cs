using System.CommandLine;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>create [NAME]</c>: makes a group, or a public conversation.</summary>
internal static class Create
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string?> name = new("NAME") { Description = "Its #name; a group may go without", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> isPublic = new("--public") { Description = "Everyone who is signed in may read it and write to it (default: a group, for members only)" };
        Option<string?> title = new("--title") { Description = "A title for people", HelpName = "TEXT" };
        Option<string[]> members = new("--member") { Description = "A member besides yourself; may be repeated", HelpName = "NAME", AllowMultipleArgumentsPerToken = true };
        Command command = new("create", "Make a conversation") { name, isPublic, title, members };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation, parsed.GetValue(name), parsed.GetValue(isPublic), parsed.GetValue(title), parsed.GetValue(members) ?? [], token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        Invocation invocation, string? name, bool isPublic, string? title, string[] members, CancellationToken cancellation)
    {
        string? bareName = name is null ? null : ConversationArgument.NameOf(name);
        if (isPublic && bareName is null)
        {
            throw CliException.Usage("a public conversation needs a name");
        }

        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            UserId[] users = await Users.ResolveAsync(client, members, cancellation).ConfigureAwait(false);
            ConversationKind kind = isPublic ? ConversationKind.Public : ConversationKind.Group;
            ConversationInfo made = await client.CreateConversationAsync(kind, bareName, title, users, default, cancellation).ConfigureAwait(false);
            ConversationJson.Write(invocation.Json, made, withCreated: true);
        }

        return ExitCodes.Done;
    }
}
