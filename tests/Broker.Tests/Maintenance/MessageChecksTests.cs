using System.Text;

using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>
/// Of the entries about messages and of cursors, each one that is missing, changed or made up is one problem that names conversation and sequence, and a rebuild makes the store what it was; both before the bodies of what
/// was deleted are gone and afterwards.
/// </summary>
[TestFixture(false)]
[TestFixture(true)]
[CancelAfter(300_000)]
internal sealed class MessageChecksTests(bool isErased)
{
    private static readonly UserId Alice = ChatOnDisk.Alice;
    private static readonly UserId Bob = ChatOnDisk.Bob;
    private static readonly ConversationId Room = ChatOnDisk.Room;

    private ChatOnDisk _chat = null!;
    private SortedDictionary<string, string> _sound = null!;

    [SetUp]
    public void Write()
    {
        _chat = new ChatOnDisk();
        _chat.Write(isErased);
        _sound = _chat.Dump();
    }

    [TearDown]
    public void Remove() => _chat.Dispose();

    [Test]
    public void TheStoreIsSoundAndHasEveryKind()
    {
        VerifyResult verified = _chat.Verify();
        Assert.That(verified.Problems, Is.Empty);
        Assert.That((verified.Messages, verified.Tombstones), Is.EqualTo((21L, isErased ? 4L : 0)));
        Dictionary<char, int> kinds = _sound.Keys.Select(key => (char)Convert.FromHexString(key)[0]).Where("xripzqydu".Contains).GroupBy(kind => kind).ToDictionary(group => group.Key, group => group.Count());
        Assert.That(kinds, Is.EquivalentTo(new Dictionary<char, int> { ['x'] = 5, ['r'] = 3, ['i'] = 2, ['p'] = 1, ['z'] = 1, ['q'] = 2, ['y'] = 1, ['d'] = 3, ['u'] = 3 }));
        Assert.That(_chat.Verify(rebuild: true).Repaired, Is.Zero);
        Assert.That(_chat.Dump(), Is.EqualTo(_sound));
    }

    [TestCase("x")]
    [TestCase("r")]
    [TestCase("i")]
    [TestCase("p")]
    [TestCase("z")]
    [TestCase("q")]
    [TestCase("y")]
    [TestCase("d")]
    [TestCase("u")]
    public void EachEntryThatIsMissingIsFoundAndComesBack(string kind) => EachOf(kind, (batch, key) => batch.Delete(Table.State, key));

    [TestCase("x")]
    [TestCase("r")]
    [TestCase("i")]
    [TestCase("p")]
    [TestCase("z")]
    [TestCase("q")]
    [TestCase("y")]
    [TestCase("d")]
    [TestCase("u")]
    public void EachEntryThatIsCutOffOrLongerIsFoundAndSetRight(string kind) => EachOf(kind, (batch, key) => batch.Put(Table.State, key, [1, 2, 3]));

    [Test]
    public void AnotherAnnotationThatCanBeReadIsFound()
    {
        byte[] key = MessageKeys.Annotation(Room, 1);
        Annotation sound = Annotation.Read(Stored(key));
        Assert.That((sound.Edits, sound.Replies, sound.InThread, sound.PinnedBy), Is.EqualTo((new ulong[] { 5 }, 1u, 2u, 10ul)));
        foreach (Annotation wrong in (Annotation[])[sound with { Edits = [] }, sound with { Replies = 2 }, sound with { InThread = 1 }, sound with { PinnedBy = 0 }, sound with { Reactions = [new("👍", 2)] }, sound with { Reactions = [.. sound.Reactions.Reverse()] }, sound with { DeletedBy = 9 }])
        {
            _chat.Change(batch => batch.Put(Table.State, key, wrong.ToBytes()));
            AssertOne($"What became of message 1 in conversation {Room} is not what the records say");
        }
    }

