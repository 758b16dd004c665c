using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli.Tests;

/// <summary>Whole pictures of the chat at the widths that people have. What is here is what they see; a change of the layout changes these lines on purpose.</summary>
[TestFixture]
public sealed class ChatScreenTests
{
    private static readonly DateTimeOffset Noon = new(2024, 5, 1, 12, 0, 0, TimeSpan.Zero);

    [Test]
    public void ANarrowTerminal() => AssertScreen(40, 22, """
         #harbour  boats and t… ● 2 of 3 online
        ──────── Wednesday, 1 May 2024 ─────────
        12:00 · ada joined
        12:00 ada  where do we meet tomorrow,
                   and when?
                   日本語の長い文ですと続く
                  [👍 3] ❤️ 1
                   1 reply in thread  pinned
              ↱ ada: where do we meet tomorrow,…
        12:00 a_very_long_name_o…  at the
          station
        ──────────── new messages ──────────────
        12:01┃ada  @ben nine sharp (edited)
        12:01 * ada packs é and ñ
              ↷ forwarded from cleo
        12:01 ada  the tide is at six
              ┆ thread of ada: where do we meet…
        12:01 ben  not sent  (not sent)
        12:02 ada  message deleted
        cleo and dan are typing…
         1:#harbour (3 @1)  2:@cleo (12 @2)
        ben › nearly do
        """);

    [Test]
    public void AnOrdinaryTerminal() => AssertScreen(80, 19, """
         #harbour  boats and tides                                      ● 2 of 3 online
        ──────────── Wednesday, 1 May 2024 ─────────────────────────────────────────────
        12:00 · ada joined
        12:00 ada  where do we meet tomorrow, and when? 日本語の長い文ですと続く
                  [👍 3] ❤️ 1  1 reply in thread  pinned
              ↱ ada: where do we meet tomorrow, and when? 日本語の長い文ですと続く
        12:00 a_very_long_name_o…  at the station
        ──────────── new messages ──────────────────────────────────────────────────────
        12:01┃ada  @ben nine sharp (edited)
        12:01 * ada packs é and ñ
              ↷ forwarded from cleo
        12:01 ada  the tide is at six
              ┆ thread of ada: where do we meet tomorrow, and when? 日本語の長い文です…
        12:01 ben  not sent  (not sent)
        12:02 ada  message deleted
        cleo and dan are typing…
         1:#harbour (3 @1)  2:@cleo (12 @2)  3:The crew
        ben › nearly do
        """);

    [Test]
    public void AWideTerminal() => AssertScreen(120, 19, """
         #harbour  boats and tides                                                                              ● 2 of 3 online
        ──────────── Wednesday, 1 May 2024 ─────────────────────────────────────────────────────────────────────────────────────
        12:00 · ada joined
        12:00 ada  where do we meet tomorrow, and when? 日本語の長い文ですと続く
                  [👍 3] ❤️ 1  1 reply in thread  pinned
              ↱ ada: where do we meet tomorrow, and when? 日本語の長い文ですと続く
        12:00 a_very_long_name_o…  at the station
        ──────────── new messages ──────────────────────────────────────────────────────────────────────────────────────────────
        12:01┃ada  @ben nine sharp (edited)
        12:01 * ada packs é and ñ
              ↷ forwarded from cleo
        12:01 ada  the tide is at six
              ┆ thread of ada: where do we meet tomorrow, and when? 日本語の長い文ですと続く
        12:01 ben  not sent  (not sent)
        12:02 ada  message deleted
        cleo and dan are typing…
         1:#harbour (3 @1)  2:@cleo (12 @2)  3:The crew
        ben › nearly do
        """);

