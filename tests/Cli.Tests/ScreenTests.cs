namespace FastChat.Cli.Tests;

[TestFixture]
public sealed class ScreenTests
{
    private static readonly StyledRun[] Head = [new("12:00 ", TextStyle.Plain), new("ada  ", TextStyle.Plain)];

    [Test]
    public void TextWrapsAtSpacesAndIsIndentedBelowItsHead()
    {
        List<StyledRow> rows = ScreenLayout.Wrap(Head, "the quick brown fox jumps over", TextStyle.Plain, 28);

        Assert.That(rows.Select(row => row.PlainText), Is.EqualTo(new[]
        {
            "12:00 ada  the quick brown",
            "           fox jumps over",
        }));
    }

    [Test]
    public void NothingIsWiderThanTheScreenAndNothingIsLost()
    {
        string text = "日本語のとても長い文章です averyveryverylongwordwithoutanyspaces 👩‍👩‍👧👍🏽 end";
        for (int columns = 4; columns < 60; columns++)
        {
            List<StyledRow> rows = ScreenLayout.Wrap(Head, text, TextStyle.Plain, columns);
            string joined = string.Concat(rows.Select(row => row.PlainText)).Replace(" ", "", StringComparison.Ordinal);

            Assert.That(joined, Does.EndWith(text.Replace(" ", "", StringComparison.Ordinal)), $"{columns} columns");
            if (columns > 14)
            {
                Assert.That(rows.Max(row => row.Width), Is.LessThanOrEqualTo(columns), $"{columns} columns");
            }
        }
    }

    [Test]
    public void LineFeedsBeginRowsOfTheirOwn() =>
        Assert.That(ScreenLayout.Wrap([], "a\n\nb", TextStyle.Plain, 20).Select(row => row.PlainText), Is.EqualTo(new[] { "a", "", "b" }));

    [Test]
    public void OnlyChangedRowsAreDrawnAgain()
    {
        Screen screen = new();
        StyledRow Row(string text) => new(new StyledRun(text, TextStyle.Plain));
        screen.Draw([Row("one"), Row("two"), Row("typing")], 20, 2, 6);

        string next = screen.Draw([Row("one"), Row("TWO"), Row("typing")], 20, 2, 6);

        Assert.That(next, Does.Contain("TWO"));
        Assert.That(next, Does.Not.Contain("one").And.Not.Contain("typing").And.Not.Contain("\e[2J"));
        Assert.That(next, Does.Contain("\e[3;7H\e[?25h"), "the cursor ends where the typing goes on");
        Assert.That(screen.Draw([Row("one"), Row("TWO"), Row("typing")], 21, 2, 6), Does.Contain("one"), "another width is another picture");
    }

    [Test]
    public void ABarFillsTheWidthExactly()
    {
        foreach (int columns in new[] { 1, 5, 12, 40 })
        {
            StyledRow bar = ScreenLayout.Bar([new StyledRun(" #lobby ", TextStyle.Plain), new StyledRun("日本", TextStyle.Plain)], "connected ", TextStyle.Plain, columns);
            Assert.That(bar.Width, Is.EqualTo(columns));
        }
    }

    [TestCase("a", 1)]
    [TestCase("日", 2)]
    [TestCase("e\u0301", 1)]
    [TestCase("👍🏽", 2)]
    [TestCase("👩‍👩‍👧", 2)]
    [TestCase("🇩🇪", 2)]
    [TestCase("❤️", 2)]
    [TestCase("❤", 1)]
    [TestCase("\u200B", 0)]
    [TestCase("ﾊ", 1)]
    [TestCase("Ａ", 2)]
    public void WidthsAreThoseOfTerminals(string text, int width) => Assert.That(TextWidth.Of(text), Is.EqualTo(width));

    [TestCase("plain ünï 日本 👍", "plain ünï 日本 👍")]
    [TestCase("\e[31mred\u0007\r\n", "␛[31mred␇␍↵")]
    [TestCase("a\0b\u007f\u009b2J", "a␀b␡‹009B›2J")]
    [TestCase("abc\u202Edef\u2066", "abc‹202E›def‹2066›")]
    [TestCase("tab\tbed", "tab    bed")]
    [TestCase("👩‍👩‍👧", "👩‍👩‍👧")]
    public void ControlCharactersBecomeSigns(string text, string shown) => Assert.That(SafeText.OneLine(text), Is.EqualTo(shown));
}
