namespace FastChat.Simulation.Tests;

/// <summary>The world itself: time, turns, death. What is wrong here would be taken for a defect of the broker, or hide one.</summary>
internal sealed class WorldTests
{
    private const long Second = 1_000_000_000;

    [Test]
    public void Timers_fire_in_the_order_of_their_times_and_time_jumps_between_them()
    {
        SimulatedWorld world = new(1);
        SimulatedProcess process = new(world, "p");
        List<(string Name, long At)> fired = [];
        foreach ((string name, int seconds) in new[] { ("third", 3000), ("first", 1), ("second", 60) })
        {
            process.Begin(async () =>
            {
                await Task.Delay(TimeSpan.FromSeconds(seconds), process.Clock);
                fired.Add((name, world.Now / Second));
            });
        }

        world.Run(2 * 3600 * Second, () => false);
        Assert.That(fired, Is.EqualTo(new[] { ("first", 1L), ("second", 60L), ("third", 3000L) }));
        Assert.That(world.Defects, Is.Empty);
    }

    [Test]
    public void Who_is_dead_goes_on_nowhere()
    {
        SimulatedWorld world = new(2);
        SimulatedProcess victim = new(world, "victim");
        SimulatedProcess killer = new(world, "killer");
        int steps = 0;
        victim.Begin(async () =>
        {
            try
            {
                while (true)
                {
                    steps++;
                    await Task.Delay(TimeSpan.FromSeconds(1), victim.Clock);
                }
            }
            finally
            {
                steps = -1;
            }
        });
        killer.Begin(async () =>
        {
            await Task.Delay(TimeSpan.FromSeconds(10.5), killer.Clock);
            victim.Kill();
        });

        world.Run(60 * Second, () => false);
        Assert.That(steps, Is.EqualTo(11), "not even a finally block runs after kill -9");
    }

    [Test]
    public void Who_is_stopped_goes_on_when_it_may()
    {
        SimulatedWorld world = new(3);
        SimulatedProcess process = new(world, "p");
        long woke = 0;
        process.Begin(async () =>
        {
            await Task.Delay(TimeSpan.FromSeconds(10), process.Clock);
            woke = world.Now;
        });
        world.Run(Second, () => false);
        process.SleepsUntil = 30 * Second;
        world.Run(60 * Second, () => false);
        Assert.That(woke, Is.InRange(30 * Second, 31 * Second));
    }

    [Test]
    public void Everything_that_can_come_first_does_under_some_seed()
    {
        HashSet<string> orders = [];
        for (ulong seed = 0; seed < 200; seed++)
        {
            SimulatedWorld world = new(seed);
            SimulatedProcess process = new(world, "p");
            string order = string.Empty;
            foreach (string name in new[] { "a", "b", "c" })
            {
                process.Post(() => order += name);
            }

            world.Run(Second, () => false);
            orders.Add(order);
        }

        Assert.That(orders, Is.EquivalentTo(new[] { "abc", "acb", "bac", "bca", "cab", "cba" }));
    }

    [Test]
    public void What_escapes_from_the_world_is_a_defect()
    {
        SimulatedWorld world = new(4);
        SimulatedProcess process = new(world, "p");
        Thread thread = new(() => world.Post(process, static _ => { }, null));
        thread.Start();
        thread.Join();
        world.End();
        Assert.That(world.Defects, Has.Count.EqualTo(1));
        Assert.That(world.Defects[0], Does.Contain("a thread of its own"));
    }

    [Test]
    public void An_exception_that_nobody_catches_is_a_defect()
    {
        SimulatedWorld world = new(5);
        SimulatedProcess process = new(world, "p");
        process.Begin(async () =>
        {
            await Task.Delay(TimeSpan.FromSeconds(1), process.Clock);
            throw new InvalidDataException("oh");
        });
        world.Run(60 * Second, () => false);
        Assert.That(world.Defects, Has.Exactly(1).Contains("oh"));
    }

    [Test]
    public void Who_goes_round_in_circles_is_found()
    {
        SimulatedWorld world = new(6);
        SimulatedProcess process = new(world, "dizzy");
        void Again(object? state) => world.Schedule(process, world.Now, Again, null);
        process.Post(() => Again(null));
        Assert.That(world.Run(60 * Second, () => false), Is.False);
        Assert.That(world.Defects, Has.Exactly(1).Contains("dizzy"));
    }
}