    [Test]
    public void WhatIsAttachedStandsBelowAndWhatIsHiddenIsNotShown()
    {
        ChatEntry entry = ChatEntry.FromText(
            "ada", "the harbour", Noon, 1, default, isOwn: false, context: new EntryContext { ReplyTo = 9, Attachments = ["harbour.jpg, 34 KiB", "tides.pdf, 1.2 MiB"] });
        entry.Begin(new MessageMarks { Reactions = [new MessageReaction("👍", 2, true)] }, null, 2);
        string[] shown = [.. entry.Rows(50).Select(static row => row.PlainText.TrimEnd())];
        Assert.That(shown[^3..], Is.EqualTo(new[] { "12:00 ada  the harbour", "           📎 harbour.jpg, 34 KiB", "           📎 tides.pdf, 1.2 MiB [👍 2]" }));

        Assert.That((entry.Hide(true), entry.Hide(true)), Is.EqualTo((true, false)));
        Assert.That(entry.Rows(50).Select(static row => row.PlainText), Is.EqualTo(new[] { "12:00 ada  hidden by you" }));
        entry.Hide(false);
        Assert.That(entry.Rows(50).Select(static row => row.PlainText.TrimEnd()), Is.EqualTo(shown), "nothing was lost");
        entry.Apply(new ChatChange(ChangeKind.Delete, 3, 1, false));
        Assert.That(entry.Rows(50).Select(static row => row.PlainText.TrimEnd()), Is.EqualTo(new[] { "12:00 ada  message deleted" }));
    }

    [Test]
    public void NothingIsEverWiderThanTheTerminal()
    {
        (ChatPicture picture, _) = Scene();
        for (int columns = 1; columns <= 130; columns++)
        {
            foreach (int height in new[] { 1, 2, 3, 5, 12, 40 })
            {
                (List<StyledRow> rows, int cursor) = ChatView.Compose(picture, columns, height, out _);
                Assert.That(rows, Has.Count.EqualTo(height), $"{columns} × {height}");
                Assert.That(cursor, Is.InRange(0, columns - 1), $"{columns} × {height}");

                // Names stand whole in front of their texts; a terminal that is narrower than one cuts the row.
                if (columns >= 30)
                {
                    Assert.That(rows.Max(static row => row.Width), Is.LessThanOrEqualTo(columns), $"{columns} × {height}");
                }
            }
        }
    }

    [Test]
    public void NothingOfOthersReachesTheTerminalAsACommand()
    {
        const string Evil = "\e[2J\u009b31m\u202E\a";
        ChatRoom room = new(new ConversationId(1), SafeText.OneLine($"#{Evil}")) { Topic = SafeText.OneLine(Evil) };
        ChatEntry entry = ChatEntry.FromText(Evil, Evil, Noon, 1, default, isOwn: false, context: new EntryContext { ReplyTo = 9, ForwardedFrom = SafeText.OneLine(Evil) });
        entry.Begin(new MessageMarks { Reactions = [new MessageReaction("\u202E", 1, false)] }, $"{Evil} again", 2);
        room.Take(new ChatItem(1, entry), isSeen: true);
        room.Entries.AnswerAll(9, RoomEntries.QuoteOf(entry));
        room.AddRemark(ChatEntry.Remark(ChatPeople.Lines(
            [new MemberInfo(new UserId(5), Evil, MemberRole.Member, 0)],
            new Dictionary<UserId, PresenceEntry> { [new UserId(5)] = new(new UserId(5), Availability.Online, 0, Evil) },
            TimeZoneInfo.Utc), Noon));

        (List<StyledRow> rows, _) = ChatView.Compose(Picture(room, new LineEditor()) with { Typing = ChatTyping.Sentence([(SafeText.OneLine(Evil), SignalKind.Typing)]) }, 80, 20, out _);

        string all = string.Concat(rows.Select(static row => row.PlainText));
        Assert.That(all.EnumerateRunes().Where(SafeText.IsHarmful), Is.Empty);
        Assert.That(all, Does.Contain("␛[2J").And.Contain("again"));
    }

    [TestCase(1, "ada is typing…")]
    [TestCase(2, "ada and ben are typing…")]
    [TestCase(3, "ada, ben and cleo are typing…")]
    [TestCase(4, "4 people are typing…")]
    public void WhoTypesIsASentence(int count, string expected) =>
        Assert.That(ChatTyping.Sentence([.. new[] { "ada", "ben", "cleo", "dan" }.Take(count).Select(static name => (name, SignalKind.Typing))]), Is.EqualTo(expected));

