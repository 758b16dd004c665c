using System.Runtime.InteropServices;

namespace FastChat.Bench.Compare.Kernel;

/// <summary>Wakes a thread that waits in <see cref="Epoll"/>: an eventfd, which is ready to be received from once another thread has rung.</summary>
public sealed unsafe partial class Bell : IDisposable
{
    private const int NonBlockingCloseOnExecute = 0x800 | 0x80000;

    /// <summary>What <see cref="Epoll"/> watches.</summary>
    public int File { get; } = Create(0, NonBlockingCloseOnExecute);

    /// <summary>Rings. Any thread.</summary>
    public void Ring()
    {
        ulong one = 1;
        _ = Write(File, &one, sizeof(ulong));
    }

    /// <summary>Was heard: silent until it rings again. The waiting thread.</summary>
    public void Silence()
    {
        ulong count;
        _ = Read(File, &count, sizeof(ulong));
    }

    /// <inheritdoc/>
    public void Dispose() => Sockets.Close(File);

    [LibraryImport("libc", EntryPoint = "eventfd")]
    private static partial int Create(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int file, void* bytes, nuint count);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint Read(int file, void* bytes, nuint count);
}
