using FastChat.Storage;

namespace FastChat.Simulation.Tests;

/// <summary>The simulated disk keeps what a disk keeps, and no more.</summary>
internal sealed class DiskTests
{
    private static readonly byte[] s_new = [.. Enumerable.Repeat((byte)1, 4096)];

    private SimulatedWorld _world = null!;
    private SimulatedDisk _disk = null!;
    private SimulatedProcess _process = null!;

    [SetUp]
    public void MakeDisk() => Make(seed: 1);

    private void Make(ulong seed)
    {
        _world = new SimulatedWorld(seed);
        _disk = new SimulatedDisk(_world, new InMemoryConversationLog(), Sabotage.None);
        _process = new SimulatedProcess(_world, "broker");
        _disk.Open(_process);
    }

    [Test]
    public void What_is_synced_survives_a_power_cut()
    {
        SimulatedFile file = _disk.MakeFile(8192);
        file.Write(s_new, 4096);
        file.Sync();
        _disk.Unmount(isPowerCut: true);
        Assert.That(file.Read()[4096..], Is.EqualTo(s_new));
    }

    [Test]
    public void What_is_only_written_survives_the_death_of_its_process()
    {
        SimulatedFile file = _disk.MakeFile(8192);
        file.Write(s_new, 4096);
        _disk.Unmount(isPowerCut: false);
        Assert.That(file.Read()[4096..], Is.EqualTo(s_new));
    }

    [Test]
    public void Of_what_is_only_written_a_power_cut_leaves_all_or_nothing_or_some_sectors()
    {
        HashSet<string> left = [];
        for (ulong seed = 1; seed < 100; seed++)
        {
            Make(seed);
            SimulatedFile file = _disk.MakeFile(8192);
            file.Write(s_new, 0);
            _disk.Unmount(isPowerCut: true);
            byte[][] sectors = [.. file.Read()[..4096].Chunk(512)];
            Assert.That(sectors.Count(static sector => sector.Distinct().Count() == 1), Is.EqualTo(8), "a sector is written or it is not");
            int count = sectors.Count(static sector => sector[0] == 1);
            left.Add(count == 8 ? "all" : count == 0 ? "nothing" : "some");
        }

        Assert.That(left, Is.EquivalentTo(new[] { "all", "nothing", "some" }));
    }

    [Test]
    public void Who_dies_in_a_commit_does_nothing_any_more()
    {
        SimulatedFile file = _disk.MakeFile(8192);
        _disk.Arm(DiskFault.DeathBeforeSync, 1);
        file.Write(s_new, 0);
        Assert.That(() => file.Sync(), Throws.InstanceOf<SimulatedDeathException>());
        Assert.That(_process.IsAlive, Is.False);
        Assert.That(() => file.Write(s_new, 0), Throws.InstanceOf<SimulatedDeathException>());
    }

    [Test]
    public void A_store_that_lacks_what_its_witness_names_does_not_open()
    {
        _disk.OnCommitted(7);
        _disk.Unmount(isPowerCut: false);
        Assert.That(() => _disk.Open(new SimulatedProcess(_world, "next")), Throws.InstanceOf<InvalidDataException>().With.Message.Contains("commit 7 was acknowledged"));
    }
}
