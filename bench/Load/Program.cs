using FastChat.Bench.Compare.Systems.Limit;
using FastChat.Bench.Compare.Systems.SignalR;
using FastChat.Bench.Load;

// Servers for the harness's own use, started by it as processes of their own: "serve signalr --port P", "serve limit MODE --port P --data DIRECTORY".
if (args is ["serve", "signalr", "--port", var port])
{
    await SignalRServer.RunAsync(int.Parse(port, System.Globalization.CultureInfo.InvariantCulture), CancellationToken.None).ConfigureAwait(false);
    return 0;
}

if (args is ["serve", "limit", var mode, "--data", var directory, "--port", var limitPort])
{
    await LimitServer.RunAsync(mode, int.Parse(limitPort, System.Globalization.CultureInfo.InvariantCulture), directory, CancellationToken.None).ConfigureAwait(false);
    return 0;
}

System.CommandLine.ParseResult parsed = LoadCommand.Make().Parse(args);
int code = await parsed.InvokeAsync(new() { ProcessTerminationTimeout = TimeSpan.FromSeconds(30) }).ConfigureAwait(false);
return parsed.Errors.Count > 0 ? 2 : code;
