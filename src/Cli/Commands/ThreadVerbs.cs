using System.CommandLine;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>thread CONVERSATION SEQUENCE [TEXT…]</c>: the messages of a thread, or one more; <c>pins CONVERSATION</c>: the pinned messages.</summary>
internal static class ThreadVerbs
{
    private delegate Task<MessagePage> NextPage(FastChatClient client, ConversationId conversation, ulong after, CancellationToken cancellation);

    /// <summary><c>thread</c>.</summary>
    public static Command BuildThread()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<ulong> root = new("SEQUENCE") { Description = "The message that the thread is about" };
        Argument<string[]> text = new("TEXT") { Description = "What is said in the thread; without it the thread is listed", Arity = ArgumentArity.ZeroOrMore };
        Command command = new("thread", "List a thread, or say something in it") { conversation, root, text };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) =>
        {
            ulong sequence = parsed.GetRequiredValue(root);
            string[] words = parsed.GetValue(text) ?? [];
            return words.Length > 0
                ? SayAsync(invocation, parsed.GetRequiredValue(conversation), sequence, string.Join(' ', words), token)
                : ListAsync(invocation, parsed.GetRequiredValue(conversation), (client, target, after, stop) => client.GetThreadAsync(target, sequence, after, cancellationToken: stop), token);
        })(parsed, cancellation));
        return command;
    }

    /// <summary><c>pins</c>.</summary>
    public static Command BuildPins()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Command command = new("pins", "List the pinned messages") { conversation };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => ListAsync(
            invocation, parsed.GetRequiredValue(conversation), static (client, target, after, stop) => client.GetPinsAsync(target, after, cancellationToken: stop), token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> SayAsync(Invocation invocation, string conversation, ulong root, string text, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            PublishOptions options = new() { Attributes = new MessageAttributes { Thread = root } };
            PublishReceipt receipt = await client.PublishTextAsync(target.Conversation, text, options, cancellation).ConfigureAwait(false);
            Send.WriteReceipt(invocation.Json, target.Conversation, receipt);
        }

        return ExitCodes.Done;
    }

    private static async Task<int> ListAsync(Invocation invocation, string conversation, NextPage next, CancellationToken cancellation)
    {
        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            MessagePrinter printer = new(invocation, client);
            MessagePage page;
            ulong after = 0;
            do
            {
                page = await next(client, target.Conversation, after, cancellation).ConfigureAwait(false);
                await printer.PrintAsync(page.Messages, cancellation).ConfigureAwait(false);
                after = page.Messages.Count > 0 ? page.Messages[^1].Sequence : after;
            }
            while (!page.IsComplete && page.Messages.Count > 0);
        }

        return ExitCodes.Done;
    }
}
