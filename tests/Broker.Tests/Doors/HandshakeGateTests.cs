using FastChat.Broker.Doors;

namespace FastChat.Broker.Tests.Doors;

/// <summary>Whose turn a handshake is.</summary>
public sealed class HandshakeGateTests
{
    [Test]
    public async Task SoManyGoOnAtOnceAndTheNextWhenOneHasLeft()
    {
        HandshakeGate gate = new(max: 2, addressMax: 2, waitingMax: 10);
        await EnterAsync(gate, "a");
        await EnterAsync(gate, "b");
        Task<bool> third = gate.EnterAsync("c", CancellationToken.None);
        Assert.That((third.IsCompleted, gate.Running, gate.Waiting), Is.EqualTo((false, 2, 1)));
        gate.Leave("a");
        Assert.That(await third, Is.True);
        Assert.That((gate.Running, gate.Waiting), Is.EqualTo((2, 0)));
    }

    [Test]
    public async Task AnAddressWaitsBehindItselfWhileOthersGoOn()
    {
        HandshakeGate gate = new(max: 10, addressMax: 1, waitingMax: 10);
        await EnterAsync(gate, "many");
        Task<bool> second = gate.EnterAsync("many", CancellationToken.None);
        await EnterAsync(gate, "other");
        Assert.That(second.IsCompleted, Is.False);
        gate.Leave("other");
        Assert.That(second.IsCompleted, Is.False, "the room is the address's own that is missing");
        gate.Leave("many");
        Assert.That(await second, Is.True);
    }

    [Test]
    public async Task AddressesHaveTurnsWhoeverCameFirst()
    {
        HandshakeGate gate = new(max: 1, addressMax: 1, waitingMax: 100);
        await EnterAsync(gate, "first");
        List<string> order = [];
        List<Task> all = [];
        foreach (string address in new[] { "crowd", "crowd", "crowd", "crowd", "one", "two" })
        {
            all.Add(TakeTurnAsync(address));
        }

        gate.Leave("first");
        await Task.WhenAll(all).WaitAsync(TimeSpan.FromSeconds(10));
        Assert.That(order, Is.EqualTo(new[] { "crowd", "one", "two", "crowd", "crowd", "crowd" }));
        Assert.That((gate.Running, gate.Waiting), Is.EqualTo((0, 0)));

        async Task TakeTurnAsync(string address)
        {
            Assert.That(await gate.EnterAsync(address, CancellationToken.None), Is.True);
            order.Add(address);
            gate.Leave(address);
        }
    }

    [Test]
    public async Task WhoCannotWaitIsToldSoAndNoAddressTakesAllTheRoom()
    {
        HandshakeGate gate = new(max: 1, addressMax: 1, waitingMax: 4);
        await EnterAsync(gate, "a");
        Task<bool>[] waiting = [gate.EnterAsync("a", CancellationToken.None), gate.EnterAsync("a", CancellationToken.None)];
        Assert.That(await gate.EnterAsync("a", CancellationToken.None), Is.False, "half of the room");
        Task<bool>[] others = [gate.EnterAsync("b", CancellationToken.None), gate.EnterAsync("c", CancellationToken.None)];
        Assert.That(await gate.EnterAsync("d", CancellationToken.None), Is.False, "all of it");
        Assert.That((gate.Waiting, gate.Refused), Is.EqualTo((4, 2L)));
        Assert.That(waiting.Concat(others).Any(task => task.IsCompleted), Is.False);
    }

    [Test]
    public async Task WhoGivesUpLeavesTheRow()
    {
        HandshakeGate gate = new(max: 1, addressMax: 1, waitingMax: 4);
        await EnterAsync(gate, "a");
        using CancellationTokenSource giveUp = new();
        Task<bool> gone = gate.EnterAsync("b", giveUp.Token);
        Task<bool> stays = gate.EnterAsync("c", CancellationToken.None);
        await giveUp.CancelAsync();
        Assert.That(async () => await gone, Throws.InstanceOf<OperationCanceledException>());
        gate.Leave("a");
        Assert.That(await stays, Is.True);
        gate.Leave("c");
        Assert.That((gate.Running, gate.Waiting), Is.EqualTo((0, 0)));
    }

    private static async Task EnterAsync(HandshakeGate gate, string address) => Assert.That(await gate.EnterAsync(address, CancellationToken.None), Is.True);
}
