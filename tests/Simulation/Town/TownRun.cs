using System.Globalization;

using FastChat.Broker.Hosting;
using FastChat.History;

namespace FastChat.Simulation;

/// <summary>One seed of a town: its conversations are made, its people do everything that can be done while fate strikes, then everything heals; each device's picture is compared and the histories are checked.</summary>
internal static class TownRun
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_catchUp = TimeSpan.FromSeconds(10);

    /// <summary>Longer than any message's time, and than a person is here behind their last connection.</summary>
    private static readonly TimeSpan s_expiry = TimeSpan.FromSeconds(60);

    /// <summary>What may happen: not an older store and not a clock that jumps: these have worlds of their own, and the pictures of devices are about what is never taken back.</summary>
    public static IReadOnlyList<string> Faults { get; } = [.. Fate.AllNames.Where(static name => name is not ("restore" or "clock"))];

    /// <summary>Runs it.</summary>
    /// <param name="historyPath">Where its history is kept; null = in memory, for as long as it takes.</param>
    public static SeedResult Run(ulong seed, TownSize size, Sabotage sabotage = Sabotage.None, string? historyPath = null)
    {
        SimulatedWorld world = new(seed);
        using KeptHistory kept = new();
        HistoryWriter history = new(kept.Stream, world.Clock);
        SimulatedNetwork network = new(world);
        Chance chance = world.Chance.Split();
        Town town = new(world, size, history);
        int shards = chance.Of([2, 4, 8]);
        SimulatedDisk disk = new(world, town.MakeLog(shards), sabotage);
        SimulatedBroker broker = new(world, network, disk, OptionsOf(chance, shards), sabotage);
        SimulatedProcess keeper = new(world, "keeper");
        List<Device> devices = [.. town.People.Skip(1).SelectMany(citizen => Enumerable.Range(0, citizen.Devices).Select(number => new Device(world, network, town, citizen, number, keeper)))];
        foreach (RoomPlan plan in town.Plans)
        {
            devices.Find(device => device.Owner.Number == plan.Founder)!.Founding.Enqueue(plan);
        }

        Fate fate = new(world, network, broker, disk, devices, history, new FateLimits(Faults, TimeSpan.FromSeconds(2)));
        TownOffice office = new(world, network, town);
        broker.Start();
        devices.ForEach(device => device.Begin());
        Stages stages = new(world);
        stages.Until("the founding", s_patience, () => devices.TrueForAll(device => device.Founding.Count == 0));
        town.IsFounded = true;
        office.Open();
        stages.Until("the programs", s_patience, () => office.IsOpen);
        foreach (TownService service in office.Services)
        {
            service.Begin();
        }

        office.RevokeLater(size.Duration / 2);
        fate.Begin(world.Now + Nanoseconds(size.Duration));
        stages.Until("the end of fate", size.Duration + s_patience, () => fate.IsOver);
        town.IsEnding = true;
        stages.Until("the return of all", s_patience, () => town.Away == 0);
        stages.Until(
            "the last answers",
            s_patience,
            () => devices.TrueForAll(device => device.IsSettled) && office.Services.All(service => service.IsDone),
            () => string.Join(", ", devices.Where(device => !device.IsSettled)));
        stages.Wait(s_expiry);
        history.Write(new HistoryEvent { Op = HistoryOp.Nemesis, Fault = HistoryFault.Heal });
        stages.Wait(s_catchUp + TimeSpan.FromMilliseconds(1));
        stages.All("the comparison", s_patience, devices, static device => device.CompareAsync());
        office.Read();
        stages.Until("the reading of every log", s_patience, () => office.HasRead);
        stages.All("the end", s_patience, devices, static device => device.EndAsync());
        history.Dispose();
        broker.Kill(isPowerCut: false);
        world.End();
        if (historyPath is not null)
        {
            File.WriteAllBytes(historyPath, kept.ToArray());
        }

        return new SeedResult
        {
            Seed = seed,
            Report = HistoryChecker.Check([new HistoryReader(new MemoryStream(kept.ToArray()), historyPath ?? string.Create(CultureInfo.InvariantCulture, $"seed-{seed}"))]),
            Defects = world.Defects,
            Acknowledged = town.Acknowledged,
            Faults = fate.Struck,
            Deeds = town.Deeds,
            SimulatedSeconds = world.Now / 1e9,
            Pieces = world.Pieces,
            Digest = world.Digest,
        };
    }

    private static BrokerOptions OptionsOf(Chance chance, int shards) => new()
    {
        Shards = shards,
        Loops = chance.Between(1, 2),
        ConnectionsMax = 4096,
        ConversationsInMemoryMax = chance.Of([16, 64, 4096]),
        UnreadCountsMax = chance.Of([8, 100, 10_000]),
        OutboxBudgetBytes = chance.OneIn(2) ? (64 * 1024) + 2048 : 256 * 1024,
        HeartbeatSeconds = chance.Of([10.0, 60]),
        WriteDeadlineSeconds = chance.Of([30.0, 120]),
        FrameDeadlineSeconds = 20,
        LoginDeadlineSeconds = 10,
        SessionSeconds = chance.Of([1.0, 300]),
    };

    private static long Nanoseconds(TimeSpan span) => span.Ticks * 100;

    /// <summary>What must have come about, one thing after another; behind a defect nothing is waited for.</summary>
    private sealed class Stages(SimulatedWorld world)
    {
        public void Until(string what, TimeSpan patience, Func<bool> isOver, Func<string>? whoIsLate = null)
        {
            if (world.Defects.Count == 0 && !world.Run(world.Now + Nanoseconds(patience), () => world.Defects.Count > 0 || isOver()) && world.Defects.Count == 0)
            {
                world.Defects.Add($"{what} did not come within {patience}: {whoIsLate?.Invoke()}");
            }
        }

        public void Wait(TimeSpan time)
        {
            if (world.Defects.Count == 0)
            {
                world.Run(world.Now + Nanoseconds(time), () => world.Defects.Count > 0);
            }
        }

        public void All(string what, TimeSpan patience, List<Device> devices, Func<Device, Task> act)
        {
            if (world.Defects.Count == 0)
            {
                Task[] all = [.. devices.Select(act)];
                Until(what, patience, () => Array.TrueForAll(all, one => one.IsCompleted), () => string.Join(", ", devices.Where((_, index) => !all[index].IsCompleted)));
            }
        }
    }
}
