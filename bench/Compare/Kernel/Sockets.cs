using System.Net;
using System.Runtime.InteropServices;

namespace FastChat.Bench.Compare.Kernel;

/// <summary>
/// Non-blocking TCP sockets as the kernel has them, by number: the generator's own cost is part of every figure on a machine that it shares with the server, and a server that is to be
/// the machine's limit has nothing to spare for a class around a socket. Linux only.
/// </summary>
public static unsafe partial class Sockets
{
    /// <summary>errno: nothing to receive, no room to send, nobody to accept.</summary>
    public const int Again = 11;

    private const int InProgress = 115;
    private const int InternetFamily = 2;
    private const int NonBlocking = 0x800 | 0x80000;
    private const int NoSignal = 0x4000;
    private const int InternetLevel = 0;
    private const int BindAddressOnly = 24;
    private const int SocketLevel = 1;
    private const int TcpLevel = 6;
    private const int AddressSize = 16;
    private const int Backlog = 4096;

    /// <summary>A socket that connects in the background; throws when the kernel refuses.</summary>
    /// <param name="endpoint">Where to.</param>
    /// <param name="source">Where from; the kernel chooses the port when it knows both ends, so only connections to the same place share the numbers.</param>
    public static int BeginConnect(IPEndPoint endpoint, IPAddress source)
    {
        int socket = Open();
        SetFlag(socket, TcpLevel, 1);
        SetFlag(socket, InternetLevel, BindAddressOnly);
        byte* local = stackalloc byte[AddressSize];
        byte* address = stackalloc byte[AddressSize];
        Write(new IPEndPoint(source, 0), local);
        Write(endpoint, address);
        if (Bind(socket, local, AddressSize) != 0 || (Connect(socket, address, AddressSize) != 0 && Marshal.GetLastPInvokeError() != InProgress))
        {
            int error = Marshal.GetLastPInvokeError();
            Close(socket);
            throw new IOException($"cannot connect to {endpoint}: errno {error}");
        }

        return socket;
    }

    /// <summary>A socket that listens; throws when the kernel refuses.</summary>
    public static int Listen(IPEndPoint endpoint)
    {
        int socket = Open();
        SetFlag(socket, SocketLevel, 2);
        byte* address = stackalloc byte[AddressSize];
        Write(endpoint, address);
        if (Bind(socket, address, AddressSize) != 0 || Listen(socket, Backlog) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            Close(socket);
            throw new IOException($"cannot listen on {endpoint}: errno {error}");
        }

        return socket;
    }

    /// <summary>The next connection that waits at a listening socket, or −errno.</summary>
    public static int Accept(int listener)
    {
        int socket = Accept(listener, null, null, NonBlocking);
        if (socket < 0)
        {
            return -Marshal.GetLastPInvokeError();
        }

        SetFlag(socket, TcpLevel, 1);
        return socket;
    }

    /// <summary>Bytes sent, or −errno.</summary>
    public static nint Send(int socket, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* first = bytes)
        {
            nint sent = Send(socket, first, (nuint)bytes.Length, NoSignal);
            return sent >= 0 ? sent : -Marshal.GetLastPInvokeError();
        }
    }

    /// <summary>Bytes received, 0 at the end of the stream, or −errno.</summary>
    public static nint Receive(int socket, Span<byte> target)
    {
        fixed (byte* first = target)
        {
            nint received = Receive(socket, first, (nuint)target.Length, 0);
            return received >= 0 ? received : -Marshal.GetLastPInvokeError();
        }
    }

    /// <summary>Closes a socket.</summary>
    public static void Close(int socket) => _ = CloseFile(socket);

    private static int Open()
    {
        int socket = Socket(InternetFamily, 1 | NonBlocking, 0);
        return socket >= 0 ? socket : throw new IOException($"no further socket: errno {Marshal.GetLastPInvokeError()} (ulimit -n)");
    }

    private static void SetFlag(int socket, int level, int option)
    {
        int one = 1;
        _ = SetOption(socket, level, option, &one, sizeof(int));
    }

    private static void Write(IPEndPoint endpoint, byte* address)
    {
        new Span<byte>(address, AddressSize).Clear();
        address[0] = InternetFamily;
        address[2] = (byte)(endpoint.Port >> 8);
        address[3] = (byte)endpoint.Port;
        endpoint.Address.TryWriteBytes(new Span<byte>(address + 4, 4), out _);
    }

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseFile(int file);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int Connect(int socket, byte* address, int size);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(int socket, byte* address, int size);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    private static partial int Listen(int socket, int backlog);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    private static partial int Accept(int listener, byte* address, int* size, int flags);

    [LibraryImport("libc", EntryPoint = "setsockopt")]
    private static partial int SetOption(int socket, int level, int option, void* value, int size);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(int socket, byte* bytes, nuint count, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(int socket, byte* bytes, nuint count, int flags);
}
