using FastChat.Protocol;

namespace FastChat.Cli.Tests;

[TestFixture]
public sealed class ChatRoomTests
{
    private static readonly DateTimeOffset Noon = new(2024, 5, 1, 12, 0, 0, TimeSpan.Zero);

    private ChatRoom _room = null!;

    [SetUp]
    public void NewRoom() => _room = new ChatRoom(new ConversationId(1), "#lobby");

    [Test]
    public void AnOwnMessageIsShownOnceFromSendingToTheLog()
    {
        ChatEntry sent = ChatEntry.FromText("ada", "hello", Noon, 0, new ClientMessageId(9), isOwn: true, EntryState.Pending);
        _room.AddPending(sent);
        Assert.That(Shown(), Has.One.Contains("hello"));
        Assert.That(sent.State, Is.EqualTo(EntryState.Pending));

        _room.Acknowledge(new ClientMessageId(9));
        Assert.That(sent.State, Is.EqualTo(EntryState.Confirmed));

        Add(1, "earlier", "bob");
        _room.AddNewer(ChatEntry.FromText("ada", "hello", Noon, 2, new ClientMessageId(9), isOwn: true), isShown: true, columns: 80);

        string[] shown = Shown();
        Assert.That(shown, Has.One.Contains("hello"));
        Assert.That(Array.FindIndex(shown, row => row.Contains("earlier", StringComparison.Ordinal)), Is.LessThan(Array.FindIndex(shown, row => row.Contains("hello", StringComparison.Ordinal))));
    }

    [Test]
    public void ARefusedMessageStaysAndSaysSo()
    {
        _room.AddPending(ChatEntry.FromText("ada", "hello", Noon, 0, new ClientMessageId(9), isOwn: true, EntryState.Pending));
        _room.Fail(new ClientMessageId(9), columns: 80);
        Add(1, "later");

        string[] shown = Shown();
        Assert.That(shown[^2], Does.EndWith("hello  (not sent)"));
        Assert.That(shown[^1], Does.EndWith("later"));
    }

    [Test]
    public void WhatCameBeforeIsNotAddedTwice()
    {
        Add(5, "five");
        Add(5, "five again");
        Add(4, "four");
        _room.AddOlder([Entry(3, "three"), Entry(4, "fourth"), Entry(5, "fifth")], isComplete: false);

        Assert.That(Shown().Where(row => row.Contains("bob", StringComparison.Ordinal)).Select(row => row[11..]), Is.EqualTo(new[] { "three", "fourth", "five" }));
        Assert.That(_room.Oldest, Is.EqualTo(3));
    }

    [Test]
    public void UnreadIsCountedInOtherRoomsAndMarkedOnEntry()
    {
        Add(1, "seen");
        _room.AddNewer(Entry(2, "not seen"), isShown: false, columns: 80);
        _room.AddNewer(Entry(3, "not seen either"), isShown: false, columns: 80);
        Assert.That(_room.Unread, Is.EqualTo(2));

        _room.Enter();

        string[] shown = Shown();
        Assert.That(_room.Unread, Is.Zero);
        Assert.That(Array.FindIndex(shown, row => row.Contains(" new ", StringComparison.Ordinal)), Is.EqualTo(Array.FindIndex(shown, row => row.EndsWith("not seen", StringComparison.Ordinal)) - 1));
    }

    [Test]
    public void AScrolledViewStandsStillWhenMessagesArrive()
    {
        for (ulong sequence = 1; sequence <= 30; sequence++)
        {
            Add(sequence, $"message {sequence}");
        }

        _room.Scroll(10);
        string[] before = Shown(5);
        Add(31, "message 31");
        Assert.That(Shown(5), Is.EqualTo(before));

        _room.ScrollToEnd();
        Assert.That(Shown(5)[^1], Does.EndWith("message 31"));
    }

    [Test]
    public void OlderPagesAreWantedAtTheTopAndNotPastTheFirst()
    {
        for (ulong sequence = 11; sequence <= 20; sequence++)
        {
            Add(sequence, "x");
        }

        _room.View(80, 3, out bool early);
        Assert.That(early, Is.False, "the top is out of sight");
        _room.Scroll(100);
        _room.View(80, 3, out bool top);
        Assert.That(top, Is.True);
        _room.IsLoading = true;
        _room.View(80, 3, out bool loading);
        Assert.That(loading, Is.False, "one page at a time");
        _room.AddOlder([Entry(1, "first")], isComplete: true);
        _room.Scroll(100);
        _room.View(80, 3, out bool complete);
        Assert.That(complete, Is.False);
    }

    [Test]
    public void DaysAreSeparated()
    {
        Add(1, "wednesday");
        _room.AddNewer(ChatEntry.FromText("bob", "thursday", Noon.AddDays(1), 2, default, isOwn: false), isShown: true, columns: 80);

        string[] rows = [.. Shown().Where(row => row.Contains('─', StringComparison.Ordinal))];
        Assert.That(rows, Has.Length.EqualTo(2));
        Assert.That(rows[1], Does.Contain("Thursday, 2 May 2024"));
    }

    [TestCase("/me waves", "12:00 * bob waves")]
    [TestCase("\e]0;title\a", "12:00 bob  ␛]0;title␇")]
    [TestCase("two\nlines", "12:00 bob  two")]
    public void TextsAreShownHarmless(string text, string firstRow) => Assert.That(Entry(1, text).Rows(80)[0].PlainText, Is.EqualTo(firstRow));

    [TestCase("hello", ChatVerb.Say, "hello")]
    [TestCase("//usr/bin", ChatVerb.Say, "/usr/bin")]
    [TestCase("/me waves", ChatVerb.Say, "/me waves")]
    [TestCase("/join  #other ", ChatVerb.Join, "#other")]
    [TestCase("/QUIT", ChatVerb.Quit, "")]
    [TestCase("/nonsense x", ChatVerb.Unknown, "/nonsense")]
    public void LinesAreUnderstood(string line, object verb, string argument) => Assert.That(ChatInput.Parse(line), Is.EqualTo(new ChatInput((ChatVerb)verb, argument)));

    private static ChatEntry Entry(ulong sequence, string text, string sender = "bob") => ChatEntry.FromText(sender, text, Noon, sequence, default, isOwn: false);

    private void Add(ulong sequence, string text, string sender = "bob") => _room.AddNewer(Entry(sequence, text, sender), isShown: true, columns: 80);

    private string[] Shown(int height = 20) => [.. _room.View(80, height, out _).Select(row => row.PlainText)];
}
