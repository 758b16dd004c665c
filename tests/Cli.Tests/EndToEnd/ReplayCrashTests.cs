using System.Globalization;
using System.Text;

using FastChat.Client;
using FastChat.TestSupport;

namespace FastChat.Cli.Tests;

/// <summary>The promise of a replay: whatever happens to the broker meanwhile, every line is in the log once and in order.</summary>
[TestFixture]
[Platform("Linux")]
public sealed class ReplayCrashTests
{
    private const int Files = 4;
    private const int LinesPerFile = 50_000;

    [Test]
    public async Task NothingIsLostDoubledOrReorderedWhenTheBrokerIsKilled()
    {
        using TemporaryDirectory directory = new("replay");
        string runtime = Directory.CreateDirectory(directory.PathOf("runtime")).FullName;
        await using BrokerProcess broker = await BrokerProcess.StartAsync(new BrokerProcessOptions
        {
            DataDirectory = directory.PathOf("data"),
            Environment = new Dictionary<string, string> { ["XDG_RUNTIME_DIR"] = runtime },
        });
        CliRunner cli = new(directory.PathOf("home"), broker.Tcp.ToString(), runtime);
        string[] logs = [.. Enumerable.Range(0, Files).Select(number => WriteLog(directory, number))];

        Task<CliRun> replay = cli.RunAsync(["replay", .. logs, "--connections", "2", "--verify"]);
        await WaitForMessagesAsync(broker);
        await broker.RestartAsync();
        CliRun run = await replay;

        Assert.That(run.ExitCode, Is.Zero, run.Errors);
        Assert.That(run.Errors, Does.Contain("reconnecting").And.Contain("connected again"), "the crash came in the middle");
        int messages = Files * LinesPerFile;
        Assert.That(run.Output, Does.StartWith(string.Create(
            CultureInfo.InvariantCulture,
            $"{{\"files\":{Files},\"users\":7,\"messages\":{messages},\"acked\":{messages},\"verified\":{messages},\"lost\":0,\"duplicated\":0,\"reordered\":0,\"seconds\":")));
    }

    private static string WriteLog(TemporaryDirectory directory, int number)
    {
        StringBuilder log = new();
        for (int line = 0; line < LinesPerFile; line++)
        {
            log.Append(CultureInfo.InvariantCulture, $"[10:{line % 60:00}] <nick{line % 7}> message {line} of file {number}, as long as people write on average\n");
        }

        string path = directory.PathOf($"log{number}.txt");
        File.WriteAllText(path, log.ToString());
        return path;
    }

    // The moment to strike: some messages are durable, most are not.
    private static async Task WaitForMessagesAsync(BrokerProcess broker)
    {
        await using FastChatClient witness = await FastChatClient.ConnectAsync(new ClientOptions
        {
            Endpoint = ClientEndpoint.Parse(broker.Tcp.ToString()),
            Name = "witness",
            Password = "a good password",
            Register = true,
        });
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(60));
        while ((await witness.ResolveConversationAsync("log0", create: true, deadline.Token)).Head < 500)
        {
            await Task.Delay(5, deadline.Token);
        }
    }
}
