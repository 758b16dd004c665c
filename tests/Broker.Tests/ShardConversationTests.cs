using System.Buffers.Binary;

using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>Conversations, members, side-table writes and owed effects in the shard's state machine; and its determinism.</summary>
internal sealed class ShardConversationTests
{
    private static readonly ConversationId Other = new(0x2002);

    private ShardBench _bench = null!;

    [SetUp]
    public void MakeBench() => _bench = new ShardBench();

    [Test]
    public void ANameIsTakenOnceWhateverItsCase([Values] bool sameTurn)
    {
        Assert.That(_bench.Create(ShardBench.Room, ConversationKind.Public, "Lobby", ShardBench.Alice).Created, Is.True);
        if (!sameTurn)
        {
            _bench.Commit();
            _bench.Restart();
        }

        Assert.That(_bench.Create(Other, ConversationKind.Public, "lobby", ShardBench.Bob).Error, Is.EqualTo(ErrorCode.NameTaken));

        CommandResult found = _bench.Create(Other, ConversationKind.Public, "LOBBY", ShardBench.Bob, findExisting: true);
        Assert.That((found.Error, found.Conversation, found.Created), Is.EqualTo((ErrorCode.None, ShardBench.Room, false)));
        Assert.That(_bench.Publish(ShardBench.Bob, 1, "x", to: Other), Is.EqualTo(ErrorCode.NoSuchConversation), "the refused one was not made");
    }

    [Test]
    public void CreatingTheSameIdAgainFindsItForItsCreatorOnly()
    {
        Assert.That(_bench.Create(ShardBench.Room, ConversationKind.Group, null, ShardBench.Alice).Created, Is.True);
        CommandResult again = _bench.Create(ShardBench.Room, ConversationKind.Group, null, ShardBench.Alice);
        Assert.That((again.Error, again.Created, again.Conversation), Is.EqualTo((ErrorCode.None, false, ShardBench.Room)));
        Assert.That(_bench.Create(ShardBench.Room, ConversationKind.Group, null, ShardBench.Bob).Error, Is.Not.EqualTo(ErrorCode.None));
    }

    [Test]
    public void AGroupIsForItsMembers()
    {
        _bench.Create(ShardBench.Room, ConversationKind.Group, null, ShardBench.Alice, false, ShardBench.Bob);
        Assert.That(_bench.Publish(ShardBench.Alice, 1, "x"), Is.EqualTo(ErrorCode.None));
        Assert.That(_bench.Publish(ShardBench.Bob, 1, "x"), Is.EqualTo(ErrorCode.None));
        Assert.That(_bench.Publish(ShardBench.Carol, 1, "x"), Is.EqualTo(ErrorCode.NoSuchConversation));
        _bench.Commit();
        _bench.Restart();
        Assert.That(_bench.Publish(ShardBench.Bob, 2, "x"), Is.EqualTo(ErrorCode.None), "membership is stored");
        Assert.That(_bench.Publish(ShardBench.Carol, 2, "x"), Is.EqualTo(ErrorCode.NoSuchConversation));
    }

    [Test]
    public void AddingAndRemovingAreRecordsAndARemovalEndsTheChunk()
    {
        Actor alice = ShardBench.ActorOf(ShardBench.Alice);
        _bench.Create(ShardBench.Room, ConversationKind.Group, null, ShardBench.Alice);
        _bench.Publish(ShardBench.Alice, 1, "before");
        Assert.That(_bench.ChangeMembers(alice, ShardBench.Room, MemberRole.Member, ShardBench.Bob, ShardBench.Carol).Count, Is.EqualTo(2));
        Assert.That(_bench.Publish(ShardBench.Bob, 1, "hello"), Is.EqualTo(ErrorCode.None));
        CommandResult removed = _bench.ChangeMembers(alice, ShardBench.Room, MemberRole.None, ShardBench.Bob);
        Assert.That((removed.Count, removed.Sequence), Is.EqualTo((1, 5ul)));
        Assert.That(_bench.Publish(ShardBench.Bob, 2, "late"), Is.EqualTo(ErrorCode.NoSuchConversation));
        _bench.Publish(ShardBench.Alice, 2, "after");
        Shard.SealOpen(_bench.Turn);

        Assert.That(
            _bench.Turn.Chunks.Select(chunk => (chunk.First, chunk.Last, chunk.Removed)),
            Is.EqualTo(new[] { (1ul, 5ul, ShardBench.Bob), (6ul, 6ul, default(UserId)) }));
        _bench.Commit();
        Assert.That(_bench.Read(ShardBench.Room).Select(record => record.Kind), Is.EqualTo(new[]
        {
            MessageKind.Text, MessageKind.MemberAdded, MessageKind.MemberAdded, MessageKind.Text, MessageKind.MemberRemoved, MessageKind.Text,
        }));
        StoredRecord removal = _bench.Read(ShardBench.Room)[4];
        MembershipBody.TryRead(Convert.FromHexString(removal.BodyHex), out MembershipBody body);
        Assert.That(body.User, Is.EqualTo(ShardBench.Bob));
    }

