using System.Runtime.InteropServices;

namespace FastChat.Broker.Transport;

/// <summary>What the transport asks of the kernel. Linux only; every call sets <see cref="Marshal.GetLastPInvokeError"/>.</summary>
internal static unsafe partial class Libc
{
    /// <summary>Interrupted by a signal: ask again.</summary>
    public const int Interrupted = 4;

    /// <summary>Nothing there, or no room, at the moment.</summary>
    public const int WouldBlock = 11;

    /// <summary>The peer ended the connection hard.</summary>
    public const int ConnectionReset = 104;

    /// <summary>A connection ended between its arrival and its accept.</summary>
    public const int ConnectionAborted = 103;

    /// <summary>This process has no file descriptor left.</summary>
    public const int TooManyFiles = 24;

    /// <summary>The machine has no file descriptor left.</summary>
    public const int TooManyFilesInSystem = 23;

    /// <summary>The kernel has no memory for another socket (also 12).</summary>
    public const int NoBuffers = 105;

    /// <summary>The kernel has no memory left.</summary>
    public const int NoMemory = 12;

    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int FilesLimit = 7;
    private const int CoreLimit = 4;
    private const int DontWaitNoSignal = 0x40 | 0x4000;

    /// <summary>A new epoll set; −1 on failure.</summary>
    public static int EpollCreate() => EpollCreate1(CloseOnExec);

    /// <summary>A counter whose readiness wakes whoever waits for it; −1 on failure.</summary>
    public static int EventFd(uint value) => EventFd(value, CloseOnExec | NonBlocking);

    /// <summary>Descriptors that this process may have open (RLIMIT_NOFILE).</summary>
    public static int DescriptorsMax()
    {
        ulong* limit = stackalloc ulong[2];
        return GetLimit(FilesLimit, limit) == 0 ? (int)Math.Min(*limit, int.MaxValue) : int.MaxValue;
    }

    /// <summary>A process that crashes leaves no image of its memory behind (RLIMIT_CORE): passwords, tokens and messages are in there. False when the kernel refuses.</summary>
    public static bool ForbidCoreFiles()
    {
        ulong* limit = stackalloc ulong[2];
        if (GetLimit(CoreLimit, limit) != 0)
        {
            return false;
        }

        *limit = 0;
        return SetLimit(CoreLimit, limit) == 0;
    }

    /// <summary>The next connection of a listening socket, not blocking; −1 when there is none.</summary>
    public static int Accept(int socket, byte* address, int* addressSize) => Accept4(socket, address, addressSize, CloseOnExec | NonBlocking);

    /// <summary>Bytes that were received; 0 at the end of the stream, −1 when there are none or the connection failed.</summary>
    public static nint Receive(int socket, Span<byte> target)
    {
        fixed (byte* bytes = target)
        {
            return Receive(socket, bytes, (nuint)target.Length, DontWaitNoSignal);
        }
    }

    /// <summary>Bytes that the kernel took; −1 when it has no room or the connection failed.</summary>
    public static nint Send(int socket, ReadOnlySpan<byte> source)
    {
        fixed (byte* bytes = source)
        {
            return Send(socket, bytes, (nuint)source.Length, DontWaitNoSignal);
        }
    }

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int EpollControl(int set, int operation, int file, byte* description);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    public static partial int EpollWait(int set, byte* events, int most, int milliseconds);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    public static partial int Shutdown(int socket, int how);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    public static partial int LocalAddress(int socket, byte* address, int* addressSize);

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int EpollCreate1(int flags);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventFd(uint value, int flags);

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetLimit(int resource, ulong* limit);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetLimit(int resource, ulong* limit);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    private static partial int Accept4(int socket, byte* address, int* addressSize, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(int socket, byte* buffer, nuint size, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(int socket, byte* buffer, nuint size, int flags);
}
