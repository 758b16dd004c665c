using FastChat.Storage;

namespace FastChat.Simulation;

/// <summary>
/// A file of the simulated disk: what is on the medium, and the writes that only the page cache has. A death of the process leaves both; a power cut leaves of each write all, nothing, or some of its
/// sectors.
/// </summary>
internal sealed class SimulatedFile : IJournalFile
{
    private const int Sector = 512;

    private readonly SimulatedDisk _disk;
    private readonly byte[] _medium;
    private readonly List<(long Offset, byte[] Bytes)> _unsynced = [];

    public SimulatedFile(SimulatedDisk disk, string name, int size)
    {
        _disk = disk;
        Name = name;
        _medium = new byte[size];
    }

    public string Name { get; }

    public int Size => _medium.Length;

    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        _disk.Reach(DiskFault.DeathBeforeWrite, DiskFault.WriteError);
        _unsynced.Add((offset, bytes.ToArray()));
    }

    public void Sync()
    {
        _disk.Reach(DiskFault.DeathBeforeSync, DiskFault.SyncError);
        if (!_disk.IsLying)
        {
            WriteBack(static _ => true);
        }

        _disk.Reach(DiskFault.DeathAfterSync, DiskFault.None);
    }

    /// <summary>What a start finds in it.</summary>
    public byte[] Read() => _medium.AsSpan().ToArray();

    /// <summary>The process has ended, and everything that it wrote reaches the medium sooner or later.</summary>
    public void OnDeath() => WriteBack(static _ => true);

    /// <summary>The machine has ended.</summary>
    public void OnPowerCut(Chance chance)
    {
        // Of all writes the same, or of each something else.
        int all = chance.Below(4);
        WriteBack(_ => (all == 3 ? chance.Below(3) : all) switch { 0 => false, 1 => true, _ => chance.OneIn(2) });
    }

    /// <summary>Whether the process holds it open is not the medium's business.</summary>
    public void Dispose()
    {
    }

    private void WriteBack(Func<int, bool> survives)
    {
        foreach ((long offset, byte[] bytes) in _unsynced)
        {
            // By the sectors of the medium, not of the write.
            for (int at = 0; at < bytes.Length;)
            {
                int size = Math.Min(Sector - (int)((offset + at) % Sector), bytes.Length - at);
                if (survives(at))
                {
                    bytes.AsSpan(at, size).CopyTo(_medium.AsSpan((int)offset + at));
                }

                at += size;
            }
        }

        _unsynced.Clear();
    }
}
