using System.CommandLine;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>create [NAME]</c>: makes a group, a public conversation or a channel.</summary>
internal static class Create
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string?> name = new("NAME") { Description = "Its #name; a group may go without", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> isPublic = new("--public") { Description = "The same as --kind public" };
        Option<string?> kind = new("--kind") { Description = "group: for members only (default) · public: everyone who is signed in reads and writes · channel: everyone reads, few write" };
        kind.AcceptOnlyFromAmong("group", "public", "channel");
        SettingsOptions settings = new();
        Option<string?> title = new("--title") { Description = "A title for people", HelpName = "TEXT" };
        Option<string[]> members = new("--member") { Description = "A member besides yourself; may be repeated", HelpName = "NAME", AllowMultipleArgumentsPerToken = true };
        Command command = new("create", "Make a conversation") { name, isPublic, kind, title, members };
        settings.AddTo(command);
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation,
            parsed.GetValue(name),
            parsed.GetValue(isPublic) ? ConversationKind.Public : parsed.GetValue(kind) is { } wanted ? ConversationKinds.Parse(wanted) : ConversationKind.Group,
            settings.Read(parsed) with { Title = parsed.GetValue(title) },
            parsed.GetValue(members) ?? [],
            token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        Invocation invocation, string? name, ConversationKind kind, ConversationChanges settings, string[] members, CancellationToken cancellation)
    {
        string? bareName = name is null ? null : ConversationArgument.NameOf(name);
        if (ConversationKinds.IsOpen(kind) && bareName is null)
        {
            throw CliException.Usage($"a {(kind == ConversationKind.Public ? "public conversation" : "channel")} needs a name");
        }

        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            UserId[] users = await Users.ResolveAsync(client, members, cancellation).ConfigureAwait(false);
            ConversationInfo made = await client.CreateConversationAsync(kind, bareName, settings, users, cancellation).ConfigureAwait(false);
            ConversationJson.Write(invocation.Json, made, withCreated: true);
        }

        return ExitCodes.Done;
    }
}
