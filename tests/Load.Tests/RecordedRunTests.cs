using FastChat.Bench.Compare;
using FastChat.Bench.Load;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Scenarios;
using FastChat.History;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>Runs that are recorded (<c>--history</c>): what the clients saw keeps the promises, and a recording that was changed afterwards does not.</summary>
public sealed class RecordedRunTests
{
    private readonly string _directory = Directory.CreateTempSubdirectory("fastchat-recorded-").FullName;
    private string[] _storm = [];

    [OneTimeSetUp]
    public async Task Record_a_storm() => _storm = await File.ReadAllLinesAsync(
        await RecordAsync(new StormScenario(), new RunSettings { Scenario = Scenario.Storm, Seconds = 1, WarmUpSeconds = 0, Connections = 60, Conversations = 2, Size = 64 }));

    [OneTimeTearDown]
    public void Remove_the_recordings() => Directory.Delete(_directory, recursive: true);

    [Test]
    public async Task Durable_publishes_keep_what_is_promised()
    {
        CheckReport report = HistoryChecker.Check([await RecordAsync(
            new DurableScenario(),
            new RunSettings { Scenario = Scenario.Durable, Seconds = 0.5, WarmUpSeconds = 0, Connections = 8, Outstanding = 8, Conversations = 4, Size = 32 })]);
        Assert.That(Broken(report), Is.Empty);
        Assert.That(Judged(report), Is.SupersetOf(new[] { "P1", "P2", "P3", "P5", "P6", "P7", "P8", "P12", "P20", "P21", "P22" }));

        // What was on its way when the generator ended has no answer: a window of each connection, and the one before them that proved durability.
        Assert.That(report.UnknownOutcomes, Is.GreaterThan(0).And.LessThanOrEqualTo(65));
        Assert.That(report.ForeignRecords, Is.Zero);
    }

    [Test]
    public void Sessions_that_are_cut_and_come_back_keep_what_is_promised()
    {
        CheckReport report = Check(_storm);
        Assert.That(Broken(report), Is.Empty);
        Assert.That(Judged(report), Is.SupersetOf(new[] { "P1", "P2", "P3", "P5", "P6", "P7", "P8", "P9", "P10", "P12", "P13", "P20", "P21", "P22" }));
        Assert.That(_storm.Count(line => line.Contains("\"connection\":2", StringComparison.Ordinal) && line.Contains("\"resumed\":true", StringComparison.Ordinal)), Is.EqualTo(31), "30 that were cut and the probe");
    }

    [Test]
    public void An_acknowledged_record_that_is_not_in_the_log_is_flagged()
    {
        string answer = _storm.First(line => line.Contains("\"op\":\"publish\",\"phase\":\"ok\"", StringComparison.Ordinal));
        string id = answer[answer.IndexOf("\"client_message_id\"", StringComparison.Ordinal)..][..54];
        string[] tampered = [.. _storm.Where(line => !(line.Contains("\"op\":\"record\"", StringComparison.Ordinal) && line.Contains(id, StringComparison.Ordinal)))];
        Assert.That(_storm.Length - tampered.Length, Is.EqualTo(2), "two readers had it");
        Assert.That(Broken(Check(tampered)), Does.Contain("P1"));
    }

    [Test]
    public void A_record_that_is_delivered_twice_is_flagged()
    {
        string deliver = _storm.Last(line => line.Contains("\"op\":\"deliver\"", StringComparison.Ordinal));
        string[] tampered = [.. _storm.SelectMany(line => line == deliver ? new[] { line, line } : [line])];
        Assert.That(tampered, Has.Length.EqualTo(_storm.Length + 1));
        Assert.That(Broken(Check(tampered)), Does.Contain("P9"));
    }

    [Test]
    public void A_record_that_is_not_delivered_is_flagged()
    {
        // The one before the last of somebody's: what follows it shows that it is missing.
        string last = _storm.Last(line => line.Contains("\"op\":\"deliver\"", StringComparison.Ordinal));
        string process = last[last.IndexOf("\"process\"", StringComparison.Ordinal)..last.IndexOf(",\"op\"", StringComparison.Ordinal)];
        string missed = _storm.Last(line => line != last && line.Contains("\"op\":\"deliver\"", StringComparison.Ordinal) && line.Contains(process + ",", StringComparison.Ordinal));
        Assert.That(Broken(Check([.. _storm.Where(line => line != missed)])), Does.Contain("P9"));
    }

    [Test]
    public async Task Each_of_several_runs_has_a_file_of_its_own()
    {
        string file = Path.Combine(_directory, "several");
        string words = "durable --runs 2 --seconds 0.5 --warm-up 0 --connections 2 --outstanding 2 --conversations 4 --size 32 --history " + file;
        Assert.That(await LoadCommand.Make().Parse(words.Split(' ')).InvokeAsync(), Is.Zero);
        Assert.That(File.Exists(file), Is.False);
        foreach (string one in new[] { file + ".1", file + ".2" })
        {
            CheckReport report = HistoryChecker.Check([one]);
            Assert.That(Broken(report), Is.Empty);
            Assert.That(Judged(report), Does.Contain("P1"));
        }
    }

    [TestCase("durable --system redis")]
    [TestCase("storm --system limit")]
    [TestCase("fanout --system redis --vs fastchat")]
    public async Task Another_system_is_not_recorded(string words)
    {
        string file = Path.Combine(_directory, "other");
        Assert.That(await LoadCommand.Make().Parse([.. words.Split(' '), "--history", file]).InvokeAsync(), Is.EqualTo(2));
        Assert.That(File.Exists(file), Is.False);
    }

    private async Task<string> RecordAsync(IScenario scenario, RunSettings settings)
    {
        string file = Path.Combine(_directory, settings.Scenario.ToString());
        await using (RunningSystem running = await RunningSystem.StartAsync("fastchat", settings.Scenario, file))
        {
            RunSettings whole = scenario.WithDefaults(settings);
            Assert.That(scenario.Run(running.System, whole, new FlushCounter(_directory)).Errors, Is.Zero);
            Assert.That(await running.System.EndHistoryAsync(CancellationToken.None), Does.Contain("read back").And.Not.Contain("NOT"));
        }

        return file;
    }

    private CheckReport Check(string[] lines)
    {
        string file = Path.Combine(_directory, TestContext.CurrentContext.Test.ID);
        File.WriteAllLines(file, lines);
        return HistoryChecker.Check([file]);
    }

    private static IEnumerable<string> Broken(CheckReport report) =>
        report.Promises.Where(promise => promise.Violations > 0).Select(promise => Promises.NumberOf(promise.Promise));

    private static IEnumerable<string> Judged(CheckReport report) =>
        report.Promises.Where(promise => promise.Judged > 0).Select(promise => Promises.NumberOf(promise.Promise));
}
