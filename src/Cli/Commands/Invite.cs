using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>invite CONVERSATION NAME…</c>: adds members, or with <c>--ask</c> invites them.</summary>
internal static class Invite
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<string[]> users = new("NAME") { Description = "Who becomes a member", Arity = ArgumentArity.OneOrMore };
        Option<bool> owner = new("--owner") { Description = "As owners, who may add and remove members themselves" };
        Option<bool> ask = new("--ask") { Description = "Invite instead of adding: they become members when they accept" };
        Option<string> roleName = RoleArgument.BuildOption("What they become");
        Command command = new("invite", "Add members to a conversation, or ask them") { conversation, users, owner, ask, roleName };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation,
            parsed.GetRequiredValue(conversation),
            parsed.GetRequiredValue(users),
            parsed.GetValue(owner) ? MemberRole.Owner : MemberRoles.Parse(parsed.GetValue(roleName)),
            parsed.GetValue(ask),
            token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, string conversation, string[] names, MemberRole role, bool isAsked, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            UserId[] users = await Users.ResolveAsync(client, names, cancellation).ConfigureAwait(false);
            if (isAsked)
            {
                for (int i = 0; i < users.Length; i++)
                {
                    MemberVerbs.Write(invocation, target.Conversation, names[i], await client.InviteAsync(target.Conversation, users[i], role, cancellation).ConfigureAwait(false));
                }

                return ExitCodes.Done;
            }

            int added = 0;
            ulong sequence = 0;
            foreach (UserId[] part in users.Chunk(ProtocolLimits.ControlArrayMax))
            {
                MembersAdded result = await client.AddMembersAsync(target.Conversation, part, role, cancellation).ConfigureAwait(false);
                added += result.Added;
                sequence = Math.Max(sequence, result.Sequence);
            }

            Utf8JsonWriter json = invocation.Json.Begin();
            json.WriteString("conversation", target.Conversation.ToString());
            json.WriteNumber("added", added);
            json.WriteNumber("sequence", sequence);
            invocation.Json.End();
        }

        return ExitCodes.Done;
    }
}
