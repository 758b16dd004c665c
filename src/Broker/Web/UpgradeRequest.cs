using System.Text;

namespace FastChat.Broker.Web;

/// <summary>
/// The head of a WebSocket upgrade as clients send it (RFC 6455 §4.1), when it is a plain one: whole, of printable ASCII, each header that matters once and in order. Of everything else it says only
/// that it is not: the HTTP server reads that, and answers.
/// </summary>
/// <param name="Key">The key, base64 of 16 bytes.</param>
/// <param name="Host">The name by which the client knows the broker.</param>
/// <param name="Origin">The page's origin; null when the client is no page.</param>
/// <param name="Subprotocols">What the client speaks, separated by commas; null when it does not say.</param>
/// <param name="Size">Bytes of the head.</param>
internal sealed record UpgradeRequest(string Key, string Host, string? Origin, string? Subprotocols, int Size)
{
    /// <summary>A head that is larger is not a plain one.</summary>
    public const int SizeMax = 8 * 1024;

    private const int KeySize = 24;
    private const int KeyBytes = 16;

    /// <summary>Reads the head at the beginning of <paramref name="bytes"/>; null when it is not a plain upgrade of <paramref name="path"/>.</summary>
    public static UpgradeRequest? TryParse(ReadOnlySpan<byte> bytes, string path)
    {
        int end = bytes[..Math.Min(bytes.Length, SizeMax)].IndexOf("\r\n\r\n"u8);
        if (end < 0 || !IsPrintable(bytes[..end]))
        {
            return null;
        }

        // A line's end is both characters; one without the other is left in a line, and odd.
        string[] lines = Encoding.ASCII.GetString(bytes[..end]).Split("\r\n");
        Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
        foreach (string line in lines.AsSpan(1))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0 || line.AsSpan(0, colon).Contains(' ') || line.AsSpan().ContainsAny('\r', '\n') || !headers.TryAdd(line[..colon], line[(colon + 1)..].Trim(' ')))
            {
                return null;
            }
        }

        bool isPlain = lines[0] == $"GET {path} HTTP/1.1"
            && headers.GetValueOrDefault("Upgrade")?.Equals("websocket", StringComparison.OrdinalIgnoreCase) == true
            && Lists(headers.GetValueOrDefault("Connection"), "upgrade")
            && headers.GetValueOrDefault("Sec-WebSocket-Version") == "13"
            && !headers.ContainsKey("Content-Length")
            && !headers.ContainsKey("Transfer-Encoding");
        return isPlain && headers.TryGetValue("Host", out string? host) && headers.TryGetValue("Sec-WebSocket-Key", out string? key) && IsKey(key)
            ? new UpgradeRequest(key, host, headers.GetValueOrDefault("Origin"), headers.GetValueOrDefault("Sec-WebSocket-Protocol"), end + 4)
            : null;
    }

    /// <summary>True when the client speaks <paramref name="subprotocol"/>.</summary>
    public bool Speaks(string subprotocol) => Lists(Subprotocols, subprotocol);

    private static bool Lists(string? list, string wanted) =>
        list?.Split(',', StringSplitOptions.TrimEntries).Contains(wanted, StringComparer.OrdinalIgnoreCase) == true;

    private static bool IsKey(string key) =>
        key.Length == KeySize && Convert.TryFromBase64String(key, stackalloc byte[KeySize], out int count) && count == KeyBytes;

    private static bool IsPrintable(ReadOnlySpan<byte> head)
    {
        foreach (byte value in head)
        {
            if (value is (< 0x20 or > 0x7e) and not ((byte)'\r' or (byte)'\n'))
            {
                return false;
            }
        }

        return true;
    }
}
