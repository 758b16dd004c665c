using System.Text;

namespace FastChat.Cli.Tests;

/// <summary>What others call a file becomes a name in the directory that was asked for, and nothing else.</summary>
public sealed class DownloadNameTests
{
    [TestCase("holiday.jpg", "holiday.jpg")]
    [TestCase("zażółć gęślą.txt", "zażółć gęślą.txt")]
    [TestCase("archive.tar.gz", "archive.tar.gz")]
    [TestCase("../../etc/passwd", "_._.._etc_passwd")]
    [TestCase("..\\..\\boot.ini", "_._.._boot.ini")]
    [TestCase("/etc/passwd", "_etc_passwd")]
    [TestCase("..", "attachment")]
    [TestCase(".", "attachment")]
    [TestCase("...", "attachment")]
    [TestCase(" ", "attachment")]
    [TestCase(".bashrc", "attachment.bashrc")]
    [TestCase(".ssh/authorized_keys", "_ssh_authorized_keys")]
    [TestCase("-rf", "_-rf")]
    [TestCase("a\u202Egpj.exe", "a_gpj.exe")]
    [TestCase("a\e[31m.txt", "a_[31m.txt")]
    [TestCase("C:\\x", "C__x")]
    [TestCase("con.txt", "_con.txt")]
    [TestCase("NUL", "_NUL")]
    [TestCase("lpt1.tar.gz", "_lpt1.tar.gz")]
    [TestCase("a?*|\"<>.txt", "a______.txt")]
    [TestCase("name. . ", "name")]
    public void A_name_is_made_harmless(string name, string expected)
    {
        string safe = DownloadName.Of(name);
        Assert.That(safe, Is.EqualTo(expected));
        Assert.That(Path.GetFileName(safe), Is.EqualTo(safe));
        Assert.That(Path.GetFullPath(Path.Combine("/out", safe)), Is.EqualTo("/out/" + safe));
    }

    [Test]
    public void A_long_name_is_cut_between_characters_and_keeps_its_end()
    {
        string safe = DownloadName.Of(new string('é', 120) + string.Concat(Enumerable.Repeat("🙂", 30)) + ".jpeg");
        Assert.That(Encoding.UTF8.GetByteCount(safe), Is.LessThanOrEqualTo(220));
        Assert.That(safe, Does.EndWith(".jpeg"));
        Assert.That(safe, Does.Not.Contain("\uFFFD"));
    }

    [Test]
    public void Two_of_one_name_are_two_files() =>
        Assert.That(DownloadName.Distinct("a.txt", new HashSet<string> { "a.txt", "a (2).txt" }), Is.EqualTo("a (3).txt"));

    [TestCase(0ul, "0 bytes")]
    [TestCase(1023ul, "1023 bytes")]
    [TestCase(1536ul, "1.5 KiB")]
    [TestCase(100ul << 20, "100 MiB")]
    [TestCase(3ul << 30, "3 GiB")]
    public void Sizes_are_said_in_words(ulong bytes, string expected) => Assert.That(AttachmentTexts.Size(bytes), Is.EqualTo(expected));
}
