using System.Text;

using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>Edits, deletions, reactions, pins, threads, mentions and conditional appends in the shard's state machine.</summary>
[TestFixture(false)]
[TestFixture(true)]
internal sealed class MessageCommandsTests(bool isSealing)
{
    private static readonly UserId Alice = ShardBench.Alice;
    private static readonly UserId Bob = ShardBench.Bob;
    private static readonly UserId Carol = ShardBench.Carol;

    private MemoryVault? _vault;
    private ShardBench _bench = null!;
    private ulong _id;

    [SetUp]
    public void MakeBench()
    {
        _vault = isSealing ? new MemoryVault() : null;
        _bench = new ShardBench(_vault?.NewLog());
        _id = 0;
        _bench.Create(ShardBench.Room, ConversationKind.Group, null, Alice, false, Bob);
    }

    [TearDown]
    public void RemoveVault() => _vault?.Dispose();

    [Test]
    public void OnlyTheSenderEditsAndOthersLearnOfIt([Values] bool restarts)
    {
        Text(Bob, "helo");
        Next(restarts);
        Assert.That(Edit(Alice, 1, "hello"), Is.EqualTo(ErrorCode.Forbidden), "not even an owner puts words into other mouths");
        Assert.That(Edit(Bob, 1, "hello"), Is.EqualTo(ErrorCode.None));
        Assert.That(Edit(Bob, 1, "hello!"), Is.EqualTo(ErrorCode.None));
        Next(restarts);
        Assert.That(AnnotationOf(1)!.Edits, Is.EqualTo(new ulong[] { 2, 3 }));
        Assert.That(Edit(Bob, 2, "x"), Is.EqualTo(ErrorCode.NoSuchMessage), "an edit is no message");
        Assert.That(Edit(Bob, 4, "x"), Is.EqualTo(ErrorCode.NoSuchMessage), "there is none yet");
        Assert.That(Edit(Carol, 1, "x"), Is.EqualTo(ErrorCode.NoSuchConversation));
    }

    [Test]
    public void ADeletionTakesTheMessageAndItsEditsAway([Values] bool restarts, [Values] bool byModerator)
    {
        Text(Bob, "secret");
        Edit(Bob, 1, "more secret");
        React(Alice, 1, "👍");
        Pin(Alice, 1, true);
        Next(restarts);
        Assert.That(Publish(byModerator ? Alice : Bob, MessageKind.Delete, new DeleteBody(1).ToBytes()), Is.EqualTo(ErrorCode.None));
        Assert.That(ErasedIn(_bench.Turn), Is.EquivalentTo(new ulong[] { 1, 2 }));
        Next(restarts);
        Assert.That((AnnotationOf(1)!.DeletedBy, AnnotationOf(1)!.Edits.Count, AnnotationOf(1)!.Reactions.Count, AnnotationOf(1)!.PinnedBy), Is.EqualTo((5ul, 0, 0, 0ul)));
        Assert.That(_bench.Log.Get(Table.State, MessageKeys.Pin(ShardBench.Room, 1)), Is.Null);
        foreach (ErrorCode late in new[] { Edit(Bob, 1, "x"), React(Bob, 1, "x"), Pin(Alice, 1, true), Publish(Bob, MessageKind.Delete, new DeleteBody(1).ToBytes()), Reply(Bob, 1) })
        {
            Assert.That(late, Is.EqualTo(ErrorCode.NoSuchMessage));
        }
    }

    [Test]
    public void MembersDeleteTheirOwnOnly()
    {
        Text(Alice, "mine");
        Assert.That(Publish(Bob, MessageKind.Delete, new DeleteBody(1).ToBytes()), Is.EqualTo(ErrorCode.Forbidden));
    }

    [Test]
    public void ARetriedDeletionIsAnsweredWithItsPlace()
    {
        Text(Bob, "x");
        byte[] deletion = ShardBench.PublishBody(ShardBench.Room, 77, new DeleteBody(1).ToBytes(), MessageKind.Delete);
        Assert.That(_bench.Apply(CommandKind.Publish, ShardBench.ActorOf(Bob), deletion), Is.EqualTo(ErrorCode.None));
        Next(restarts: true);
        Assert.That(_bench.Apply(CommandKind.Publish, ShardBench.ActorOf(Bob), deletion), Is.EqualTo(ErrorCode.None));
        Assert.That((_bench.LastAnswer.Sequence, _bench.LastAnswer.IsDuplicate), Is.EqualTo((2ul, true)));
    }

