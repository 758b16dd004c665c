using BenchmarkDotNet.Running;

BenchmarkSwitcher.FromAssembly(typeof(FastChat.Bench.Micro.RingBenchmarks).Assembly).Run(args);
