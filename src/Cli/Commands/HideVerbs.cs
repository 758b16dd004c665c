using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>hide</c>, <c>unhide</c> and <c>hidden</c>: messages that somebody does not want to see, on any device. Others see them as before.</summary>
internal static class HideVerbs
{
    /// <summary>The verbs.</summary>
    public static IEnumerable<Command> BuildAll()
    {
        yield return Build("hide", "Delete messages for yourself: others see them as before", isHidden: true);
        yield return Build("unhide", "See messages again that you have hidden", isHidden: false);
        yield return BuildList();
    }

    private static Command Build(string verb, string description, bool isHidden)
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<ulong[]> sequences = new("SEQUENCE") { Description = "The messages", Arity = ArgumentArity.OneOrMore };
        Command command = new(verb, description) { conversation, sequences };
        command.SetAction((parsed, cancellation) => Invocation.Action(async (invocation, token) =>
        {
            ulong[] wanted = parsed.GetRequiredValue(sequences);
            if (wanted.Length > ProtocolLimits.ControlArrayMax)
            {
                throw CliException.Usage($"at most {ProtocolLimits.ControlArrayMax} messages at a time");
            }

            FastChatClient client = await invocation.ConnectAsync(token).ConfigureAwait(false);
            await using (client.ConfigureAwait(false))
            {
                ConversationInfo target = await ConversationArgument.ResolveAsync(client, parsed.GetRequiredValue(conversation), create: false, token).ConfigureAwait(false);
                ulong version = await client.HideAsync(target.Conversation, wanted, isHidden, token).ConfigureAwait(false);
                Utf8JsonWriter json = invocation.Json.Begin();
                json.WriteString("conversation", target.Conversation.ToString());
                json.WriteBoolean("hidden", isHidden);
                json.WriteNumber("version", version);
                invocation.Json.End();
            }

            return ExitCodes.Done;
        })(parsed, cancellation));
        return command;
    }

    private static Command BuildList()
    {
        Argument<string?> conversation = new("CONVERSATION") { Description = ConversationArgument.Description, Arity = ArgumentArity.ZeroOrOne };
        Command command = new("hidden", "List the messages that you have hidden") { conversation };
        command.SetAction((parsed, cancellation) => Invocation.Action(async (invocation, token) =>
        {
            FastChatClient client = await invocation.ConnectAsync(token).ConfigureAwait(false);
            await using (client.ConfigureAwait(false))
            {
                ConversationId target = await ConversationArgument.ResolveOptionalAsync(client, parsed.GetValue(conversation), token).ConfigureAwait(false);
                ReadOnlyMemory<byte>? next = null;
                do
                {
                    HiddenPage page = await client.ListHiddenAsync(target, next, token).ConfigureAwait(false);
                    foreach (HiddenMessage message in page.Messages)
                    {
                        Utf8JsonWriter json = invocation.Json.Begin();
                        json.WriteString("conversation", message.Conversation.ToString());
                        json.WriteNumber("sequence", message.Sequence);
                        invocation.Json.End();
                    }

                    next = page.Next;
                }
                while (next is not null);
            }

            return ExitCodes.Done;
        })(parsed, cancellation));
        return command;
    }
}
