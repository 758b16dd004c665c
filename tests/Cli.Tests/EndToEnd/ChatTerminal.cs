using System.Diagnostics;
using System.Text;

namespace FastChat.Cli.Tests;

/// <summary>The interactive chat on a pseudo-terminal: keys go in, and what a person would see comes out. The process is killed on dispose.</summary>
internal sealed class ChatTerminal : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly VirtualScreen _screen;
    private readonly Lock _gate = new();
    private readonly Task _reading;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ChatTerminal(Process process, int columns, int rows)
    {
        _process = process;
        _screen = new VirtualScreen(columns, rows);
        _reading = ReadAsync();
    }

    /// <summary>What is on the screen.</summary>
    public string Text
    {
        get
        {
            using (_gate.EnterScope())
            {
                return _screen.Text;
            }
        }
    }

    /// <summary>Starts it; <c>script</c> makes the pseudo-terminal.</summary>
    public static ChatTerminal Start(CliRunner cli, string arguments, int columns = 80, int rows = 24) => new(
        cli.Begin("script", ["-qec", $"stty cols {columns} rows {rows}; exec dotnet {CliRunner.Assembly} chat {arguments}", "/dev/null"]), columns, rows);

    /// <summary>Types.</summary>
    public async Task TypeAsync(string keys)
    {
        await _process.StandardInput.BaseStream.WriteAsync(Encoding.UTF8.GetBytes(keys));
        await _process.StandardInput.BaseStream.FlushAsync();
    }

    /// <summary>Waits until all of it is on the screen.</summary>
    public Task SeeAsync(params string[] texts) => UntilAsync(screen => Array.TrueForAll(texts, text => screen.Contains(text, StringComparison.Ordinal)), $"to see {string.Join(" and ", texts)}");

    /// <summary>Waits until the screen is as wanted.</summary>
    public async Task UntilAsync(Func<string, bool> isWanted, string what)
    {
        using CancellationTokenSource deadline = new(Patience);
        while (true)
        {
            Task changed = Volatile.Read(ref _changed).Task;
            string text = Text;
            if (isWanted(text))
            {
                return;
            }

            try
            {
                await changed.WaitAsync(deadline.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"waited {what}; the screen is\n{text}");
            }
        }
    }

    /// <summary>Waits until the chat has ended.</summary>
    public async Task EndAsync()
    {
        using CancellationTokenSource deadline = new(Patience);
        await _process.WaitForExitAsync(deadline.Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        await _reading;
        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        byte[] buffer = new byte[16 * 1024];
        int count;
        while ((count = await _process.StandardOutput.BaseStream.ReadAsync(buffer)) > 0)
        {
            using (_gate.EnterScope())
            {
                _screen.Write(buffer.AsSpan(0, count));
            }

            Interlocked.Exchange(ref _changed, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        }
    }
}
