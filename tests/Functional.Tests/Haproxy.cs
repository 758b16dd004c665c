using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace FastChat.Functional.Tests;

/// <summary>A real haproxy with a configuration of the test's, or that of docs/operations.md with other ports. Killed on dispose.</summary>
internal sealed class Haproxy : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory;
    private readonly Process _process;
    private readonly List<string> _said = [];

    private Haproxy(TemporaryDirectory directory, Process process)
    {
        _directory = directory;
        _process = process;
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Everything that it wrote.</summary>
    public string Said
    {
        get
        {
            lock (_said)
            {
                return string.Join('\n', _said);
            }
        }
    }

    /// <summary>Ends the test as skipped when the program is not there.</summary>
    public static string Find()
    {
        string? program = new[] { "/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin" }.Select(static directory => Path.Combine(directory, "haproxy")).FirstOrDefault(File.Exists);
        if (program is null)
        {
            Assert.Ignore("needs haproxy: bench/setup.sh haproxy, or apt-get install haproxy");
        }

        return program!;
    }

    /// <summary>Ports that nobody listens at just now.</summary>
    public static int[] FreePorts(int count)
    {
        List<TcpListener> held = [];
        try
        {
            for (int i = 0; i < count; i++)
            {
                TcpListener listener = new(IPAddress.Loopback, 0);
                listener.Start();
                held.Add(listener);
            }

            return [.. held.Select(static listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        }
        finally
        {
            held.ForEach(static listener => listener.Stop());
        }
    }

    /// <summary>The example of docs/operations.md that begins with a line: what is indented below it.</summary>
    public static string Example(string firstLine)
    {
        string[] lines = File.ReadAllLines(RepositoryRoot.PathOf("docs", "operations.md"));
        int first = Array.IndexOf(lines, "    " + firstLine);
        Assert.That(first, Is.GreaterThanOrEqualTo(0), $"docs/operations.md has no example that begins with {firstLine}");
        return string.Join('\n', lines[first..].TakeWhile(static line => line.Length == 0 || line.StartsWith("    ", StringComparison.Ordinal)).Select(static line => line.Length == 0 ? line : line[4..]));
    }

    /// <summary>The text with each of these replaced; that one is not there fails the test, for then the text is another one than the test was written for.</summary>
    public static string With(string text, params (string Old, string New)[] changes)
    {
        foreach ((string old, string replacement) in changes)
        {
            Assert.That(text, Does.Contain(old));
            text = text.Replace(old, replacement, StringComparison.Ordinal);
        }

        return text;
    }

    /// <summary>Starts one, and waits until it listens.</summary>
    /// <param name="configuration">Its file.</param>
    /// <param name="port">A port that it is to listen at.</param>
    public static async Task<Haproxy> StartAsync(string configuration, int port)
    {
        string program = Find();
        TemporaryDirectory directory = new("haproxy");
        string file = directory.PathOf("haproxy.cfg");
        await File.WriteAllTextAsync(file, configuration + "\n");
        ProcessStartInfo start = new(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["-db", "-f", file])
        {
            start.ArgumentList.Add(argument);
        }

        Haproxy proxy = new(directory, Process.Start(start)!);
        try
        {
            await proxy.WaitUntilListeningAsync(port);
            return proxy;
        }
        catch
        {
            await proxy.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
        _directory.Dispose();
    }

    private async Task WaitUntilListeningAsync(int port)
    {
        // Looked up rather than tried: a connection would be passed on, and a test counts what the broker sees.
        string wanted = string.Create(CultureInfo.InvariantCulture, $":{port:X4} 00000000:0000 0A");
        for (long begun = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begun) < TimeSpan.FromSeconds(20); await Task.Delay(20))
        {
            Assert.That(_process.HasExited, Is.False, Said);
            if ((await File.ReadAllTextAsync("/proc/net/tcp")).Contains(wanted, StringComparison.Ordinal))
            {
                return;
            }
        }

        Assert.Fail($"haproxy does not listen at {port}: {Said}");
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is not null)
        {
            lock (_said)
            {
                _said.Add(line.Data);
            }
        }
    }
}
