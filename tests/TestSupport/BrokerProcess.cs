using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace FastChat.TestSupport;

/// <summary>How a <see cref="BrokerProcess"/> is started.</summary>
public sealed record BrokerProcessOptions
{
    /// <summary>The data directory.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Program and first arguments; null = <c>dotnet FastChat.Cli.dll serve</c> from this repository's build.</summary>
    public IReadOnlyList<string>? Command { get; init; }

    /// <summary>Arguments behind the usual ones.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Environment variables that are set for the process.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>The TCP port on loopback; 0 = any free one.</summary>
    public int TcpPort { get; init; }

    /// <summary>The HTTP port on loopback; 0 = any free one.</summary>
    public int HttpPort { get; init; }

    /// <summary>How long the process may take until it is ready, recovery of its store included.</summary>
    public TimeSpan ReadyTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>That it ends before it is ready is no error: it was told to.</summary>
    public bool MayEndEarly { get; init; }
}

/// <summary>
/// The real broker in a process of its own: started, killed, stopped, paused and started again on the same ports and directory. Linux and macOS.
/// Not thread-safe; the process is killed on dispose.
/// </summary>
public sealed partial class BrokerProcess : IAsyncDisposable
{
    private const int SigHangUp = 1;
    private const int SigKill = 9;
    private const int SigTerm = 15;

    private readonly StringBuilder _standardError = new();
    private BrokerProcessOptions _options;
    private Process _process;

    private BrokerProcess(BrokerProcessOptions options)
    {
        _options = options;
        _process = new Process();
        Tcp = new IPEndPoint(IPAddress.Loopback, 0);
        Http = new Uri("http://127.0.0.1");
    }

    /// <summary>Where clients connect, without TLS when there is such a listener.</summary>
    public IPEndPoint Tcp { get; private set; }

    /// <summary>The address of the HTTP listener.</summary>
    public Uri Http { get; private set; }

    /// <summary>Where clients connect with TLS; null when it has none.</summary>
    public IPEndPoint? TlsTcp { get; private set; }

    /// <summary>The address of the HTTP listener with TLS; null when it has none.</summary>
    public Uri? TlsHttp { get; private set; }

    /// <summary>The process id.</summary>
    public int Id => _process.Id;

    /// <summary>The data directory.</summary>
    public string DataDirectory => _options.DataDirectory;

    /// <summary>What the process ended with.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>True when the process has ended, by itself or not.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Everything the process, and its predecessors before a restart, wrote to standard error.</summary>
    public string StandardError
    {
        get
        {
            lock (_standardError)
            {
                return _standardError.ToString();
            }
        }
    }

    /// <summary>Bytes of memory the process has resident now.</summary>
    public long ResidentBytes => 1024 * ReadStatusKilobytes("VmRSS:");

    /// <summary>The most it ever had resident.</summary>
    public long PeakResidentBytes => 1024 * ReadStatusKilobytes("VmHWM:");

    /// <summary>Starts a broker and waits until it accepts connections.</summary>
    /// <exception cref="InvalidOperationException">It ended first; the message holds its exit code and what it wrote to standard error.</exception>
    /// <exception cref="TimeoutException">It was not ready in time, and has been killed.</exception>
    public static async Task<BrokerProcess> StartAsync(BrokerProcessOptions options)
    {
        BrokerProcess broker = new(options);
        await broker.LaunchAsync();
        return broker;
    }

    /// <summary>Starts a broker on a directory and any free ports.</summary>
    public static Task<BrokerProcess> StartAsync(string dataDirectory) => StartAsync(new BrokerProcessOptions { DataDirectory = dataDirectory });

    /// <summary><c>serve</c> of this repository's build, behind another program: a tracer, a namespace, a limit.</summary>
    public static IReadOnlyList<string> ServeBehind(params string[] before) => [.. before, .. FindCommand()];

    /// <summary>The status that the health endpoint gives.</summary>
    /// <exception cref="HttpRequestException">Nobody answers.</exception>
    public async Task<int> GetHealthAsync(CancellationToken cancellation = default)
    {
        // Whose certificate it shows is not the question here.
        using HttpClientHandler handler = new() { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true };
        using HttpClient client = new(handler) { Timeout = TimeSpan.FromSeconds(10) };
        using HttpResponseMessage answer = await client.GetAsync(new Uri(Http, "/healthz"), cancellation);
        return (int)answer.StatusCode;
    }

    /// <summary>kill -9: no drain, no flush. Returns when the process is gone.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
        {
            Signal(SigKill);
        }

        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM: drain, flush, exit. Returns the exit code.</summary>
    /// <exception cref="TimeoutException">It did not end in time; it still runs.</exception>
    public async Task<int> TerminateAsync(TimeSpan? timeout = null)
    {
        if (!_process.HasExited)
        {
            Signal(SigTerm);
        }

        await WaitForExitAsync(timeout);
        return _process.ExitCode;
    }

