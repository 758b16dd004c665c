using System.Text.Json;

namespace FastChat.Fuzz.Tests;

/// <summary>What is asked for, and how it is answered.</summary>
public sealed class CommandLineTests
{
    [Test]
    public void Options_are_what_they_say()
    {
        CommandLine line = CommandLine.Parse(["--target", "record", "--target", "journal", "--seed", "18446744073709551615", "--inputs", "100000000", "--threads", "2", "--minutes", "1.5", "--hang", "30", "--json"]);
        Assert.That(line.Targets, Is.EqualTo(new[] { "record", "journal" }));
        Assert.That(line.HangAfter, Is.EqualTo(TimeSpan.FromSeconds(30)));
        Assert.That((line.Seed, line.Inputs, line.Threads, line.Minutes, line.IsJson), Is.EqualTo((ulong.MaxValue, 100_000_000L, 2, (double?)1.5, true)));
    }

    [TestCase("--nonsense")]
    [TestCase("--seed")]
    [TestCase("--seed x")]
    [TestCase("--input 5")]
    [TestCase("--target a --target b --file x")]
    public void What_makes_no_sense_is_refused(string arguments) =>
        Assert.That(() => CommandLine.Parse(arguments.Split(' ')), Throws.TypeOf<FormatException>());

    [Test]
    public void The_last_line_counts_what_was_done()
    {
        StringWriter output = new();
        Report report = new(output, isJson: false);
        TargetResult result = new("record") { Inputs = 12 };
        result.Violations.Add(new Violation("record", 5, 7, "failure", "it does not hold", [1]));
        report.Begin(5);
        report.Add(result, ["artifacts/fuzz/record-5-7.bin"]);
        report.End(5, [result], TimeSpan.FromSeconds(3));
        string[] lines = output.ToString().TrimEnd().Split('\n');
        Assert.That(lines[0], Is.EqualTo("seed 5"));
        Assert.That(output.ToString(), Does.Contain("--target record --seed 5 --input 7"));
        JsonElement last = JsonDocument.Parse(lines[^1]).RootElement;
        Assert.That(last.ToString(), Is.EqualTo("{\"campaign\":\"fuzz\",\"seed\":5,\"cycles\":1,\"violations\":1,\"inputs\":12,\"seconds\":3}"));
    }
}
