using System.Text;

using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>Messages that are published later, and messages that somebody has hidden, in the shard's state machine.</summary>
[TestFixture(false)]
[TestFixture(true)]
internal sealed class ScheduleCommandsTests(bool isSealing)
{
    private static readonly UserId Alice = ShardBench.Alice;
    private static readonly UserId Bob = ShardBench.Bob;

    private MemoryVault? _vault;
    private ShardBench _bench = null!;

    [SetUp]
    public void MakeBench()
    {
        _vault = isSealing ? new MemoryVault() : null;
        _bench = new ShardBench(_vault?.NewLog());
        _bench.Create(ShardBench.Room, ConversationKind.Group, null, Alice, false, Bob);
    }

    [TearDown]
    public void RemoveVault() => _vault?.Dispose();

    [Test]
    public void WhatWaitsIsEncryptedAndEndsWithItsKeys([Values] bool restarts)
    {
        if (_vault is null)
        {
            return;
        }

        Schedule(Bob, 7, 5_000, "a text that is to be found nowhere");
        Next(restarts);
        byte[] key = ScheduleKeys.Message(Bob, ShardBench.Room, ShardBench.MessageId(7));
        byte[] stored = _bench.Log.Get(Table.State, key)!;
        Assert.That(stored.AsSpan().IndexOf("found nowhere"u8), Is.Negative);
        ScheduledCommand named = new(Bob, ShardBench.Room, ShardBench.MessageId(7));
        Assert.That(ScheduledMessage.Parse(ScheduledMessage.Opened(stored, named, _vault.Vault)!).Body.IndexOf("found nowhere"u8), Is.Positive);
        Assert.That(() => ScheduledMessage.Opened(stored, named with { Id = ShardBench.MessageId(8) }, _vault.Vault), Throws.TypeOf<CorruptRecordException>(), "under another key");

        _vault.Vault.Destroy([Bob], []);
        Assert.That(ScheduledMessage.Opened(stored, named, _vault.Vault), Is.Null);
        Assert.That(Send(Bob, 7, 5_000).ScheduledRefusal, Is.EqualTo(ErrorCode.KeysDestroyed));
        Next(restarts);
        Assert.That(Schedule(Bob, 8, 5_000, "more").Item1, Is.EqualTo(ErrorCode.KeysDestroyed));
        Assert.That(Cancel(Bob, 7), Is.EqualTo((true, 0ul)));
        Next(restarts);
        Assert.That(EntriesOf('S') + EntriesOf('T') + EntriesOf('N'), Is.Zero, "nothing stays");
    }

    [Test]
    public void AMessageIsPublishedWhenItsTimeHasComeAndOnce([Values] bool restarts)
    {
        Assert.That(Schedule(Bob, 7, 5_000, "later"), Is.EqualTo((ErrorCode.None, 0ul)));
        Next(restarts);
        Assert.That((DueOf(Bob, 7, 5_000), _bench.Log.ReadHead(ShardBench.Room).Sequence), Is.EqualTo((true, 0ul)));
        Assert.That(Send(Bob, 7, 5_000).Sequence, Is.EqualTo(1));
        Assert.That(Send(Bob, 7, 5_000).Sequence, Is.Zero, "asked for twice, in one turn");
        Next(restarts);
        Assert.That(Send(Bob, 7, 5_000).Sequence, Is.Zero, "and again later");
        Next(restarts);
        StoredRecord only = _bench.Read(ShardBench.Room).Single();
        Assert.That((only.Sender, only.Kind, Encoding.UTF8.GetString(Convert.FromHexString(only.BodyHex))), Is.EqualTo((Bob, MessageKind.Text, "later")));
        Assert.That(EntriesOf('S') + EntriesOf('T') + EntriesOf('N'), Is.Zero, "nothing stays");

        Assert.That(Schedule(Bob, 7, 9_000, "later"), Is.EqualTo((ErrorCode.None, 1ul)), "who did not hear the answer learns where it is");
        Assert.That(Cancel(Bob, 7), Is.EqualTo((false, 1ul)));
        Assert.That(_bench.Publish(Bob, 7, "later"), Is.EqualTo(ErrorCode.None));
        Assert.That((_bench.LastAnswer.Sequence, _bench.LastAnswer.IsDuplicate), Is.EqualTo((1ul, true)), "it is the device's message with this id");
    }

    [Test]
    public void AskedAgainItHasTheNewTimeAndText([Values] bool restarts)
    {
        Schedule(Bob, 7, 5_000, "later");
        Next(restarts);
        Schedule(Bob, 7, 8_000, "much later");
        Next(restarts);
        Assert.That((DueOf(Bob, 7, 5_000), DueOf(Bob, 7, 8_000), EntriesOf('T')), Is.EqualTo((false, true, 1)));
        Assert.That(Send(Bob, 7, 5_000).Sequence, Is.Zero, "found due a moment before it was put off");
        Assert.That(Send(Bob, 7, 8_000).Sequence, Is.EqualTo(1));
        Next(restarts);
        Assert.That(Encoding.UTF8.GetString(Convert.FromHexString(_bench.Read(ShardBench.Room).Single().BodyHex)), Is.EqualTo("much later"));
    }

