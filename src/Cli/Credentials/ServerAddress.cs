using System.Globalization;

using FastChat.Client;

namespace FastChat.Cli;

/// <summary>Where a broker listens, as <c>--server</c> names it: HOST[:PORT], tls://HOST:PORT, unix:PATH, or a ws:// or wss:// address.</summary>
internal sealed class ServerAddress
{
    /// <summary>The broker of this machine at its default port.</summary>
    public const string Default = "127.0.0.1:7400";

    private const string DefaultPort = "7400";
    private const string UnixPrefix = "unix:";

    private ServerAddress(ClientEndpoint endpoint)
    {
        Endpoint = endpoint;
        Key = KeyOf(endpoint);
    }

    /// <summary>The address as the client library takes it.</summary>
    public ClientEndpoint Endpoint { get; }

    /// <summary>The address in one spelling; credentials are kept under it.</summary>
    public string Key { get; }

    /// <summary>The host; the path of a Unix socket.</summary>
    public string Host => Endpoint.Host;

    /// <summary>The port; 0 for a Unix socket.</summary>
    public int Port => Endpoint.Port;

    /// <summary>True for a broker on this machine, whose operator token may be looked for.</summary>
    public bool IsLocal => Endpoint.Kind == TransportKind.Unix || Host is "localhost" or "::1" || Host.StartsWith("127.", StringComparison.Ordinal);

    /// <summary>Reads an address.</summary>
    /// <exception cref="CliException">It is none.</exception>
    public static ServerAddress Parse(string text)
    {
        string full = text;
        if (text.StartsWith(UnixPrefix, StringComparison.Ordinal) && text.Length > UnixPrefix.Length)
        {
            full = UnixPrefix + Path.GetFullPath(text[UnixPrefix.Length..]);
        }
        else if (!text.Contains(':', StringComparison.Ordinal) || text.EndsWith(']'))
        {
            full = $"{text}:{DefaultPort}";
        }

        return ClientEndpoint.TryParse(full, out ClientEndpoint? endpoint)
            ? new ServerAddress(endpoint)
            : throw CliException.Usage($"'{SafeText.OneLine(text)}' is no server address: HOST:PORT, tls://HOST:PORT, unix:PATH, ws://… or wss://… is expected");
    }

    /// <inheritdoc/>
    public override string ToString() => Endpoint.ToString();

    private static string KeyOf(ClientEndpoint endpoint) => endpoint.Kind switch
    {
        TransportKind.Unix => UnixPrefix + endpoint.Host,
        TransportKind.WebSocket => endpoint.Uri!.ToString(),
        _ => string.Create(
            CultureInfo.InvariantCulture, $"{(endpoint.Kind == TransportKind.Tls ? "tls://" : "")}{endpoint.Host.ToLowerInvariant()}:{endpoint.Port}"),
    };
}
