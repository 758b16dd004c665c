using System.CommandLine;
using System.Text.Json;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// <c>download CONVERSATION SEQUENCE [--out DIR] [--force]</c>: makes files of a message's attachments. Their names are their sender's, so only what is harmless of them counts; a file appears under its name when all
/// of it has come and its hash was checked, and takes the place of another one only with <c>--force</c>.
/// </summary>
internal static class Download
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Argument<ulong> sequence = new("SEQUENCE") { Description = "The message" };
        Option<string> directory = new("--out") { Description = "Where the files go", HelpName = "DIR", DefaultValueFactory = static _ => "." };
        Option<bool> force = new("--force") { Description = "Replace files that exist" };
        Command command = new("download", "Save the attachments of a message") { conversation, sequence, directory, force };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation, parsed.GetRequiredValue(conversation), parsed.GetRequiredValue(sequence), parsed.GetRequiredValue(directory), parsed.GetValue(force), token))(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation, string conversation, ulong sequence, string directory, bool force, CancellationToken cancellation)
    {
        if (sequence == 0)
        {
            throw CliException.Usage("SEQUENCE: at least 1 is expected");
        }

        FastChatClient client = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo source = await ConversationArgument.ResolveAsync(client, conversation, create: false, cancellation).ConfigureAwait(false);
            HistoryPage page = await client.FetchAsync(source.Conversation, new LogPosition(0, sequence - 1), FetchDirection.Forward, 1, cancellation).ConfigureAwait(false);
            if (page.Messages is not [{ } message] || message.Sequence != sequence || message.Attributes is not { Attachments.Count: > 0 } attributes)
            {
                throw new CliException($"message {sequence} has no attachments, or is not there (any more)");
            }

            HashSet<string> taken = [];
            foreach (MessageAttachment attachment in attributes.Attachments)
            {
                string name = DownloadName.Distinct(DownloadName.Of(attachment.Name), taken);
                taken.Add(name);
                string path = Path.Combine(directory, name);
                await SaveAsync(client, source.Conversation, sequence, attachment, path, force, cancellation).ConfigureAwait(false);
                Utf8JsonWriter json = invocation.Json.Begin();
                json.WriteString("file", path);
                AttachmentTexts.WriteFields(json, attachment);
                invocation.Json.End();
            }
        }

        return ExitCodes.Done;
    }

    private static async Task SaveAsync(
        FastChatClient client, ConversationId conversation, ulong sequence, MessageAttachment attachment, string path, bool force, CancellationToken cancellation)
    {
        string part = $"{path}.part";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            if (!force && Path.Exists(path))
            {
                throw new CliException($"{SafeText.OneLine(path)} exists; --force replaces it");
            }

            try
            {
                TransferProgress progress = new();
                using ProgressLine line = new(() => progress.Describe(attachment.Name), TimeProvider.System);

                // Never through a link that lies there under the name: what is left of an earlier attempt goes first.
                File.Delete(part);
                FileStream file = new(part, FileMode.CreateNew, FileAccess.Write, FileShare.None, AttachmentLimits.ChunkSize, useAsync: true);
                await using (file.ConfigureAwait(false))
                {
                    await client.DownloadAsync(conversation, sequence, attachment, file, progress, cancellation).ConfigureAwait(false);
                }

                File.Move(part, path, overwrite: force);
            }
            catch
            {
                File.Delete(part);
                throw;
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new CliException($"{SafeText.OneLine(path)}: {SafeText.OneLine(failure.Message)}", inner: failure);
        }
    }
}
