using System.Text;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;
using FastChat.Bench.Load.Scenarios;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>Logs that are replayed and read back, and the comparison, which must see whatever is wrong.</summary>
public sealed class CorpusTests
{
    private string _directory = string.Empty;

    [SetUp]
    public void MakeDirectory() => _directory = Directory.CreateTempSubdirectory("fastchat-corpus-").FullName;

    [TearDown]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    [TestCase("fastchat")]
    [TestCase("redis")]
    [TestCase("nats")]
    public async Task Everything_is_read_back_as_it_was(string name)
    {
        // The servers of these tests have four conversations: three logs and the warm-up's.
        Write("a", string.Concat(Enumerable.Range(0, 700).Select(i => $"[10:00] <ann> line {i % 50}\n")));
        Write("b", "=== bob [~bob@x] has joined\n\n[10:01] <bob> grüße, 你好 \u0001\r\n\nlast");
        Write("c", string.Concat(Enumerable.Range(0, 300).Select(i => $"{new string('x', i)}\n")));
        Write("d", string.Empty);
        CorpusScenario scenario = new();
        RunSettings settings = scenario.WithDefaults(
            new RunSettings { Scenario = Scenario.Corpus, Corpus = _directory, Connections = 2, Outstanding = 8, WarmUpSeconds = 0.3, Size = 32 });
        Assert.That(scenario.Plan(settings), Is.EqualTo(new WorkPlan(Scenario.Corpus, 4, 3, 299)));
        await using RunningSystem running = await RunningSystem.StartAsync(name, Scenario.Corpus);

        ResultRow row = scenario.Run(running.System, settings, new FlushCounter("."));

        Assert.That(row.Note, Does.StartWith("1005 lines of 3 logs: 0 lost, 0 duplicated, 0 reordered"));
        Assert.That(row.Errors, Is.Zero);
        Assert.That(row.Rate, Is.GreaterThan(100));

        // Once more on the same store: now every line is there twice, and the run must say so.
        ResultRow twice = scenario.Run(running.System, settings, new FlushCounter("."));
        Assert.That(twice.Note, Does.StartWith("1005 lines of 3 logs: 0 lost, 1005 duplicated, 0 reordered"));
        Assert.That(twice.Errors, Is.EqualTo(1005));
    }

    [TestCase("abcab", 0, 0, 0)]
    [TestCase("abca", 1, 0, 0)]
    [TestCase("", 5, 0, 0)]
    [TestCase("abcabb", 0, 1, 0)]
    [TestCase("abcabx", 0, 1, 0)]
    [TestCase("acbab", 0, 0, 1)]
    [TestCase("xbcab", 1, 1, 1)]
    [TestCase("cabab", 0, 0, 2)]
    public void Findings_are_counted(string read, int lost, int duplicated, int reordered)
    {
        CorpusLog log = CorpusLog.Read(Write("a", "a\nb\nc\na\nb\n"));
        byte[][] messages = read.Select(letter => new[] { (byte)letter }).ToArray();
        Assert.That(CorpusFindings.Of(log, messages), Is.EqualTo(new CorpusFindings(lost, duplicated, reordered)));
    }

    [Test]
    public void A_directory_without_logs_says_what_to_do()
    {
        File.WriteAllText(Path.Combine(_directory, "readme.txt"), "no log");
        foreach (string directory in (string[])[_directory, Path.Combine(_directory, "nowhere")])
        {
            RunFailedException failure = Assert.Throws<RunFailedException>(() => new CorpusScenario().Plan(new RunSettings { Corpus = directory }));
            Assert.That(failure.Message, Does.Contain(directory).And.Contain("--corpus DIR"));
        }
    }

    private string Write(string name, string text)
    {
        string file = Path.Combine(_directory, name + ".raw.txt");
        File.WriteAllBytes(file, Encoding.UTF8.GetBytes(text));
        return file;
    }
}
