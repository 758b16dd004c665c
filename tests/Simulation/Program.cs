using FastChat.Simulation;

for (ulong seed = ulong.Parse(args[0]); seed < ulong.Parse(args[0]) + ulong.Parse(args[1]); seed++)
{
    long begun = System.Diagnostics.Stopwatch.GetTimestamp();
    SeedResult r = SeedRun.Run(seed, args.Length > 2 ? args[2] : null);
    double s = System.Diagnostics.Stopwatch.GetElapsedTime(begun).TotalSeconds;
    Console.WriteLine($"{seed}: {r.SimulatedSeconds:F1} s in {s:F3} s, {r.Pieces} pieces, {r.Acknowledged} acked, {r.Faults} faults ({string.Join(' ', r.FaultNames)}), {r.Report.Violations} violations, {r.Defects.Count} defects, digest {r.Digest:x16}, pool {ThreadPool.CompletedWorkItemCount}");
    foreach (string d in r.Defects.Take(3)) Console.WriteLine("   " + d);
    foreach (var v in r.Report.Details.Take(5)) Console.WriteLine("   " + v);
}
