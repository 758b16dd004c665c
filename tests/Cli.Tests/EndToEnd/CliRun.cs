using System.Diagnostics;
using System.Text;
using System.Text.Json;

using FastChat.TestSupport;

namespace FastChat.Cli.Tests;

/// <summary>What a command did.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">Its stdout.</param>
/// <param name="Errors">Its stderr.</param>
internal sealed record CliRun(int ExitCode, string Output, string Errors)
{
    /// <summary>Stdout as JSON objects, one per line.</summary>
    public JsonElement[] Lines => [.. Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    /// <summary>The last of them.</summary>
    public JsonElement Last => Lines[^1];
}

/// <summary>Runs the real command line in processes of its own, as one person on one machine.</summary>
internal sealed class CliRunner
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly Dictionary<string, string> _environment;

    public CliRunner(string home, string server, string runtime) => _environment = new()
    {
        ["FASTCHAT_HOME"] = home,
        ["FASTCHAT_SERVER"] = server,
        ["FASTCHAT_PASSWORD"] = "a good password",
        ["XDG_RUNTIME_DIR"] = runtime,
    };

    public static string Assembly => Path.Combine(
        RepositoryRoot.PathOf("src", "Cli", "bin"), new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name, "net10.0", "FastChat.Cli.dll");

    public Task<CliRun> RunAsync(params string[] arguments) => RunAsync([], arguments);

    public Task<CliRun> RunAsync(byte[] input, params string[] arguments) => RunProgramAsync("dotnet", input, [Assembly, .. arguments]);

    /// <summary>Starts a program as this person; the caller ends it.</summary>
    public Process Begin(string program, string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        foreach ((string name, string value) in _environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    public async Task<CliRun> RunProgramAsync(string program, byte[] input, string[] arguments)
    {
        using Process process = Begin(program, arguments);
        using CancellationTokenSource deadline = new(Patience);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            Task<string> errors = process.StandardError.ReadToEndAsync(deadline.Token);
            await process.StandardInput.BaseStream.WriteAsync(input, deadline.Token);
            process.StandardInput.Close();
            await process.WaitForExitAsync(deadline.Token);
            return new CliRun(process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"'{string.Join(' ', arguments)}' did not end");
        }
    }
}
