using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>The verbs that change what one person is in a conversation: the same words and the same line of output, another request each.</summary>
internal static class MemberVerbs
{
    private delegate Task<ChangeResult> Change(FastChatClient client, ConversationId conversation, UserId user, CancellationToken cancellation);

    /// <summary>All of them but <c>join</c> and <c>invite</c>, which have more to say.</summary>
    public static IEnumerable<Command> BuildAll()
    {
        yield return Own("accept", "Accept an invitation", static (client, conversation, _, cancellation) => client.AcceptAsync(conversation, cancellation));
        yield return Own("decline", "Decline an invitation", static (client, conversation, _, cancellation) => client.DeclineAsync(conversation, cancellation));
        yield return BuildRole();
        yield return BuildMute();
        yield return OfOther("unmute", "Let a member write again", static (client, conversation, user, cancellation) => client.UnmuteAsync(conversation, user, cancellation));
        yield return OfOther("ban", "Remove somebody and keep them out", static (client, conversation, user, cancellation) => client.BanAsync(conversation, user, cancellation));
        yield return OfOther("unban", "Allow somebody to come back", static (client, conversation, user, cancellation) => client.UnbanAsync(conversation, user, cancellation));
        yield return OfOther("uninvite", "Take an invitation back", static (client, conversation, user, cancellation) => client.UninviteAsync(conversation, user, cancellation));
    }

    /// <summary>Writes the line that all of them end with.</summary>
    public static void Write(Invocation invocation, ConversationId conversation, string user, ChangeResult result)
    {
        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("conversation", conversation.ToString());
        json.WriteString("user", user);
        json.WriteBoolean("changed", result.IsChanged);
        json.WriteNumber("sequence", result.Sequence);
        invocation.Json.End();
    }

    private static Command Own(string verb, string description, Change change)
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Command command = new(verb, description) { conversation };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation, parsed.GetRequiredValue(conversation), null, change, token))(parsed, cancellation));
        return command;
    }

    private static Command OfOther(string verb, string description, Change change)
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<string> user = new("NAME") { Description = "Whom it concerns" };
        Command command = new(verb, description) { conversation, user };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation, parsed.GetRequiredValue(conversation), parsed.GetRequiredValue(user), change, token))(parsed, cancellation));
        return command;
    }

    private static Command BuildRole()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<string> user = new("NAME") { Description = "Whom it concerns" };
        Argument<string> role = RoleArgument.Build();
        Command command = new("role", "Give a member another role") { conversation, user, role };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation,
            parsed.GetRequiredValue(conversation),
            parsed.GetRequiredValue(user),
            (client, target, whom, stop) => client.SetRoleAsync(target, whom, MemberRoles.Parse(parsed.GetRequiredValue(role)), stop),
            token))(parsed, cancellation));
        return command;
    }

    private static Command BuildMute()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<string> user = new("NAME") { Description = "Whom it concerns" };
        Option<string?> duration = new("--for") { Description = "For how long (default: until unmuted)", HelpName = Durations.HelpName };
        Command command = new("mute", "Keep a member from writing") { conversation, user, duration };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) =>
        {
            TimeSpan? wanted = Durations.Parse(parsed.GetValue(duration));
            return RunAsync(
                invocation, parsed.GetRequiredValue(conversation), parsed.GetRequiredValue(user), (client, target, whom, stop) => client.MuteAsync(target, whom, wanted, stop), token);
        })(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, string conversation, string? name, Change change, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            UserId user = name is null ? client.User : (await Users.ResolveAsync(client, [name], cancellation).ConfigureAwait(false))[0];
            ChangeResult result = await change(client, target.Conversation, user, cancellation).ConfigureAwait(false);
            Write(invocation, target.Conversation, name ?? client.UserName, result);
        }

        return ExitCodes.Done;
    }
}
