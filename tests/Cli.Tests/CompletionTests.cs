using FastChat.Protocol;

namespace FastChat.Cli.Tests;

/// <summary>The Tab key, and the @names of a text.</summary>
[TestFixture]
public sealed class CompletionTests
{
    private static readonly string[] People = ["ben", "Bea", "cleo"];
    private static readonly string[] Rooms = ["#harbour", "#hall", "@ben"];

    [TestCase("/rep", "/reply ")]
    [TestCase("/ST", "/status ")]
    [TestCase("hi @c", "hi @cleo ")]
    [TestCase("/invite c", "/invite cleo ")]
    [TestCase("/join har", "/join #harbour ")]
    [TestCase("/fwd @b", "/fwd @Bea ")]
    [TestCase("see #ha", "see #hall ")]
    [TestCase("/react +", "/react 👍")]
    [TestCase("/+ :par", "/+ 🎉")]
    public void AWordIsCompletedByWhatCanStandThere(string line, string expected) =>
        Assert.That(new Completion().Next(line, line.Length, People, Rooms), Is.EqualTo((expected, expected.Length)));

    [TestCase("")]
    [TestCase("hello c")]
    [TestCase("/nonsense c")]
    [TestCase("hi @x")]
    [TestCase("hi ")]
    public void OtherWordsAreNot(string line) => Assert.That(new Completion().Next(line, line.Length, People, Rooms), Is.Null);

    [Test]
    public void FurtherPressesOfferTheNextAndTheRestOfTheLineStays()
    {
        Completion completion = new();
        (string line, int cursor) = completion.Next("hi @b, you", 5, People, Rooms)!.Value;
        Assert.That((line, cursor), Is.EqualTo(("hi @Bea, you", 7)));
        (line, cursor) = completion.Next(line, cursor, People, Rooms)!.Value;
        Assert.That(line, Is.EqualTo("hi @ben, you"));
        (line, cursor) = completion.Next(line, cursor, People, Rooms)!.Value;
        Assert.That(line, Is.EqualTo("hi @Bea, you"));
        Assert.That(completion.Next(line + "!", cursor, People, Rooms)!.Value.Line, Is.EqualTo(line + "!"), "another line is another question");
    }

    [Test]
    public void EveryCommandIsHelpedWithAndUnderstood()
    {
        foreach (ChatVerb verb in Enum.GetValues<ChatVerb>().Except([ChatVerb.Say, ChatVerb.Unknown]))
        {
            ChatCommandInfo command = ChatCommandList.All.Single(one => one.Verb == verb);
            Assert.That(ChatCommandList.Help, Does.Contain(command.Usage));
            Assert.That(command.Words.Select(word => ChatInput.Parse(word).Verb), Is.All.EqualTo(verb));
        }

        Assert.That(ChatCommandList.All.SelectMany(static command => command.Words), Is.Unique);
        Assert.That(ChatCommandList.Help.Split('\n').Max(TextWidth), Is.LessThanOrEqualTo(72), "a terminal of 80 columns shows each on a row");
    }

    [TestCase("+1", "👍")]
    [TestCase(":Heart:", "❤️")]
    [TestCase("⛵", "⛵")]
    [TestCase(":", ":")]
    [TestCase("::", "::")]
    public void UsualReactionsHaveNames(string typed, string reaction) => Assert.That(ReactionNames.ReactionOf(typed), Is.EqualTo(reaction));

    [TestCase("hi @ben, and @Ben.", "ben")]
    [TestCase("mail ada@ben.org", "")]
    [TestCase("@a.b-c_d: @x", "a.b-c_d x")]
    [TestCase("@ @- @.", "")]
    public void NamesAreWordsBehindAnAt(string text, string expected) => Assert.That(string.Join(' ', Mentions.Names(text)), Is.EqualTo(expected));

    [Test]
    public void AMessageSaysWhomItMentions()
    {
        static UserId Find(string name) => name == "ben" ? new UserId(5) : default;

        Assert.That(Mentions.AttributesOf("hello @nobody", Find, maySayEveryone: true), Is.Null);
        Assert.That(Mentions.AttributesOf("@all: hello", Find, maySayEveryone: false), Is.Null, "without the right the word is a word");
        MessageAttributes all = Mentions.AttributesOf("@all: ask @ben or @ben", Find, maySayEveryone: true)!;
        Assert.That((all.MentionsAll, all.Mentions), Is.EqualTo((true, new[] { new UserId(5) })));
    }

    private static int TextWidth(string line) => Cli.TextWidth.Of(line);
}
