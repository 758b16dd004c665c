using System.Runtime.InteropServices;

namespace FastChat.Bench.Load.Engine;

/// <summary>
/// The system calls of the generator. It talks to the kernel itself because its own cost is part of every figure on a machine that it shares with the server: one thread, one epoll, one
/// receive buffer, no hop between threads. Linux only.
/// </summary>
internal static unsafe partial class Libc
{
    public const int Again = 11;
    public const int InProgress = 115;
    public const int EpollAdd = 1;
    public const int EpollModify = 3;
    public const uint EpollIn = 1;
    public const uint EpollOut = 4;
    public const uint EpollErrorOrHangUp = 8 | 16;

    private const int InternetFamily = 2;
    private const int StreamNonBlocking = 1 | 0x800 | 0x80000;
    private const int NoSignal = 0x4000;
    private const int ThreadProcessorTime = 3;
    private const int TimerSlack = 29;

    /// <summary>struct epoll_event as x86-64 has it: packed, the user data behind the events.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    public struct EpollEvent
    {
        public uint Events;
        public int Slot;
        private readonly int _unused;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    /// <summary>A socket that connects in the background; throws when the kernel refuses.</summary>
    public static int BeginConnect(System.Net.IPEndPoint endpoint)
    {
        int socket = Socket(InternetFamily, StreamNonBlocking, 0);
        if (socket < 0)
        {
            throw new IOException($"no further socket: errno {Marshal.GetLastPInvokeError()} (ulimit -n)");
        }

        int one = 1;
        _ = SetOption(socket, 6, 1, &one, sizeof(int));
        byte* address = stackalloc byte[16];
        new Span<byte>(address, 16).Clear();
        address[0] = InternetFamily;
        address[2] = (byte)(endpoint.Port >> 8);
        address[3] = (byte)endpoint.Port;
        endpoint.Address.TryWriteBytes(new Span<byte>(address + 4, 4), out _);
        if (Connect(socket, address, 16) != 0 && Marshal.GetLastPInvokeError() != InProgress)
        {
            int error = Marshal.GetLastPInvokeError();
            _ = Close(socket);
            throw new IOException($"cannot connect to {endpoint}: errno {error}");
        }

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

    /// <summary>Processor time of the calling thread in nanoseconds.</summary>
    public static long ThreadNanoseconds()
    {
        TimeSpec time;
        _ = GetTime(ThreadProcessorTime, &time);
        return (time.Seconds * 1_000_000_000) + time.Nanoseconds;
    }

    /// <summary>Lets the calling thread's waits end to the microsecond instead of 50 µs late: an open-loop generator must keep its plan.</summary>
    public static void WaitPrecisely() => _ = Control(TimerSlack, 1, 0, 0, 0);

    /// <summary>Keeps the calling thread on one processor.</summary>
    public static void PinThread(int processor)
    {
        ulong mask = 1ul << processor;
        _ = SetAffinity(0, sizeof(ulong), &mask);
    }

    [LibraryImport("libc", EntryPoint = "epoll_create1")]
    public static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl")]
    public static partial int EpollControl(int epoll, int operation, int socket, EpollEvent* change);

    [LibraryImport("libc", EntryPoint = "epoll_pwait2")]
    public static partial int EpollWait(int epoll, EpollEvent* events, int count, TimeSpec* patience, void* signals);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int Connect(int socket, byte* address, int size);

    [LibraryImport("libc", EntryPoint = "setsockopt")]
    private static partial int SetOption(int socket, int level, int option, void* value, int size);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(int socket, byte* bytes, nuint count, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(int socket, byte* bytes, nuint count, int flags);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, TimeSpec* time);

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Control(int option, nuint a, nuint b, nuint c, nuint d);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int process, nuint size, ulong* mask);
}