    [Test]
    public void AReactionIsOnePersonsOnce([Values] bool restarts)
    {
        Text(Alice, "news");
        Assert.That(React(Alice, 1, "👍"), Is.EqualTo(ErrorCode.None));
        Assert.That(React(Bob, 1, "👍"), Is.EqualTo(ErrorCode.None));
        Next(restarts);
        Assert.That(React(Bob, 1, "👍"), Is.EqualTo(ErrorCode.Conflict));
        Assert.That(React(Bob, 1, "🎉"), Is.EqualTo(ErrorCode.None));
        Assert.That(AnnotationOf(1)!.Reactions, Is.EqualTo(new[] { new ReactionCount("👍", 2), new ReactionCount("🎉", 1) }));
        Assert.That(React(Bob, 1, "👍", isAdded: false), Is.EqualTo(ErrorCode.None));
        Assert.That(React(Bob, 1, "👍", isAdded: false), Is.EqualTo(ErrorCode.Conflict));
        Assert.That(React(Alice, 1, "👍", isAdded: false), Is.EqualTo(ErrorCode.None));
        Assert.That(AnnotationOf(1)!.Reactions, Is.EqualTo(new[] { new ReactionCount("🎉", 1) }));
        for (int i = 1; i < ProtocolLimits.ReactionKindsMax; i++)
        {
            Assert.That(React(Alice, 1, $"r{i}"), Is.EqualTo(ErrorCode.None));
        }

        Assert.That(React(Alice, 1, "one more"), Is.EqualTo(ErrorCode.TooMany));
    }

    [Test]
    public void RepliesAndThreadsAreCountedWithoutTheDeleted()
    {
        Text(Alice, "question");
        Reply(Bob, 1);
        Thread(Bob, 1);
        Thread(Alice, 1);
        Next(restarts: true);
        Assert.That((AnnotationOf(1)!.Replies, AnnotationOf(1)!.InThread), Is.EqualTo((1u, 2u)));
        Publish(Bob, MessageKind.Delete, new DeleteBody(3).ToBytes());
        Publish(Bob, MessageKind.Delete, new DeleteBody(2).ToBytes());
        Next(restarts: false);
        Assert.That((AnnotationOf(1)!.Replies, AnnotationOf(1)!.InThread), Is.EqualTo((0u, 1u)));
        Assert.That(KeysOf(MessageKeys.Thread(ShardBench.Room, 1)), Has.Count.EqualTo(1));
        Assert.That(Reply(Bob, 99), Is.EqualTo(ErrorCode.NoSuchMessage));
        Assert.That(Thread(Bob, 5), Is.EqualTo(ErrorCode.NoSuchMessage), "a deletion is no message");
    }

    [Test]
    public void MentionsAreNotedWithTheMessageAndGoWithIt()
    {
        Rich(Alice, new MessageAttributes { Mentions = [Bob, Alice] });
        Next(restarts: true);
        Assert.That(KeysOf(MessageKeys.AllOf('q', ShardBench.Room)), Is.EqualTo(new[] { MessageKeys.Mention(ShardBench.Room, Bob, 1) }), "nobody is told of a mention by themselves");
        Publish(Alice, MessageKind.Delete, new DeleteBody(1).ToBytes());
        Next(restarts: false);
        Assert.That(KeysOf(MessageKeys.AllOf('q', ShardBench.Room)), Is.Empty);
    }

