using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>What is done with one message: <c>reply</c>, <c>edit</c>, <c>delete</c>, <c>react</c>, <c>pin</c>, <c>unpin</c>. Each prints where the record is that says so.</summary>
internal static class MessageVerbs
{
    private delegate ValueTask<PublishReceipt> Change(FastChatClient client, ConversationId conversation, ulong sequence, string text, CancellationToken cancellation);

    /// <summary>The verbs.</summary>
    public static IEnumerable<Command> BuildAll()
    {
        yield return Build("reply", "Answer a message", "TEXT", static (client, conversation, sequence, text, cancellation) =>
            client.PublishTextAsync(conversation, text, new PublishOptions { Attributes = new MessageAttributes { ReplyTo = sequence } }, cancellation));
        yield return Build("edit", "Say something else in an own message", "TEXT", static (client, conversation, sequence, text, cancellation) =>
            client.EditAsync(conversation, sequence, text, cancellationToken: cancellation));
        yield return Build("delete", "Delete a message for everyone", null, static (client, conversation, sequence, _, cancellation) =>
            client.DeleteAsync(conversation, sequence, cancellation));
        yield return Build("pin", "Pin a message", null, static (client, conversation, sequence, _, cancellation) =>
            client.PinAsync(conversation, sequence, cancellationToken: cancellation));
        yield return Build("unpin", "Take the pin from a message", null, static (client, conversation, sequence, _, cancellation) =>
            client.PinAsync(conversation, sequence, isPinned: false, cancellation));
        yield return BuildReact();
    }

    private static Command BuildReact()
    {
        Option<bool> remove = new("--remove") { Description = "Take the own reaction back" };
        Command command = Build("react", "React to a message", "REACTION", (client, conversation, sequence, text, cancellation) => client.ReactAsync(conversation, sequence, text, true, cancellation), remove);
        return command;
    }

    private static Command Build(string verb, string description, string? text, Change change, Option<bool>? remove = null)
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<ulong> sequence = new("SEQUENCE") { Description = "The message" };
        Argument<string[]>? words = text is null ? null : new(text) { Description = "What is said", Arity = ArgumentArity.OneOrMore };
        Command command = new(verb, description) { conversation, sequence };
        if (words is not null)
        {
            command.Add(words);
        }

        if (remove is not null)
        {
            command.Add(remove);
        }

        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation,
            parsed.GetRequiredValue(conversation),
            parsed.GetRequiredValue(sequence),
            words is null ? string.Empty : string.Join(' ', parsed.GetRequiredValue(words)),
            remove is not null && parsed.GetValue(remove)
                ? static (client, target, place, reaction, stop) => client.ReactAsync(target, place, reaction, isAdded: false, stop)
                : change,
            token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, string conversation, ulong sequence, string text, Change change, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            PublishReceipt receipt = await change(client, target.Conversation, sequence, text, cancellation).ConfigureAwait(false);
            Utf8JsonWriter json = invocation.Json.Begin();
            json.WriteString("conversation", target.Conversation.ToString());
            json.WriteNumber("epoch", receipt.Epoch);
            json.WriteNumber("sequence", receipt.Sequence);
            json.WriteNumber("target", sequence);
            invocation.Json.End();
        }

        return ExitCodes.Done;
    }
}
