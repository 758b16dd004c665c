namespace FastChat.Broker.Web;

/// <summary>
/// Which pages may open a WebSocket: those of the broker's own origin and of the listed ones, compared as a whole. Programs send no Origin and are let through to Hello, where they need
/// credentials like everyone.
/// </summary>
internal sealed class OriginPolicy(IReadOnlyList<string> allowed)
{
    /// <summary>True when a page of <paramref name="origin"/> may connect to the broker that it knows as <paramref name="scheme"/>://<paramref name="host"/>.</summary>
    public bool Allows(string? origin, string scheme, string host) =>
        string.IsNullOrEmpty(origin)
        || string.Equals(origin, $"{scheme}://{host}", StringComparison.OrdinalIgnoreCase)
        || allowed.Contains(origin, StringComparer.OrdinalIgnoreCase);
}
