using System.Net;

namespace FastChat.Bench.Compare;

/// <summary>A system that is not a program of its own: the harness's executable, started once more to serve, so that its processor time and memory are measured as any server's.</summary>
public abstract class HarnessServer : SystemUnderTest
{
    private const string Program = "FastChat.Bench.Load.dll";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>Starts <c>serve</c> on a free port and returns when it says that it is ready.</summary>
    /// <param name="words">What to serve, and how; the port is added.</param>
    /// <param name="environment">Variables of the process; null for none.</param>
    /// <exception cref="UnavailableException">The executable is not there, or did not start.</exception>
    protected async Task ServeAsync(
        SystemSettings settings, IEnumerable<string> words, IReadOnlyDictionary<string, string>? environment, CancellationToken cancellation)
    {
        string program = Path.Combine(AppContext.BaseDirectory, Program);
        if (!File.Exists(program))
        {
            throw new UnavailableException($"{Name} is not installed: {Program} is not beside the harness; build bench/Load");
        }

        // The runtime that runs the harness runs the server. A program that is not started through dotnet (a test host, an executable of its own) leaves the search to the PATH.
        string? host = Environment.ProcessPath;
        string runtime = host is not null && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet";
        Endpoint = new IPEndPoint(IPAddress.Loopback, FreePort.Take());
        string port = Endpoint.Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        Server = ServerProcess.Start(
            settings, runtime, [program, "serve", .. words, "--port", port], environment, isReadyLine: line => line.Contains("\"ready\"", StringComparison.Ordinal));
        await Server.WaitForReadyLineAsync(s_patience, cancellation).ConfigureAwait(false);
    }
}
