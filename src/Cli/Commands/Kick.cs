using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>kick CONVERSATION NAME</c>: removes a member.</summary>
internal static class Kick
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<string> user = new("NAME") { Description = "Who is removed" };
        Command command = new("kick", "Remove a member from a conversation") { conversation, user };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RemoveAsync(
            invocation, parsed.GetRequiredValue(conversation), parsed.GetRequiredValue(user), token))(parsed, cancellation));
        return command;
    }

    /// <summary>Removes a member, or the user itself when <paramref name="name"/> is null.</summary>
    public static async Task<int> RemoveAsync(Invocation invocation, string conversation, string? name, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            UserId user = name is null ? default : (await Users.ResolveAsync(client, [name], cancellation).ConfigureAwait(false))[0];
            ulong sequence = await client.RemoveMemberAsync(target.Conversation, user, cancellation).ConfigureAwait(false);
            Utf8JsonWriter json = invocation.Json.Begin();
            json.WriteString("conversation", target.Conversation.ToString());
            json.WriteString("user", name ?? client.UserName);
            json.WriteNumber("sequence", sequence);
            invocation.Json.End();
        }

        return ExitCodes.Done;
    }
}