    /// <summary>Waits until the process ends by itself and returns the exit code.</summary>
    /// <exception cref="TimeoutException">It did not end in time.</exception>
    public async Task<int> WaitForExitAsync(TimeSpan? timeout = null)
    {
        using CancellationTokenSource deadline = new(timeout ?? TimeSpan.FromSeconds(30));
        try
        {
            await _process.WaitForExitAsync(deadline.Token);
            return _process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"the broker did not end in time; it wrote:\n{StandardError}");
        }
    }

    /// <summary>Starts it again, on the same ports (of <c>listen</c> and <c>http</c>) and directory; kills it first when it still runs.</summary>
    public async Task RestartAsync(Func<BrokerProcessOptions, BrokerProcessOptions>? change = null)
    {
        await KillAsync();
        _process.Dispose();
        _options = _options with { TcpPort = (TlsTcp ?? Tcp).Port, HttpPort = (TlsHttp ?? Http).Port };
        _options = change is null ? _options : change(_options);
        await LaunchAsync();
    }

    /// <summary>SIGHUP: it reads its settings and certificate again.</summary>
    public void HangUp() => Signal(SigHangUp);

    /// <summary>Stops the process in its tracks (SIGSTOP), as a frozen machine would.</summary>
    public void Pause() => Signal(OperatingSystem.IsMacOS() ? 17 : 19);

    /// <summary>Lets a paused process go on (SIGCONT).</summary>
    public void Continue() => Signal(OperatingSystem.IsMacOS() ? 19 : 18);

    /// <summary>Kills the process if it still runs.</summary>
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    private static IReadOnlyList<string> FindCommand()
    {
        string[] candidates = ["Release", "Debug"];
        string? assembly = candidates
            .Select(configuration => RepositoryRoot.PathOf("src", "Cli", "bin", configuration, "net10.0", "FastChat.Cli.dll"))
            .FirstOrDefault(File.Exists);
        return assembly is null
            ? throw new InvalidOperationException("src/Cli is not built: dotnet build src/Cli/FastChat.Cli.csproj -c Release")
            : ["dotnet", assembly, "serve"];
    }

    private async Task LaunchAsync()
    {
        IReadOnlyList<string> command = _options.Command ?? FindCommand();
        ProcessStartInfo start = new(command[0])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        string[] arguments =
        [
            .. command.Skip(1), "--data", _options.DataDirectory, "--listen", $"127.0.0.1:{_options.TcpPort}", "--http", $"127.0.0.1:{_options.HttpPort}",
            .. _options.Arguments,
        ];
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach ((string name, string value) in _options.Environment)
        {
            start.Environment[name] = value;
        }

        _process = Process.Start(start) ?? throw new InvalidOperationException($"{command[0]} did not start");
        _process.ErrorDataReceived += (_, line) => AppendError(line.Data);
        _process.BeginErrorReadLine();
        await WaitUntilReadyAsync();
    }

    private async Task WaitUntilReadyAsync()
    {
        using CancellationTokenSource deadline = new(_options.ReadyTimeout);
        try
        {
            while (await _process.StandardOutput.ReadLineAsync(deadline.Token) is { } line)
            {
                if (TryReadReady(line))
                {
                    // Nobody waits for further lines, but they must be taken, or the pipe fills and the broker stands still.
                    _ = _process.StandardOutput.BaseStream.CopyToAsync(Stream.Null, CancellationToken.None);
                    return;
                }
            }

            await _process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            await KillAsync();
            throw new TimeoutException($"the broker was not ready after {_options.ReadyTimeout}; it wrote:\n{StandardError}");
        }

        if (_options.MayEndEarly)
        {
            return;
        }

        throw new InvalidOperationException($"the broker ended with exit code {_process.ExitCode} before it was ready; it wrote:\n{StandardError}");
    }

    private bool TryReadReady(string line)
    {
        if (!line.StartsWith('{'))
        {
            return false;
        }

        using JsonDocument json = JsonDocument.Parse(line);
        if (!json.RootElement.TryGetProperty("event", out JsonElement name) || name.GetString() != "ready")
        {
            return false;
        }

        (Tcp, Http) = (IPEndPoint.Parse(Text("tcp")), new Uri(Text("http")));
        if (json.RootElement.TryGetProperty("tls", out _))
        {
            (TlsTcp, TlsHttp) = (Tcp, Http);
            Tcp = json.RootElement.TryGetProperty("tcp_plain", out _) ? IPEndPoint.Parse(Text("tcp_plain")) : Tcp;
            Http = json.RootElement.TryGetProperty("http_plain", out _) ? new Uri(Text("http_plain")) : Http;
        }

        return true;

        string Text(string key) => json.RootElement.GetProperty(key).GetString()!;
    }

    private void AppendError(string? line)
    {
        if (line is not null)
        {
            lock (_standardError)
            {
                _standardError.AppendLine(line);
            }
        }
    }

    private long ReadStatusKilobytes(string field)
    {
        string line = File.ReadLines($"/proc/{_process.Id}/status").First(line => line.StartsWith(field, StringComparison.Ordinal));
        return long.Parse(line[field.Length..].Replace("kB", string.Empty, StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture);
    }

    private void Signal(int signal)
    {
        if (Kill(_process.Id, signal) != 0)
        {
            throw new InvalidOperationException($"signal {signal} to process {_process.Id} failed: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int id, int signal);
}
