using System.Net.Sockets;

using FastChat.Client;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Cli;

/// <summary>Has a running broker take a backup, as its operator, and waits for it.</summary>
internal static class BrokerBackup
{
    private const string ClientName = "fastchat-cli/0.1";

    // A broker that was stopped meanwhile has ended the backup with it: there is not much to wait for.
    private const int AttemptsMax = 4;

    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan StopWait = TimeSpan.FromSeconds(5);

    /// <summary>Null when no broker runs on the data directory.</summary>
    /// <exception cref="CliException">The broker does not take the sign-in, or the backup failed.</exception>
    public static async Task<BackupResult?> TryTakeAsync(string data, string directory, int keep, TimeProvider time, CancellationToken cancellation)
    {
        if (RunningServer.FindServer(data) is not { } server || RunningServer.FindOperatorToken(server, data, Environment.GetEnvironmentVariable) is not { } token)
        {
            return null;
        }

        FastChatClient client;
        try
        {
            ServerTrust trust = RunningServer.FindCertificate(data) is { } shown
                ? ServerTrust.Of(server.Endpoint, new ClientTlsOptions(), shown)
                : new ServerTrust(server.Endpoint, new ClientTlsOptions());
            ClientOptions options = new() { Endpoint = trust.Endpoint, Tls = trust.Tls, ClientName = ClientName, Token = token, Reconnect = new ReconnectPolicy { AttemptsMax = AttemptsMax } };
            client = await FastChatClient.ConnectAsync(options, null, cancellation).ConfigureAwait(false);
        }
        catch (ConnectionException failure) when (failure.Close.Cause is SocketException)
        {
            // What the file says is of a broker that was killed: nobody is there.
            return null;
        }
        catch (ConnectionException failure)
        {
            throw new CliException($"{server}: {SafeText.OneLine(failure.Close.ToString())}", inner: failure);
        }

        await using (client.ConfigureAwait(false))
        {
            return await TakeAsync(client, directory, keep, time, cancellation).ConfigureAwait(false);
        }
    }

    private static async Task<BackupResult> TakeAsync(FastChatClient client, string directory, int keep, TimeProvider time, CancellationToken cancellation)
    {
        try
        {
            BackupStatus status = await client.BeginBackupAsync(directory, keep, cancellation).ConfigureAwait(false);
            ulong run = status.Run;
            using ProgressLine progress = new(() => Backup.ProgressText("backing up", (long)status.DoneBytes, (long)status.TotalBytes), time);
            while (status.IsRunning && status.Run == run)
            {
                await Task.Delay(AskAgain, time, cancellation).ConfigureAwait(false);
                status = await client.GetBackupAsync(cancellation).ConfigureAwait(false);
            }

            return status.Run != run ? throw new CliException($"the broker was restarted or began another backup meanwhile: see backup {SafeText.OneLine(directory)} --list")
                : status.Failure is { } reason ? throw new CliException(SafeText.OneLine(reason))
                : ResultOf(status);
        }
        catch (OperationCanceledException)
        {
            using CancellationTokenSource limit = new(StopWait, time);
            await client.StopBackupAsync(limit.Token).ConfigureAwait(false);
            throw;
        }
        catch (RequestException refused)
        {
            throw new CliException(SafeText.OneLine(refused.Reason), inner: refused);
        }
        catch (ConnectionException ended)
        {
            throw new CliException($"the broker ended before the backup was complete: {SafeText.OneLine(ended.Close.ToString())}", inner: ended);
        }
    }

    private static BackupResult ResultOf(BackupStatus status) => new(
        new BackupInfo(
            (int)status.Backup, DateTimeOffset.UnixEpoch.AddTicks((long)status.TakenAtMicros * TimeSpan.TicksPerMicrosecond), StoreVersion: 0, status.Epoch, status.Commit,
            (int)status.Files, (long)status.TotalBytes),
        (long)status.CopiedBytes,
        (int)status.Dropped);
}
