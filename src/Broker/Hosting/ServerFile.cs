using System.Text.Json;

namespace FastChat.Broker.Hosting;

/// <summary>
/// Tells programs of the same user on the same machine which data directory a running broker uses, so that they find the operator's token: <c>server.json</c> in the
/// data directory, and a copy per listening port in the user's runtime directory. Removed when the broker stops; a stale one is harmless, because whoever
/// reads it must still be able to read the data directory.
/// </summary>
internal sealed class ServerFile : IDisposable
{
    private readonly List<string> _paths = [];

    /// <summary>The JSON line that says where the broker listens.</summary>
    /// <param name="tcp">The TCP listener.</param>
    /// <param name="http">The HTTP listener.</param>
    /// <param name="certificate">The file of the certificate that both show; null when they do not speak TLS.</param>
    /// <param name="tcpPlain">The further TCP listener without TLS; null when there is none.</param>
    /// <param name="httpPlain">The further HTTP listener without TLS; null when there is none.</param>
    /// <param name="data">The data directory.</param>
    /// <param name="processId">The process.</param>
    public static string Describe(string tcp, string http, string? certificate, string? tcpPlain, string? httpPlain, string data, int processId)
    {
        Dictionary<string, object> description = new() { ["event"] = "ready", ["tcp"] = tcp, ["http"] = http, ["data"] = data, ["pid"] = processId };
        if (certificate is not null)
        {
            description["tls"] = true;
            description["tls_certificate"] = certificate;
        }

        if (tcpPlain is not null)
        {
            description["tcp_plain"] = tcpPlain;
        }

        if (httpPlain is not null)
        {
            description["http_plain"] = httpPlain;
        }

        return JsonSerializer.Serialize(description);
    }

    /// <summary>Writes the files.</summary>
    public void Write(string json, string dataDirectory, IEnumerable<int> ports)
    {
        Add(Path.Combine(dataDirectory, "server.json"), json);
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        string runtime = Path.Combine(
            Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } set ? set : "/tmp", $"fastchat-{UserNumber()}");
        try
        {
            Directory.CreateDirectory(runtime, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            foreach (int port in ports)
            {
                Add(Path.Combine(runtime, $"{port}.json"), json);
            }
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // A convenience only: without it, programs name the data directory themselves.
            _paths.RemoveAll(path => !File.Exists(path));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (string path in _paths)
        {
            File.Delete(path);
        }
    }

    private void Add(string path, string json)
    {
        PrivateFile.Write(path, json + "\n");
        _paths.Add(path);
    }

    private static string UserNumber() => NativeUser.GetUserNumber().ToString(System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>The number of the user that this process runs as.</summary>
internal static partial class NativeUser
{
    [System.Runtime.InteropServices.LibraryImport("libc", EntryPoint = "getuid")]
    internal static partial uint GetUserNumber();
}
