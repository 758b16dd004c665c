using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>What a cut does in a shard: to readers, to repeated publishes, to what hangs on the records; and that it does not matter how far commits are.</summary>
[TestFixture]
internal sealed class TruncateCommandsTests
{
    private const long Week = 7L * 24 * 60 * 60 * 1_000_000;

    private ShardBench _bench = null!;
    private ulong _id;

    [SetUp]
    public void Begin()
    {
        _bench = new ShardBench();
        _bench.Create(ShardBench.Room, ConversationKind.Group, null, ShardBench.Alice, false, ShardBench.Bob);
        _id = 0;
    }

    [Test]
    public void RetryOfWhatIsGoneIsAnsweredWithItsPlace()
    {
        Publish(5);
        _bench.Commit();
        Assert.That(Cut(4).Error, Is.EqualTo(ErrorCode.None));
        foreach (bool isDurable in (ReadOnlySpan<bool>)[false, true])
        {
            if (isDurable)
            {
                _bench.Commit();
                _bench.Log.EraseNoted();
                _bench.Restart();
            }

            Assert.That(_bench.Publish(ShardBench.Alice, 2, "text 2"), Is.EqualTo(ErrorCode.None));
            Assert.That((_bench.LastAnswer.Sequence, _bench.LastAnswer.IsDuplicate), Is.EqualTo((2ul, true)));
            Assert.That(_bench.Publish(ShardBench.Alice, 2, "another text"), Is.EqualTo(ErrorCode.IdConflict));
            Assert.That(_bench.Publish(ShardBench.Alice, 4, "text 4"), Is.EqualTo(ErrorCode.None));
            Assert.That((_bench.LastAnswer.Sequence, _bench.LastAnswer.IsDuplicate), Is.EqualTo((4ul, true)));
        }
    }

    /// <summary>An entry stays for as long as was said, and for twice that at the most.</summary>
    [Test]
    public void RetriesAreForgottenWhenTheirTimeHasCome()
    {
        Publish(9);
        _bench.Commit();
        long now = 1_000_000;
        Cut(4, now);
        Cut(6, now + Week - 1);
        _bench.Commit();
        Assert.That(Start, Is.EqualTo((6ul, now + Week, 4ul)));
        _bench.Log.EraseNoted();
        Assert.That(Known(), Is.EqualTo(Enumerable.Range(1, 9)));

        Cut(6, now + Week);
        _bench.Commit();
        Assert.That(Start, Is.EqualTo((6ul, now + (2 * Week), 6ul)), "those that were cut off since then have a time of their own");
        _bench.Log.EraseNoted();
        Assert.That(Known(), Is.EqualTo(Enumerable.Range(4, 6)));

        Cut(6, now + (2 * Week));
        _bench.Commit();
        Assert.That(Start, Is.EqualTo((6ul, 0L, 6ul)));
        _bench.Log.EraseNoted();
        Assert.That(Known(), Is.EqualTo(Enumerable.Range(6, 4)));
        Assert.That(_bench.Publish(ShardBench.Alice, 2, "text 2"), Is.EqualTo(ErrorCode.None));
        Assert.That((_bench.LastAnswer.Sequence, _bench.LastAnswer.IsDuplicate), Is.EqualTo((10ul, false)), "it is a new message");

        Cut(8, now + (3 * Week));
        Assert.That(Start, Is.EqualTo((6ul, 0L, 6ul)), "not durable yet");
        _bench.Commit();
        Assert.That(Start, Is.EqualTo((8ul, now + (4 * Week), 8ul)));
    }

    [Test]
    public void ClockThatGoesBackKeepsEntriesNoLongerThanFromThereOn()
    {
        Publish(3);
        _bench.Commit();
        Cut(3, 100 * Week);
        _bench.Commit();
        Cut(3, Week);
        _bench.Commit();
        Assert.That(Start, Is.EqualTo((3ul, 2 * Week, 3ul)));
    }

