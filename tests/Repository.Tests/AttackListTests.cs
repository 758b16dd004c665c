using System.Globalization;
using System.Text.RegularExpressions;

namespace FastChat.Repository.Tests;

/// <summary>The list of attacks (tests/attacks.md) names tests that there are.</summary>
public sealed partial class AttackListTests
{
    private const int First = 1;
    private const int Last = 74;

    private static readonly (int Item, string Tests, string Events)[] Rows = SourceTree.Read("tests/attacks.md").Split('\n')
        .Select(line => Row().Match(line)).Where(match => match.Success)
        .Select(match => (int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture), match.Groups[2].Value, match.Groups[3].Value)).ToArray();

    private static readonly string[] TestFiles = SourceTree.Files.Where(file => file.StartsWith("tests/", StringComparison.Ordinal) && file.EndsWith(".cs", StringComparison.Ordinal)).ToArray();

    private static readonly Lazy<string[]> RowsOfBadInput = new(() =>
        [.. TestFiles.Where(file => Path.GetFileName(file).StartsWith("Bad", StringComparison.Ordinal)).Select(SourceTree.Read)]);

    [Test]
    public void Every_item_is_there_once() =>
        Assert.That(Rows.Select(row => row.Item), Is.EqualTo(Enumerable.Range(First, Last - First + 1)));

    [TestCaseSource(nameof(Items))]
    public void What_an_item_names_exists(int item)
    {
        string tests = Rows.Single(row => row.Item == item).Tests;
        MatchCollection named = NamedTest().Matches(tests);
        Assert.That(named, Is.Not.Empty);
        foreach (Match test in named)
        {
            Assert.That(Exists(test.Groups[1].Value, test.Groups[2].Value), Is.True, $"{test.Value}: there is no such test");
            if (test.Groups[3].Success)
            {
                Assert.That(RowsOfBadInput.Value, Has.Some.Contains($"\"{test.Groups[3].Value}\""), "there is no such row of bad input");
            }
        }

        Assert.That(NamedTest().Replace(tests, string.Empty), Does.Match("^[ ,]*$"), "something else stands among the tests");
    }

    [TestCaseSource(nameof(Items))]
    public void The_events_of_an_item_are_those_that_its_tests_expect(int item)
    {
        (_, string tests, string events) = Rows.Single(row => row.Item == item);
        IEnumerable<string> expected = NamedTest().Matches(tests).SelectMany(test => EventsOf(test.Groups[1].Value, test.Groups[2].Value)).Distinct();
        Assert.That(Quoted().Matches(events).Select(match => match.Groups[1].Value), Is.EquivalentTo(expected));
        Assert.That(Quoted().Replace(events, string.Empty), Does.Match("^[ ,]*$|^–$"), "something else stands among the events");
    }

    private static IEnumerable<int> Items() => Rows.Select(row => row.Item);

    /// <summary>A method of the class, with an attribute of a test over it.</summary>
    private static bool Exists(string type, string method) => TestFiles.Select(SourceTree.Read).Any(text =>
        Regex.IsMatch(text, $@"\bclass {type}\b") && Regex.IsMatch(text, $@"\[(Test|TestCase|TestCaseSource)\b[^\n]*\n(\s*\[[^\n]*\n)*\s*public (async )?(Task|void) {method}\("));

    /// <summary>What the attributes over a test say (<c>Noted</c>, <c>Counted</c>); bad input is counted by its code.</summary>
    private static IEnumerable<string> EventsOf(string type, string method)
    {
        if (type == "BadInputTests")
        {
            return ["fastchat.errors", "fastchat.closed"];
        }

        string attributes = TestFiles.Select(SourceTree.Read).Where(text => Regex.IsMatch(text, $@"\bclass {type}\b"))
            .Select(text => Regex.Match(text, $@"((?:[ ]*\[[^\n]*\n)+)[ ]*public (?:async )?(?:Task|void) {method}\(")).First(match => match.Success).Groups[1].Value;
        return ExpectedEvent().Matches(attributes).Select(match => match.Groups[2].Success ? $"{match.Groups[1].Value} {match.Groups[2].Value}" : match.Groups[1].Value);
    }

    [GeneratedRegex(@"\[(?:Noted|Counted)\(""([^""]+)""(?:, ""([^""]+)"")?\)\]")]
    private static partial Regex ExpectedEvent();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"^\| (\d+) \| [^|]+ \| ([^|]+) \| ([^|]+) \|$")]
    private static partial Regex Row();

    [GeneratedRegex(@"`(\w+)\.(\w+)`(?: \*([^*]+)\*)?")]
    private static partial Regex NamedTest();
}