    [Test]
    public void MembersWhoAreThereAlreadyAreNotAddedAgain()
    {
        Actor alice = ShardBench.ActorOf(ShardBench.Alice);
        _bench.Create(ShardBench.Room, ConversationKind.Group, null, ShardBench.Alice, false, ShardBench.Bob);
        Assert.That(_bench.ChangeMembers(alice, ShardBench.Room, MemberRole.Member, ShardBench.Bob, ShardBench.Carol, ShardBench.Carol).Count, Is.EqualTo(1));
        Assert.That(_bench.ChangeMembers(alice, ShardBench.Room, MemberRole.None, new UserId(0x999)).Count, Is.Zero);
        _bench.Commit();
        Assert.That(_bench.Read(ShardBench.Room), Has.Count.EqualTo(1));
    }

    [Test]
    public void OnlyOwnersAndOperatorsChangeOthersAndAnyoneLeaves()
    {
        _bench.Create(ShardBench.Room, ConversationKind.Group, null, ShardBench.Alice, false, ShardBench.Bob);
        Actor bob = ShardBench.ActorOf(ShardBench.Bob);
        Assert.That(_bench.ChangeMembers(bob, ShardBench.Room, MemberRole.Member, ShardBench.Carol).Error, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(_bench.ChangeMembers(bob, ShardBench.Room, MemberRole.None, ShardBench.Alice).Error, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(
            _bench.ChangeMembers(bob, ShardBench.Room, MemberRole.None, ShardBench.Bob, ShardBench.Alice).Error,
            Is.EqualTo(ErrorCode.Forbidden), "leaving together with somebody else is removing");
        Assert.That(
            _bench.ChangeMembers(ShardBench.ActorOf(ShardBench.Carol), ShardBench.Room, MemberRole.Member, ShardBench.Carol).Error,
            Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That(
            _bench.ChangeMembers(ShardBench.ActorOf(ShardBench.Carol, rights: AccountRights.Operator), ShardBench.Room, MemberRole.Member, ShardBench.Carol).Count,
            Is.EqualTo(1));
        Assert.That(_bench.ChangeMembers(bob, ShardBench.Room, MemberRole.None, ShardBench.Bob).Count, Is.EqualTo(1));
    }

    [Test]
    public void EffectsAreStoredNumberedAndAddressedToTheUsersShard()
    {
        UserId far = new(Id128.WithPlacement(5, 3));
        ShardBench bench = new(shards: 8);
        bench.Create(ShardBench.Room, ConversationKind.Group, null, ShardBench.Alice, false, far);
        bench.ChangeMembers(ShardBench.ActorOf(ShardBench.Alice), ShardBench.Room, MemberRole.None, far);

        List<OutgoingEffect> owed = [.. bench.Turn.Outgoing];
        Assert.That(owed.Select(effect => StateKeys.EffectCounter(effect.Key)), Is.EqualTo(new ulong[] { 1, 2, 3 }));
        Assert.That(owed.Select(effect => (int)BinaryPrimitives.ReadUInt16LittleEndian(effect.Value)), Is.EqualTo(new[] { 0, 3, 3 }));
        StateEntry added = StateWriteCommand.Parse(owed[1].Value.AsSpan(2)).Entries.Single();
        StateEntry taken = StateWriteCommand.Parse(owed[2].Value.AsSpan(2)).Entries.Single();
        Assert.That(added.Key, Is.EqualTo(ConversationKeys.ListEntry(far, ShardBench.Room)));
        Assert.That(added.Value, Is.EqualTo(new Membership(MemberRole.Member, 0).ToBytes()));
        Assert.That(taken.Value, Is.Null);

        bench.Commit();
        Assert.That(owed.Select(effect => bench.Log.Get(Table.State, effect.Key)), Is.EqualTo(owed.Select(effect => effect.Value)));
        bench.Restart();
        bench.ChangeMembers(ShardBench.ActorOf(ShardBench.Alice), ShardBench.Room, MemberRole.Member, far);
        Assert.That(StateKeys.EffectCounter(bench.Turn.Outgoing.Single().Key), Is.EqualTo(4), "numbers go on behind what is still owed");
    }

    [Test]
    public void AStateWriteIsAllOrNothing([Values("same turn", "turn that syncs", "durable")] string when)
    {
        _bench.WriteState(new StateEntry([1, 1], [10], MustBeAbsent: true));
        if (when != "same turn")
        {
            _bench.BeginSync();
        }

        if (when == "durable")
        {
            _bench.EndSync();
        }

        CommandResult refused = _bench.WriteState(new StateEntry([2, 2], [20]), new StateEntry([1, 1], [11], MustBeAbsent: true));
        Assert.That((refused.Error, refused.Existing), Is.EqualTo((ErrorCode.NameTaken, new byte[] { 10 })));
        Assert.That(_bench.WriteState(new StateEntry([1, 1], null)).Error, Is.EqualTo(ErrorCode.None));
        Assert.That(_bench.WriteState(new StateEntry([1, 1], [12], MustBeAbsent: true)).Error, Is.EqualTo(ErrorCode.None), "a deletion counts at once");
        if (_bench.Syncing is not null)
        {
            _bench.EndSync();
        }

        _bench.Commit();
        Assert.That(_bench.Log.Get(Table.State, [1, 1]), Is.EqualTo(new byte[] { 12 }));
        Assert.That(_bench.Log.Get(Table.State, [2, 2]), Is.Null, "the refused command changed nothing");
    }

    [Test]
    public void TheSameCommandsGiveTheSameLogWhereverTurnsEnd([Values(1, 2, 3, 4, 5)] int seed)
    {
        List<(Actor Actor, CommandKind Kind, byte[] Body)> commands = Stream(seed, 800);
        ShardBench one = Replay(commands, new Random(seed * 31), turnMax: 3);
        ShardBench other = Replay(commands, new Random(seed * 37), turnMax: 200);

        for (ulong id = 1; id <= 6; id++)
        {
            ConversationId conversation = new(id);
            Assert.That(other.Log.ReadHead(conversation), Is.EqualTo(one.Log.ReadHead(conversation)), "head and chain hash");
            Assert.That(other.Read(conversation).Select(record => record.Bytes), Is.EqualTo(one.Read(conversation).Select(record => record.Bytes)));
        }

        Assert.That(one.Log.ReadHead(new ConversationId(1)).Sequence, Is.GreaterThan(20), "the stream says something");
        Assert.That(State(other.Log), Is.EqualTo(State(one.Log)));
    }

    private static List<(Actor Actor, CommandKind Kind, byte[] Body)> Stream(int seed, int count)
    {
        Random random = new(seed);
        UserId[] users = [ShardBench.Alice, ShardBench.Bob, ShardBench.Carol];
        List<(Actor Actor, CommandKind Kind, byte[] Body)> commands = [];
        for (int i = 0; i < count; i++)
        {
            Actor actor = ShardBench.ActorOf(users[random.Next(3)], (ulong)random.Next(1, 3));
            ConversationId conversation = new((ulong)random.Next(1, 7));
            commands.Add(random.Next(12) switch
            {
                0 => (actor, CommandKind.CreateConversation, new CreateConversationCommand(
                    conversation,
                    new ConversationMeta(random.Next(2) == 0 ? ConversationKind.Public : ConversationKind.Group, actor.User, i, random.Next(3) == 0 ? $"n{random.Next(4)}" : null, null),
                    random.Next(2) == 0,
                    [users[random.Next(3)]]).ToBytes()),
                1 or 2 => (actor, CommandKind.ChangeMembers, new ChangeMembersCommand(
                    conversation, random.Next(2) == 0 ? MemberRole.None : MemberRole.Member, [users[random.Next(3)]]).ToBytes()),
                _ => (actor, CommandKind.Publish, ShardBench.PublishBody(conversation, (ulong)random.Next(200), new byte[random.Next(1, 9000)])),
            });
        }

        return commands;
    }

    private static ShardBench Replay(List<(Actor Actor, CommandKind Kind, byte[] Body)> commands, Random random, int turnMax)
    {
        ShardBench bench = new();
        int left = random.Next(1, turnMax);
        for (int i = 0; i < commands.Count; i++)
        {
            bench.Apply(commands[i].Kind, commands[i].Actor, commands[i].Body, time: 1000 + i);
            if (--left == 0)
            {
                left = random.Next(1, turnMax);
                if (bench.Syncing is not null)
                {
                    bench.EndSync();
                }

                bench.BeginSync();
            }
        }

        if (bench.Syncing is not null)
        {
            bench.EndSync();
        }

        bench.Commit();
        return bench;
    }

    private static List<string> State(InMemoryConversationLog log)
    {
        List<string> entries = [];
        foreach (Table table in new[] { Table.State, Table.Dedupe })
        {
            log.Scan(table, [], [], (key, value) =>
            {
                // The commit number counts turns, which differ on purpose.
                if (key is not [0, 1])
                {
                    entries.Add($"{table} {Convert.ToHexString(key)} {Convert.ToHexString(value)}");
                }

                return true;
            });
        }

        return entries;
    }
}
