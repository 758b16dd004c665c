using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>attach CONVERSATION FILE… [--text TEXT]</c>: uploads files and sends them with one message. Run again after it was cut off, it goes on where it was.</summary>
internal static class Attach
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<string[]> files = new("FILE") { Description = $"What to attach: 1 to {AttachmentLimits.CountMax} files", Arity = ArgumentArity.OneOrMore };
        Option<string> text = new("--text") { Description = "What the message says beside them", HelpName = "TEXT", DefaultValueFactory = static _ => string.Empty };
        Command command = new("attach", "Send files with a message") { conversation, files, text };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation, parsed.GetRequiredValue(conversation), parsed.GetRequiredValue(files), parsed.GetRequiredValue(text), token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, string conversation, string[] files, string text, CancellationToken cancellation)
    {
        if (files.Length > AttachmentLimits.CountMax)
        {
            throw CliException.Usage($"a message has at most {AttachmentLimits.CountMax} attachments");
        }

        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: true, cancellation).ConfigureAwait(false);
            List<MessageAttachment> attachments = [];
            foreach (string file in files)
            {
                attachments.Add(await UploadAsync(client, file, cancellation).ConfigureAwait(false));
            }

            // The same content twice is one attachment.
            MessageAttributes attributes = new() { Attachments = [.. attachments.DistinctBy(static attachment => attachment.Id)] };
            PublishReceipt receipt = await client.PublishTextAsync(target.Conversation, text, new PublishOptions { Attributes = attributes }, cancellation).ConfigureAwait(false);
            Utf8JsonWriter json = invocation.Json.Begin();
            json.WriteString("conversation", target.Conversation.ToString());
            json.WriteNumber("epoch", receipt.Epoch);
            json.WriteNumber("sequence", receipt.Sequence);
            AttachmentTexts.Write(json, attributes.Attachments);
            invocation.Json.End();
            return ExitCodes.Done;
        }
    }

    private static async Task<MessageAttachment> UploadAsync(FastChatClient client, string path, CancellationToken cancellation)
    {
        string name = Path.GetFileName(path);
        try
        {
            FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, AttachmentLimits.ChunkSize, useAsync: true);
            await using (file.ConfigureAwait(false))
            {
                TransferProgress progress = new();
                using ProgressLine line = new(() => progress.Describe(name), TimeProvider.System);
                return (await client.UploadAsync(file, name, MediaTypes.Of(name), progress, cancellation).ConfigureAwait(false)).Attachment;
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CliException($"{SafeText.OneLine(path)}: {SafeText.OneLine(failure.Message)}", inner: failure);
        }
    }
}
