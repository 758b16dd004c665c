using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>Scheduled and hidden messages agree with what counts and finds them, or are made to.</summary>
[CancelAfter(120_000)]
internal sealed class LaterCheckTests
{
    private StoreOnDisk _store = null!;
    private SortedDictionary<string, string> _sound = null!;

    [SetUp]
    public async Task WriteAsync()
    {
        _store = new StoreOnDisk();
        await _store.WriteAsync();
        _store.Change(batch =>
        {
            for (ulong id = 1; id <= 3; id++)
            {
                byte[] stored = ScheduledMessage.ToBytes(MessageKind.Text, new DeviceId(1), Time(id), "later"u8);
                batch.Put(Table.State, Message(id), id == 3 ? ScheduledMessage.WithRefusal(stored, ErrorCode.Forbidden) : stored);
                if (id < 3)
                {
                    batch.Put(Table.State, Due(id, Time(id)), []);
                }

                batch.Put(Table.State, HiddenKeys.Message(User, Group, id), []);
            }

            batch.Put(Table.State, ScheduleKeys.Count(Group, User), [3, 0]);
            batch.Put(Table.State, HiddenKeys.Summary(User), new HiddenSummary(7, 3).ToBytes());
        });
        Assert.That(_store.Verify().Problems, Is.Empty, "the store before");
        _sound = _store.Dump();
    }

    [TearDown]
    public void Remove() => _store.Dispose();

    [Test]
    public void WhatDoesNotAgreeIsFoundAndSetRight()
    {
        string[] expected =
        [
            "is not found when its time comes",
            "names no message that waits for it",
            "3 messages are scheduled",
            "3 messages are hidden",
            "cannot be read",
        ];
        _store.Change(batch =>
        {
            batch.Delete(Table.State, Due(1, Time(1)));
            batch.Put(Table.State, Due(2, Time(9)), []);
            batch.Put(Table.State, ScheduleKeys.Count(Group, User), [9, 0]);
            batch.Put(Table.State, HiddenKeys.Summary(User), new HiddenSummary(6, 2).ToBytes());
            batch.Put(Table.State, ScheduleKeys.Message(User, Group, new ClientMessageId(9)), [1, 2, 3]);
        });
        VerifyResult found = _store.Verify();
        foreach (string problem in expected)
        {
            Assert.That(found.Problems, Has.Exactly(1).Contains(problem));
        }

        Assert.That(found.ProblemCount, Is.EqualTo(expected.Length));
        Assert.That(_store.Verify(rebuild: true).ProblemCount, Is.Zero);
        Assert.That(_store.Verify().Problems, Is.Empty);
        Assert.That(_store.Dump(), Is.EqualTo(_sound));
    }

    [TestCase("S", 2)]
    [TestCase("N", 1)]
    [TestCase("H", 1)]
    public void WholeIndexComesBack(string prefix, int problems)
    {
        _store.RemoveAll(Table.State, System.Text.Encoding.ASCII.GetBytes(prefix));
        Assert.That(_store.Verify().ProblemCount, Is.GreaterThanOrEqualTo(problems));
        Assert.That(_store.Verify(rebuild: true).ProblemCount, Is.Zero);
        Assert.That(_store.Verify().Problems, Is.Empty);
        Assert.That(_store.Dump().Keys, Is.EqualTo(_sound.Keys));
    }

    [Test]
    public void AMessageWhoseTextWasChangedIsNotPublished()
    {
        byte[] stored = ScheduledMessage.ToBytes(MessageKind.Text, new DeviceId(1), Time(1), "later"u8);
        stored[^1] ^= 1;
        _store.Change(batch => batch.Put(Table.State, Message(1), stored));
        Assert.That(_store.Verify().Problems, Has.Some.Contains("cannot be read"));
        Assert.That(_store.Verify(rebuild: true).ProblemCount, Is.Zero);
        Assert.That(_store.Verify().Problems, Is.Empty);
        Assert.That(_store.Dump().ContainsKey($"State {Convert.ToHexStringLower(Due(1, Time(1)))}"), Is.False);
    }

    private ConversationId Group { get; } = StoreOnDisk.Group(1);

    private UserId User => _store.Users[1];

    private static long Time(ulong id) => 1_000_000 * (long)id;

    private byte[] Message(ulong id) => ScheduleKeys.Message(User, Group, new ClientMessageId(id));

    private byte[] Due(ulong id, long at) => ScheduleKeys.Due(at, new ScheduledCommand(User, Group, new ClientMessageId(id)));
}
