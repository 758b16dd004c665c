using System.Net;

using FastChat.Broker.Audit;
using FastChat.Broker.Connections;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Doors;
using FastChat.Broker.Identity;
using FastChat.Broker.Transport;
using FastChat.Broker.Web;
using FastChat.Protocol;
using FastChat.Shared;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Hosting;

/// <summary>Runs a broker: opens the store, starts Kestrel, says that it is ready, and drains when told to stop.</summary>
public static class BrokerHost
{
    /// <summary>
    /// Runs until <paramref name="stop"/> is cancelled and the broker has drained. Writes the ready line (one JSON object) to
    /// <paramref name="ready"/> when it accepts connections. On SIGHUP the certificate's files and the settings are read again.
    /// </summary>
    /// <param name="options">The settings.</param>
    /// <param name="ready">Where the ready line goes.</param>
    /// <param name="stop">Ends it.</param>
    /// <param name="reread">Reads the settings again where they came from; throws <see cref="ArgumentException"/> or <see cref="IOException"/> when they cannot be used. Null when there is nothing to read: then what was set at run time stays.</param>
    /// <exception cref="Storage.StorageException">The store cannot be opened; the message says why.</exception>
    /// <exception cref="ArgumentException">An option makes no sense.</exception>
    /// <exception cref="IOException">An address is in use.</exception>
    public static async Task RunAsync(BrokerOptions options, TextWriter ready, CancellationToken stop, Func<BrokerOptions>? reread = null)
    {
        options.Validate();
        if (OperatingSystem.IsLinux())
        {
            // Whoever wants an image of the memory says so to the runtime (DOTNET_DbgEnableMiniDump) or with gcore.
            Libc.ForbidCoreFiles();
        }

        using ILoggerFactory logging = LoggerFactory.Create(static builder => builder
            .SetMinimumLevel(LogLevel.Information)
            .AddFilter("Microsoft", LogLevel.Warning)
            .AddSimpleConsole(static console => console.SingleLine = true)
            .AddConsole(static console => console.LogToStandardErrorThreshold = LogLevel.Trace));
        ILogger log = logging.CreateLogger("FastChat.Broker");
        string data = Path.GetFullPath(options.Data);

        await using BrokerParts parts = await BrokerParts.OpenAsync(options with { Data = data }, log, stop);
        parts.ObserveProcess(new ProcessGauges(data, TimeProvider.System));

        // Ahead of everybody who may come: whatever they do stands behind it, and a broker that cannot say what happens does not begin.
        parts.Audit.Note(new AuditEntry(AuditAct.Started) { Detail = $"epoch {parts.Log.Epoch}" });
        parts.Audit.Note(new AuditEntry(AuditAct.SettingsLoaded) { Detail = ChangedOptions.Of(options) });
        await parts.Audit.FlushAsync();
        using ListenerDoors doors = new(options, parts, log);
        using SettingsReload reload = new(options, reread, () => LookAgain(doors, parts), parts.RunningLimits, parts.Audit, log);
        using PageSource? page = options.PageDirectory is { } directory ? new PageSource(directory, TimeProvider.System, log) : null;
        await using WebApplication application = Build(options, parts, doors, page, logging);
        await application.StartAsync(stop);

        IReadOnlyList<string> bound = AddressesOf(application, options);
        (string tcp, string http) = (bound[0], $"{(options.HasTls ? Uri.UriSchemeHttps : Uri.UriSchemeHttp)}://{bound[1]}");
        string? tcpPlain = options.ListenPlain is null ? null : bound[2];
        string? httpPlain = options.HttpPlain is null ? null : $"{Uri.UriSchemeHttp}://{bound[^1]}";
        using ServerFile file = new();
        string description = ServerFile.Describe(tcp, http, options.TlsCertificate is { } certificate ? Path.GetFullPath(certificate) : null, tcpPlain, httpPlain, data, Environment.ProcessId);
        file.Write(description, data, bound.Select(PortOf));
        await ready.WriteLineAsync(description);
        await ready.FlushAsync(CancellationToken.None);
        BrokerLog.Ready(log, tcp, http, data, parts.Log.CommitNumber, parts.Log.Epoch);

        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(stop, parts.DrainAsked);
        await WaitAsync(either.Token);

        BrokerLog.Draining(log, parts.Connections.Count);
        parts.Backups.Stop();
        Task closing = parts.Connections.CloseAllAsync(
            CloseCode.Draining, ConnectionRegistry.ShuttingDown, retryAfterMs: 0, TimeSpan.FromSeconds(options.DrainSeconds));
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(options.DrainSeconds + 5));
        await application.StopAsync(limit.Token);
        await closing;
        await parts.Presence.SaveAsync().WaitAsync(TimeSpan.FromSeconds(5), CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        parts.Audit.Note(new AuditEntry(AuditAct.Stopped));
        BrokerLog.Stopped(log);
    }

