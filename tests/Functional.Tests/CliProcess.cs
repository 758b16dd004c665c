using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace FastChat.Functional.Tests;

/// <summary>What a command left behind.</summary>
internal sealed record CliResult(int ExitCode, string Output, string Error)
{
    /// <summary>The objects it printed, one for each line.</summary>
    public IReadOnlyList<JsonElement> Lines { get; } = Output
        .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Where(line => line.StartsWith('{'))
        .Select(line => JsonDocument.Parse(line).RootElement.Clone())
        .ToArray();

    /// <summary>The last object.</summary>
    public JsonElement Last => Lines.Count > 0 ? Lines[^1] : throw new InvalidOperationException($"no object came: {this}");

    /// <summary>What a failing test prints.</summary>
    public override string ToString() => $"exit {ExitCode}\nout: {Output}\nerr: {Error}";
}

/// <summary>Runs the command line as its users do: a process, arguments, two streams and an exit code.</summary>
internal static class CliProcess
{
    private static readonly string Assembly = Find();

    /// <summary>The command that serves, with <paramref name="before"/> in front of it (a tracer, for example).</summary>
    public static string[] ServeBehind(params string[] before) => [.. before, "dotnet", Assembly, "serve"];

    /// <summary>Runs a verb to its end; <paramref name="home"/> is where it keeps its sign-ins.</summary>
    public static Task<CliResult> RunAsync(string home, params string[] arguments) => RunAsync(home, input: null, arguments);

    /// <summary>Runs a verb with something on its standard input.</summary>
    /// <exception cref="TimeoutException">It did not end within a minute, and was killed.</exception>
    public static async Task<CliResult> RunAsync(string home, string? input, string[] arguments)
    {
        using Process process = Start(home, arguments);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.StandardInput.WriteAsync(input ?? string.Empty);
        process.StandardInput.Close();
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(60));
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{string.Join(' ', arguments)} did not end: {await error}");
        }

        return new CliResult(process.ExitCode, await output, await error);
    }

    /// <summary>Starts a verb and leaves it running.</summary>
    public static Process Start(string home, params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            UseShellExecute = false,
        };
        start.ArgumentList.Add(Assembly);
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["FASTCHAT_HOME"] = home;
        start.Environment["FASTCHAT_PASSWORD"] = TestBroker.Password;
        start.Environment["XDG_RUNTIME_DIR"] = home;
        return Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start");
    }

    private static string Find()
    {
        string[] candidates = ["Release", "Debug"];
        return candidates
            .Select(configuration => RepositoryRoot.PathOf("src", "Cli", "bin", configuration, "net10.0", "FastChat.Cli.dll"))
            .First(File.Exists);
    }
}
