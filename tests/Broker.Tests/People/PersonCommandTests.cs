using FastChat.Broker.Conversations;
using FastChat.Broker.People;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>Profiles and blocks in the shard's state machine: what it decides, what it owes, and that nothing but state and command decides.</summary>
internal sealed class PersonCommandTests
{
    private static readonly ConversationId AliceAndBob = DirectConversations.IdOf(ShardBench.Alice, ShardBench.Bob);

    private ShardBench _bench = null!;

    [SetUp]
    public void MakeBench() => _bench = new ShardBench();

    [Test]
    public void VersionsCountTheChanges([Values("same turn", "turn that syncs", "durable")] string when)
    {
        Assert.That(SetProfile(new ProfileChange { DisplayName = "Ada" }).Version, Is.EqualTo(1));
        Pass(when);
        Assert.That(SetProfile(new ProfileChange { Locale = "en" }).Version, Is.EqualTo(2));
        Assert.That(SetProfile(new ProfileChange { Avatar = "7", IfVersion = 2 }).Version, Is.EqualTo(3));
        CommandResult again = SetProfile(new ProfileChange { DisplayName = "Ada", Locale = "en" });
        Assert.That((again.Error, again.Version, again.Changed), Is.EqualTo((ErrorCode.None, 3ul, false)), "what changes nothing is no version");
        Finish();
        Assert.That(Stored(), Is.EqualTo(new StoredProfile(3, "Ada", "7", "en", ProfileFields.Empty)));
    }

    [Test]
    public void OfTwoChangesOfOneVersionOneIsMade([Values("same turn", "turn that syncs", "durable")] string when)
    {
        Assert.That(SetProfile(new ProfileChange { DisplayName = "one", IfVersion = 0 }).Version, Is.EqualTo(1));
        Pass(when);
        CommandResult late = SetProfile(new ProfileChange { DisplayName = "two", IfVersion = 0 });
        Assert.That((late.Error, late.Changed), Is.EqualTo((ErrorCode.Conflict, false)));
        Assert.That(SetProfile(new ProfileChange { DisplayName = "three", IfVersion = 9 }).Error, Is.EqualTo(ErrorCode.Conflict));
        Finish();
        Assert.That(Stored().DisplayName, Is.EqualTo("one"));
    }

    [Test]
    public void AnEmptyTextTakesAwayAndFieldsThatAreNotNamedStay()
    {
        SetProfile(new ProfileChange { DisplayName = "Ada", Avatar = "7", Fields = Fields(("a", "1"), ("b", "2")) });
        SetProfile(new ProfileChange { Avatar = "", Fields = Fields(("a", ""), ("c", "3")) });
        _bench.Commit();
        Assert.That(Stored(), Is.EqualTo(new StoredProfile(2, "Ada", null, null, Fields(("b", "2"), ("c", "3")))));
    }

    [Test]
    public void LimitsAreThoseOfWhatBecomesOfIt()
    {
        Assert.That(SetProfile(new ProfileChange { Fields = Fields(Enumerable.Range(0, 32).Select(i => ($"k{i}", "v")).ToArray()) }).Version, Is.EqualTo(1));
        Assert.That(SetProfile(new ProfileChange { Fields = Fields(("one more", "v")) }).Error, Is.EqualTo(ErrorCode.BadRequest), "33 fields");
        Assert.That(SetProfile(new ProfileChange { Fields = Fields(("one more", "v"), ("k0", "")) }).Version, Is.EqualTo(2), "one came and one went");

        // 8,192 bytes in all: 15 fields of 2 + 512, and what is missing for the rest.
        ShardBench other = _bench = new ShardBench();
        (string, string)[] large = Enumerable.Range(10, 15).Select(i => ($"{i}", new string('x', 512))).ToArray();
        Assert.That(SetProfile(new ProfileChange { Fields = Fields(large) }).Version, Is.EqualTo(1));
        int left = PeopleLimits.ProfileSizeMax - (15 * 514);
        Assert.That(SetProfile(new ProfileChange { Avatar = new string('y', left) }).Version, Is.EqualTo(2));
        Assert.That(SetProfile(new ProfileChange { Locale = "en" }).Error, Is.EqualTo(ErrorCode.BadRequest));
        other.Commit();
        Assert.That(Stored().CountedSize, Is.EqualTo(PeopleLimits.ProfileSizeMax));
    }

    [Test]
    public void ABlockIsOwedToTheDirectConversation()
    {
        _bench = new ShardBench(shards: 8);
        CommandResult made = Block(ShardBench.Bob, true, time: 77);
        Assert.That((made.Error, made.Changed), Is.EqualTo((ErrorCode.None, true)));
        Assert.That(Block(ShardBench.Bob, true, time: 78).Changed, Is.False, "twice is once");
        OutgoingEffect effect = _bench.Turn.Outgoing.Single();
        Assert.That(BitConverter.ToUInt16(effect.Value), Is.EqualTo(_bench.Map.ShardOf(AliceAndBob.Value)));
        StateEntry owed = StateWriteCommand.Parse(effect.Value.AsSpan(2)).Entries.Single();
        Assert.That(owed.Key, Is.EqualTo(PeopleKeys.DirectBlock(AliceAndBob, ShardBench.Alice)));
        Assert.That(owed.Value, Is.EqualTo(new StoredBlock(77).ToBytes()));
        _bench.Commit();
        Assert.That(_bench.Log.Get(Table.State, effect.Key), Is.EqualTo(effect.Value), "stored with its cause");
        Assert.That(_bench.Log.Get(Table.State, PeopleKeys.Block(ShardBench.Alice, ShardBench.Bob)), Is.EqualTo(new StoredBlock(77).ToBytes()));

        Assert.That(Block(ShardBench.Bob, false).Changed, Is.True);
        Assert.That(StateWriteCommand.Parse(_bench.Turn.Outgoing.Single().Value.AsSpan(2)).Entries.Single().Value, Is.Null);
        Assert.That(Block(ShardBench.Bob, false).Changed, Is.False);
        _bench.Commit();
        Assert.That(new Blocks(_bench.Log).IsBlocked(ShardBench.Alice, ShardBench.Bob), Is.False);
    }

