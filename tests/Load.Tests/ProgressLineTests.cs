using System.Diagnostics;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;
using FastChat.Bench.Load.Scenarios;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>A person at a terminal is told how a run goes on; a file is told nothing; who interrupts leaves nothing behind.</summary>
[NonParallelizable]
public sealed class ProgressLineTests
{
    [TearDown]
    public void Clear() => RunGauge.Clear();

    [Test]
    public void Where_nobody_looks_nothing_is_written()
    {
        StringWriter output = new();
        using (new LiveLine(output, isTerminal: false, "durable  redis  run 1/2", () => 80))
        {
            Thread.Sleep(100);
        }

        Assert.That(output.ToString(), Is.Empty);
    }

    [Test]
    public void On_a_terminal_the_line_is_written_at_once_cut_to_the_width_and_erased_at_the_end()
    {
        StringWriter output = new();
        using (new LiveLine(output, isTerminal: true, "durable  redis  run 1/2", () => 20))
        {
            Thread.Sleep(100);
        }

        Assert.That(output.ToString(), Is.EqualTo("\r\u001b[Kdurable  redis  run\r\u001b[K"));
    }

    [Test]
    public void What_a_scenario_says_meanwhile_stands_above_the_line()
    {
        TextWriter before = Console.Error;
        StringWriter output = new();
        Console.SetError(output);
        try
        {
            using (new LiveLine(Console.Error, isTerminal: true, "rooms  redis  run 1/1", () => 80))
            {
                Thread.Sleep(100);
                Console.Error.WriteLine("held");
            }

            Console.Error.WriteLine("after");
            Assert.That(output.ToString(), Is.EqualTo("\r\u001b[Krooms  redis  run 1/1  preparing\r\u001b[Kheld\n\r\u001b[Kafter\n"));
        }
        finally
        {
            Console.SetError(before);
        }
    }

    [Test]
    public void The_line_says_what_is_done_how_fast_and_how_long_yet()
    {
        using LiveLine line = new(TextWriter.Null, isTerminal: false, "durable  redis  run 1/2", () => 80);
        char[] text = new char[200];
        long second = Stopwatch.Frequency;
        long now = Stopwatch.GetTimestamp();
        string At(long time) => new(text, 0, line.Write(text, time));

        Assert.That(At(now), Is.EqualTo("durable  redis  run 1/2  preparing"));
        using Fleet fleet = new(null!, new RunSettings());
        RunGauge.Watch(fleet, now + (10 * second));
        Assert.That(At(now + second), Is.EqualTo("durable  redis  run 1/2  warm-up  9 s left"), "no rate of a fleet that is seen for the first time");
        fleet.Acknowledged = 134_012;
        Assert.That(At(now + (2 * second)), Is.EqualTo("durable  redis  run 1/2  warm-up  134,012 acks/s  8 s left"));
        RunGauge.BeginMeasuring();
        fleet.Delivered = 5000;
        Assert.That(At(now + (4 * second)), Is.EqualTo("durable  redis  run 1/2  measuring  2,500 deliveries/s  6 s left"));
        RunGauge.EndMeasuring();
        Assert.That(At(now + (5 * second)), Is.EqualTo("durable  redis  run 1/2  measuring  5 s left"), "measured on, in another way");
        Assert.That(At(now + (11 * second)), Is.EqualTo("durable  redis  run 1/2  finishing"));
        RunGauge.Clear();
        Assert.That(At(now + (12 * second)), Is.EqualTo("durable  redis  run 1/2  preparing"));
    }

    [Test]
    public void The_line_takes_nothing_from_the_heap_and_fits_whatever_it_is_given()
    {
        using LiveLine line = new(TextWriter.Null, isTerminal: false, "durable  redis  run 1/2", () => 80);
        using Fleet fleet = new(null!, new RunSettings());
        RunGauge.Watch(fleet, long.MaxValue / 2);
        char[] text = new char[40];
        long now = Stopwatch.GetTimestamp();
        line.Write(text, now);
        int longest = 0;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 1; i <= 100; i++)
        {
            fleet.Acknowledged += 1000;
            fleet.Delivered += 1_000_000;
            longest = Math.Max(longest, line.Write(text, now + (i * Stopwatch.Frequency)));
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        Assert.That(longest, Is.EqualTo(text.Length).Within(12), "what does not fit is left out");
    }

    [Test]
    public async Task A_run_shows_its_line_and_measures_as_without_one()
    {
        string directory = Directory.CreateTempSubdirectory("fastchat-load-").FullName;
        StringWriter output = new();
        RunSettings settings = new() { Scenario = Scenario.FanOut, Connections = 2, Seconds = 0.2 };
        Comparison comparison = new(new Endless(0.2), settings, ["redis"], runs: 1, directory, output, isTerminal: true);
        await RunOrIgnore(comparison, CancellationToken.None);
        Directory.Delete(directory, recursive: true);
        Assert.That(output.ToString(), Does.StartWith("\r\u001b[Kfanout  redis  run 1/1  ").And.Contains("\r\u001b[K1/1  redis"));
        Assert.That(comparison.Rows["redis"], Has.Count.EqualTo(1));
    }

    [Test]
    public async Task An_interrupted_run_stops_its_server_and_removes_its_directory_at_once()
    {
        string directory = Directory.CreateTempSubdirectory("fastchat-load-").FullName;
        RunSettings settings = new() { Scenario = Scenario.FanOut, Connections = 2 };
        Endless work = new(3600);
        Comparison comparison = new(work, settings, ["redis"], runs: 3, directory, TextWriter.Null);
        using CancellationTokenSource interrupt = new();
        Task run = RunOrIgnore(comparison, interrupt.Token);
        Task first = await Task.WhenAny(work.Started.Task, run);
        if (first == run)
        {
            await run;
        }

        int server = await work.Started.Task;
        Stopwatch waited = Stopwatch.StartNew();
        await interrupt.CancelAsync();
        Assert.That(async () => await run, Throws.InstanceOf<OperationCanceledException>());

        Assert.That(waited.Elapsed, Is.LessThan(TimeSpan.FromSeconds(8)), "an hour was planned");
        Assert.That(Directory.Exists($"/proc/{server}"), Is.False, "the server is gone");
        Assert.That(Directory.EnumerateFileSystemEntries(directory), Is.Empty);
        Assert.That(comparison.Rows["redis"], Is.Empty, "half a run is none");
        Directory.Delete(directory);
    }

    private static async Task RunOrIgnore(Comparison comparison, CancellationToken cancellation)
    {
        try
        {
            await comparison.RunAsync(cancellation);
        }
        catch (UnavailableException missing) when (missing.Message.Contains("not installed", StringComparison.Ordinal) || missing.Message.Contains("cannot be started", StringComparison.Ordinal))
        {
            Assert.Ignore(missing.Message);
        }
    }

    /// <summary>Connects and waits: long enough to be looked at.</summary>
    private sealed class Endless(double seconds) : IScenario
    {
        /// <summary>The server's process, once it is loaded.</summary>
        public TaskCompletionSource<int> Started { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public RunSettings WithDefaults(RunSettings settings) => settings;

        public WorkPlan Plan(RunSettings settings) => new(settings.Scenario, 1, settings.Connections, 32);

        public ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes)
        {
            using Fleet fleet = new(system, settings);
            fleet.Open([new Member(), new Member()]);
            Started.TrySetResult(system.Server.Id);
            fleet.RunFor(seconds);
            return new ResultRow { System = system.Name, Version = system.Version, Rate = 1 };
        }
    }
}
