using System.Globalization;

namespace FastChat.Cli;

/// <summary>Where a broker listens, as <c>--server</c> names it: HOST:PORT, unix:PATH, or a ws:// or wss:// address.</summary>
internal sealed class ServerAddress
{
    /// <summary>The broker of this machine at its default port.</summary>
    public const string Default = "127.0.0.1:7400";

    private const int DefaultPort = 7400;
    private const string UnixPrefix = "unix:";

    private ServerAddress(string key, string host, int port)
    {
        Key = key;
        Host = host;
        Port = port;
    }

    /// <summary>The address in one spelling; credentials are kept under it.</summary>
    public string Key { get; }

    /// <summary>The host; the path of a Unix socket.</summary>
    public string Host { get; }

    /// <summary>The port; 0 for a Unix socket.</summary>
    public int Port { get; }

    /// <summary>True for a broker on this machine, whose operator token may be looked for.</summary>
    public bool IsLocal => Key.StartsWith(UnixPrefix, StringComparison.Ordinal) || Host is "localhost" or "::1" || Host.StartsWith("127.", StringComparison.Ordinal);

    /// <summary>Reads an address.</summary>
    /// <exception cref="CliException">It is none.</exception>
    public static ServerAddress Parse(string text)
    {
        if (text.StartsWith(UnixPrefix, StringComparison.Ordinal) && text.Length > UnixPrefix.Length)
        {
            string path = Path.GetFullPath(text[UnixPrefix.Length..]);
            return new ServerAddress(UnixPrefix + path, path, 0);
        }

        if (text.Contains("://", StringComparison.Ordinal))
        {
            return Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "ws" or "wss" or "tls" && uri.Port > 0
                ? new ServerAddress(uri.ToString(), uri.Host, uri.Port)
                : throw Malformed(text);
        }

        // An IPv6 address has its port behind the bracket: [::1]:7400.
        int colon = text.EndsWith(']') || text.AsSpan().Count(':') > 1 && !text.StartsWith('[') ? -1 : text.LastIndexOf(':');
        string host = (colon < 0 ? text : text[..colon]).Trim('[', ']');
        int port = DefaultPort;
        bool portReads = colon < 0 || int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port);
        if (host.Length == 0 || !portReads || port is < 1 or > ushort.MaxValue)
        {
            throw Malformed(text);
        }

        string bracketed = host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host.ToLowerInvariant();
        return new ServerAddress(string.Create(CultureInfo.InvariantCulture, $"{bracketed}:{port}"), host, port);
    }

    /// <inheritdoc/>
    public override string ToString() => Key;

    private static CliException Malformed(string text) =>
        CliException.Usage($"'{SafeText.OneLine(text)}' is no server address: HOST:PORT, unix:PATH, ws://… or wss://… is expected");
}
