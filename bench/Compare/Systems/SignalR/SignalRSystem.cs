using System.Globalization;
using System.Net;

using FastChat.Bench.Compare.Wires;

using Microsoft.AspNetCore.SignalR;

namespace FastChat.Bench.Compare.Systems.SignalR;

/// <summary>SignalR as it is in the box, in a process of its own: the harness's program, started once more to serve (<see cref="SignalRServer"/>). Clients speak MessagePack over WebSocket, whatever the transport asked for except TLS.</summary>
public sealed class SignalRSystem : SystemUnderTest
{
    private const string Program = "FastChat.Bench.Load.dll";

    /// <inheritdoc/>
    public override string Name => "signalr";

    /// <inheritdoc/>
    public override string Caveat(Scenario scenario) => "stores nothing, signs nobody in, always over WebSocket";

    /// <inheritdoc/>
    public override string? WhyNot(Scenario scenario) => scenario switch
    {
        Scenario.FanOut or Scenario.Rooms or Scenario.Idle or Scenario.Storm => null,
        Scenario.CatchUp => "keeps no history",
        Scenario.Corpus => "has no users and rooms to replay into",
        _ => "stores nothing",
    };

    /// <inheritdoc/>
    public override string? WhyNotOver(string transport) => transport == "tls" ? "it is compared over ws only" : null;

    /// <inheritdoc/>
    public override async Task StartAsync(SystemSettings settings, WorkPlan plan, CancellationToken cancellation)
    {
        if (settings.Transport == "tls")
        {
            throw new UnavailableException($"{Name} is compared over ws only");
        }

        string program = Path.Combine(AppContext.BaseDirectory, Program);
        if (!File.Exists(program))
        {
            throw new UnavailableException($"{Name} is not installed: {Program} is not beside the harness; build bench/Load");
        }

        // The runtime that runs the harness runs the server. A program that is not started through dotnet (a test host, an executable of its own) leaves the search to the PATH.
        string? host = Environment.ProcessPath;
        string runtime = host is not null && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet";
        Endpoint = new IPEndPoint(IPAddress.Loopback, FreePort.Take());
        Version = FileVersion();
        Server = ServerProcess.Start(
            settings,
            runtime,
            [program, "serve", "signalr", "--port", Endpoint.Port.ToString(CultureInfo.InvariantCulture)],
            isReadyLine: line => line.Contains("\"ready\"", StringComparison.Ordinal));
        await Server.WaitForReadyLineAsync(TimeSpan.FromSeconds(60), cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override Wire NewWire(IWireEvents events, int index) => new WebSocketWire(events, new SignalRWire(events), SignalRServer.Path);

    private static string FileVersion() =>
        System.Diagnostics.FileVersionInfo.GetVersionInfo(typeof(Hub).Assembly.Location).ProductVersion?.Split('+')[0] ?? "unknown";
}
