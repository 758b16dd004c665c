using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using FastChat.Broker.Maintenance;
using FastChat.Storage;

namespace FastChat.Cli;

/// <summary><c>verify [--data DIR] [--rebuild] [--key-file FILE [--keys DIR]]</c>: checks a store that no broker has open, and exits 1 when anything is wrong with it.</summary>
internal static class Verify
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Option<string> data = new("--data") { Description = "The broker's data directory", HelpName = "DIR", DefaultValueFactory = static _ => "./data" };
        Option<bool> rebuild = new("--rebuild") { Description = "Also set right what follows from the rest of the store: the dedupe table, names, memberships, lists, what became of messages, cursors" };
        Option<string?> keyFile = new("--key-file") { Description = "The master key of a store whose bodies are encrypted; without it everything is checked but what bodies say", HelpName = "FILE" };
        Option<string?> keys = new("--keys") { Description = "Its key vault (default: keys in the data directory)", HelpName = "DIR" };
        Command command = new("verify", "Check a store while no broker runs on it") { data, rebuild, keyFile, keys };
        command.SetAction((parsed, cancellation) =>
        {
            using Stream output = StandardOutput.Open();
            return Task.FromResult(Run(parsed.GetRequiredValue(data), parsed.GetValue(rebuild), parsed.GetValue(keyFile), parsed.GetValue(keys), output, cancellation));
        });
        return command;
    }

    /// <summary>Checks the store in <paramref name="directory"/>.</summary>
    /// <exception cref="CliException">It is no store, or in use.</exception>
    private static int Run(string directory, bool rebuild, string? keyFile, string? keys, Stream output, CancellationToken cancellation)
    {
        if (!Directory.Exists(directory))
        {
            throw new CliException($"there is no directory {SafeText.OneLine(directory)}");
        }

        Action<VerifyProgress>? progress = Console.IsErrorRedirected ? null : ShowProgress;
        IReadOnlyList<StoreCheck> checks = BrokerChecks.All();
        VerifyResult result;
        try
        {
            using KeyVault? vault = keyFile is null ? null : KeyVault.OpenExisting(keys ?? Path.Combine(directory, "keys"), FileMasterKey.Read(keyFile));
            result = StoreVerifier.Verify(new StorageOptions { Directory = directory, Vault = vault }, rebuild, progress, checks, cancellation);
        }
        catch (StorageException failure)
        {
            throw new CliException(SafeText.OneLine(failure.Message), inner: failure);
        }

        if (progress is not null)
        {
            Console.Error.Write("\r\e[K");
        }

        using JsonLines lines = new(output);
        foreach (string problem in result.Problems)
        {
            lines.Begin().WriteString("problem", problem);
            lines.End();
        }

        Utf8JsonWriter json = lines.Begin();
        json.WriteNumber("conversations", result.Conversations);
        json.WriteNumber("messages", result.Messages);
        AttachmentCheck attachments = checks.OfType<AttachmentCheck>().Single();
        json.WriteNumber("attachments", attachments.Count);
        json.WriteNumber("attachment_chunks", attachments.Chunks);
        if (result.UnreadBodies > 0)
        {
            json.WriteNumber("unread_bodies", result.UnreadBodies);
        }

        json.WriteNumber("problems", result.ProblemCount);
        if (rebuild)
        {
            json.WriteNumber("repaired", result.Repaired);
        }

        lines.End();
        if (result.ProblemCount > 0)
        {
            lines.Flush();
            throw new CliException(string.Create(CultureInfo.InvariantCulture, $"{result.ProblemCount} problems in {SafeText.OneLine(directory)}"));
        }

        return ExitCodes.Done;
    }

    private static void ShowProgress(VerifyProgress progress) =>
        Console.Error.Write(string.Create(CultureInfo.InvariantCulture, $"\r{progress.Stage}: {progress.Conversations:N0} conversations, {progress.Messages:N0} messages\e[K"));
}
