namespace FastChat.Broker.Web;

/// <summary>A file of the page as the broker gives it: its bytes, and the same compressed where whoever built the page has left them.</summary>
/// <param name="ContentType">What it is.</param>
/// <param name="IsImmutable">True when its name changes with its content, so that a browser need never ask again.</param>
/// <param name="Plain">As it is.</param>
/// <param name="Brotli">Compressed with Brotli; null when there is none.</param>
/// <param name="Gzip">Compressed with gzip; null when there is none.</param>
internal sealed record PageFile(string ContentType, bool IsImmutable, PageFile.Encoded Plain, PageFile.Encoded? Brotli, PageFile.Encoded? Gzip)
{
    /// <summary>One encoding of a file.</summary>
    /// <param name="Name">Its name in Content-Encoding; null for none.</param>
    /// <param name="Bytes">What is sent.</param>
    /// <param name="Tag">The entity tag of these bytes, in quotes.</param>
    internal sealed record Encoded(string? Name, ReadOnlyMemory<byte> Bytes, string Tag);

    /// <summary>True for what a browser shows as a document, and which therefore carries the policies of the whole page.</summary>
    public bool IsDocument => ContentType.StartsWith("text/html", StringComparison.Ordinal);
}
