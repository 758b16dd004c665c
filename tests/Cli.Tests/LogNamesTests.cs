using System.Text;

using FastChat.Protocol;

namespace FastChat.Cli.Tests;

[TestFixture]
public sealed class LogNamesTests
{
    [TestCase("ada")]
    [TestCase("|QuaD-")]
    [TestCase("bur[n] er")]
    [TestCase("100%")]
    [TestCase("søren")]
    public void AValidNickIsTheName(string nick) => Assert.That(LogNames.UserName(Encoding.UTF8.GetBytes(nick)), Is.EqualTo(nick));

    [Test]
    public void OtherNicksAreEscapedDistinctlyAndReversibly()
    {
        byte[][] nicks =
        [
            [0x61, 0xE9], [0x61, 0xEA], [0x61, 0x01], "a%E9"u8.ToArray(), "\u241Ba%E9"u8.ToArray(), [0x61, 0x25, 0xFF], [0xC2, 0x80],
        ];

        string[] names = [.. nicks.Select(nick => LogNames.UserName(nick))];

        Assert.That(names, Is.Unique);
        Assert.That(names, Has.All.Matches<string>(name => Names.IsExternalName(name!)));
        Assert.That(names.Select(LogNames.NickOf), Is.EqualTo(nicks));
    }

    [Test]
    public void LongNicksStayDistinct()
    {
        byte[] one = Enumerable.Repeat((byte)0xFF, 200).ToArray();
        byte[] other = [.. one[..199], 0xFE];

        string[] names = [LogNames.UserName(one), LogNames.UserName(other)];

        Assert.That(names, Is.Unique);
        Assert.That(names, Has.All.Matches<string>(name => Names.IsExternalName(name!)));
        Assert.That(names.Select(LogNames.NickOf), Has.All.Null, "a shortened name says that it cannot be reversed");
    }

    [TestCase("logs/2004-12-25.train-a.raw.txt", "", "2004-12-25.train-a")]
    [TestCase("/x/notes.TXT", "irc-", "irc-notes")]
    [TestCase("über log.txt", "", "x_ber_log")]
    [TestCase(".raw.txt", "", "x.raw")]
    public void AFileNamesItsConversation(string path, string prefix, string expected)
    {
        string name = LogNames.ConversationName(path, prefix);

        Assert.That(name, Is.EqualTo(expected));
        Assert.That(Names.TryCanonicalize(name, out _), Is.True);
    }

    [Test]
    public void LongFileNamesStayDistinctAndValid()
    {
        string[] names = [LogNames.ConversationName(new string('a', 100) + "1.txt", "p"), LogNames.ConversationName(new string('a', 100) + "2.txt", "p")];

        Assert.That(names, Is.Unique);
        Assert.That(names.All(name => Names.TryCanonicalize(name, out _)), Is.True);
    }
}