    private static readonly TestCaseData[] MadeUp =
    [
        Case("what became of a message", MessageKeys.Annotation(Room, 2), new Annotation { DeletedBy = 10 }.ToBytes(), $"What became of message 2 in conversation {Room} is there, though no record makes it so"),
        Case("a reaction that was taken back", MessageKeys.Reaction(Room, 1, Alice, "👍"), BitConverter.GetBytes(6ul), $"The reaction of user {Alice} to message 1 in conversation {Room} is there"),
        Case("a place in a thread", MessageKeys.InThread(Room, 1, 19), [], $"The place of message 19 in thread 1 in conversation {Room} is there"),
        Case("a pin of a deleted message", MessageKeys.Pin(Room, 14), BitConverter.GetBytes(17ul), $"The pin of message 14 in conversation {Room} is there"),
        Case("a mention of everyone", MessageKeys.MentionOfAll(Room, 12), ControlMap.IdBytes(Bob.Value), $"The mention of everyone in record 12 in conversation {Room} is there"),
        Case("a mention in a deleted message", MessageKeys.Mention(Room, Alice, 15), ControlMap.IdBytes(Bob.Value), $"The mention of user {Alice} in record 15 in conversation {Room} is there"),
        Case("an end of a message that has none", MessageKeys.Expiry(7_000, Room, 1), [], $"The end of message 1 at 7000 in conversation {Room} is there"),
        Case("a cursor of a stranger", ConversationKeys.Cursor(Room, ShardBench.Carol, 0), new ReadCursor(3, 2, 1).ToBytes(), "belongs to nobody who was ever a member"),
        Case("a cursor past the head", ConversationKeys.Cursor(Room, Alice, 3), new ReadCursor(21, 2, 1).ToBytes(), $"The cursor of user {Alice} in thread 3 of conversation {Room} is past the head, which is 20"),
        Case("a cursor of a thread past the head", ConversationKeys.Cursor(Room, Alice, 21), new ReadCursor(3, 2, 1).ToBytes(), "is past the head, which is 20"),
        Case("a cursor that has read what it has not", ConversationKeys.Cursor(Room, Alice, 4), new ReadCursor(1, 2, 1).ToBytes(), "contradicts itself"),
        Case("a copy of a stranger's", ConversationKeys.OwnCursor(ShardBench.Carol, Room, 0), new ReadCursor(3, 2, 1).ToBytes(), "is missing: only the user's side has it"),
        Case("a key that is none", "xyz"u8.ToArray(), [], "The entry 78797a has no place"),
        Case("an end of nothing", "yyz"u8.ToArray(), [], "The entry 79797a has no place"),
        Case("a mention without a record", MessageKeys.AllOf('q', Room), [], " has no place"),
        Case("a cursor without a place", "dyz"u8.ToArray(), [], "The cursor entry 64797a has no place"),
        Case("a copy without a place", "uyz"u8.ToArray(), [], "The cursor entry 75797a has no place"),
        Case("a note that a message is to be erased", MessageKeys.Erasure(Room, 2), [], $"Record 2 of conversation {Room} is noted to be erased, though no record deletes it"),
    ];

    [TestCaseSource(nameof(MadeUp))]
    public void WhatIsMadeUpIsFoundAndGoes(byte[] key, byte[] value, string problem)
    {
        _chat.Change(batch => batch.Put(Table.State, key, value));
        AssertOne(problem);
    }

    private static readonly TestCaseData[] LastTraces =
    [
        Case("what became of a message", MessageKeys.Annotation(Room, 21), new Annotation { Replies = 1 }.ToBytes(), "names record 21, which is not there"),
        Case("an edit", MessageKeys.Annotation(Room, 2), new Annotation { Edits = [23] }.ToBytes(), "names record 23, which is not there"),
        Case("a reaction", MessageKeys.Reaction(Room, 2, Bob, "x"), BitConverter.GetBytes(22ul), "names record 22, which is not there"),
        Case("a pin", MessageKeys.Pin(Room, 2), BitConverter.GetBytes(24ul), "names record 24, which is not there"),
        Case("an end", MessageKeys.Expiry(7_000, Room, 30), [], "names record 30, which is not there"),
        Case("of a conversation without records", MessageKeys.MentionOfAll(new ConversationId(77), 1), ControlMap.IdBytes(Bob.Value), "names record 1, which is not there"),
    ];

    [TestCaseSource(nameof(LastTraces))]
    public void TheLastTraceOfALostRecordIsLeftAlone(byte[] key, byte[] value, string problem)
    {
        _chat.Change(batch => batch.Put(Table.State, key, value));
        SortedDictionary<string, string> damaged = _chat.Dump();
        foreach (bool rebuild in (bool[])[false, true])
        {
            Assert.That(_chat.Verify(rebuild).Problems, Has.Exactly(1).Contains(problem).And.Exactly(1).Items);
        }

        Assert.That(_chat.Dump(), Is.EqualTo(damaged));
    }

    [Test]
    public void ACursorThatBothSidesHavePastTheHeadIsALostRecord()
    {
        byte[] ahead = new ReadCursor(40, 40, 40).ToBytes();
        _chat.Change(batch =>
        {
            batch.Put(Table.State, ConversationKeys.Cursor(Room, Bob, 0), ahead);
            batch.Put(Table.State, ConversationKeys.OwnCursor(Bob, Room, 0), ahead);
        });
        SortedDictionary<string, string> damaged = _chat.Dump();
        Assert.That(_chat.Verify(rebuild: true).Problems, Has.Exactly(1).Contains("is past the head, which is 20").And.Exactly(1).Items);
        Assert.That(_chat.Dump(), Is.EqualTo(damaged));
    }

