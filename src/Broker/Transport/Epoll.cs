using System.ComponentModel;
using System.Runtime.InteropServices;

using Microsoft.Win32.SafeHandles;

namespace FastChat.Broker.Transport;

/// <summary>What has become possible with a file descriptor (epoll_ctl(2)).</summary>
[Flags]
internal enum Readiness : uint
{
    None = 0,

    /// <summary>Bytes or a connection have come.</summary>
    Read = 0x1,

    /// <summary>There is room for bytes again.</summary>
    Write = 0x4,

    /// <summary>It failed.</summary>
    Failed = 0x8,

    /// <summary>Both directions have ended.</summary>
    HungUp = 0x10,

    /// <summary>The peer sends no more.</summary>
    PeerEnded = 0x2000,
}

/// <summary>
/// A kernel epoll set, edge-triggered: a change of readiness is reported once, to one of the threads that wait. Any thread. The kernel forgets a descriptor when it is closed.
/// </summary>
internal sealed unsafe class Epoll : IDisposable
{
    /// <summary>Reports that one wait brings: enough to spread the cost of the call, few enough that the other threads get some.</summary>
    public const int ReportsMax = 64;

    private const int Add = 1;
    private const uint EdgeTriggered = 1u << 31;
    private const uint Changes = (uint)(Readiness.Read | Readiness.Write | Readiness.PeerEnded);

    // struct epoll_event is packed on x86-64 and nowhere else.
    private static readonly int DataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    private static readonly int ReportSize = DataOffset + sizeof(ulong);

    private readonly SafeFileHandle _set = Own(Libc.EpollCreate(), "epoll_create1");

    /// <summary>An own descriptor, or the kernel's reason why there is none.</summary>
    public static SafeFileHandle Own(int descriptor, string call) =>
        descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw Failed(call);

    /// <summary>Bytes that <see cref="Wait"/> needs.</summary>
    public static int BufferSize => ReportsMax * ReportSize;

    /// <summary>Reports every change of a descriptor from now on; its present state counts as a change.</summary>
    public void Watch(int descriptor) => Register(descriptor, Changes | EdgeTriggered);

    /// <summary>Reports that a descriptor is readable to every waiting thread for as long as it is.</summary>
    public void WatchLevel(int descriptor) => Register(descriptor, (uint)Readiness.Read);

    /// <summary>Waits for changes and returns their number. Each thread brings a buffer of its own.</summary>
    public int Wait(byte* buffer, bool isPatient)
    {
        int count = Libc.EpollWait((int)_set.DangerousGetHandle(), buffer, ReportsMax, isPatient ? -1 : 0);
        return count >= 0 ? count : Marshal.GetLastPInvokeError() == Libc.Interrupted ? 0 : throw Failed("epoll_wait");
    }

    /// <summary>A report that <see cref="Wait"/> brought.</summary>
    public static (int Descriptor, Readiness Readiness) Report(byte* buffer, int index)
    {
        byte* report = buffer + (index * ReportSize);
        return (*(int*)(report + DataOffset), (Readiness)(*(uint*)report));
    }

    /// <inheritdoc/>
    public void Dispose() => _set.Dispose();

    private void Register(int descriptor, uint events)
    {
        byte* report = stackalloc byte[2 * sizeof(ulong)];
        *(uint*)report = events;
        *(ulong*)(report + DataOffset) = (uint)descriptor;
        if (Libc.EpollControl((int)_set.DangerousGetHandle(), Add, descriptor, report) != 0)
        {
            throw Failed("epoll_ctl");
        }
    }

    private static IOException Failed(string call)
    {
        Win32Exception cause = new(Marshal.GetLastPInvokeError());
        return new IOException($"{call}: {cause.Message}", cause);
    }
}