    [Test]
    public void PeopleWhoAreThereComeFirst()
    {
        MemberInfo[] members = [new(new UserId(1), "zoe", MemberRole.Owner, 0), new(new UserId(2), "ada", MemberRole.Member, 0), new(new UserId(3), "ben", MemberRole.Member, 0)];
        Dictionary<UserId, PresenceEntry> presence = new()
        {
            [new UserId(1)] = new(new UserId(1), Availability.DoNotDisturb, 0, "on stage"),
            [new UserId(2)] = new(new UserId(2), Availability.Offline, 1_714_564_800_000_000, string.Empty),
        };

        Assert.That(ChatPeople.Lines(members, presence, TimeZoneInfo.Utc).Split('\n'), Is.EqualTo(new[]
        {
            "◐ zoe (owner)  do not disturb  “on stage”",
            "○ ada  last seen 2024-05-01 12:00",
            "ben",
        }));
        Assert.That(ChatPeople.Line(presence[new UserId(1)], TimeZoneInfo.Utc), Is.EqualTo("◐ do not disturb “on stage”"));
        Assert.That(ChatPeople.Line(presence[new UserId(1)] with { Availability = Availability.Online }, TimeZoneInfo.Utc), Is.EqualTo("● online “on stage”"));
    }

    private static void AssertScreen(int columns, int height, string expected)
    {
        (ChatPicture picture, _) = Scene();
        (List<StyledRow> rows, _) = ChatView.Compose(picture, columns, height, out _);
        string[] shown = [.. rows.Select(static row => row.PlainText.TrimEnd())];
        Assert.That(string.Join('\n', shown.Where(static (row, index) => index == 0 || row.Length > 0)), Is.EqualTo(expected.Replace("\r", "", StringComparison.Ordinal)));
    }

    private static (ChatPicture Picture, ChatRoom Room) Scene()
    {
        ChatRoom room = new(new ConversationId(1), "#harbour") { Topic = "boats and tides" };
        Take(room, ChatEntry.Remark("ada joined", Noon, 1));
        ChatEntry first = Message(2, "ada", "where do we meet tomorrow, and when? 日本語の長い文ですと続く");
        first.Begin(new MessageMarks { IsPinned = true, InThread = 0, Reactions = [new MessageReaction("👍", 3, true), new MessageReaction("❤️", 1, false)] }, null, 2);
        Take(room, first);
        Take(room, Message(3, "a_very_long_name_of_somebody", "at the station", new EntryContext { ReplyTo = 2 }));
        room.Read(3);
        ChatEntry mention = Message(4, "ada", "@ben nine", new EntryContext { MentionOf = "ben" }, minutes: 1);
        room.Take(new ChatItem(4, mention), isSeen: false);
        room.Enter();
        room.Take(new ChatItem(5, Change: new ChatChange(ChangeKind.Edit, 5, 4, IsOwn: false, "@ben nine sharp")), isSeen: true);
        Take(room, Message(6, "ada", "/me packs e\u0301 and n\u0303", minutes: 1));
        Take(room, Message(7, "ada", "the tide is at six", new EntryContext { ForwardedFrom = "cleo" }, minutes: 1));
        ChatEntry refused = ChatEntry.FromText("ben", "not sent", Noon.AddMinutes(1), 0, new ClientMessageId(7), isOwn: true, EntryState.Pending, new EntryContext { Thread = 2 });
        room.Entries.AddPending(refused);
        room.Fail(new ClientMessageId(7));
        Take(room, Message(8, "ada", "in the thread, and gone", new EntryContext { Thread = 2 }, minutes: 2));
        room.Take(new ChatItem(9, Change: new ChatChange(ChangeKind.Delete, 9, 8, IsOwn: false)), isSeen: true);
        room.Entries.Find(2)!.CountInThread(1, 10);

        LineEditor editor = new();
        editor.Replace("nearly do");
        return (Picture(room, editor), room);
    }

    private static ChatPicture Picture(ChatRoom room, LineEditor editor)
    {
        ChatRoom waiting = new(new ConversationId(2), "@cleo");
        waiting.Reading.Begin(1, 12, false, 2, 20);
        return new ChatPicture
        {
            Rooms = [room, waiting, new ChatRoom(new ConversationId(3), "The crew")],
            Current = room,
            Editor = editor,
            UserName = "ben",
            State = ConnectedState,
            Typing = "cleo and dan are typing…",
            Presence = "● 2 of 3 online",
        };
    }

    private static ConnectionState ConnectedState => new(ConnectionPhase.Connected, null, 0);

    private static void Take(ChatRoom room, ChatEntry entry) => room.Take(new ChatItem(entry.Sequence, entry), isSeen: true);

    private static ChatEntry Message(ulong sequence, string sender, string text, EntryContext? context = null, int minutes = 0) =>
        ChatEntry.FromText(sender, text, Noon.AddMinutes(minutes), sequence, default, isOwn: false, context: context);
}
