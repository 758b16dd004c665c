using System.Globalization;
using System.Net;

namespace FastChat.Bench.Compare.Systems.Limit;

/// <summary>
/// What this machine can do, as a server of its own so that its processor time and memory are measured as every other's: the broker's frames over raw sockets, and of the work only what cannot be left out. It is not a
/// broker and cannot become one; it is the figure that a broker cannot pass.
/// </summary>
public static class LimitServer
{
    /// <summary>Publishes are answered when they are on stable storage; nothing is delivered.</summary>
    public const string Durable = "durable";

    /// <summary>Publishes are delivered to who has subscribed; nothing is kept.</summary>
    public const string Live = "live";

    /// <summary>As <see cref="Live"/>, and everything is kept in memory to be read again.</summary>
    public const string Kept = "kept";

    /// <summary>Connections are welcomed and then left alone, by Kestrel.</summary>
    public const string Parked = "parked";

    /// <summary>Serves on loopback until it is cancelled. Prints one line <c>{"event":"ready","port":P}</c> when it listens.</summary>
    /// <param name="mode">One of the modes.</param>
    /// <param name="port">Where.</param>
    /// <param name="directory">Where a file may be written.</param>
    public static async Task RunAsync(string mode, int port, string directory, CancellationToken cancellation)
    {
        IPEndPoint endpoint = new(IPAddress.Loopback, port);
        if (mode == Parked)
        {
            await ParkedServer.RunAsync(endpoint, () => PrintReady(port), cancellation).ConfigureAwait(false);
        }
        else
        {
            using LogFile? log = mode == Durable ? new LogFile(directory) : null;
            using LimitLoop loop = new(endpoint);
            LimitWork work = log is null ? new FeedWork(loop, isKept: mode == Kept) : new DurableWork(loop, log);
            using (work as IDisposable)
            {
                PrintReady(port);
                loop.Run(work, cancellation);
            }
        }
    }

    private static void PrintReady(int port) =>
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{{\"event\":\"ready\",\"port\":{port}}}"));
}
