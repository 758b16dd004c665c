using FastChat.Bench.Compare.Wires;

using Microsoft.AspNetCore.SignalR;

namespace FastChat.Bench.Compare.Systems.SignalR;

/// <summary>SignalR as it is in the box (<see cref="SignalRServer"/>). Clients speak MessagePack over WebSocket, whatever the transport asked for except TLS.</summary>
public sealed class SignalRSystem : HarnessServer
{
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
    public override Task StartAsync(SystemSettings settings, WorkPlan plan, CancellationToken cancellation)
    {
        Version = FileVersion();
        return ServeAsync(settings, ["signalr"], environment: null, cancellation);
    }

    /// <inheritdoc/>
    public override Wire NewWire(IWireEvents events, int index) => new WebSocketWire(events, new SignalRWire(events), SignalRServer.Path);

    private static string FileVersion() =>
        System.Diagnostics.FileVersionInfo.GetVersionInfo(typeof(Hub).Assembly.Location).ProductVersion?.Split('+')[0] ?? "unknown";
}
