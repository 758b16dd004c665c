using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>forward CONVERSATION SEQUENCE TARGET</c>: says a message in another conversation; the broker stamps where it is from.</summary>
internal static class Forward
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<ulong> sequence = new("SEQUENCE") { Description = "The message" };
        Argument<string> target = new("TARGET") { Description = "Where to: an id or a #name, or @name for a direct message" };
        Command command = new("forward", "Say a message in another conversation, with its origin") { conversation, sequence, target };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation, parsed.GetRequiredValue(conversation), parsed.GetRequiredValue(sequence), parsed.GetRequiredValue(target), token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, string conversation, ulong sequence, string target, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo from = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            ConversationInfo to = await ChatTargets.ResolveAsync(client, target, create: false, cancellation).ConfigureAwait(false);
            LogPosition position = await client.ForwardAsync(from.Conversation, sequence, to.Conversation, cancellationToken: cancellation).ConfigureAwait(false);
            Utf8JsonWriter json = invocation.Json.Begin();
            json.WriteString("conversation", to.Conversation.ToString());
            json.WriteNumber("epoch", position.Epoch);
            json.WriteNumber("sequence", position.Sequence);
            invocation.Json.End();
        }

        return ExitCodes.Done;
    }
}
