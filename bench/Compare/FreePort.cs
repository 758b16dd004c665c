using System.Net;
using System.Net.Sockets;

namespace FastChat.Bench.Compare;

/// <summary>A port for a server that cannot choose one itself.</summary>
public static class FreePort
{
    /// <summary>A loopback port that nobody listened on a moment ago.</summary>
    public static int Take()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
