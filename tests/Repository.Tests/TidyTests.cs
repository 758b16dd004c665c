using System.Globalization;
using System.Text.RegularExpressions;

using FastChat.TestSupport;

namespace FastChat.Repository.Tests;

/// <summary>What reviews would otherwise have to say again and again.</summary>
public sealed class TidyTests
{
    private const int LinesMax = 600;

    private static readonly Dictionary<string, (int First, int Last)> EventRanges = new() { ["Broker"] = (1000, 1999), ["Storage"] = (2000, 2999) };

    [Test]
    public void Event_ids_are_unique_and_in_their_projects_range()
    {
        List<(int Id, string File)> events = [];
        foreach (string file in SourceTree.Sources())
        {
            events.AddRange(Regex.Matches(SourceTree.ReadCode(file), @"\[LoggerMessage\(\s*(?:EventId\s*=\s*)?(\d+)?")
                .Select(match => (match.Groups[1].Success ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : -1, file)));
        }

        Assert.That(events.Where(entry => entry.Id < 0), Is.Empty, "the id stands first");
        Assert.That(events.GroupBy(entry => entry.Id).Where(group => group.Count() > 1).Select(group => string.Join(", ", group)), Is.Empty);
        foreach ((int id, string file) in events)
        {
            string project = file.Split('/')[1];
            bool owned = EventRanges.TryGetValue(project, out (int First, int Last) range)
                ? id >= range.First && id <= range.Last
                : !EventRanges.Values.Any(other => id >= other.First && id <= other.Last);
            Assert.That(owned, Is.True, $"{file}: {id}");
        }
    }

    [Test]
    public void Decisions_have_context_decision_and_rejected_options()
    {
        foreach (string file in SourceTree.Files.Where(file => file.StartsWith("docs/decisions/", StringComparison.Ordinal)))
        {
            Assert.That(file, Does.Match(@"^docs/decisions/(\d{4}-[a-z0-9-]+|README)\.md$"));
            foreach (string heading in file.EndsWith("README.md", StringComparison.Ordinal) ? Array.Empty<string>() : ["Context", "Decision", "Rejected"])
            {
                Assert.That(SourceTree.Read(file), Does.Match($@"(?m)^#+ .*\b{heading}\b"), file);
            }
        }
    }

    [Test]
    public void Files_are_short_chapters()
    {
        IEnumerable<string> offenders = SourceTree.Sources()
            .Select(file => (File: file, Lines: SourceTree.Read(file).Count(letter => letter == '\n')))
            .Where(entry => entry.Lines > LinesMax)
            .Select(entry => $"{entry.File}: {entry.Lines} lines");
        Assert.That(offenders, Is.Empty, "look for a second noun");
    }

    [Test]
    public void Names_say_what_a_thing_is()
    {
        Regex banned = new("Util|Helper|Common|Misc", RegexOptions.IgnoreCase);
        Assert.That(SourceTree.Files.Where(file => banned.IsMatch(Path.GetFileNameWithoutExtension(file))), Is.Empty);
        IEnumerable<string> types = SourceTree.Sources()
            .SelectMany(file => Regex.Matches(SourceTree.ReadCode(file), @"\b(?:class|struct|interface|enum|record) (\w*(?:Utils?|Helpers?|Common))\b")
                .Select(match => $"{file}: {match.Groups[1].Value}"));
        Assert.That(types, Is.Empty);
    }

    [Test]
    public void Nothing_is_left_for_later()
    {
        // In two halves, or this file would be the first offender.
        Regex later = new(@"\b(TO" + @"DO|FIX" + @"ME|XX" + @"X)\b|NotImplemented" + "Exception");
        Assert.That(Offenders(SourceTree.Files, later), Is.Empty);
    }

    [Test]
    public void No_file_speaks_of_somebodys_machine()
    {
        Regex machine = new(@"(?<![\w.~])/(?:work|home|root|Users)/[\w.]|[A-Z]:\\Users\\");
        Assert.That(Offenders(SourceTree.Files, machine), Is.Empty);
    }

    [Test]
    public void No_catch_is_empty() =>
        Assert.That(Offenders(SourceTree.Sources(), new Regex(@"\bcatch\b[^{;]*\{\s*\}")), Is.Empty);

    private static IEnumerable<string> Offenders(IEnumerable<string> files, Regex pattern)
    {
        foreach (string file in files)
        {
            string text = File.ReadAllText(RepositoryRoot.PathOf(file));
            if (text.Contains('\0', StringComparison.Ordinal))
            {
                continue; // An image or another file that is not text.
            }

            foreach (Match match in pattern.Matches(text))
            {
                yield return $"{file}:{1 + text.AsSpan(0, match.Index).Count('\n')}: {match.Value}";
            }
        }
    }
}