    [Test]
    public void NobodyBlocksThemselves() => Assert.That(Block(ShardBench.Alice, true).Error, Is.EqualTo(ErrorCode.BadRequest));

    [Test]
    public void TheSameCommandsGiveTheSameStateWhereverTurnsEnd([Values(1, 2, 3)] int seed)
    {
        string[] states = new[] { 2, 50, 10_000 }.Select(turnMax =>
        {
            Random commands = new(seed);
            Random turns = new(seed * turnMax);
            ShardBench bench = new();
            for (int i = 0; i < 300; i++)
            {
                UserId[] users = [ShardBench.Alice, ShardBench.Bob, ShardBench.Carol];
                PersonCommand command = commands.Next(3) == 0
                    ? new PersonCommand.SetBlock(users[commands.Next(3)], commands.Next(2) == 0)
                    : new PersonCommand.SetProfile(new ProfileChange
                    {
                        DisplayName = commands.Next(2) == 0 ? null : $"n{commands.Next(3)}",
                        Fields = Fields(($"k{commands.Next(4)}", commands.Next(2) == 0 ? "" : $"{commands.Next(3)}")),
                        IfVersion = commands.Next(3) == 0 ? (ulong)commands.Next(20) : null,
                    });
                bench.Apply(CommandKind.ChangePerson, ShardBench.ActorOf(users[commands.Next(3)]), command.ToBytes(), time: i);
                if (turns.Next(turnMax) == 0)
                {
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
            System.Text.StringBuilder all = new();
            bench.Log.Scan(Table.State, [], [], (key, value) =>
            {
                if (key is not [0, 1])
                {
                    all.Append(Convert.ToHexString(key)).Append(' ').Append(Convert.ToHexString(value)).Append('\n');
                }

                return true;
            });
            return all.ToString();
        }).ToArray();
        Assert.That(states[0], Does.Contain("66" + Convert.ToHexString(ControlMap.IdBytes(ShardBench.Alice.Value))));
        Assert.That(states.Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public void ADirectConversationIsThePairs()
    {
        Assert.That(AliceAndBob.ToString(), Is.EqualTo("e2172d79f1147e26323e839c65dfbb36"), "another client computes the same");
        Assert.That(DirectConversations.IdOf(ShardBench.Bob, ShardBench.Alice), Is.EqualTo(AliceAndBob));
        Assert.That(DirectConversations.IdOf(ShardBench.Bob, ShardBench.Carol), Is.Not.EqualTo(AliceAndBob));
        Assert.That(DirectConversations.IdOf(new UserId(1), new UserId(UInt128.One << 127)), Is.EqualTo(DirectConversations.IdOf(new UserId(UInt128.One << 127), new UserId(1))));
    }

    [Test]
    public void AStoredProfileThatIsCutOrChangedIsNone()
    {
        byte[] whole = new StoredProfile(7, "Ada", "7", "en", Fields(("a", "1"), ("b", "2"))).ToBytes();
        Assert.That(StoredProfile.TryParse(whole, out StoredProfile? read), Is.True);
        Assert.That(read!.ToBytes(), Is.EqualTo(whole));
        for (int size = 0; size < whole.Length; size++)
        {
            Assert.That(StoredProfile.TryParse(whole.AsSpan(0, size), out _), Is.False, $"{size} bytes");
        }

        Assert.That(StoredProfile.TryParse([.. whole, 0], out _), Is.False);
        Assert.That(StoredProfile.TryParse([2, .. whole[1..]], out _), Is.False, "a later format");
    }

    private CommandResult SetProfile(ProfileChange change)
    {
        _bench.Apply(CommandKind.ChangePerson, ShardBench.ActorOf(ShardBench.Alice), new PersonCommand.SetProfile(change).ToBytes());
        return _bench.Turn.Results[^1].Result;
    }

    private CommandResult Block(UserId other, bool isBlocked, long time = 1000)
    {
        _bench.Apply(CommandKind.ChangePerson, ShardBench.ActorOf(ShardBench.Alice), new PersonCommand.SetBlock(other, isBlocked).ToBytes(), time: time);
        return _bench.Turn.Results[^1].Result;
    }

    private void Pass(string when)
    {
        if (when != "same turn")
        {
            _bench.BeginSync();
        }

        if (when == "durable")
        {
            _bench.EndSync();
            _bench.Restart();
        }
    }

    private void Finish()
    {
        if (_bench.Syncing is not null)
        {
            _bench.EndSync();
        }

        _bench.Commit();
    }

    private StoredProfile Stored() => StoredProfile.Of(_bench.Log.Get(Table.State, PeopleKeys.Profile(ShardBench.Alice)));

    private static ProfileFields Fields(params (string Key, string Value)[] fields) => new(fields.Select(field => new KeyValuePair<string, string>(field.Key, field.Value)));
}
