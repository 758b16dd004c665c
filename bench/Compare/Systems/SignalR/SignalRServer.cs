using System.Net;
using System.Text.Json;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FastChat.Bench.Compare.Systems.SignalR;

/// <summary>
/// SignalR with what its documentation advises for speed: WebSockets only, the MessagePack protocol, no logging. Everything else is as it comes, also that one client's calls are made one after
/// the other: a chat needs that order.
/// </summary>
public static class SignalRServer
{
    /// <summary>Where the hub is.</summary>
    public const string Path = "/chat";

    private const int MessageSizeMax = 1 << 20;

    // Idle clients of the harness speak every 30 s, twice as seldom as SignalR's own do: the patience is doubled, too, and more, so that no slow moment cuts anybody.
    private static readonly TimeSpan s_clientTimeout = TimeSpan.FromMinutes(2);

    /// <summary>Serves on loopback until it is cancelled. Prints one line <c>{"event":"ready","port":P}</c> when it listens.</summary>
    /// <param name="port">Where; 0 for any free port.</param>
    public static async Task RunAsync(int port, CancellationToken cancellation)
    {
        WebApplication application = Make(port);
        await using (application.ConfigureAwait(false))
        {
            await application.StartAsync(cancellation).ConfigureAwait(false);
            await Console.Out.WriteLineAsync(JsonSerializer.Serialize(new { @event = "ready", port = PortOf(application) }).AsMemory(), cancellation).ConfigureAwait(false);
            await application.WaitForShutdownAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>The server, not yet started.</summary>
    internal static WebApplication Make(int port)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port));
        builder.Services.AddSignalR(hub =>
        {
            hub.ClientTimeoutInterval = s_clientTimeout;
            hub.MaximumReceiveMessageSize = MessageSizeMax;
            hub.EnableDetailedErrors = true;
        }).AddMessagePackProtocol();
        WebApplication application = builder.Build();
        application.MapHub<ChatHub>(Path, connection => connection.Transports = HttpTransportType.WebSockets);
        return application;
    }

    /// <summary>Where a started server listens.</summary>
    internal static int PortOf(WebApplication application) =>
        new Uri(application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;
}
