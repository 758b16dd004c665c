using System.Text;

using FastChat.Bench.Compare;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>A real server, started as the harness starts it, in a directory that goes with it.</summary>
internal sealed class RunningSystem : IAsyncDisposable
{
    private readonly string _directory;

    private RunningSystem(SystemUnderTest system, string directory)
    {
        System = system;
        _directory = directory;
    }

    public SystemUnderTest System { get; }

    /// <summary>Starts a system; the test is ignored, with the reason, where its program is not installed.</summary>
    public static Task<RunningSystem> StartAsync(string name, Scenario scenario, string? history = null) =>
        StartAsync(SystemCatalog.Make(name)!, new WorkPlan(scenario, Conversations: 4, Connections: 8, PayloadBytes: 32), history);

    /// <summary>Starts a system that the test has made, for a plan of its own.</summary>
    public static async Task<RunningSystem> StartAsync(SystemUnderTest system, WorkPlan plan, string? history = null)
    {
        string directory = Directory.CreateTempSubdirectory("fastchat-load-").FullName;
        try
        {
            await system.StartAsync(new SystemSettings(directory, "tcp", []) { HistoryFile = history }, plan, CancellationToken.None);
            await system.PrepareAsync(plan, CancellationToken.None);
        }
        catch (UnavailableException missing) when (missing.Message.Contains("not installed", StringComparison.Ordinal))
        {
            Directory.Delete(directory, recursive: true);
            Assert.Ignore(missing.Message);
        }

        return new RunningSystem(system, directory);
    }

    /// <summary>Connects and signs in.</summary>
    public WireDriver Connect(RecordedEvents events, int index)
    {
        WireDriver driver = new(System.Endpoint, System.NewWire(events, index));
        driver.Run(() => events.Count("ready") == 1);
        return driver;
    }

    /// <summary>The payload of a message: its number in hex, then filling.</summary>
    public static byte[] Payload(int number) => Encoding.ASCII.GetBytes($"{number:x16}{new string('x', 16)}");

    public async ValueTask DisposeAsync()
    {
        await System.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
