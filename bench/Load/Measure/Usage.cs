using System.Diagnostics;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Engine;
using FastChat.Bench.Load.Reports;

namespace FastChat.Bench.Load.Measure;

/// <summary>Measures what a stretch of a run uses: made when it begins, asked once when it ends. Generator thread only, because the generator's own share is its thread's.</summary>
internal sealed class Usage(ServerProcess server, FlushCounter flushes)
{
    private readonly long _begun = RunGauge.BeginMeasuring();
    private readonly long _generator = Libc.ThreadNanoseconds();
    private readonly double _server = server.ProcessorSeconds;
    private readonly long? _flushes = flushes.Count;

    /// <summary>What was used since it was made.</summary>
    public UsedResources End()
    {
        RunGauge.EndMeasuring();
        double seconds = Stopwatch.GetElapsedTime(_begun).TotalSeconds;
        double headroom = Math.Max(0, 1 - ((Libc.ThreadNanoseconds() - _generator) / 1e9 / seconds));
        return new UsedResources(seconds, server.ProcessorSeconds - _server, flushes.Count - _flushes, headroom);
    }
}

/// <summary>What a stretch of a run used.</summary>
/// <param name="Seconds">How long it took.</param>
/// <param name="ServerSeconds">Processor seconds of the server.</param>
/// <param name="Flushes">Flushes of the disk, whoever caused them; null where the kernel does not tell.</param>
/// <param name="Headroom">The share of the time in which the generator's thread had nothing to do, 0 to 1. Under 0.2 the generator, not the server, may be what was measured.</param>
internal sealed record UsedResources(double Seconds, double ServerSeconds, long? Flushes, double Headroom);
