using System.Text;

using FastChat.Broker.Diagnostics;
using FastChat.Broker.Identity;
using FastChat.Broker.Sessions;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Hosting;

/// <summary>
/// The operator's way in: a token in the data directory that only its owner can read, made at first start, for the account <c>operator</c>, which has no password. Whoever can read the store's directory
/// runs the broker anyway.
/// </summary>
internal static class OperatorToken
{
    /// <summary>Name of the file in the data directory.</summary>
    public const string FileName = "operator.token";

    private const string AccountName = "operator";

    /// <summary>Reads or makes the token, and makes sure that the store knows it.</summary>
    public static async Task EnsureAsync(string directory, Accounts accounts, ILogger log, CancellationToken cancellation)
    {
        string path = Path.Combine(directory, FileName);
        string? token = File.Exists(path) ? (await File.ReadAllTextAsync(path, cancellation)).Trim() : null;
        bool isNew = string.IsNullOrEmpty(token);
        token = isNew ? accounts.Devices.NewToken() : token!;
        await accounts.EnsureAccountAsync(AccountName, AccountRights.Operator | AccountRights.Import, token, cancellation);
        if (isNew)
        {
            PrivateFile.Write(path, token + "\n");
            BrokerLog.OperatorTokenMade(log, path);
        }
    }
}

/// <summary>Small files that only their owner may read.</summary>
internal static class PrivateFile
{
    /// <summary>Replaces the file as a whole; it is never readable by others, not for a moment.</summary>
    public static void Write(string path, string text)
    {
        string temporary = path + ".new";
        File.Delete(temporary);
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (FileStream file = new(temporary, options))
        {
            file.Write(Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }
}
