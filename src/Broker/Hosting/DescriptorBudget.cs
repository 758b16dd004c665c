using FastChat.Broker.Transport;

namespace FastChat.Broker.Hosting;

/// <summary>
/// Who gets the process's descriptors. A journal or table file that cannot be opened ends acknowledging for good, while a connection that is refused comes back: so sockets never get the last ones. The
/// kernel gives the lowest free number, hence a socket whose number is <see cref="SocketsBelow"/> or more is one too many, whoever asked for it, and everything from there on is left to files.
/// </summary>
/// <param name="Limit">Descriptors that the process may have open (RLIMIT_NOFILE).</param>
internal sealed record DescriptorBudget(int Limit)
{
    /// <summary>Without so many there is no room for anybody: the runtime alone holds two for each of its assemblies, 190 in all.</summary>
    private const int LimitMin = 512;

    /// <summary>Journal files, RocksDB's own logs, files in the making.</summary>
    private const int OtherFiles = 48;

    /// <summary>Descriptors below the sockets' bound that no connection gets: assemblies that are loaded later, connections that are being told why they are refused, HTTP.</summary>
    private const int Others = 96;

    /// <summary>Table files that may be open at once.</summary>
    public int TableFilesMax => Math.Clamp(Limit / 8, 64, 1000);

    /// <summary>The number that no socket may have.</summary>
    public int SocketsBelow => Limit - TableFilesMax - OtherFiles;

    /// <summary>The budget of this process.</summary>
    /// <exception cref="ArgumentException">It has too few.</exception>
    public static DescriptorBudget OfProcess()
    {
        DescriptorBudget budget = new(OperatingSystem.IsLinux() ? Libc.DescriptorsMax() : int.MaxValue);
        return budget.Limit >= LimitMin ? budget : throw new ArgumentException($"the process may open {budget.Limit} files; the broker needs {LimitMin} at least (ulimit -n)");
    }

    /// <summary>Connections that may be open beside what is open already.</summary>
    /// <param name="wanted">What the operator allows.</param>
    /// <param name="open">Descriptors in use before the first connection.</param>
    public int ConnectionsFor(int wanted, int open) => Math.Max(1, Math.Min(wanted, SocketsBelow - open - Others));

    /// <summary>Descriptors that this process has open.</summary>
    public static int CountOpen() => OperatingSystem.IsLinux() ? Directory.GetFiles("/proc/self/fd").Length : 0;
}
