using System.Net;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FastChat.Bench.Compare.Systems.Limit;

/// <summary>Kestrel with <see cref="ParkedConnections"/> and nothing else. Apart from the raw server, which is not to load a web server that it does not need.</summary>
internal static class ParkedServer
{
    /// <summary>Serves until it is cancelled.</summary>
    public static async Task RunAsync(IPEndPoint endpoint, Action listening, CancellationToken cancellation)
    {
        WebApplication application = Make(endpoint);
        await using (application.ConfigureAwait(false))
        {
            await application.StartAsync(cancellation).ConfigureAwait(false);
            listening();
            await application.WaitForShutdownAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>The server, not yet started.</summary>
    internal static WebApplication Make(IPEndPoint endpoint)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(endpoint, listen => listen.UseConnectionHandler<ParkedConnections>()));
        return builder.Build();
    }
}
