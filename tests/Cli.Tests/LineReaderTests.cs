using System.Text;

namespace FastChat.Cli.Tests;

[TestFixture]
public sealed class LineReaderTests
{
    [TestCase("")]
    [TestCase("a\n", "a")]
    [TestCase("a", "a")]
    [TestCase("a\n\nb\r\n", "a", "", "b\r")]
    [TestCase("\n", "")]
    public async Task LinesEndAtLineFeedsAndTheInputEnds(string input, params string[] lines)
    {
        using MemoryStream source = new(Encoding.UTF8.GetBytes(input));
        LineReader reader = new(source);
        foreach (string line in lines)
        {
            Assert.That(await ReadAsync(reader), Is.EqualTo(line));
        }

        Assert.That(await ReadAsync(reader), Is.Null);
        Assert.That(await ReadAsync(reader), Is.Null, "the end stays the end");
    }

    [Test]
    public async Task ALineMayBeLongerThanTheBuffer()
    {
        string[] lines = [new('x', 300_000), "short", new('y', 100_000)];
        using MemoryStream source = new(Encoding.UTF8.GetBytes(string.Join('\n', lines)));
        LineReader reader = new(source);

        List<string?> read = [await ReadAsync(reader), await ReadAsync(reader), await ReadAsync(reader)];

        Assert.That(read, Is.EqualTo(lines));
        Assert.That(await ReadAsync(reader), Is.Null);
    }

    private static async Task<string?> ReadAsync(LineReader reader) =>
        await reader.ReadAsync(CancellationToken.None) is { } line ? Encoding.UTF8.GetString(line.Span) : null;
}
