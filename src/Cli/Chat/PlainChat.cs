using System.Text.Unicode;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>The chat without a terminal: every line of stdin is a message, every message a line of stdout. Ends with stdin, when everything is durable.</summary>
internal static class PlainChat
{
    /// <summary>Runs until stdin ends.</summary>
    public static async Task RunAsync(Invocation invocation, FastChatClient client, ConversationId conversation, CancellationToken cancellation)
    {
        using CancellationTokenSource reading = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task printing = PrintAsync(invocation, client, conversation, reading.Token);
        using Stream input = Console.OpenStandardInput();
        LineReader lines = new(input);
        while (await lines.ReadAsync(cancellation).ConfigureAwait(false) is { } line)
        {
            if (!line.IsEmpty)
            {
                MessageKind kind = Utf8.IsValid(line.Span) ? MessageKind.Text : MessageKind.Opaque;
                await client.PublishAsync(conversation, kind, line, cancellationToken: cancellation).ConfigureAwait(false);
            }
        }

        await client.FlushAsync(cancellation).ConfigureAwait(false);
        await reading.CancelAsync().ConfigureAwait(false);
        await printing.ConfigureAwait(false);
    }

    private static async Task PrintAsync(Invocation invocation, FastChatClient client, ConversationId conversation, CancellationToken cancellation)
    {
        MessagePrinter printer = new(invocation, client);
        try
        {
            await foreach (ChatMessage message in client.ReadAsync(conversation, new LogPosition(0, LogPosition.Latest), cancellation).ConfigureAwait(false))
            {
                await printer.PrintAsync([message], cancellation).ConfigureAwait(false);
                invocation.Json.Flush();
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Stdin ended.
        }
    }
}
