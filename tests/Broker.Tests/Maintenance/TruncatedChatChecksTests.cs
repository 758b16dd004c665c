using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>A chat with everything in it that is cut off at any place is a sound store, at once and when the files have it; and what is wrong with one is found.</summary>
[TestFixture(false)]
[TestFixture(true)]
[CancelAfter(300_000)]
internal sealed class TruncatedChatChecksTests(bool isErased)
{
    private static readonly UserId Alice = ChatOnDisk.Alice;
    private static readonly UserId Bob = ChatOnDisk.Bob;
    private static readonly ConversationId Room = ChatOnDisk.Room;

    private ChatOnDisk _chat = null!;

    [SetUp]
    public void Write()
    {
        _chat = new ChatOnDisk();
        _chat.Write(isErased);
    }

    [TearDown]
    public void Remove() => _chat.Dispose();

    [Test]
    public void StoreIsSoundWhereverItIsCutOff([Range(1, 21)] int first)
    {
        Cut((ulong)first);
        Assert.That(_chat.Verify().Problems, Is.Empty, "noted");
        RequireNothingBelow((ulong)first);
        Erase();
        VerifyResult verified = _chat.Verify();
        Assert.That(verified.Problems, Is.Empty, "done");
        Assert.That(verified.Messages, Is.EqualTo(_chat.Head + 2 - (ulong)first));
        SortedDictionary<string, string> sound = _chat.Dump();
        Assert.That(_chat.Verify(rebuild: true).Repaired, Is.Zero);
        Assert.That(_chat.Dump(), Is.EqualTo(sound));
    }

    [Test]
    public void StoreIsSoundWhenItIsCutOffInSteps()
    {
        for (ulong first = 2; first <= 21; first++)
        {
            Cut(first);
            Assert.That(_chat.Verify().Problems, Is.Empty, $"{first}");
        }

        Assert.That(_chat.Dump().Keys.Where(key => "xripzqy".Contains((char)Convert.FromHexString(key)[0], StringComparison.Ordinal)), Is.Empty);
    }

    /// <summary>Records of before and of after a cut name one another; the shard and <c>verify</c> go by the same rules.</summary>
    [Test]
    public void ChatGoesOnBehindACut()
    {
        Cut(4);
        _chat.Open();
        Assert.That(_chat.Rich(Bob, new MessageAttributes { ReplyTo = 1 }), Is.EqualTo(ErrorCode.NoSuchMessage));
        Assert.That(_chat.Rich(Bob, new MessageAttributes { Thread = 3 }), Is.EqualTo(ErrorCode.NoSuchMessage));
        Assert.That(_chat.React(Alice, 1, "👍", true), Is.EqualTo(ErrorCode.NoSuchMessage));
        Assert.That(_chat.Publish(Alice, MessageKind.Pin, new PinBody(1, false).ToBytes()), Is.EqualTo(ErrorCode.NoSuchMessage));

        // 4 answers 3 and stands in the thread of 1, both of which are gone.
        Assert.That(_chat.Publish(Alice, MessageKind.Delete, new DeleteBody(4).ToBytes()), Is.EqualTo(ErrorCode.None));
        Assert.That(_chat.Rich(Alice, new MessageAttributes { ReplyTo = 11, Mentions = [Bob] }), Is.EqualTo(ErrorCode.None));
        Assert.That(_chat.React(Bob, 11, "🎉", true), Is.EqualTo(ErrorCode.None));
        _chat.Commit();
        _chat.CarryEffects();
        _chat.Close();
        Assert.That(_chat.Verify().Problems, Is.Empty);
        Erase();
        Cut(12);
        Assert.That(_chat.Verify().Problems, Is.Empty);
    }

    [Test]
    public void MembershipWhoseRecordIsGoneStays()
    {
        _chat.Open();
        UserId carol = ShardBench.Carol;
        _chat.Apply(CommandKind.ChangeMembers, ShardBench.ActorOf(Alice), new ChangeMembersCommand(Room, MemberRole.Member, [carol]).ToBytes());
        _chat.Apply(CommandKind.ChangeMember, ShardBench.ActorOf(Alice), new ChangeMemberCommand(Room, Bob, MemberChange.SetRole, MemberRole.Moderator).ToBytes());
        _chat.Apply(CommandKind.ChangeMembers, ShardBench.ActorOf(Alice), new ChangeMembersCommand(Room, MemberRole.None, [carol]).ToBytes());
        _chat.Commit();
        _chat.CarryEffects();
        ulong head = _chat.HeadOf(Room);
        _chat.Close();
        SortedDictionary<string, string> before = _chat.Dump();
        Cut(head + 1);
        Erase();
        Assert.That(_chat.Verify().Problems, Is.Empty);
        Assert.That(_chat.Verify(rebuild: true).Repaired, Is.Zero);
        Assert.That(Members(_chat.Dump()), Is.EqualTo(Members(before)));

        // And one that cannot be read comes back from the member's own list.
        _chat.Change(batch => batch.Put(Table.State, ConversationKeys.Member(Room, Bob), [1, 2, 3]));
        Assert.That(_chat.Verify().Problems, Has.Count.EqualTo(1).And.All.Contains("is made by no record"));
        Assert.That(_chat.Verify(rebuild: true).Repaired, Is.EqualTo(1));
        Assert.That(Members(_chat.Dump()), Is.EqualTo(Members(before)));
    }

    [TestCase('x')]
    [TestCase('p')]
    [TestCase('z')]
    [TestCase('q')]
    public void EntryAboutWhatWasCutOffIsFoundAndTakenAway(char kind)
    {
        byte[] key = kind switch
        {
            'x' => MessageKeys.Annotation(Room, 1),
            'p' => MessageKeys.Pin(Room, 1),
            'z' => MessageKeys.MentionOfAll(Room, 2),
            _ => MessageKeys.Mention(Room, Alice, 2),
        };
        Cut(4);
        _chat.Change(batch => batch.Put(Table.State, key, kind == 'x' ? new Annotation { PinnedBy = 3 }.ToBytes() : kind == 'p' ? BitConverter.GetBytes(3ul) : ControlMap.IdBytes(Bob.Value)));
        Assert.That(_chat.Verify().Problems, Has.Count.EqualTo(1).And.All.Contains("no record makes it so"));
        Assert.That(_chat.Verify(rebuild: true).Repaired, Is.EqualTo(1));
        Assert.That(_chat.Verify().Problems, Is.Empty);
    }

    private void Cut(ulong first)
    {
        _chat.Open();
        Assert.That(_chat.Cut(Room, first), Is.EqualTo(ErrorCode.None));
        _chat.Commit();
        _chat.CarryEffects();
        _chat.Close();
    }

    private void Erase()
    {
        _chat.Open();
        _chat.EraseNoted();
        _chat.Close();
    }

    private void RequireNothingBelow(ulong first)
    {
        foreach (string key in _chat.Dump().Keys)
        {
            if (Maintenance.MessageEntry.TryRead(Convert.FromHexString(key), out Maintenance.MessageEntry entry) && entry.Conversation == Room)
            {
                Assert.That(entry.Place, Is.GreaterThanOrEqualTo(first), entry.ToString());
            }
        }
    }

    private static string[] Members(SortedDictionary<string, string> dump) => [.. dump.Where(one => one.Key.StartsWith("6d", StringComparison.Ordinal) || one.Key.StartsWith("6c", StringComparison.Ordinal)).Select(one => $"{one.Key} {one.Value}")];
}
