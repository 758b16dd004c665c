using System.Globalization;

using FastChat.Broker.Hosting;
using FastChat.History;

namespace FastChat.Simulation;

/// <summary>
/// One seed: makes a world, lets its people chat while fate strikes, lets everything heal, reads every log, and holds what everybody saw against the promises. Nothing outside of the seed has a say in
/// it.
/// </summary>
internal static class SeedRun
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_catchUp = TimeSpan.FromSeconds(10);

    /// <summary>Runs it.</summary>
    /// <param name="historyPath">Where its history is kept; null = in memory, for as long as it takes.</param>
    public static SeedResult Run(ulong seed, Sabotage sabotage = Sabotage.None, string? historyPath = null)
    {
        SimulatedWorld world = new(seed);
        using KeptHistory kept = new();
        HistoryWriter history = new(kept.Stream, world.Clock);
        SimulatedNetwork network = new(world);
        Chance chance = world.Chance.Split();
        Community community = new(world, people: chance.Between(2, 5), publics: chance.Between(1, 3), groups: chance.Between(1, 2), history);
        int shards = chance.Of([1, 2, 4]);
        SimulatedDisk disk = new(world, community.MakeLog(shards), sabotage);
        SimulatedBroker broker = new(world, network, disk, OptionsOf(chance, shards), sabotage);
        List<Person> people = [.. community.People.Select(account => new Person(world, network, community, account))];
        Fate fate = new(world, network, broker, disk, people, history);

        broker.Start();
        people.ForEach(person => person.Begin());
        TimeSpan duration = chance.Span(TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(4));
        fate.Begin(Nanoseconds(duration));
        bool isOver = world.Run(Nanoseconds(duration + s_patience), () => fate.IsOver || world.Defects.Count > 0);
        people.ForEach(person => person.Finish());
        bool isSettled = isOver && world.Run(world.Now + Nanoseconds(s_patience), () => people.TrueForAll(person => person.IsSettled) || world.Defects.Count > 0);
        if (isSettled && world.Defects.Count == 0)
        {
            history.Write(new HistoryEvent { Op = HistoryOp.Nemesis, Fault = HistoryFault.Heal });
            world.Run(world.Now + Nanoseconds(s_catchUp + TimeSpan.FromMilliseconds(1)), () => false);
            Reader reader = new(world, network, community);
            reader.Begin();
            isSettled = world.Run(world.Now + Nanoseconds(s_patience), () => reader.IsDone || world.Defects.Count > 0);
            Task[] ends = [.. people.Select(person => person.EndAsync())];
            isSettled &= world.Run(world.Now + Nanoseconds(s_patience), () => Array.TrueForAll(ends, end => end.IsCompleted) || world.Defects.Count > 0);
        }

        if (!isSettled && world.Defects.Count == 0)
        {
            world.Defects.Add($"nobody is answered any more: {string.Join(", ", people.Where(person => !person.IsSettled))}");
        }

        history.Dispose();
        broker.Kill(isPowerCut: false);
        world.End();
        byte[] bytes = kept.ToArray();
        if (historyPath is not null)
        {
            File.WriteAllBytes(historyPath, bytes);
        }

        return new SeedResult
        {
            Seed = seed,
            Report = HistoryChecker.Check([new HistoryReader(new MemoryStream(bytes), historyPath ?? string.Create(CultureInfo.InvariantCulture, $"seed-{seed}"))]),
            Defects = world.Defects,
            Acknowledged = people.Sum(person => person.Acknowledged),
            Faults = fate.Struck,
            Deeds = community.Deeds,
            SimulatedSeconds = world.Now / 1e9,
            Pieces = world.Pieces,
            Digest = world.Digest,
        };
    }

    private static BrokerOptions OptionsOf(Chance chance, int shards) => new()
    {
        Shards = shards,
        Loops = chance.Between(1, Math.Min(2, shards)),
        ConnectionsMax = 64,
        ConversationsInMemoryMax = 64,
        OutboxBudgetBytes = chance.OneIn(2) ? (64 * 1024) + 2048 : 256 * 1024,
        HeartbeatSeconds = chance.Of([2.0, 10, 60]),
        WriteDeadlineSeconds = chance.Of([5.0, 30, 120]),
        FrameDeadlineSeconds = chance.Of([5.0, 20]),
        LoginDeadlineSeconds = chance.Of([2.0, 10]),
        SessionSeconds = chance.Of([1.0, 300]),
    };

    private static long Nanoseconds(TimeSpan span) => span.Ticks * 100;
}

/// <summary>What a seed showed.</summary>
internal sealed record SeedResult
{
    public required ulong Seed { get; init; }

    /// <summary>What the checker says of the history.</summary>
    public required CheckReport Report { get; init; }

    /// <summary>What must not happen in any world.</summary>
    public required IReadOnlyList<string> Defects { get; init; }

    /// <summary>Publishes that were acknowledged.</summary>
    public required long Acknowledged { get; init; }

    /// <summary>Faults that struck, by name.</summary>
    public required IReadOnlyDictionary<string, int> Faults { get; init; }

    /// <summary>What people did and met, by name.</summary>
    public required IReadOnlyDictionary<string, int> Deeds { get; init; }

    /// <summary>Virtual seconds from the first start to the last answer.</summary>
    public required double SimulatedSeconds { get; init; }

    /// <summary>Pieces of work done.</summary>
    public required long Pieces { get; init; }

    /// <summary>A number for the whole run: the same for every run of this seed.</summary>
    public required ulong Digest { get; init; }

    /// <summary>True when nothing is wrong.</summary>
    public bool IsClean => Report.Violations == 0 && Defects.Count == 0;
}
