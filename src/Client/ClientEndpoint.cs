using System.Globalization;

namespace FastChat.Client;

/// <summary>How the bytes travel to the broker.</summary>
public enum TransportKind
{
    /// <summary>Plain TCP.</summary>
    Tcp,

    /// <summary>TCP with TLS.</summary>
    Tls,

    /// <summary>A Unix domain socket.</summary>
    Unix,

    /// <summary>A WebSocket, with or without TLS by its URI.</summary>
    WebSocket,
}

/// <summary>
/// Where a broker is: <c>HOST:PORT</c>, <c>tls://HOST:PORT</c>, <c>unix:/path</c>, <c>ws://HOST:PORT/ws</c> or <c>wss://…</c>.
/// An IPv6 address stands in brackets. Immutable.
/// </summary>
public sealed record ClientEndpoint
{
    private ClientEndpoint(TransportKind kind, string host, int port, Uri? uri, string text)
    {
        Kind = kind;
        Host = host;
        Port = port;
        Uri = uri;
        Text = text;
    }

    /// <summary>The default: a broker on this machine, on the protocol's port.</summary>
    public static ClientEndpoint Local { get; } = Parse("127.0.0.1:7400");

    /// <summary>How the bytes travel.</summary>
    public TransportKind Kind { get; }

    /// <summary>Host name or address; the path of a Unix domain socket.</summary>
    public string Host { get; }

    /// <summary>The port; 0 for a Unix domain socket.</summary>
    public int Port { get; }

    /// <summary>The address of a WebSocket; null otherwise.</summary>
    public Uri? Uri { get; }

    private string Text { get; }

    /// <summary>Parses the text form.</summary>
    /// <exception cref="FormatException">The text is none of the forms; the message says which they are.</exception>
    public static ClientEndpoint Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out ClientEndpoint? endpoint)
            ? endpoint
            : throw new FormatException($"'{text}' is no address of a broker: HOST:PORT, tls://HOST:PORT, unix:/path, ws://… or wss://… is expected");
    }

    /// <summary>Parses the text form; false when it is none.</summary>
    public static bool TryParse(string? text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ClientEndpoint? endpoint)
    {
        endpoint = text switch
        {
            null or "" => null,
            _ when text.StartsWith("unix:", StringComparison.Ordinal) => text.Length > 5 ? new(TransportKind.Unix, text[5..], 0, null, text) : null,
            _ when text.StartsWith("ws://", StringComparison.Ordinal) || text.StartsWith("wss://", StringComparison.Ordinal) => ParseWebSocket(text),
            _ when text.StartsWith("tls://", StringComparison.Ordinal) => ParseHostAndPort(TransportKind.Tls, text[6..], text),
            _ => ParseHostAndPort(TransportKind.Tcp, text, text),
        };
        return endpoint is not null;
    }

    /// <summary>The text form, as it was parsed.</summary>
    public override string ToString() => Text;

    private static ClientEndpoint? ParseWebSocket(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Host.Length > 0
            ? new ClientEndpoint(TransportKind.WebSocket, uri.Host, uri.Port, uri, text)
            : null;

    private static ClientEndpoint? ParseHostAndPort(TransportKind kind, string hostAndPort, string text)
    {
        int colon = hostAndPort.LastIndexOf(':');
        if (colon <= 0 ||
            !int.TryParse(hostAndPort.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port) ||
            port is < 1 or > ushort.MaxValue)
        {
            return null;
        }

        string host = hostAndPort[..colon];
        if (host.StartsWith('[') && host.EndsWith(']'))
        {
            host = host[1..^1];
        }
        else if (host.Contains(':', StringComparison.Ordinal))
        {
            // Without brackets nobody can tell the port from the last group of an IPv6 address.
            return null;
        }

        return host.Length == 0 || host.Contains('/', StringComparison.Ordinal) ? null : new ClientEndpoint(kind, host, port, null, text);
    }
}