    [TestCase(new byte[] { 9, 0, 0, 0, 0, 0, 0, 0 })]
    [TestCase(new byte[] { 1 })]
    [TestCase(null)]
    public void TheSumOfTheCursorsFollowsFromThem(byte[]? value)
    {
        byte[] key = ConversationKeys.Receipts(ShardBench.Room);
        _chat.Change(batch =>
        {
            if (value is null)
            {
                batch.Delete(Table.State, key);
            }
            else
            {
                batch.Put(Table.State, key, value);
            }

            batch.Put(Table.State, ConversationKeys.Receipts(new ConversationId(77)), [1, 0, 0, 0, 0, 0, 0, 0]);
        });
        Assert.That(_chat.Verify().Problems, Has.Exactly(1).Contains("The sum of what is seen").And.Exactly(1).Contains("is of nothing").And.Exactly(2).Items);
        Assert.That(_chat.Verify(rebuild: true).Problems, Is.Empty);
        Assert.That(_chat.Dump(), Is.EqualTo(_sound));
    }

    [Test]
    public void ACopyMayBeBehindByWhatIsOwed()
    {
        _chat.Open();
        _chat.Move(Bob, 0, 12);
        _chat.Move(Bob, 3, 4);
        _chat.Move(Bob, 0, 15);
        _chat.Commit();
        _chat.Close();
        SortedDictionary<string, string> owing = _chat.Dump();
        Assert.That(owing.Keys.Count(key => key.StartsWith("6f", StringComparison.Ordinal)), Is.EqualTo(2), "the cursor in a thread that is none was refused");
        Assert.That(_chat.Verify().Problems, Is.Empty);
        Assert.That(_chat.Verify(rebuild: true).Repaired, Is.Zero);

        // Without the cursor the newest of what is owed is what it was.
        _chat.Change(batch => batch.Delete(Table.State, ConversationKeys.Cursor(Room, Bob, 0)));
        Assert.That(_chat.Verify().Problems, Has.Exactly(1).Contains("is missing: only the user's side has it").And.Exactly(1).Items);
        Assert.That(_chat.Verify(rebuild: true).Problems, Is.Empty);
        Assert.That(_chat.Dump(), Is.EqualTo(owing));
    }

    [Test]
    public void ABodyThatIsToBeGoneAndIsNotNotedIsFoundAndNoted()
    {
        ulong[] noted = [.. ((ulong[])[12, 14, 15, 19]).Where(sequence => _sound.ContainsKey(Convert.ToHexStringLower(MessageKeys.Erasure(Room, sequence))))];
        Assert.That(noted, Has.Length.EqualTo(isErased ? 0 : 4));
        foreach (ulong sequence in noted)
        {
            _chat.Change(batch => batch.Delete(Table.State, MessageKeys.Erasure(Room, sequence)));
            AssertOne($"Record {sequence} of conversation {Room} has its body and is not noted to be erased");
        }
    }

    [Test]
    public void AMessageThatWasErasedWithoutADeletionIsReported()
    {
        _chat.Open();
        _chat.Close();
        _chat.Change(batch => batch.Put(Table.State, MessageKeys.Erasure(Room, 1), []));
        _chat.Open();
        _chat.EraseNoted();
        _chat.Close();
        Assert.That(_chat.Verify().Problems, Has.Exactly(1).Contains($"Message 1 of conversation {Room} is erased, though no record deletes it").And.Exactly(1).Items);
    }

    [Test]
    public void NothingIsConcludedFromALogWithDamage()
    {
        // A chunk of its own behind the others, so that there is a hole when those are gone.
        _chat.Open();
        _chat.Publish(Bob, MessageKind.Text, "one more"u8.ToArray());
        _chat.Commit();
        _chat.Close();
        byte[] chunk = [.. ControlMap.IdBytes(Room.Value), .. new byte[7], 1];
        _chat.Change(batch =>
        {
            batch.Delete(Table.Log, chunk);
            batch.Delete(Table.State, MessageKeys.Annotation(Room, 1));
        });
        SortedDictionary<string, string> damaged = _chat.Dump();
        VerifyResult rebuilt = _chat.Verify(rebuild: true);
        Assert.That(rebuilt.Problems, Has.One.Contains("Records 1 to 20 before").And.None.Contains("What became"));
        Assert.That(_chat.Dump(), Is.EqualTo(damaged));
    }

