using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>link</c>, <c>links</c> and <c>unlink</c>: links by which people join.</summary>
internal static class Links
{
    /// <summary><c>link CONVERSATION</c>.</summary>
    public static Command BuildLink()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Option<uint> uses = new("--uses") { Description = "How often it can be followed (default: any number of times)", HelpName = "N" };
        Option<string?> duration = new("--for") { Description = "How long it works (default: 7d)", HelpName = Durations.HelpName };
        Option<string> role = RoleArgument.BuildOption("What who follows it becomes");
        Command command = new("link", "Make a link by which people join") { conversation, uses, duration, role };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) =>
        {
            TimeSpan? wanted = Durations.Parse(parsed.GetValue(duration));
            return WithAsync(invocation, parsed.GetRequiredValue(conversation), async (client, target) =>
            {
                JoinLinkCreated made = await client.CreateJoinLinkAsync(
                    target, MemberRoles.Parse(parsed.GetValue(role)), parsed.GetValue(uses), wanted, token).ConfigureAwait(false);
                Utf8JsonWriter json = invocation.Json.Begin();
                json.WriteString("conversation", target.ToString());
                json.WriteString("link", made.Link);
                json.WriteString("expires", Timestamps.Format(Micros.Of(made.Expires)!.Value));
                invocation.Json.End();
            }, token);
        })(parsed, cancellation));
        return command;
    }

    /// <summary><c>links CONVERSATION</c>.</summary>
    public static Command BuildLinks()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Command command = new("links", "List the join links of a conversation") { conversation };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => WithAsync(invocation, parsed.GetRequiredValue(conversation), async (client, target) =>
        {
            IReadOnlyList<JoinLinkInfo> links = await client.ListJoinLinksAsync(target, token).ConfigureAwait(false);
            UserId[] makers = [.. links.Select(link => link.Creator).Distinct()];
            IReadOnlyList<UserInfo?> names = await client.ResolveUsersAsync(makers, token).ConfigureAwait(false);
            foreach (JoinLinkInfo link in links)
            {
                Print(invocation, link, names[Array.IndexOf(makers, link.Creator)]?.Name ?? link.Creator.ToString());
            }
        }, token))(parsed, cancellation));
        return command;
    }

    /// <summary><c>unlink CONVERSATION ID</c>.</summary>
    public static Command BuildUnlink()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<string> id = new("ID") { Description = "What 'links' calls it: 32 digits" };
        Command command = new("unlink", "End a join link") { conversation, id };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) =>
        {
            string text = parsed.GetRequiredValue(id);
            if (!ConversationId.TryParse(text, out ConversationId link))
            {
                throw CliException.Usage($"'{SafeText.OneLine(text)}' is no link's id: 'fastchat links' lists them");
            }

            return WithAsync(invocation, parsed.GetRequiredValue(conversation), async (client, target) =>
            {
                ChangeResult result = await client.RevokeJoinLinkAsync(target, link.Value, token).ConfigureAwait(false);
                Utf8JsonWriter json = invocation.Json.Begin();
                json.WriteString("conversation", target.ToString());
                json.WriteString("id", text);
                json.WriteBoolean("changed", result.IsChanged);
                invocation.Json.End();
            }, token);
        })(parsed, cancellation));
        return command;
    }

    private static async Task<int> WithAsync(Invocation invocation, string conversation, Func<FastChatClient, ConversationId, Task> ask, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            await ask(client, target.Conversation).ConfigureAwait(false);
        }

        return ExitCodes.Done;
    }

    private static void Print(Invocation invocation, JoinLinkInfo link, string creator)
    {
        string id = new ConversationId(link.Id).ToString();
        string expires = Timestamps.Format(Micros.Of(link.Expires)!.Value);
        if (invocation.IsHuman)
        {
            string uses = link.UsesLeft is { } left ? left.ToString(CultureInfo.InvariantCulture) : "any";
            invocation.PrintHuman($"{id}  {MemberRoles.NameOf(link.Role),-9}  {uses,10} uses left  until {expires}  by {SafeText.OneLine(creator)}{(link.IsExpired ? "  (over)" : string.Empty)}");
            return;
        }

        Utf8JsonWriter json = invocation.Json.Begin();
        json.WriteString("id", id);
        json.WriteString("role", MemberRoles.NameOf(link.Role));
        if (link.UsesLeft is { } count)
        {
            json.WriteNumber("uses_left", count);
        }

        json.WriteString("expires", expires);
        json.WriteBoolean("expired", link.IsExpired);
        json.WriteString("creator", creator);
        invocation.Json.End();
    }
}
