using System.Globalization;

namespace FastChat.Bench.Load.Measure;

/// <summary>What the kernel keeps for sockets is in nobody's resident memory; it is seen only in the machine's slab, with everything else that is in it.</summary>
internal static class KernelMemory
{
    /// <summary>Unreclaimable slab of the machine in KiB (SUnreclaim of /proc/meminfo).</summary>
    public static long UnreclaimableKb
    {
        get
        {
            string line = File.ReadLines("/proc/meminfo").First(candidate => candidate.StartsWith("SUnreclaim:", StringComparison.Ordinal));
            return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }
    }
}
