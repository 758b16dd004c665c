using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace FastChat.Cli;

/// <summary>
/// Finds the data directory of the broker on this machine, and with it the operator token: <c>--data</c> says it; else the running broker wrote a file
/// per listening port into the user's runtime directory; else it is <c>./data</c>.
/// </summary>
internal static partial class RunningServer
{
    private const string TokenFile = "operator.token";
    private const string ServerFile = "server.json";
    private const string DefaultData = "data";

    private static readonly string[] PlainListeners = ["tcp_plain", "http_plain"];

    private const int CurrentDirectory = -100;
    private const int NoFollow = 0x100;
    private const uint StatusBasics = 0x7FF;

    // S_IFDIR | 0700: a directory, no link, and nobody else's business.
    private const int PrivateDirectoryMode = 0x41C0;

    /// <summary>The operator token for a server. Null when this user has none; the caller says what to do about it.</summary>
    /// <param name="server">The server that will be asked.</param>
    /// <param name="data">The directory of <c>--data</c>; null when not given.</param>
    /// <param name="environment">Reads an environment variable.</param>
    /// <exception cref="CliException">A token file that was named, or belongs to the running broker, cannot be read.</exception>
    public static string? FindOperatorToken(ServerAddress server, string? data, Func<string, string?> environment)
    {
        if (data is not null)
        {
            return ReadToken(data) ?? throw new CliException($"there is no {TokenFile} in {data}: the broker writes it on its first start");
        }

        if (!server.IsLocal)
        {
            return null;
        }

        if (server.Port != 0 && FindData(server.Port, environment) is { } running && ReadToken(running) is { } token)
        {
            return token;
        }

        return Directory.Exists(DefaultData) ? ReadToken(DefaultData) : null;
    }

    /// <summary>The data directory of the broker that listens on a port of this machine; null when none has said so.</summary>
    public static string? FindData(int port, Func<string, string?> environment)
    {
        string directory = RuntimeDirectory(environment);
        if (!IsOwn(directory))
        {
            return null;
        }

        return ReadText(Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{port}.json")), "data");
    }

    /// <summary>The file of the certificate that a broker shows on a port of this machine; null when none has said so, or it does not speak TLS there.</summary>
    public static string? FindCertificate(int port, Func<string, string?> environment)
    {
        string directory = RuntimeDirectory(environment);
        string file = Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{port}.json"));
        return IsOwn(directory) && !IsPlain(file, port) ? ReadText(file, "tls_certificate") : null;
    }

    /// <summary>The same of the broker on a data directory.</summary>
    public static string? FindCertificate(string data) => ReadText(Path.Combine(data, ServerFile), "tls_certificate");

    // A broker with TLS may have plain listeners beside, on ports of their own.
    private static bool IsPlain(string file, int port) => PlainListeners.Any(key =>
        ReadText(file, key) is { } address && address.EndsWith(string.Create(CultureInfo.InvariantCulture, $":{port}"), StringComparison.Ordinal));

    /// <summary>Where the broker on a data directory listens, as it says itself; null when it says nothing. Whether it still runs is seen by connecting.</summary>
    public static ServerAddress? FindServer(string data) =>
        ReadText(Path.Combine(data, ServerFile), "tcp") is { } address ? ServerAddress.Parse(address) : null;

    /// <summary>Where brokers of this user say what they are: <c>${XDG_RUNTIME_DIR:-/tmp}/fastchat-UID</c>.</summary>
    public static string RuntimeDirectory(Func<string, string?> environment)
    {
        string root = environment("XDG_RUNTIME_DIR") is { Length: > 0 } runtime ? runtime : "/tmp";
        return Path.Combine(root, string.Create(CultureInfo.InvariantCulture, $"fastchat-{GetUserId()}"));
    }

    // /tmp is everybody's: a directory that another user made there could name a data directory, and a token, of his choice.
    private static bool IsOwn(string directory)
    {
        // struct statx, the same on every architecture: uid u32 at 20, mode u16 at 28.
        byte[] status = new byte[256];
        if (!OperatingSystem.IsLinux() || Status(CurrentDirectory, directory, NoFollow, StatusBasics, status) != 0)
        {
            return false;
        }

        uint owner = BinaryPrimitives.ReadUInt32LittleEndian(status.AsSpan(20));
        int mode = BinaryPrimitives.ReadUInt16LittleEndian(status.AsSpan(28));
        return owner == GetUserId() && mode == PrivateDirectoryMode;
    }

    // A file that is not there or says nothing means that no broker speaks for itself: the caller goes on without.
    private static string? ReadText(string file, string key)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(file));
            return document.RootElement.TryGetProperty(key, out JsonElement value) ? value.GetString() : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static string? ReadToken(string data)
    {
        string path = Path.Combine(data, TokenFile);
        try
        {
            return File.Exists(path) ? File.ReadAllText(path).Trim() : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"the operator token cannot be read: {failure.Message}", inner: failure);
        }
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetUserId();

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Status(int directory, string path, int flags, uint mask, byte[] status);
}
