using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli.Tests;

/// <summary>A room without a screen: what stands where, what became of it, what moves and what does not.</summary>
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
        Take(ChatEntry.FromText("ada", "hello", Noon, 2, new ClientMessageId(9), isOwn: true));

        string[] shown = Shown();
        Assert.That(shown, Has.One.Contains("hello"));
        Assert.That(RowOf(shown, "earlier"), Is.LessThan(RowOf(shown, "hello")));
    }

    [Test]
    public void ARefusedMessageStaysAndSaysSo()
    {
        _room.AddPending(ChatEntry.FromText("ada", "hello", Noon, 0, new ClientMessageId(9), isOwn: true, EntryState.Pending));
        _room.Fail(new ClientMessageId(9));
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
        _room.AddOlder([Entry(3, "three"), Entry(4, "fourth"), Entry(5, "fifth")], first: 3, last: 5, isComplete: false);

        Assert.That(Shown().Where(row => row.Contains("bob", StringComparison.Ordinal)).Select(row => row[11..]), Is.EqualTo(new[] { "three", "fourth", "five" }));
        Assert.That(_room.Entries.Oldest, Is.EqualTo(3));
    }

    [Test]
    public void ChangesShowInThePlaceOfTheMessage()
    {
        Add(1, "helo");
        Add(2, "second");
        Change(ChangeKind.Edit, 3, 1, "hello \e[31m");
        Change(ChangeKind.React, 4, 1, "👍");
        Change(ChangeKind.React, 5, 1, "👍", isOwn: true);
        Change(ChangeKind.React, 6, 1, "❤");
        Change(ChangeKind.Pin, 7, 1);

        Assert.That(Shown()[^3..], Is.EqualTo(new[] { "12:00 bob  hello ␛[31m (edited)", "          [👍 2] ❤ 1  pinned ", "12:00 bob  second" }));

        Change(ChangeKind.Unreact, 8, 1, "👍", isOwn: true);
        Change(ChangeKind.Unreact, 9, 1, "❤");
        Change(ChangeKind.Unpin, 10, 1);
        Assert.That(Shown()[^2], Is.EqualTo("           👍 1 "));

        Change(ChangeKind.Delete, 11, 1);
        Assert.That(Shown()[^2..], Is.EqualTo(new[] { "12:00 bob  message deleted", "12:00 bob  second" }), "nothing of what it said remains");
        Assert.That(_room.Entries.Newest, Is.EqualTo(11), "a change moves the end as well");
    }

    [Test]
    public void WhatAPageKnowsAlreadyIsNotCountedTwice()
    {
        _room.Entries.IsLoading = true;
        ChatEntry page = Entry(1, "old");

        // The page's state is that of head 8: the reaction at 7 is in it, the one at 9 arrived while the page was under way.
        page.Begin(new MessageMarks { Reactions = [new MessageReaction("👍", 3, false)] }, text: null, head: 8);
        Change(ChangeKind.React, 7, 1, "👍");
        Change(ChangeKind.React, 9, 1, "👍");
        _room.AddOlder([page], first: 1, last: 1, isComplete: true);

        Assert.That(Shown()[^1], Is.EqualTo("           👍 4 "));
    }

    [Test]
    public void AReplyQuotesWhatTheOtherSaysNow()
    {
        Add(1, "where do we meet?", "ada");
        Take(ChatEntry.FromText("bob", "at nine", Noon, 2, default, isOwn: false, context: new EntryContext { ReplyTo = 1 }));
        Assert.That(Shown()[^2..], Is.EqualTo(new[] { "      ↱ ada: where do we meet?", "12:00 bob  at nine" }));

        Change(ChangeKind.Edit, 3, 1, "when\ndo we meet?");
        Assert.That(Shown()[^2], Is.EqualTo("      ↱ ada: when do we meet?"));

        Change(ChangeKind.Delete, 4, 1);
        Assert.That(Shown()[^2], Is.EqualTo("      ↱ ada: message deleted"));
    }

    [Test]
    public void AQuoteThatIsNotLoadedIsAskedForOnceAndShownWhenItIsThere()
    {
        ChatEntry reply = ChatEntry.FromText("bob", "at nine", Noon, 20, default, isOwn: false, context: new EntryContext { ReplyTo = 3 });
        Take(reply);
        Assert.That(Shown()[^2], Is.EqualTo("      ↱ …"));
        Assert.That(_room.Entries.MissingQuotes([reply, reply]), Is.EqualTo(new[] { 3ul }));

        _room.Entries.AnswerAll(3, new Quote("ada", "when?"));
        Assert.That(Shown()[^2], Is.EqualTo("      ↱ ada: when?"));
        Assert.That(_room.Entries.MissingQuotes([reply]), Is.Empty);
    }

    [Test]
    public void AThreadIsCountedAtItsBeginningAndShownInARoomOfItsOwn()
    {
        ChatRoom thread = new(new ConversationId(1), "#lobby›1") { Thread = 1 };
        thread.AddOlder([Entry(1, "root")], first: 1, last: 1, isComplete: true);
        Add(1, "root");
        foreach (ChatItem item in new[]
        {
            new ChatItem(2, ChatEntry.FromText("bob", "inside", Noon, 2, default, isOwn: false, context: new EntryContext { Thread = 1 })),
            new ChatItem(3, Entry(3, "outside")),
        })
        {
            _room.Take(item, isSeen: true);
            thread.Take(item, isSeen: true);
        }

        Assert.That(Shown()[^5..], Is.EqualTo(new[] { "12:00 bob  root", "           1 reply in thread ", "      ┆ thread of bob: root", "12:00 bob  inside", "12:00 bob  outside" }));
        Assert.That(thread.View(80, 20, out _).Select(row => row.PlainText).ToArray()[^3..], Is.EqualTo(new[] { "12:00 bob  root", "           1 reply in thread ", "12:00 bob  inside" }));

        ChatItem gone = new(4, Change: new ChatChange(ChangeKind.Delete, 4, 2, IsOwn: false));
        _room.Take(gone, isSeen: true);
        thread.Take(gone, isSeen: true);
        Assert.That(Shown(), Has.None.Contains("in thread "));
        Assert.That(thread.View(80, 20, out _)[^1].PlainText, Is.EqualTo("12:00 bob  message deleted"), "each room has changed its own");
    }

    [Test]
    public void AScrolledViewStandsStillWhateverHappensBelowAndAbove()
    {
        for (ulong sequence = 1; sequence <= 30; sequence++)
        {
            Add(sequence, $"message {sequence}");
        }

        _room.Scroll(10);
        string[] before = Shown(5);
        Assert.That(before[^1], Does.EndWith("message 20"));
        Add(31, "message 31");
        Change(ChangeKind.React, 32, 30, "👍");
        Change(ChangeKind.Edit, 33, 25, "two\nrows");
        Change(ChangeKind.React, 34, 2, "👍");
        _room.AddRemark(ChatEntry.Remark("several\nrows\nof a remark", Noon));
        Assert.That(Shown(5), Is.EqualTo(before));

        _room.AddOlder([Entry(1, "never")], first: 1, last: 1, isComplete: true);
        Assert.That(Shown(5), Is.EqualTo(before));

        _room.ScrollToEnd();
        Assert.That(Shown(5)[^4], Does.EndWith("message 31"));
    }

    [Test]
    public void ScrollingStaysInsideOfWhatThereIs()
    {
        for (ulong sequence = 1; sequence <= 9; sequence++)
        {
            Add(sequence, $"message {sequence}");
        }

        _room.Scroll(1000);
        Assert.That(Shown(4), Is.EqualTo(new[] { EntryLayout.Day(Noon, 80).PlainText, "12:00 bob  message 1", "12:00 bob  message 2", "12:00 bob  message 3" }));
        Assert.That(_room.SeenUpTo, Is.EqualTo(3));
        _room.Scroll(-2);
        Assert.That(Shown(4)[^1], Does.EndWith("message 5"));
        _room.Scroll(-1000);
        Assert.That(Shown(4)[^1], Does.EndWith("message 9"));
        Assert.That((_room.IsScrolled, _room.SeenUpTo), Is.EqualTo((false, 9ul)));
    }

    [Test]
    public void PickingMovesFromMessageToMessageAndKeepsThemInSight()
    {
        for (ulong sequence = 1; sequence <= 9; sequence++)
        {
            Add(sequence, $"message {sequence}");
        }

        _room.AddRemark(ChatEntry.Remark("a remark", Noon));
        _room.PickNext(1);
        Assert.That(_room.Picked, Is.Null);
        for (int step = 0; step < 7; step++)
        {
            _room.PickNext(-1);
        }

        Assert.That(Shown(3)[0], Is.EqualTo("12:00▶bob  message 3"));
        _room.PickNext(1);
        Assert.That(Shown(3)[1], Is.EqualTo("12:00▶bob  message 4"), "what is in sight does not move");
        Change(ChangeKind.Delete, 10, 4);
        Assert.That(_room.Picked, Is.Null, "nothing can be done with a deleted message");
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
        _room.Entries.IsLoading = true;
        _room.View(80, 3, out bool loading);
        Assert.That(loading, Is.False, "one page at a time");
        _room.AddOlder([Entry(1, "first")], first: 1, last: 1, isComplete: true);
        _room.Scroll(100);
        _room.View(80, 3, out bool complete);
        Assert.That(complete, Is.False);
    }

    [Test]
    public void DaysAreSeparated()
    {
        Add(1, "wednesday");
        Take(ChatEntry.FromText("bob", "thursday", Noon.AddDays(1), 2, default, isOwn: false));

        string[] rows = [.. Shown().Where(row => row.Contains('─', StringComparison.Ordinal))];
        Assert.That(rows, Has.Length.EqualTo(2));
        Assert.That(rows[1], Does.Contain("Thursday, 2 May 2024"));
    }

    [Test]
    public void ALogThatWasReplacedBeginsItsNumbersAnew()
    {
        Add(1, "kept");
        Add(2, "lost");
        _room.Restart(head: 1);
        Add(2, "new two");
        Change(ChangeKind.Edit, 3, 2, "edited two");

        Assert.That(Shown()[^3..], Is.EqualTo(new[] { "12:00 bob  kept", "12:00 bob  lost", "12:00 bob  edited two (edited)" }));
    }

    [Test]
    public void WhatIsLoadedIsBounded()
    {
        for (ulong sequence = 1; sequence <= RoomEntries.EntriesMax + 1; sequence++)
        {
            Add(sequence, "x");
        }

        Assert.That(_room.Entries.Count, Is.EqualTo(RoomEntries.EntriesMax / 2));
        Assert.That((_room.Entries.IsComplete, _room.Entries.Oldest), Is.EqualTo((false, (ulong)(RoomEntries.EntriesMax / 2) + 2)));
        Assert.That(_room.Entries.Find(1), Is.Null);
    }

    [Test]
    public void WhatSomebodyReadsIsKeptLongerAndNotForEver()
    {
        for (ulong sequence = 1; sequence <= 100; sequence++)
        {
            Add(sequence, $"m{sequence}");
        }

        _room.Scroll(50);
        string read = Shown(5)[0];
        for (ulong sequence = 101; sequence <= RoomEntries.EntriesLimit; sequence++)
        {
            Add(sequence, "x");
        }

        Assert.That(Shown(5)[0], Is.EqualTo(read));
        Assert.That(_room.Entries.IsFull, Is.True);
        Add(RoomEntries.EntriesLimit + 1, "one too many");
        Assert.That(_room.Entries.Count, Is.EqualTo(RoomEntries.EntriesMax / 2));
        Assert.That(Shown(5)[^1], Does.EndWith("one too many"), "there is nothing left to read there");
        Assert.That(_room.IsScrolled, Is.False);
    }

    [TestCase("/me waves", "12:00 * bob waves")]
    [TestCase("\e]0;title\a", "12:00 bob  ␛]0;title␇")]
    [TestCase("two\nlines", "12:00 bob  two")]
    public void TextsAreShownHarmless(string text, string firstRow) => Assert.That(Entry(1, text).Rows(80)[0].PlainText, Is.EqualTo(firstRow));

    [TestCase("hello", ChatVerb.Say, "hello")]
    [TestCase("//usr/bin", ChatVerb.Say, "/usr/bin")]
    [TestCase("/me waves", ChatVerb.Say, "/me waves")]
    [TestCase("/join  #other ", ChatVerb.Join, "#other")]
    [TestCase("/edit two\nlines", ChatVerb.Edit, "two\nlines")]
    [TestCase("/+ 👍", ChatVerb.React, "👍")]
    [TestCase("/QUIT", ChatVerb.Quit, "")]
    [TestCase("/nonsense x", ChatVerb.Unknown, "/nonsense")]
    public void LinesAreUnderstood(string line, object verb, string argument) => Assert.That(ChatInput.Parse(line), Is.EqualTo(new ChatInput((ChatVerb)verb, argument)));

    private static int RowOf(string[] shown, string text) => Array.FindIndex(shown, row => row.Contains(text, StringComparison.Ordinal));

    private static ChatEntry Entry(ulong sequence, string text, string sender = "bob") => ChatEntry.FromText(sender, text, Noon, sequence, default, isOwn: false);

    private void Add(ulong sequence, string text, string sender = "bob") => Take(Entry(sequence, text, sender));

    private void Take(ChatEntry entry) => _room.Take(new ChatItem(entry.Sequence, entry), isSeen: true);

    private void Change(ChangeKind kind, ulong sequence, ulong target, string text = "", bool isOwn = false) =>
        _room.Take(new ChatItem(sequence, Change: new ChatChange(kind, sequence, target, isOwn, text)), isSeen: true);

    private string[] Shown(int height = 20) => [.. _room.View(80, height, out _).Select(row => row.PlainText)];
}