    [Test]
    public void WhatIsTakenBackIsNotPublished([Values] bool restarts)
    {
        Schedule(Bob, 7, 5_000, "later");
        Next(restarts);
        Assert.That(Cancel(Alice, 7), Is.EqualTo((false, 0ul)), "another one's");
        Assert.That(Cancel(Bob, 7), Is.EqualTo((true, 0ul)));
        Assert.That(Cancel(Bob, 7), Is.EqualTo((false, 0ul)));
        Next(restarts);
        Assert.That(Send(Bob, 7, 5_000).Sequence, Is.Zero);
        Assert.That((EntriesOf('S') + EntriesOf('T') + EntriesOf('N'), _bench.Read(ShardBench.Room).Count), Is.EqualTo((0, 0)));
    }

    [Test]
    public void TheRightsAreThoseOfTheTime()
    {
        Assert.That(Schedule(ShardBench.Carol, 1, 5_000, "x").Code, Is.EqualTo(ErrorCode.NoSuchConversation), "no member now");
        _bench.ChangeMember(Alice, MemberChange.Mute, Bob, mutedUntil: 6_000);
        Assert.That(Schedule(Bob, 1, 5_000, "x").Code, Is.EqualTo(ErrorCode.Forbidden), "muted still then");
        Assert.That(Schedule(Bob, 2, 7_000, "y").Code, Is.EqualTo(ErrorCode.None));
        Next(restarts: true);
        _bench.ChangeMembers(ShardBench.ActorOf(Alice), ShardBench.Room, MemberRole.None, Bob);
        CommandResult result = Send(Bob, 2, 7_000);
        Assert.That((result.Error, result.ScheduledRefusal, result.Sequence), Is.EqualTo((ErrorCode.None, ErrorCode.NoSuchConversation, 0ul)), "done with, for the scan");
        Next(restarts: true);
        Assert.That((EntriesOf('S'), EntriesOf('T')), Is.EqualTo((0, 1)), "it does not come up again, and its author sees why");
        Assert.That(ScheduledMessage.Parse(_bench.Log.Get(Table.State, ScheduleKeys.Message(Bob, ShardBench.Room, ShardBench.MessageId(2)))).Refused, Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That(Cancel(Bob, 2).Changed, Is.True, "who is no member any more may still take it back");
        Next(restarts: false);
        Assert.That(EntriesOf('T') + EntriesOf('N'), Is.Zero);
    }

    [Test]
    public void InSlowModeItWaitsForItsTurn()
    {
        _bench.Change(Alice, new ConversationChanges { SlowMode = TimeSpan.FromSeconds(10) });
        Schedule(Bob, 1, 5_000, "a");
        Schedule(Bob, 2, 5_000, "b");
        Assert.That(Send(Bob, 1, 5_000).Sequence, Is.GreaterThan(0));
        Assert.That(Send(Bob, 2, 5_000), Is.EqualTo(new CommandResult(ErrorCode.None)));
        Next(restarts: true);
        Assert.That((DueOf(Bob, 2, 5_000), DueOf(Bob, 2, 10_005_000)), Is.EqualTo((false, true)));
        Assert.That(Send(Bob, 2, 10_005_000).Sequence, Is.GreaterThan(0));
    }

    [Test]
    public void AnIdThatNamesAnotherMessageIsRefusedWhenTheTimeHasCome()
    {
        Schedule(Bob, 7, 5_000, "later");
        Assert.That(_bench.Publish(Bob, 7, "something else"), Is.EqualTo(ErrorCode.None));
        Assert.That(Send(Bob, 7, 5_000).ScheduledRefusal, Is.EqualTo(ErrorCode.IdConflict));
        Next(restarts: true);
        Assert.That(_bench.Read(ShardBench.Room), Has.Count.EqualTo(1));
    }

    [Test]
    public void ARichMessageIsSaidAsOne()
    {
        _bench.Publish(Alice, 1, "a question");
        byte[] reply = new RichBody { Kind = MessageKind.Text, Attributes = new MessageAttributes { ReplyTo = 1 }.ToBytes(), Content = "an answer"u8 }.ToBytes();
        byte[] lost = new RichBody { Kind = MessageKind.Text, Attributes = new MessageAttributes { ReplyTo = 9 }.ToBytes(), Content = "an answer"u8 }.ToBytes();
        byte[] over = new RichBody { Kind = MessageKind.Text, Attributes = new MessageAttributes { ExpiresMicros = 4_000 }.ToBytes(), Content = "x"u8 }.ToBytes();
        Assert.That(Schedule(Bob, 1, 5_000, lost, MessageKind.Rich).Code, Is.EqualTo(ErrorCode.NoSuchMessage));
        Assert.That(Schedule(Bob, 2, 5_000, over, MessageKind.Rich).Code, Is.EqualTo(ErrorCode.BadRequest), "it would have expired by then");
        Assert.That(Schedule(Bob, 3, 5_000, reply, MessageKind.Rich).Code, Is.EqualTo(ErrorCode.None));
        Assert.That(Send(Bob, 3, 5_000).Sequence, Is.EqualTo(2));
        Next(restarts: true);
        Assert.That(Annotation.Parse(_bench.Log.Get(Table.State, MessageKeys.Annotation(ShardBench.Room, 1)))!.Replies, Is.EqualTo(1));
    }

    [Test]
    public void AHundredWaitAndNoMore()
    {
        for (ulong id = 1; id <= ProtocolLimits.ScheduledMax; id++)
        {
            Assert.That(Schedule(Bob, id, 5_000, "x").Code, Is.EqualTo(ErrorCode.None));
            if (id % 30 == 0)
            {
                Next(restarts: true);
            }
        }

        Assert.That(Schedule(Bob, 999, 5_000, "x").Code, Is.EqualTo(ErrorCode.TooMany));
        Assert.That(Schedule(Bob, 5, 6_000, "changed").Code, Is.EqualTo(ErrorCode.None), "one that waits already");
        Assert.That(Schedule(Alice, 999, 5_000, "x").Code, Is.EqualTo(ErrorCode.None), "another one's count");
        Cancel(Bob, 17);
        Assert.That(Schedule(Bob, 999, 5_000, "x").Code, Is.EqualTo(ErrorCode.None));
    }

    [Test]
    public void WhatIsHiddenIsCountedAndCanBeSeenAgain([Values] bool restarts)
    {
        Assert.That(Hide(true, 1, 2, 2), Is.EqualTo((ErrorCode.None, 2, 1ul)));
        Next(restarts);
        Assert.That(Hide(true, 2), Is.EqualTo((ErrorCode.None, 0, 1ul)), "it was so already");
        Assert.That(Hide(true, 3), Is.EqualTo((ErrorCode.None, 1, 2ul)));
        Assert.That(Hide(false, 1, 9), Is.EqualTo((ErrorCode.None, 1, 3ul)));
        Next(restarts);
        Assert.That(EntriesOf('h'), Is.EqualTo(2));
        for (ulong i = 0; i < ProtocolLimits.HiddenMax / 500; i++)
        {
            (ErrorCode code, _, _) = Hide(true, [.. Enumerable.Range(0, 500).Select(number => 1000 + (i * 500) + (ulong)number)]);
            Assert.That(code, Is.EqualTo(i == (ProtocolLimits.HiddenMax / 500) - 1 ? ErrorCode.TooMany : ErrorCode.None), "all of a request or none");
        }
    }

    private (ErrorCode Code, ulong Sequence) Schedule(UserId user, ulong id, long at, string text) => Schedule(user, id, at, Encoding.UTF8.GetBytes(text), MessageKind.Text);

    private (ErrorCode Code, ulong Sequence) Schedule(UserId user, ulong id, long at, byte[] body, MessageKind kind)
    {
        byte[] command = ScheduleCommand.ToBytes(ShardBench.Room, ShardBench.MessageId(id), ScheduledMessage.ToBytes(kind, new DeviceId(1), at, body));
        _bench.Apply(CommandKind.Schedule, ShardBench.ActorOf(user), command);
        CommandResult result = _bench.Turn.Results[^1].Result;
        return (result.Error, result.Sequence);
    }

    private (bool Changed, ulong Sequence) Cancel(UserId user, ulong id)
    {
        _bench.Apply(CommandKind.CancelScheduled, ShardBench.ActorOf(user), new ScheduledCommand(user, ShardBench.Room, ShardBench.MessageId(id)).ToBytes());
        CommandResult result = _bench.Turn.Results[^1].Result;
        Assert.That(result.Error, Is.EqualTo(ErrorCode.None));
        return (result.Changed, result.Sequence);
    }

    private CommandResult Send(UserId user, ulong id, long due)
    {
        ScheduledCommand message = new(user, ShardBench.Room, ShardBench.MessageId(id));
        ErrorCode refused = _bench.Apply(CommandKind.SendScheduled, ShardBench.ActorOf(user, device: 0), new SendScheduledCommand(message, due).ToBytes(), time: due);
        Assert.That(refused, Is.EqualTo(ErrorCode.None));
        return _bench.Turn.Results[^1].Result;
    }

    private (ErrorCode Code, int Count, ulong Version) Hide(bool isHidden, params ulong[] sequences)
    {
        _bench.Apply(CommandKind.Hide, ShardBench.ActorOf(Bob), new HideCommand(ShardBench.Room, isHidden, sequences).ToBytes());
        CommandResult result = _bench.Turn.Results[^1].Result;
        return (result.Error, result.Count, result.Version);
    }

    private bool DueOf(UserId user, ulong id, long at) => _bench.Log.Get(Table.State, ScheduleKeys.Due(at, new ScheduledCommand(user, ShardBench.Room, ShardBench.MessageId(id)))) is not null;

    private int EntriesOf(char kind)
    {
        int count = 0;
        _bench.Log.Scan(Table.State, [(byte)kind], [], (_, _) => ++count > 0);
        return count;
    }

    private void Next(bool restarts)
    {
        _bench.Commit();
        if (restarts)
        {
            _bench.Restart();
        }
    }
}