    [Test]
    public void MentioningEveryoneTakesARight()
    {
        Assert.That(Rich(Bob, new MessageAttributes { MentionsAll = true }), Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(Rich(Alice, new MessageAttributes { MentionsAll = true }), Is.EqualTo(ErrorCode.None));
        Text(Bob, "x");
        byte[] content = new RichBody { Kind = MessageKind.Text, Attributes = new MessageAttributes { MentionsAll = true }.ToBytes(), Content = "x"u8 }.ToBytes();
        Assert.That(Publish(Bob, MessageKind.Edit, new EditBody { Target = 2, Kind = MessageKind.Rich, Content = content }.ToBytes()), Is.EqualTo(ErrorCode.Forbidden), "an edit is no way around it");
        Next(restarts: false);
        Assert.That(KeysOf(MessageKeys.AllOf('z', ShardBench.Room)).Select(key => MessageKeys.Sequence(key)), Is.EqualTo(new ulong[] { 1 }));
    }

    [Test]
    public void ReadersReactAndDoNotWriteAndTheMutedDoNeither()
    {
        Text(Alice, "news");
        _bench.ChangeMember(Alice, MemberChange.SetRole, Bob, MemberRole.Reader);
        Assert.That(Text(Bob, "x"), Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(React(Bob, 1, "👍"), Is.EqualTo(ErrorCode.None));
        Assert.That(Pin(Bob, 1, true), Is.EqualTo(ErrorCode.Forbidden));
        _bench.ChangeMember(Alice, MemberChange.Mute, Bob, mutedUntil: long.MaxValue);
        Assert.That(React(Bob, 1, "🎉"), Is.EqualTo(ErrorCode.Forbidden));
    }

    [Test]
    public void WhatLiesBeforeTheRightToReadCannotBeReactedTo()
    {
        Text(Alice, "before");
        _bench.Change(Alice, new ConversationChanges { History = HistoryVisibility.Joined });
        _bench.ChangeMembers(ShardBench.ActorOf(Alice), ShardBench.Room, MemberRole.Member, Carol);
        Text(Alice, "after");
        Assert.That(React(Carol, 1, "👍"), Is.EqualTo(ErrorCode.NoSuchMessage));
        Assert.That(Reply(Carol, 1), Is.EqualTo(ErrorCode.NoSuchMessage));
        Assert.That(React(Carol, 4, "👍"), Is.EqualTo(ErrorCode.None));
    }

    [Test]
    public void AnAppendOnConditionHasOneWinner([Values] bool restarts)
    {
        Text(Alice, "1");
        Next(restarts);
        Assert.That(If(Alice, 10, head: 1), Is.EqualTo(ErrorCode.None));
        Assert.That(If(Bob, 11, head: 1), Is.EqualTo(ErrorCode.Conflict));
        Next(restarts);
        Assert.That(If(Alice, 10, head: 1), Is.EqualTo(ErrorCode.None), "the winner's retry is answered with its place");
        Assert.That((_bench.LastAnswer.Sequence, _bench.LastAnswer.IsDuplicate), Is.EqualTo((2ul, true)));
        Assert.That(If(Bob, 11, head: 2), Is.EqualTo(ErrorCode.None), "what was refused was not stored, and its id is free");
    }

    [Test]
    public void AMessageExpiresOnceAndThatIsARecord()
    {
        Assert.That(Rich(Bob, new MessageAttributes { ExpiresMicros = 500 }), Is.EqualTo(ErrorCode.BadRequest), "that is over already");
        Rich(Bob, new MessageAttributes { ExpiresMicros = 5_000, ReplyTo = 0 });
        Next(restarts: true);
        byte[] expiry = MessageKeys.Expiry(5_000, ShardBench.Room, 1);
        Assert.That(_bench.Log.Get(Table.State, expiry), Is.Not.Null);
        for (int i = 0; i < 2; i++)
        {
            _bench.Apply(CommandKind.Expire, default, new ExpireCommand(ShardBench.Room, 1, 5_000).ToBytes());
            Assert.That(ErasedIn(_bench.Turn), Is.EqualTo(i == 0 ? [1ul] : Array.Empty<ulong>()));
            Next(restarts: false);
        }

        Assert.That((AnnotationOf(1)!.DeletedBy, _bench.Log.Get(Table.State, expiry), _bench.Log.ReadHead(ShardBench.Room).Sequence), Is.EqualTo((2ul, (byte[]?)null, 2ul)));
    }

    /// <summary>What is stored about messages is what the records say, however turns, syncs and restarts fall between them.</summary>
    [Test]
    public void AnnotationsFollowFromTheLog([Range(1, 12)] int seed)
    {
        Random random = new(seed);
        _bench.ChangeMembers(ShardBench.ActorOf(Alice), ShardBench.Room, MemberRole.Moderator, Carol);
        for (int i = 0; i < 400; i++)
        {
            UserId user = random.Next(3) switch { 0 => Alice, 1 => Bob, _ => Carol };
            ulong target = (ulong)random.NextInt64(1, (long)_bench.Log.ReadHead(ShardBench.Room).Sequence + 8);
            switch (random.Next(12))
            {
                case < 3: Text(user, "text"); break;
                case 3: Edit(user, target, "edited"); break;
                case 4: Publish(user, MessageKind.Delete, new DeleteBody(target).ToBytes()); break;
                case < 7: React(user, target, random.Next(2) == 0 ? "👍" : "🎉", random.Next(3) > 0); break;
                case 7: Pin(user, target, random.Next(2) == 0); break;
                case 8: Reply(user, target); break;
                case 9: Thread(user, target); break;
                case 10: Rich(user, new MessageAttributes { Mentions = [Bob], ReplyTo = 0 }); break;
                default: Commit(random); break;
            }
        }

        if (_bench.Syncing is not null)
        {
            _bench.EndSync();
        }

        _bench.Commit();
        AnnotationModel model = AnnotationModel.Of(_bench.Read(ShardBench.Room));
        Dictionary<ulong, string> stored = [];
        _bench.Log.Scan(Table.State, MessageKeys.AllOf('x', ShardBench.Room), [], (key, value) =>
        {
            stored[MessageKeys.Sequence(key)] = AnnotationModel.Print(Annotation.Parse(value)!);
            return true;
        });
        Assert.That(stored, Is.EquivalentTo(model.Annotations), "what is stored is the fold of the log");
        Assert.That(KeysOf(MessageKeys.AllOf('p', ShardBench.Room)).Select(key => MessageKeys.Sequence(key)), Is.EquivalentTo(model.Pinned));
        Assert.That(KeysOf(MessageKeys.AllOf('i', ShardBench.Room)).Count, Is.EqualTo(model.InThreads));
        Assert.That(KeysOf(MessageKeys.AllOf('r', ShardBench.Room)).Count, Is.GreaterThanOrEqualTo(model.Reactions));
    }

    /// <summary>What cannot be read is no "nothing": a deleted message would be editable. And it shows before anything is changed, also when it lies where only the end of a message looks.</summary>
    [Test]
    public void ADamagedAnnotationIsToldAndChangesNothing([Values] bool isOfAnother)
    {
        Text(Alice, "question");
        Reply(Bob, 1);
        Next(restarts: false);
        ulong damaged = isOfAnother ? 1ul : 2ul;
        _bench.WriteState(new StateEntry(MessageKeys.Annotation(ShardBench.Room, damaged), [1, 2, 3]));
        _bench.Commit();
        Assert.That(() => Publish(Bob, MessageKind.Delete, new DeleteBody(2).ToBytes()), Throws.TypeOf<CorruptRecordException>());
        Assert.That(() => _bench.Apply(CommandKind.Expire, default, new ExpireCommand(ShardBench.Room, 2, 5_000).ToBytes()), Throws.TypeOf<CorruptRecordException>());
        Assert.That(() => React(Alice, damaged, "👍"), Throws.TypeOf<CorruptRecordException>());
        Assert.That(() => Thread(Alice, damaged), Throws.TypeOf<CorruptRecordException>());
        Assert.That((_bench.Turn.Batch.Count, _bench.Turn.Open.Count), Is.EqualTo((0, 0)));
        Assert.That(Text(Bob, "and on"), Is.EqualTo(ErrorCode.None));
        Next(restarts: true);
        Assert.That(_bench.Log.ReadHead(ShardBench.Room).Sequence, Is.EqualTo(3));
    }

    [Test]
    public void AnnotationsSurviveTheirBytes()
    {
        Annotation one = new()
        {
            Edits = [3, ulong.MaxValue],
            Reactions = [new ReactionCount("👍", 7), new ReactionCount("x", uint.MaxValue)],
            Replies = 1,
            InThread = 2,
            DeletedBy = 4,
            PinnedBy = 5,
        };
        Assert.That(AnnotationModel.Print(Annotation.Parse(one.ToBytes())!), Is.EqualTo(AnnotationModel.Print(one)));
        byte[] bytes = one.ToBytes();
        for (int size = 0; size < bytes.Length; size++)
        {
            Assert.That(Annotation.Parse(bytes.AsSpan(0, size)), Is.Null);
        }

        Assert.That(Annotation.Parse([.. bytes, 0]), Is.Null);
    }

    private void Commit(Random random)
    {
        if (_bench.Syncing is not null)
        {
            _bench.EndSync();
        }
        else if (random.Next(2) == 0)
        {
            _bench.BeginSync();
        }
        else
        {
            _bench.Commit();
            if (random.Next(3) == 0)
            {
                _bench.Restart();
            }
        }
    }

    private void Next(bool restarts)
    {
        _bench.Commit();
        if (restarts)
        {
            _bench.Restart();
        }
    }

    private ErrorCode Text(UserId user, string text) => Publish(user, MessageKind.Text, Encoding.UTF8.GetBytes(text));

    private ErrorCode Edit(UserId user, ulong target, string text) =>
        Publish(user, MessageKind.Edit, new EditBody { Target = target, Kind = MessageKind.Text, Content = Encoding.UTF8.GetBytes(text) }.ToBytes());

    private ErrorCode React(UserId user, ulong target, string reaction, bool isAdded = true) => Publish(user, MessageKind.Reaction, new ReactionBody(target, isAdded, reaction).ToBytes());

    private ErrorCode Pin(UserId user, ulong target, bool isPinned) => Publish(user, MessageKind.Pin, new PinBody(target, isPinned).ToBytes());

    private ErrorCode Reply(UserId user, ulong target) => Rich(user, new MessageAttributes { ReplyTo = target });

    private ErrorCode Thread(UserId user, ulong root) => Rich(user, new MessageAttributes { Thread = root });

    private ErrorCode Rich(UserId user, MessageAttributes attributes) =>
        Publish(user, MessageKind.Rich, new RichBody { Kind = MessageKind.Text, Attributes = attributes.ToBytes(), Content = "content"u8 }.ToBytes());

    private ErrorCode Publish(UserId user, MessageKind kind, byte[] body)
    {
        Assert.That(MessageBodies.Check(kind, body, out string reason), Is.EqualTo(ErrorCode.None), reason);
        return _bench.Apply(CommandKind.Publish, ShardBench.ActorOf(user), ShardBench.PublishBody(ShardBench.Room, ++_id, body, kind));
    }

    private ErrorCode If(UserId user, ulong id, ulong head)
    {
        Publish publish = new() { Conversation = ShardBench.Room, ClientMessageId = ShardBench.MessageId(id), Kind = MessageKind.Text, IfHead = head, Body = "x"u8 };
        byte[] bytes = new byte[ChainHash.Size + publish.Size];
        System.Security.Cryptography.SHA256.HashData("x"u8, bytes);
        publish.Write(bytes.AsSpan(ChainHash.Size));
        return _bench.Apply(CommandKind.Publish, ShardBench.ActorOf(user), bytes);
    }

    private Annotation? AnnotationOf(ulong sequence)
    {
        if (_bench.Turn.TryGet(MessageKeys.Annotation(ShardBench.Room, sequence), out byte[]? value) && value is not null)
        {
            return Annotation.Parse(value);
        }

        return _bench.Log.Get(Table.State, MessageKeys.Annotation(ShardBench.Room, sequence)) is { } stored ? Annotation.Parse(stored) : null;
    }

    private List<byte[]> KeysOf(byte[] prefix)
    {
        List<byte[]> keys = [];
        _bench.Log.Scan(Table.State, prefix, [], (key, _) =>
        {
            keys.Add(key.ToArray());
            return true;
        });
        return keys;
    }

    private static List<ulong> ErasedIn(Turn turn) => [.. turn.Erased.Select(one => one.Sequence)];
}