    [TestCase(0ul)]
    [TestCase(1ul)]
    [TestCase(3ul)]
    public void WhatIsCutOffAlreadyIsNothing(ulong first)
    {
        Publish(5);
        _bench.Commit();
        Cut(4);
        _bench.Commit();
        CommandResult again = Cut(first, chain: default);
        Assert.That((again.Error, again.Count, again.Changed), Is.EqualTo((ErrorCode.None, 0, false)));
        _bench.Commit();
        Assert.That(_bench.Log.ReadStart(ShardBench.Room).First, Is.EqualTo(4));
    }

    [Test]
    public void NeitherMoreThanAStepNorMoreThanThereIsIsCutOff()
    {
        Publish(TruncateCommand.CountMax + 5);
        _bench.Commit();
        Assert.That(Cut((ulong)TruncateCommand.CountMax + 2).Error, Is.EqualTo(ErrorCode.BadRequest));
        Assert.That(Cut((ulong)TruncateCommand.CountMax + 1).Error, Is.EqualTo(ErrorCode.None));
        Assert.That(Cut((ulong)TruncateCommand.CountMax + 7, chain: default).Error, Is.EqualTo(ErrorCode.BadRequest));
        Assert.That(Cut((ulong)TruncateCommand.CountMax + 6).Error, Is.EqualTo(ErrorCode.None));
        _bench.Commit();
        Assert.That(_bench.Log.ReadHead(ShardBench.Room).Sequence, Is.EqualTo((ulong)TruncateCommand.CountMax + 5));
        Assert.That(Cut(1, conversation: new ConversationId(77), chain: default).Error, Is.EqualTo(ErrorCode.NoSuchConversation));
    }

    [Test]
    public void ConversationGoesOnBehindTheLastRecord()
    {
        Publish(5);
        _bench.Commit();
        Cut(6);
        _bench.Commit();
        _bench.Log.EraseNoted();
        _bench.Restart();
        Assert.That(_bench.Publish(ShardBench.Alice, 100, "again"), Is.EqualTo(ErrorCode.None));
        Assert.That(_bench.LastAnswer.Sequence, Is.EqualTo(6));
        _bench.Commit();
        Assert.That(_bench.Shard.AuthorizeRead(ShardBench.Room, Header, null, null, out _, out ulong visibleFrom), Is.EqualTo(ErrorCode.None));
        Assert.That(visibleFrom, Is.EqualTo(6));
    }

    /// <summary>More reactions and messages in a thread than one step takes: the rest goes with steps that cut nothing off.</summary>
    [Test]
    public void WhatHangsOnAMessageGoesInSteps()
    {
        const int Reactions = TruncateCommands.EntriesMax + 40;
        Publish(1);
        for (int i = 0; i < Reactions; i++)
        {
            UserId user = new((UInt128)(100_000 + i));
            _bench.ChangeMembers(ShardBench.ActorOf(ShardBench.Alice), ShardBench.Room, MemberRole.Member, user);
            Assert.That(_bench.Apply(CommandKind.Publish, ShardBench.ActorOf(user), ShardBench.PublishBody(ShardBench.Room, ++_id, new ReactionBody(1, true, "👍").ToBytes(), MessageKind.Reaction)), Is.EqualTo(ErrorCode.None));
        }

        _bench.Commit();
        CommandResult first = Cut(2);
        Assert.That((first.Count, first.Changed), Is.EqualTo((1, true)));
        CommandResult second = Cut(2);
        Assert.That((second.Count, second.Changed), Is.EqualTo((0, false)));
        _bench.Commit();
        Assert.That(CountOf('r'), Is.Zero);
        Assert.That(CountOf('x'), Is.Zero);
    }

