using System.Runtime.InteropServices;

namespace FastChat.Bench.Load.Engine;

/// <summary>
/// Cuts a connection as a broken network does: the server learns it from a reset, not from a polite end. It also leaves no TIME_WAIT behind, of which thousands at once would take the ports that
/// the same clients need to come back.
/// </summary>
internal static unsafe partial class Reset
{
    private const int SocketLevel = 1;
    private const int LingerOption = 13;

    /// <summary>Closes the link's socket with a reset. Generator thread only.</summary>
    public static void Cut(Reactor reactor, Link link)
    {
        if (link.Socket >= 0)
        {
            // struct linger: on, for no time.
            int* linger = stackalloc int[2] { 1, 0 };
            _ = SetOption(link.Socket, SocketLevel, LingerOption, linger, 2 * sizeof(int));
            reactor.Cut(link);
        }
    }

    [LibraryImport("libc", EntryPoint = "setsockopt")]
    private static partial int SetOption(int socket, int level, int option, void* value, int size);
}
