using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using FastChat.Storage;

namespace FastChat.Cli;

/// <summary><c>restore DIR [--data DIR] [--backup N | --before TIME]</c>: makes a data directory of a backup, with a new epoch.</summary>
internal static class Restore
{
    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> directory = new("DIR") { Description = "The directory of backups" };
        Option<string> data = new("--data") { Description = "The data directory to make: empty or absent", HelpName = "DIR", DefaultValueFactory = static _ => "./data" };
        Option<int?> number = new("--backup") { Description = "The backup with this number (default: the newest)", HelpName = "N" };
        Option<string?> before = new("--before") { Description = "The newest backup taken at this time or before, for example 2026-05-01T12:00:00Z", HelpName = "TIME" };
        Command command = new("restore", "Make a data directory of a backup") { directory, data, number, before };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => Task.FromResult(Run(
            invocation.Json, parsed.GetRequiredValue(directory), parsed.GetRequiredValue(data), Choose(parsed.GetValue(number), parsed.GetValue(before)), TimeProvider.System, token)))(
            parsed, cancellation));
        return command;
    }

    private static BackupChoice Choose(int? number, string? before)
    {
        if (before is null)
        {
            return new BackupChoice(number, null);
        }

        return number is not null ? throw CliException.Usage("--backup and --before exclude one another")
            : DateTimeOffset.TryParse(before, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time) ? new BackupChoice(null, time)
            : throw CliException.Usage($"--before: '{SafeText.OneLine(before)}' is no time; 2026-05-01T12:00:00Z is one");
    }

    private static int Run(JsonLines lines, string directory, string data, BackupChoice choice, TimeProvider time, CancellationToken cancellation)
    {
        RestoreResult result;
        try
        {
            BackupProgress latest = default;
            using ProgressLine progress = new(() => Backup.ProgressText("checking and restoring", latest.DoneBytes, latest.TotalBytes), time);
            result = StoreRestore.Restore(directory, choice, data, time, step => latest = step, cancellation);
        }
        catch (StorageException failure)
        {
            throw new CliException(SafeText.OneLine(failure.Message), inner: failure);
        }

        Utf8JsonWriter json = lines.Begin();
        Backup.Write(json, result.Info with { Epoch = result.Epoch });
        json.WriteString("data", Path.GetFullPath(data));
        lines.End();
        return ExitCodes.Done;
    }
}
