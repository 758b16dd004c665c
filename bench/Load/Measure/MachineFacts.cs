using System.Runtime.InteropServices;

namespace FastChat.Bench.Load.Measure;

/// <summary>The machine that a figure belongs to.</summary>
internal sealed record MachineFacts(string Processor, int Cores, double MemoryGib, string Kernel, string System, string Runtime, string Date)
{
    /// <summary>This machine, now.</summary>
    public static MachineFacts Read()
    {
        string processor = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown";
        string system = File.ReadLines("/etc/os-release").FirstOrDefault(line => line.StartsWith("PRETTY_NAME=", StringComparison.Ordinal))?.Split('"')[1] ?? "unknown";
        double memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1 << 30);
        return new MachineFacts(
            processor, Environment.ProcessorCount, Math.Round(memory, 1), Environment.OSVersion.Version.ToString(), system,
            RuntimeInformation.FrameworkDescription, DateTimeOffset.UtcNow.ToString("yyyy-MM-dd HH:mm'Z'"));
    }
}
