using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>What a shard owes to others arrives whole and in order, however much of it there is, and then is forgotten.</summary>
public sealed class EffectForwarderTests
{
    private static readonly ConversationId Room = new(Id128.WithPlacement(7, 1));

    [Test]
    public async Task AMembershipThatChangesManyTimesEndsAsItsLastChange()
    {
        // More than are carried together, over all shards, each member added, removed and added again while the first are under way.
        UserId owner = UserOf(0);
        UserId[] members = Enumerable.Range(1, 1500).Select(UserOf).ToArray();
        UserId[] gone = members.Where((_, i) => i % 3 == 0).ToArray();
        using RouterBench bench = new();
        await bench.CreateAsync(Room, ConversationKind.Group, owner, members);
        foreach (UserId[] some in gone.Chunk(100))
        {
            await ChangeAsync(bench, owner, MemberRole.None, some);
            await ChangeAsync(bench, owner, MemberRole.Member, some);
            await ChangeAsync(bench, owner, MemberRole.None, some);
        }

        await UntilNothingIsOwedAsync(bench.Log);
        bool[] listed = members.Select(member => bench.Log.Get(Table.State, ConversationKeys.ListEntry(member, Room)) is not null).ToArray();
        Assert.That(listed, Is.EqualTo(members.Select(member => !gone.Contains(member)).ToArray()));

        // Each of their sessions is told of each change, in its order.
        Assert.That(
            bench.ListChanges.Where(change => change.User == gone[0]).Select(change => change.Added),
            Is.EqualTo(new[] { true, false, true, false }));
    }

    private static UserId UserOf(int number) => new(Id128.WithPlacement((UInt128)(1000 + number), (ushort)(number % 251)));

    private static Task<CommandResult> ChangeAsync(RouterBench bench, UserId by, MemberRole role, UserId[] users) =>
        bench.ExecuteAsync(CommandKind.ChangeMembers, by, Room, new ChangeMembersCommand(Room, role, users).ToBytes());

    private static async Task UntilNothingIsOwedAsync(InMemoryConversationLog log)
    {
        for (int i = 0; i < 1000; i++)
        {
            bool isOwed = false;
            log.Scan(Table.State, "o"u8, [], (_, _) => !(isOwed = true));
            if (!isOwed)
            {
                return;
            }

            await Task.Delay(10);
        }

        throw new TimeoutException("effects are still owed after ten seconds");
    }
}
