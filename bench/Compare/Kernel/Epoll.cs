using System.Runtime.InteropServices;

namespace FastChat.Bench.Compare.Kernel;

/// <summary>What a thread waits for: sockets by a number that the caller gives them, level-triggered, in one call for all. One thread. Linux on x86-64 only.</summary>
public sealed unsafe partial class Epoll : IDisposable
{
    /// <summary>Something can be received.</summary>
    public const uint In = 1;

    /// <summary>There is room to send.</summary>
    public const uint Out = 4;

    /// <summary>The socket broke or the other side left.</summary>
    public const uint ErrorOrHangUp = 8 | 16;

    private const int EventsMax = 1024;
    private const int CloseOnExecute = 0x80000;

    private readonly int _epoll = Create(CloseOnExecute);
    private readonly Event[] _events = GC.AllocateUninitializedArray<Event>(EventsMax, pinned: true);

    /// <summary>Begins to watch a socket.</summary>
    public void Add(int socket, int slot, uint events) => Control(1, socket, slot, events);

    /// <summary>Watches a socket for something else.</summary>
    public void Change(int socket, int slot, uint events) => Control(3, socket, slot, events);

    /// <summary>Waits for at most a time; how many sockets are ready, to be asked for with <see cref="Ready"/>.</summary>
    public int Wait(long nanoseconds)
    {
        TimeSpec patience = new() { Seconds = nanoseconds / 1_000_000_000, Nanoseconds = nanoseconds % 1_000_000_000 };
        fixed (Event* events = _events)
        {
            return Wait(_epoll, events, EventsMax, &patience, null);
        }
    }

    /// <summary>The one of the ready sockets with this index.</summary>
    public (int Slot, uint Events) Ready(int index) => (_events[index].Slot, _events[index].Events);

    /// <inheritdoc/>
    public void Dispose() => Sockets.Close(_epoll);

    private void Control(int operation, int socket, int slot, uint events)
    {
        Event change = new() { Events = events, Slot = slot };
        if (Control(_epoll, operation, socket, &change) != 0)
        {
            throw new IOException("epoll_ctl failed");
        }
    }

    [LibraryImport("libc", EntryPoint = "epoll_create1")]
    private static partial int Create(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl")]
    private static partial int Control(int epoll, int operation, int socket, Event* change);

    [LibraryImport("libc", EntryPoint = "epoll_pwait2")]
    private static partial int Wait(int epoll, Event* events, int count, TimeSpec* patience, void* signals);

    /// <summary>struct epoll_event as x86-64 has it: packed, the user data behind the events.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct Event
    {
        public uint Events;
        public int Slot;
        private readonly int _unused;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
