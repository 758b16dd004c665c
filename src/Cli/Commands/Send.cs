using System.CommandLine;
using System.Text.Json;
using System.Text.Unicode;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>send CONVERSATION TEXT…</c>: publishes and says where the message is; <c>-</c> publishes every line of stdin, pipelined.</summary>
internal static class Send
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<string[]> text = new("TEXT") { Description = "The message, words joined by a space; - reads one message per line from stdin", Arity = ArgumentArity.OneOrMore };
        AttributeOptions attributes = new();
        Command command = new("send", "Publish a message and print where it is") { conversation, text };
        attributes.AddTo(command);
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation, parsed.GetRequiredValue(conversation), parsed.GetRequiredValue(text), attributes.Read(parsed, TimeProvider.System), token))(parsed, cancellation));
        return command;
    }

    /// <summary>Writes a receipt as one line.</summary>
    public static void WriteReceipt(JsonLines lines, ConversationId conversation, in PublishReceipt receipt)
    {
        Utf8JsonWriter json = lines.Begin();
        json.WriteString("conversation", conversation.ToString());
        json.WriteNumber("epoch", receipt.Epoch);
        json.WriteNumber("sequence", receipt.Sequence);
        json.WriteString("durability", receipt.Durability switch { Durability.Fsynced => "fsynced", Durability.Replicated => "replicated", _ => "none" });
        if (receipt.IsDuplicate)
        {
            json.WriteBoolean("duplicate", true);
        }

        lines.End();
    }

    private static async Task<int> RunAsync(
        Invocation invocation,
        string conversation,
        string[] words,
        Func<FastChatClient, CancellationToken, Task<PublishOptions>>? readOptions,
        CancellationToken cancellation)
    {
        if (readOptions is not null && words is ["-"])
        {
            throw CliException.Usage("--mention, --everyone and --expire belong to one message, and - sends many");
        }

        if (!ConversationId.TryParse(conversation, out _))
        {
            ConversationArgument.NameOf(conversation);
        }

        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: true, cancellation).ConfigureAwait(false);
            if (words is ["-"])
            {
                return await SendLinesAsync(invocation, client, target.Conversation, cancellation).ConfigureAwait(false);
            }

            PublishOptions? options = readOptions is null ? null : await readOptions(client, cancellation).ConfigureAwait(false);
            PublishReceipt receipt = await client.PublishTextAsync(target.Conversation, string.Join(' ', words), options, cancellation).ConfigureAwait(false);
            WriteReceipt(invocation.Json, target.Conversation, receipt);
            return ExitCodes.Done;
        }
    }

    private static async Task<int> SendLinesAsync(Invocation invocation, FastChatClient client, ConversationId conversation, CancellationToken cancellation)
    {
        ReceiptPrinter printer = new(invocation.Json, conversation);
        using Stream input = Console.OpenStandardInput();
        LineReader lines = new(input);
        long number = 0;
        try
        {
            while (await lines.ReadAsync(cancellation).ConfigureAwait(false) is { } line)
            {
                // A line is bytes: what is no UTF-8 travels as opaque rather than altered.
                MessageKind kind = Utf8.IsValid(line.Span) ? MessageKind.Text : MessageKind.Opaque;
                number++;
                try
                {
                    await client.PostAsync(conversation, default, kind, line, default, printer, number, cancellation).ConfigureAwait(false);
                }
                catch (RequestException refused)
                {
                    printer.OnFailed(number, refused);
                }

                printer.FlushWhenIdle(client.SendQueueBytes);
            }

            await client.FlushAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            printer.Flush();
        }

        return printer.Failed == 0
            ? ExitCodes.Done
            : throw new CliException($"{printer.Failed} of {number} lines were not published; the first is line {printer.FirstFailedLine}: {printer.FirstReason}");
    }

    // Called on the client's read loop and by the sender, hence the gate; JSON goes out in the order of the acknowledgements.
    private sealed class ReceiptPrinter : IPublishObserver
    {
        private readonly JsonLines _lines;
        private readonly ConversationId _conversation;
        private readonly Lock _gate = new();

        public ReceiptPrinter(JsonLines lines, ConversationId conversation)
        {
            _lines = lines;
            _conversation = conversation;
        }

        public long Failed { get; private set; }

        public long FirstFailedLine { get; private set; }

        public string FirstReason { get; private set; } = string.Empty;

        public void OnPublished(long tag, in PublishReceipt receipt)
        {
            using (_gate.EnterScope())
            {
                WriteReceipt(_lines, _conversation, receipt);
            }
        }

        public void OnFailed(long tag, ClientException error)
        {
            using (_gate.EnterScope())
            {
                if (Failed++ == 0)
                {
                    FirstFailedLine = tag;
                    FirstReason = FailureText.Of(error);
                }
            }
        }

        // Nothing is under way: whoever types line by line sees the receipt now.
        public void FlushWhenIdle(long queuedBytes)
        {
            if (queuedBytes == 0)
            {
                Flush();
            }
        }

        public void Flush()
        {
            using (_gate.EnterScope())
            {
                _lines.Flush();
            }
        }
    }
}
