using System.Globalization;
using System.Text;
using System.Text.Json;

namespace FastChat.Functional.Tests;

/// <summary>The checker on histories of the real thing: a replay through a crash of the broker holds, and the same history with one line less does not.</summary>
[Platform("Linux")]
public sealed class CheckHistoryTests
{
    private const int Files = 3;
    private const int LinesPerFile = 15_000;

    private TemporaryDirectory _directory = null!;
    private string _history = null!;
    private string _tailHistory = null!;
    private CliResult _replay = null!;
    private CliResult _tail = null!;

    [OneTimeSetUp]
    public async Task ReplayThroughACrashAsync()
    {
        _directory = new TemporaryDirectory("check-history");
        _history = _directory.PathOf("replay.history");
        _tailHistory = _directory.PathOf("tail.history");
        string home = Directory.CreateDirectory(_directory.PathOf("home")).FullName;
        await using BrokerProcess broker = await BrokerProcess.StartAsync(new BrokerProcessOptions
        {
            DataDirectory = _directory.PathOf("data"),
            Environment = new Dictionary<string, string> { ["XDG_RUNTIME_DIR"] = home },
        });
        string[] logs = [.. Enumerable.Range(0, Files).Select(WriteLog)];
        string[] server = ["--server", broker.Tcp.ToString()];
        await CliProcess.RunAsync(home, ["register", "reader", .. server]);
        string count = LinesPerFile.ToString(CultureInfo.InvariantCulture);
        Task<CliResult> tail = CliProcess.RunAsync(home, ["tail", "#room0", "--count", count, "--history", _tailHistory, .. server]);
        await WaitUntilTailAsync("\"op\":\"subscribe\"");
        Task<CliResult> replay = CliProcess.RunAsync(
            home, ["replay", .. logs, "--connections", "2", "--verify", "--history", _history, .. server]);
        await WaitUntilTailAsync("\"op\":\"deliver\"");
        await broker.RestartAsync();
        _replay = await replay;
        _tail = await tail;
    }

    [OneTimeTearDown]
    public void CleanUp() => _directory.Dispose();

    [Test]
    public async Task A_replay_through_a_crash_keeps_every_promise()
    {
        Assert.That(_replay.ExitCode, Is.Zero, _replay.ToString());
        Assert.That(_replay.Error, Does.Contain("connected again"), "the crash came in the middle");

        CliResult table = await CheckAsync(_history);
        Assert.That(table.ExitCode, Is.Zero, table.ToString());
        Assert.That(table.Output, Does.Match("(?m)^P1 .* holds ").And.Match("(?m)^P19 .* no check yet "));
        Assert.That(table.Last.EnumerateObject().Select(property => property.Name), Is.EqualTo(new[] { "operations", "properties_checked", "violations" }));
        Assert.That(table.Last.GetProperty("operations").GetInt64(), Is.GreaterThan(Files * LinesPerFile));
        Assert.That(table.Last.GetProperty("violations").GetInt64(), Is.Zero);

        CliResult lines = await CheckAsync(_history, "--json");
        Assert.That(StatesOf(lines, "holds"), Is.SupersetOf(new[] { "P1", "P2", "P3", "P5", "P7", "P8", "P12", "P20", "P21", "P22" }));
        Assert.That(lines.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries), Is.All.StartsWith("{"));
    }

    [Test]
    public async Task A_reader_through_the_crash_agrees_with_who_wrote()
    {
        Assert.That(_tail.ExitCode, Is.Zero, _tail.ToString());
        CliResult both = await CheckAsync(_history, _tailHistory, "--json");
        Assert.That(both.ExitCode, Is.Zero, both.ToString());
        Assert.That(StatesOf(both, "holds"), Is.SupersetOf(new[] { "P6", "P9", "P10", "P13" }));
        Assert.That(StatesOf(both, "not_exercised"), Is.SupersetOf(new[] { "P11", "P18" }), "nobody said when the faults ended");
    }

    [Test]
    public async Task A_delivery_that_is_missing_is_seen()
    {
        List<string> lines = [.. await File.ReadAllLinesAsync(_tailHistory)];
        int[] deliveries = [.. Enumerable.Range(0, lines.Count).Where(number => lines[number].Contains("\"op\":\"deliver\"", StringComparison.Ordinal))];
        lines.RemoveAt(deliveries[^2]);
        string spoilt = _directory.PathOf("spoilt-tail.history");
        await File.WriteAllLinesAsync(spoilt, lines);
        CliResult result = await CheckAsync(_history, spoilt);
        Assert.That(result.ExitCode, Is.EqualTo(1), result.ToString());
        Assert.That(result.Error, Does.Contain("P9"));
    }

    [Test]
    public async Task The_same_history_without_one_stored_record_is_a_loss()
    {
        List<string> lines = [.. await File.ReadAllLinesAsync(_history)];
        lines.RemoveAt(lines.FindLastIndex(line => line.Contains("\"op\":\"record\"", StringComparison.Ordinal)));
        string spoilt = _directory.PathOf("spoilt.history");
        await File.WriteAllLinesAsync(spoilt, lines);

        CliResult result = await CheckAsync(spoilt);
        Assert.That(result.ExitCode, Is.EqualTo(1), result.ToString());
        Assert.That(result.Output, Does.Match("(?m)^P1: .* is not in the log").And.Contain($"{spoilt}:"));
        Assert.That(result.Last.GetProperty("violations").GetInt64(), Is.GreaterThan(0));
        Assert.That(result.Error.Trim(), Does.Contain("violations of P1").And.Not.Contain("\n"));
    }

    [Test]
    public async Task What_is_no_history_is_wrong_usage()
    {
        string damaged = _directory.PathOf("damaged.history");
        await File.WriteAllTextAsync(damaged, "{\"t_ns\":1,\"op\":\"begin\",\"format\":1}\nthis is no event\n");
        CliResult result = await CheckAsync(damaged);
        Assert.That(result.ExitCode, Is.EqualTo(2), result.ToString());
        Assert.That(result.Error, Does.Contain($"{damaged}:2: "));
        Assert.That((await CheckAsync(_directory.PathOf("nowhere.history"))).ExitCode, Is.EqualTo(2));
        Assert.That((await CheckAsync()).ExitCode, Is.EqualTo(2), "no file at all");
    }

    private static string?[] StatesOf(CliResult result, string wanted) =>
    [
        .. result.Lines.Where(line => line.TryGetProperty("state", out JsonElement state) && state.GetString() == wanted).Select(line => line.GetProperty("property").GetString()),
    ];

    private Task<CliResult> CheckAsync(params string[] arguments) => CliProcess.RunAsync(_directory.PathOf("home"), ["check-history", .. arguments]);

    private string WriteLog(int number)
    {
        StringBuilder log = new();
        for (int line = 0; line < LinesPerFile; line++)
        {
            log.Append(CultureInfo.InvariantCulture, $"[10:{line % 60:00}] <nick{line % 7}> line {line} of file {number}\n");
        }

        string path = _directory.PathOf($"room{number}.txt");
        File.WriteAllText(path, log.ToString());
        return path;
    }

    // Before the replay begins: the reader has asked. The moment to strike: it was brought something, so some messages are durable, and most are not.
    private async Task WaitUntilTailAsync(string line)
    {
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(40));
        while (!File.Exists(_tailHistory) || !(await ReadAsync()).Contains(line, StringComparison.Ordinal))
        {
            await Task.Delay(2, deadline.Token);
        }
    }

    private async Task<string> ReadAsync()
    {
        await using FileStream stream = new(_tailHistory, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using StreamReader reader = new(stream);
        return await reader.ReadToEndAsync();
    }
}
