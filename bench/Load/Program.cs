using FastChat.Bench.Compare.Systems.SignalR;
using FastChat.Bench.Load;

// A server for the harness's own use, started by it as a process of its own: "serve signalr --port P".
if (args is ["serve", "signalr", "--port", var port])
{
    await SignalRServer.RunAsync(int.Parse(port, System.Globalization.CultureInfo.InvariantCulture), CancellationToken.None).ConfigureAwait(false);
    return 0;
}

System.CommandLine.ParseResult parsed = LoadCommand.Make().Parse(args);
int code = await parsed.InvokeAsync(new() { ProcessTerminationTimeout = TimeSpan.FromSeconds(30) }).ConfigureAwait(false);
return parsed.Errors.Count > 0 ? 2 : code;
