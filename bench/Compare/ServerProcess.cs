using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace FastChat.Bench.Compare;

/// <summary>A server that the harness started: its output is kept in a file, its processor time and memory are read from /proc, and it ends with the harness.</summary>
public sealed class ServerProcess : IDisposable
{
    /// <summary>USER_HZ is 100 on every Linux: the unit of /proc's processor times.</summary>
    private const double SecondsPerTick = 0.01;

    private readonly Process _process;
    private readonly StreamWriter _log;
    private readonly TaskCompletionSource<string> _firstLine = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Func<string, bool> _isReadyLine;

    private ServerProcess(Process process, string logFile, Func<string, bool> isReadyLine)
    {
        _process = process;
        _isReadyLine = isReadyLine;
        _log = new StreamWriter(logFile, append: true) { AutoFlush = true };
        process.OutputDataReceived += OnLine;
        process.ErrorDataReceived += OnLine;
        process.EnableRaisingEvents = true;
        process.Exited += (_, _) => _firstLine.TrySetException(new UnavailableException($"{process.StartInfo.FileName} ended before it was ready: see {logFile}"));
    }

    /// <summary>The process whose usage is the system's.</summary>
    public int Id => _process.Id;

    /// <summary>Starts a program.</summary>
    /// <param name="settings">Gives the prefix and the directory for its log.</param>
    /// <param name="program">The file to run.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Variables to add; null for none.</param>
    /// <param name="isReadyLine">Recognises the output line that says "ready"; null when <see cref="WaitForPortAsync"/> is used instead.</param>
    /// <exception cref="UnavailableException">The program is not there.</exception>
    public static ServerProcess Start(
        SystemSettings settings, string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, Func<string, bool>? isReadyLine = null)
    {
        List<string> words = [.. settings.Prefix, program, .. arguments];
        ProcessStartInfo start = new(words[0]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        words.Skip(1).ToList().ForEach(start.ArgumentList.Add);
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        ServerProcess server;
        try
        {
            server = new ServerProcess(new Process { StartInfo = start }, Path.Combine(settings.DataDirectory, "server.log"), isReadyLine ?? (_ => false));
            server._process.Start();
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            throw new UnavailableException($"{program} cannot be started ({missing.Message}): run bench/setup.sh");
        }

        server._process.BeginOutputReadLine();
        server._process.BeginErrorReadLine();
        return server;
    }

    /// <summary>The line that said "ready".</summary>
    public async Task<string> WaitForReadyLineAsync(TimeSpan patience, CancellationToken cancellation) =>
        await _firstLine.Task.WaitAsync(patience, cancellation).ConfigureAwait(false);

    /// <summary>Returns when something accepts connections at the port.</summary>
    public async Task WaitForPortAsync(int port, TimeSpan patience, CancellationToken cancellation)
    {
        for (Stopwatch waited = Stopwatch.StartNew(); ; await Task.Delay(50, cancellation).ConfigureAwait(false))
        {
            try
            {
                using TcpClient probe = new();
                await probe.ConnectAsync(System.Net.IPAddress.Loopback, port, cancellation).ConfigureAwait(false);
                return;
            }
            catch (SocketException) when (waited.Elapsed < patience && !_process.HasExited)
            {
                // Not yet.
            }
            catch (SocketException)
            {
                throw new UnavailableException($"{_process.StartInfo.FileName} did not listen on port {port} within {patience.TotalSeconds} s");
            }
        }
    }

    /// <summary>Processor time in seconds that the process has used, all threads, user and kernel (10 ms steps).</summary>
    public double ProcessorSeconds
    {
        get
        {
            // The second field is the name in parentheses and may hold blanks.
            string stat = File.ReadAllText($"/proc/{Id}/stat");
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) * SecondsPerTick;
        }
    }

    /// <summary>Resident memory in KiB (VmRSS).</summary>
    public long ResidentKb
    {
        get
        {
            string line = File.ReadLines($"/proc/{Id}/status").First(candidate => candidate.StartsWith("VmRSS:", StringComparison.Ordinal));
            return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Waits for the process to end by itself; true when it did.</summary>
    public bool WaitForExit(TimeSpan patience) => _process.WaitForExit(patience);

    /// <summary>Asks the process to end (SIGTERM), kills it after ten seconds, and keeps its log.</summary>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            using (Process terminate = Process.Start("kill", $"-TERM {Id}"))
            {
                terminate.WaitForExit();
            }

            if (!_process.WaitForExit(10_000))
            {
                _process.Kill(entireProcessTree: true);
                _process.WaitForExit();
            }
        }

        lock (_log)
        {
            _log.Dispose();
        }

        _process.Dispose();
    }

    private void OnLine(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is null)
        {
            return;
        }

        lock (_log)
        {
            if (_log.BaseStream is { CanWrite: true })
            {
                _log.WriteLine(line.Data);
            }
        }

        if (_isReadyLine(line.Data))
        {
            _firstLine.TrySetResult(line.Data);
        }
    }
}
