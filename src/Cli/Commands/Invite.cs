using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>invite CONVERSATION NAME…</c>: adds members.</summary>
internal static class Invite
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<string[]> users = new("NAME") { Description = "Who becomes a member", Arity = ArgumentArity.OneOrMore };
        Option<bool> owner = new("--owner") { Description = "As owners, who may add and remove members themselves" };
        Command command = new("invite", "Add members to a conversation") { conversation, users, owner };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation,
            parsed.GetRequiredValue(conversation),
            parsed.GetRequiredValue(users),
            parsed.GetValue(owner) ? MemberRole.Owner : MemberRole.Member,
            token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, string conversation, string[] names, MemberRole role, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            UserId[] users = await Users.ResolveAsync(client, names, cancellation).ConfigureAwait(false);
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
