using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using FastChat.Storage;

namespace FastChat.Cli;

/// <summary>
/// <c>backup DIR</c>: has the broker on a data directory back its store up while it runs; when none runs there, the closed store is backed up from here. <c>--list</c> says what DIR holds.
/// </summary>
internal static class Backup
{
    private const string DefaultData = "./data";

    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> directory = new("DIR") { Description = "The directory of backups; made when absent. Only what is not in it yet is copied" };
        Option<string?> data = new("--data") { Description = "The broker's data directory (found by itself for a broker of this machine; otherwise ./data)", HelpName = "DIR" };
        Option<int> keep = new("--keep") { Description = "Keep so many backups in DIR, this one included, and drop older ones (0 = keep all)", HelpName = "N" };
        Option<bool> list = new("--list") { Description = "Take none; list those in DIR" };
        Command command = new("backup", "Back up a store, also while its broker runs") { directory, data, keep, list };
        command.SetAction((parsed, cancellation) => Invocation.Action(async (invocation, token) =>
        {
            string target = Path.GetFullPath(parsed.GetRequiredValue(directory));
            return parsed.GetValue(list) ? List(invocation.Json, target)
                : parsed.GetValue(keep) < 0 ? throw CliException.Usage("--keep: 0 or more is expected")
                : await TakeAsync(invocation, target, parsed.GetValue(data), parsed.GetValue(keep), TimeProvider.System, token).ConfigureAwait(false);
        })(parsed, cancellation));
        return command;
    }

    /// <summary>Writes what a backup is; the writer stands inside the line.</summary>
    public static void Write(Utf8JsonWriter json, BackupInfo info)
    {
        json.WriteNumber("backup", info.Number);
        json.WriteString("taken_at", Timestamps.Format((info.TakenAt - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond));
        json.WriteNumber("epoch", info.Epoch);
        json.WriteNumber("commit", info.Commit);
        json.WriteNumber("files", info.Files);
        json.WriteNumber("bytes", info.Bytes);
    }

    /// <summary>A progress in words.</summary>
    public static string ProgressText(string what, long done, long total) => total == 0
        ? $"{what} …"
        : string.Create(CultureInfo.InvariantCulture, $"{what}: {done >> 20:N0} of {total >> 20:N0} MiB");

    private static int List(JsonLines lines, string directory)
    {
        IReadOnlyList<BackupListing> backups;
        try
        {
            backups = StoreBackup.List(directory);
        }
        catch (StorageException failure)
        {
            throw new CliException(SafeText.OneLine(failure.Message), inner: failure);
        }

        foreach (BackupListing backup in backups)
        {
            Utf8JsonWriter json = lines.Begin();
            if (backup.Info is not null)
            {
                Write(json, backup.Info);
            }
            else
            {
                json.WriteNumber("backup", backup.Number);
                json.WriteString("damage", backup.Damage);
            }

            lines.End();
        }

        lines.Flush();
        int damaged = backups.Count(static backup => backup.Info is null);
        return damaged == 0 ? ExitCodes.Done : throw new CliException(string.Create(CultureInfo.InvariantCulture, $"{damaged} of {backups.Count} backups are damaged"));
    }

    private static async Task<int> TakeAsync(Invocation invocation, string directory, string? data, int keep, TimeProvider time, CancellationToken cancellation)
    {
        string source = data ?? RunningServer.FindData(invocation.Server.Port, Environment.GetEnvironmentVariable) ?? DefaultData;
        BackupResult result = await BrokerBackup.TryTakeAsync(source, directory, keep, time, cancellation).ConfigureAwait(false)
            ?? TakeFromHere(source, directory, keep, time, cancellation);
        Utf8JsonWriter json = invocation.Json.Begin();
        Write(json, result.Info);
        json.WriteNumber("copied", result.CopiedBytes);
        json.WriteNumber("dropped", result.Dropped);
        invocation.Json.End();
        return ExitCodes.Done;
    }

    /// <summary>Nobody has the store open, or else opening it says so.</summary>
    private static BackupResult TakeFromHere(string data, string directory, int keep, TimeProvider time, CancellationToken cancellation)
    {
        if (!File.Exists(Path.Combine(data, "format")))
        {
            throw new CliException($"there is no store in {SafeText.OneLine(data)}, and no broker that says where its store is");
        }

        try
        {
            BackupProgress latest = default;
            using ProgressLine progress = new(() => ProgressText("backing up", latest.DoneBytes, latest.TotalBytes), time);
            using RocksDbConversationLog log = RocksDbConversationLog.Open(new StorageOptions { Directory = data }, time);
            return StoreBackup.Take(log, directory, keep, isPaced: false, time, step => latest = step, cancellation);
        }
        catch (StorageException failure)
        {
            throw new CliException(SafeText.OneLine(failure.Message), inner: failure);
        }
    }
}
