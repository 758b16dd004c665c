using System.Diagnostics;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Engine;

namespace FastChat.Bench.Load.Measure;

/// <summary>What a stretch of a run used: made when it begins, read when it ends. Generator thread only, because the generator's own share is its thread's.</summary>
internal sealed class Usage(ServerProcess server, FlushCounter flushes)
{
    private readonly long _begun = Stopwatch.GetTimestamp();
    private readonly long _generator = Libc.ThreadNanoseconds();
    private readonly double _server = server.ProcessorSeconds;
    private readonly long? _flushes = flushes.Count;

    /// <summary>Seconds since it was made.</summary>
    public double Seconds => Stopwatch.GetElapsedTime(_begun).TotalSeconds;

    /// <summary>Processor seconds of the server since then.</summary>
    public double ServerSeconds => server.ProcessorSeconds - _server;

    /// <summary>Flushes of the disk since then, whoever caused them.</summary>
    public long? Flushes => flushes.Count - _flushes;

    /// <summary>The share of the time in which the generator's thread had nothing to do, 0 to 1. Under 0.2 the generator, not the server, may be what was measured.</summary>
    public double Headroom => Math.Max(0, 1 - ((Libc.ThreadNanoseconds() - _generator) / 1e9 / Seconds));
}
