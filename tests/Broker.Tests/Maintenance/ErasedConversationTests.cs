using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>A conversation that is erased is not there from the first commit on; the store is sound behind each step of what follows, and has nothing of it at the end.</summary>
[TestFixture]
[CancelAfter(300_000)]
internal sealed class ErasedConversationTests
{
    private static readonly UserId Alice = ChatOnDisk.Alice;
    private static readonly UserId Bob = ChatOnDisk.Bob;
    private static readonly ConversationId Room = ChatOnDisk.Room;

    private ChatOnDisk _chat = null!;

    [SetUp]
    public void Write()
    {
        _chat = new ChatOnDisk();
        _chat.Write(erases: false);
    }

    [TearDown]
    public void Remove() => _chat.Dispose();

    [Test]
    public void EachStepLeavesASoundStoreAndTheLastOneNothing()
    {
        Step(() => Erase(Alice));
        Step(() => _chat.Cut(Room, 10));
        Step(() => _chat.Cut(Room, _chat.Head + 1));
        Step(_chat.EraseNoted);
        Step(() => Clear(isLast: false));
        Assert.That(Left(), Is.EquivalentTo(new[] { 'X', 'c' }));
        Step(() => Clear(isLast: true));
        Step(() => Assert.That(Erase(Alice), Is.EqualTo(ErrorCode.NoSuchConversation)));
        Assert.That(_chat.Verify(rebuild: true).Repaired, Is.Zero);
        Assert.That(Left(), Is.EquivalentTo(new[] { 'X', 'c' }));
    }

    [Test]
    public void NobodyFindsItAndNobodyMakesItAgain()
    {
        Step(() => Erase(Alice));
        _chat.Open();
        Assert.That(_chat.Publish(Alice, MessageKind.Text, "still there?"u8.ToArray()), Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That(_chat.Result(CommandKind.ChangeMembers, Alice, new ChangeMembersCommand(Room, MemberRole.Member, [ShardBench.Carol]).ToBytes()), Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That(_chat.Result(CommandKind.MoveCursor, Bob, new MoveCursorCommand(Room, 0, 3, 3, false).ToBytes()), Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That(
            _chat.Result(CommandKind.CreateConversation, Alice, new CreateConversationCommand(Room, new ConversationMeta(ConversationKind.Group, Alice, 1, null, null), false, []).ToBytes()),
            Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That(_chat.Publish(Bob, MessageKind.Text, "elsewhere"u8.ToArray(), ChatOnDisk.Other), Is.EqualTo(ErrorCode.None));
        _chat.Commit();
        _chat.Close();
        Assert.That(_chat.Verify().Problems, Is.Empty);
    }

    [Test]
    public void OnlyItsOwnerErasesIt()
    {
        _chat.Open();
        Assert.That(Erase(Bob), Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(Erase(ShardBench.Carol), Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That(_chat.Result(CommandKind.ClearConversation, default, new ClearConversationCommand(Room, IsLast: true).ToBytes()), Is.EqualTo(ErrorCode.NoSuchConversation), "it was not erased");
        _chat.Close();
        Assert.That(_chat.Verify().Problems, Is.Empty);
    }

    [TestCase('m')]
    [TestCase('j')]
    [TestCase('x')]
    public void WhatIsLeftBehindTheEndIsFound(char kind)
    {
        Step(() => Erase(Alice));
        Step(() => _chat.Cut(Room, _chat.Head + 1));
        Step(() => Clear(isLast: true));
        _chat.Change(batch => batch.Put(Table.State, kind == 'x' ? MessageKeys.Annotation(Room, _chat.Head) : [.. MessageKeys.AllOf(kind, Room), .. new byte[16]], new byte[9]));
        Assert.That(_chat.Verify().Problems, Has.Some.Contains($"Conversation {Room} was erased, and the entry"));
    }

    private ErrorCode Erase(UserId by) => _chat.Result(CommandKind.EraseConversation, by, ControlMap.IdBytes(Room.Value));

    private void Clear(bool isLast) => Assert.That(_chat.Result(CommandKind.ClearConversation, default, new ClearConversationCommand(Room, isLast).ToBytes()), Is.EqualTo(ErrorCode.None));

    private void Step(Action step)
    {
        _chat.Open();
        step();
        _chat.Commit();
        _chat.CarryEffects();
        _chat.Close();
        Assert.That(_chat.Verify().Problems, Is.Empty);
    }

    /// <summary>The kinds of entries that have the conversation anywhere in their keys.</summary>
    private char[] Left() => [.. _chat.Dump().Keys
        .Where(key => key.Contains(Convert.ToHexStringLower(ControlMap.IdBytes(Room.Value)), StringComparison.Ordinal))
        .Select(key => (char)Convert.FromHexString(key)[0])
        .Where(kind => kind is not 'P' and not 'Q' and not 'e')];
}