    [Test]
    public void WholeKindsComeBackTogether()
    {
        _chat.Change(batch =>
        {
            foreach (string key in _sound.Keys.Where(key => "xripzqyu".Contains((char)Convert.FromHexString(key)[0], StringComparison.Ordinal)))
            {
                batch.Delete(Table.State, Convert.FromHexString(key));
            }
        });
        Assert.That(_chat.Verify().ProblemCount, Is.EqualTo(18));
        Assert.That(_chat.Verify(rebuild: true).ProblemCount, Is.Zero);
        Assert.That(_chat.Dump(), Is.EqualTo(_sound));
    }

    /// <summary>Whatever is done in whatever order, with commits, restarts and erasing passes in between: the store is sound, and a rebuild has nothing to do.</summary>
    [Test]
    public void AnyChatIsSound([Range(1, 8)] int seed)
    {
        Random random = new((seed * 2) + (isErased ? 1 : 0));
        _chat.Open();
        for (int i = 0; i < 300; i++)
        {
            UserId user = random.Next(2) == 0 ? Alice : Bob;
            ulong target = (ulong)random.NextInt64(1, (long)_chat.HeadOf(Room) + 4);
            switch (random.Next(14))
            {
                case < 2: _chat.Publish(user, MessageKind.Text, "text"u8.ToArray()); break;
                case < 4: _chat.Rich(user, Attributes(random, target)); break;
                case < 6: _chat.Edit(user, target, new MessageAttributes { Mentions = random.Next(2) == 0 ? [Alice] : [Alice, Bob] }); break;
                case 6: _chat.Publish(user, MessageKind.Delete, new DeleteBody(target).ToBytes()); break;
                case < 9: _chat.React(user, target, random.Next(2) == 0 ? "👍" : "🎉", random.Next(3) > 0); break;
                case 9: _chat.Publish(user, MessageKind.Pin, new PinBody(target, random.Next(2) == 0).ToBytes()); break;
                case 10: _chat.Apply(CommandKind.Expire, default, new ExpireCommand(Room, target, 6_000).ToBytes()); break;
                case 11: _chat.Move(user, random.Next(3) == 0 ? target : 0, (ulong)random.NextInt64(1, 200)); break;
                default: _chat.Commit(); break;
            }

            if (i % 100 == 99)
            {
                _chat.Commit();
                Pass(random);
            }
        }

        _chat.Close();
        Assert.That(_chat.Verify().Problems, Is.Empty);
        Assert.That(_chat.Verify(rebuild: true).Repaired, Is.Zero);
    }

    private void Pass(Random random)
    {
        if (isErased)
        {
            _chat.EraseNoted();
        }

        if (random.Next(2) == 0)
        {
            _chat.CarryEffects();
        }

        _chat.Close();
        _chat.Open();
    }

    private static MessageAttributes Attributes(Random random, ulong target) => new()
    {
        ReplyTo = random.Next(2) == 0 ? target : 0,
        Thread = random.Next(2) == 0 ? target : 0,
        ExpiresMicros = random.Next(3) == 0 ? 6_000 : 0,
        Mentions = random.Next(2) == 0 ? [Bob, ShardBench.Carol] : [],
        MentionsAll = random.Next(4) == 0,
    };

    private static TestCaseData Case(string name, byte[] key, byte[] value, string problem) => new(key, value, problem) { TestName = name };

    private byte[] Stored(byte[] key) => Convert.FromHexString(_sound[Convert.ToHexStringLower(key)]);

    /// <summary>Damages each entry of a kind by itself.</summary>
    private void EachOf(string kind, Action<CommitBatch, byte[]> damage)
    {
        string prefix = Convert.ToHexStringLower(Encoding.ASCII.GetBytes(kind));
        string[] keys = [.. _sound.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal))];
        Assert.That(keys, Is.Not.Empty);
        foreach (string key in keys)
        {
            _chat.Change(batch => damage(batch, Convert.FromHexString(key)));
            AssertOne(Room.ToString());
        }
    }

    /// <summary>One problem, which a rebuild sets right.</summary>
    private void AssertOne(string problem)
    {
        VerifyResult found = _chat.Verify();
        Assert.That(found.Problems, Has.Exactly(1).Contains(problem).And.Exactly(1).Items);
        VerifyResult rebuilt = _chat.Verify(rebuild: true);
        Assert.That(rebuilt.Problems, Is.Empty);
        Assert.That(rebuilt.Repaired, Is.Positive);
        Assert.That(_chat.Verify().Problems, Is.Empty);
        Assert.That(_chat.Dump(), Is.EqualTo(_sound));
    }
}
