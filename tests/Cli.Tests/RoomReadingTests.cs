using FastChat.Protocol;

namespace FastChat.Cli.Tests;

/// <summary>What is unread, and where reading stopped.</summary>
[TestFixture]
public sealed class RoomReadingTests
{
    private static readonly DateTimeOffset Noon = new(2024, 5, 1, 12, 0, 0, TimeSpan.Zero);

    private ChatRoom _room = null!;

    [SetUp]
    public void NewRoom() => _room = new ChatRoom(new ConversationId(1), "#lobby");

    [Test]
    public void UnreadIsCountedWhileNobodyLooksAndMarkedOnEntry()
    {
        Take(1, "seen", isSeen: true);
        _room.Read(1);
        Take(2, "not seen");
        Take(3, "own", isOwn: true);
        Take(4, "not seen either", mention: "ada");
        Assert.That((_room.Reading.Unread, _room.Reading.Mentions), Is.EqualTo((2, 1)));

        _room.Enter();
        Assert.That(NewLine(), Is.EqualTo("not seen"));
        Assert.That(_room.Read(4), Is.True);
        Assert.That((_room.Reading.Unread, _room.Reading.Mentions), Is.EqualTo((0, 0)));
        Assert.That(NewLine(), Is.EqualTo("not seen"), "the line stays while it is being read");

        _room.Enter();
        Assert.That(NewLine(), Is.Empty);
    }

    [Test]
    public void TheBrokersCountIsTheBeginningAndNothingIsCountedTwice()
    {
        // The broker counted up to 12; the page holds two more.
        _room.Reading.Begin(read: 5, unread: 7, hasMore: false, mentions: 1, head: 12);
        _room.AddOlder([.. Enumerable.Range(9, 6).Select(sequence => Entry((ulong)sequence, $"m{sequence}"))], first: 9, last: 14, isComplete: false);
        Assert.That(_room.Reading.Unread, Is.EqualTo(9));

        _room.Enter();
        Assert.That(NewLine(), Is.Empty, "where reading stopped is not loaded yet");
        _room.AddOlder([.. Enumerable.Range(4, 5).Select(sequence => Entry((ulong)sequence, $"m{sequence}"))], first: 4, last: 8, isComplete: false);
        Assert.That(NewLine(), Is.EqualTo("m6"));
        Assert.That(_room.Reading.Unread, Is.EqualTo(9), "older messages were counted by the broker");
    }

    [Test]
    public void AnotherDeviceReadsAPart()
    {
        _room.Reading.Begin(read: 0, unread: 0, hasMore: false, mentions: 0, head: 0);
        for (ulong sequence = 1; sequence <= 6; sequence++)
        {
            Take(sequence, $"m{sequence}", mention: sequence == 5 ? "ada" : "");
        }

        Assert.That(_room.Read(4), Is.True);
        Assert.That((_room.Reading.Unread, _room.Reading.Mentions), Is.EqualTo((2, 1)));
        Assert.That(_room.Read(3), Is.False, "a cursor never goes back");
        Take(7, "m7");
        Assert.That(_room.Reading.Unread, Is.EqualTo(3));
    }

    [Test]
    public void ADeletedMessageIsNotUnread()
    {
        Take(1, "one", mention: "ada");
        Take(2, "two");
        _room.Take(new ChatItem(3, Change: new ChatChange(ChangeKind.Delete, 3, 1, IsOwn: false)), isSeen: false);
        Assert.That((_room.Reading.Unread, _room.Reading.Mentions), Is.EqualTo((1, 0)));
        Assert.That(_room.Read(2), Is.True);
        Assert.That(_room.Reading.Unread, Is.Zero);
    }

    [Test]
    public void OnlyWhatIsInViewIsSeen()
    {
        for (ulong sequence = 1; sequence <= 20; sequence++)
        {
            Take(sequence, $"m{sequence}", isSeen: true);
        }

        _room.View(80, 5, out _);
        Assert.That(_room.SeenUpTo, Is.EqualTo(20));
        _room.Scroll(4);
        _room.View(80, 5, out _);
        Take(21, "m21");
        _room.View(80, 5, out _);
        Assert.That(_room.SeenUpTo, Is.EqualTo(16));
    }

    [Test]
    public void AnsweringTakesTheLineAway()
    {
        Take(1, "one");
        _room.Enter();
        Assert.That(NewLine(), Is.EqualTo("one"));
        _room.AddPending(ChatEntry.FromText("ada", "answer", Noon, 0, new ClientMessageId(1), isOwn: true, EntryState.Pending));
        Assert.That(NewLine(), Is.Empty);
    }

    [Test]
    public void WhoHasSeenTheLastOwnMessageIsSaid()
    {
        _room.Meet("ben", new UserId(5));
        _room.Meet("cleo", new UserId(6));
        Take(1, "own", isOwn: true);
        Assert.That(_room.SeenLine(), Is.Empty);
        _room.NoteReader(new UserId(5), 1);
        _room.NoteReader(new UserId(5), 0);
        Assert.That(_room.SeenLine(), Is.EqualTo("seen by ben"));
        _room.NoteReader(new UserId(6), 1);
        Assert.That(_room.SeenLine(), Is.EqualTo("seen by ben, cleo"));
        Take(2, "own again", isOwn: true);
        Assert.That(_room.SeenLine(), Is.Empty);
        _room.NoteReader(new UserId(5), 2);
        Take(3, "an answer");
        Assert.That(_room.SeenLine(), Is.Empty, "who answers has read it");
    }

    // The message below the line; empty when there is no line.
    private string NewLine()
    {
        string[] rows = [.. _room.View(80, 40, out _).Select(row => row.PlainText)];
        int at = Array.FindIndex(rows, static row => row.Contains(" new messages ", StringComparison.Ordinal));
        return at < 0 ? string.Empty : rows[at + 1][11..];
    }

    private static ChatEntry Entry(ulong sequence, string text, bool isOwn = false, string mention = "") =>
        ChatEntry.FromText("bob", text, Noon, sequence, default, isOwn, context: new EntryContext { MentionOf = mention });

    private void Take(ulong sequence, string text, bool isSeen = false, bool isOwn = false, string mention = "") =>
        _room.Take(new ChatItem(sequence, Entry(sequence, text, isOwn, mention)), isSeen);
}