    /// <summary>The same commands leave the same store, whether what they are about was durable, on its way, or in the same turn.</summary>
    [Test]
    public void OutcomeDoesNotDependOnHowFarCommitsAre()
    {
        List<string> outcomes = [];
        for (int pace = 0; pace < 3; pace++)
        {
            Begin();
            Publish(3);
            React(ShardBench.Alice, 1);
            React(ShardBench.Bob, 3);
            Pace(pace);
            React(ShardBench.Bob, 1);
            Publish(1);
            Pace(pace);
            ChainHash chain = Chain(3);
            Cut(4, chain: chain);
            Pace(pace);
            Publish(1);
            if (_bench.Syncing is not null)
            {
                _bench.EndSync();
            }

            _bench.Commit();
            outcomes.Add(Dump());
        }

        Assert.That(outcomes.Distinct().Count(), Is.EqualTo(1));
        Assert.That(outcomes[0], Does.Contain("58"));
    }

    private static CommandHeader Header => new(CommandKind.Subscribe, ShardBench.ActorOf(ShardBench.Bob), 1, 0, 1000);

    private (ulong First, long Until, ulong Below) Start => _bench.Log.ReadStart(ShardBench.Room) is var start ? (start.First, start.RetriesUntilMicros, start.RetriesBelow) : default;

    private void Pace(int pace)
    {
        if (pace == 1)
        {
            _bench.Commit();
        }
        else if (pace == 2)
        {
            if (_bench.Syncing is not null)
            {
                _bench.EndSync();
            }

            _bench.BeginSync();
        }
    }

    /// <summary>The chain behind a record of a store in which all of it is durable: what the one who asks for a cut has read.</summary>
    private static ChainHash Chain(ulong sequence)
    {
        ShardBench other = new();
        other.Create(ShardBench.Room, ConversationKind.Group, null, ShardBench.Alice, false, ShardBench.Bob);
        for (ulong i = 1; i <= 3; i++)
        {
            other.Publish(ShardBench.Alice, i, $"text {i}");
        }

        other.Commit();
        return other.Log.ReadChain(ShardBench.Room, sequence)!.Value;
    }

    private void Publish(int count)
    {
        for (int i = 0; i < count; i++)
        {
            _id++;
            Assert.That(_bench.Publish(ShardBench.Alice, _id, $"text {_id}"), Is.EqualTo(ErrorCode.None));
        }
    }

    private void React(UserId user, ulong target) =>
        Assert.That(_bench.Apply(CommandKind.Publish, ShardBench.ActorOf(user), ShardBench.PublishBody(ShardBench.Room, ++_id, new ReactionBody(target, true, "👍").ToBytes(), MessageKind.Reaction)), Is.EqualTo(ErrorCode.None));

    private CommandResult Cut(ulong first, long time = 1000, ConversationId? conversation = null, ChainHash? chain = null)
    {
        ConversationId id = conversation ?? ShardBench.Room;
        ChainHash known = chain ?? _bench.Log.ReadChain(id, first - 1) ?? default;
        _bench.Apply(CommandKind.Truncate, default, new TruncateCommand(id, first, known, Week).ToBytes(), time: time);
        return _bench.Turn.Results[^1].Result;
    }

    private List<int> Known()
    {
        List<int> known = [];
        _bench.Log.Scan(Table.Dedupe, [], [], (_, value) =>
        {
            known.Add((int)DedupeValue.Read(value).Sequence);
            return true;
        });
        known.Sort();
        return known;
    }

    private int CountOf(char kind)
    {
        int count = 0;
        _bench.Log.Scan(Table.State, [(byte)kind], [], (_, _) =>
        {
            count++;
            return true;
        });
        return count;
    }

    private string Dump()
    {
        System.Text.StringBuilder all = new();
        foreach (Table table in (ReadOnlySpan<Table>)[Table.State, Table.Dedupe])
        {
            _bench.Log.Scan(table, [], [], (key, value) =>
            {
                if (key is not [0, 1])
                {
                    all.Append(Convert.ToHexStringLower(key)).Append(' ').Append(Convert.ToHexStringLower(value)).Append('\n');
                }

                return true;
            });
        }

        return all.ToString();
    }
}