    /// <summary>Somebody asks for it: certificates and issuers' keys are read anew where they have changed.</summary>
    private static void LookAgain(ListenerDoors doors, BrokerParts parts)
    {
        doors.Look();
        foreach (TrustedIssuer issuer in parts.Issuers)
        {
            issuer.Keys.Look();
        }
    }

    private static WebApplication Build(BrokerOptions options, BrokerParts parts, ListenerDoors doors, PageSource? page, ILoggerFactory logging)
    {
        OriginPolicy origins = new(options.AllowedOrigins);
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "FastChat" });
        builder.Services.AddSingleton(logging);
        builder.Services.AddSingleton(parts.Connections);
        builder.Services.AddRoutingCore();
        if (EpollTransport.IsSupported)
        {
            builder.Services.AddSingleton<IConnectionListenerFactory>(_ => new EpollTransport(
                EpollTransport.ThreadsFor(parts.LoopCount), logging.CreateLogger("FastChat.Broker"), DescriptorBudget.OfProcess().SocketsBelow));
        }
        else
        {
            builder.Services.Configure<SocketTransportOptions>(static transport =>
            {
                // Run to completion on the I/O threads, as on our own transport: the handlers never block, and a hop to the pool costs more than parsing a frame.
                transport.UnsafePreferInlineScheduling = true;
                transport.Backlog = EpollTransport.Backlog;
            });
        }

        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentUpgradedConnections = options.ConnectionsMax;
            ListenTcp(options.Listen, options.HasTls);
            ListenHttp(options.Http, options.HasTls);
            if (options.ListenPlain is { } tcpPlain)
            {
                ListenTcp(tcpPlain, hasTls: false);
            }

            if (options.HttpPlain is { } httpPlain)
            {
                ListenHttp(httpPlain, hasTls: false);
            }

            if (options.UnixSocket is not null)
            {
                File.Delete(options.UnixSocket);
                kestrel.ListenUnixSocket(options.UnixSocket, static listen => listen.UseConnectionHandler<BrokerConnectionHandler>());
            }

            void ListenTcp(string address, bool hasTls) => kestrel.Listen(BrokerOptions.ParseEndPoint(address), listen =>
            {
                doors.AddTo(listen, hasTls ? TlsProtocol.FastChat : null);
                listen.UseConnectionHandler<BrokerConnectionHandler>();
            });

            void ListenHttp(string address, bool hasTls) => kestrel.Listen(BrokerOptions.ParseEndPoint(address), listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                doors.AddTo(listen, hasTls ? TlsProtocol.Http : null);
                listen.Use(server => new WebSocketDoor(server, parts.Connections, origins, hasTls ? Uri.UriSchemeHttps : Uri.UriSchemeHttp, TimeProvider.System).OnConnectedAsync);
            });
        });

        WebApplication application = builder.Build();
        application.UseWebSockets(new WebSocketOptions { KeepAliveInterval = Timeout.InfiniteTimeSpan });
        new WebSocketEndpoint(parts.Connections, origins).Map(application);
        new HealthEndpoint(() => parts.Failure, () => parts.Log.IsFull).Map(application);
        if (page is not null)
        {
            new PageEndpoint(page).Map(application);
        }

        return application;
    }

    /// <summary>Where it listens, in the order of <see cref="Build"/>: TCP, HTTP, and their plain ones.</summary>
    private static IReadOnlyList<string> AddressesOf(WebApplication application, BrokerOptions options)
    {
        // Kestrel lists the addresses in the order in which they were configured.
        IEnumerable<string> bound = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        string?[] asked = [options.Listen, options.Http, options.ListenPlain, options.HttpPlain];
        return [.. asked.OfType<string>().Zip(bound, static (address, at) => new IPEndPoint(BrokerOptions.ParseEndPoint(address).Address, new Uri(at).Port).ToString())];
    }

    private static int PortOf(string address) => int.Parse(
        address.AsSpan(address.LastIndexOf(':') + 1), System.Globalization.CultureInfo.InvariantCulture);

    private static async Task WaitAsync(CancellationToken stop)
    {
        TaskCompletionSource stopped = new(Continuation.Asynchronously);
        using CancellationTokenRegistration registration = stop.Register(stopped.SetResult);
        await stopped.Task;
    }
}
