using System.Globalization;

using FastChat.Storage;

namespace FastChat.Simulation;

/// <summary>What is to happen to a commit.</summary>
internal enum DiskFault
{
    None,

    /// <summary>The process dies before anything is written.</summary>
    DeathBeforeWrite,

    /// <summary>The process dies when the commit is in the page cache and perhaps not on the medium.</summary>
    DeathBeforeSync,

    /// <summary>The process dies when the commit is on the medium and nobody has been told.</summary>
    DeathAfterSync,

    /// <summary>The write fails.</summary>
    WriteError,

    /// <summary>The sync fails; what was written may be on the medium all the same.</summary>
    SyncError,
}

/// <summary>
/// The disk of the broker's machine: the journal's files with what is synced of them, the tables as they were last moved, and the witness. It decides how long a sync takes, what fails, and what a start
/// finds. Outlives every process.
/// </summary>
internal sealed class SimulatedDisk
{
    private static readonly TimeSpan s_witnessSync = TimeSpan.FromSeconds(1);

    private readonly SimulatedWorld _world;
    private readonly Chance _chance;
    private readonly Sabotage _sabotage;
    private readonly Saboteur _saboteur;
    private readonly TimeSpan _sync;
    private readonly List<InMemoryConversationLog> _backups = [];
    private readonly List<SimulatedFile> _files = [];
    private SimulatedProcess? _user;
    private DiskFault _fault;
    private int _callsUntilFault;
    private ulong _syncedWitness;
    private long _witnessSyncedAt;

    /// <param name="log">What it has at the beginning.</param>
    public SimulatedDisk(SimulatedWorld world, InMemoryConversationLog log, Sabotage sabotage)
    {
        _world = world;
        _sabotage = sabotage;
        _saboteur = new Saboteur(sabotage, log);
        _chance = world.Chance.Split();
        _sync = _chance.Span(TimeSpan.FromMicroseconds(50), TimeSpan.FromMilliseconds(20));
        Tables = log;
        Witness = _syncedWitness = log.CommitNumber;
    }

    /// <summary>The tables: everything up to their commit number is in them for certain.</summary>
    public InMemoryConversationLog Tables { get; private set; }

    private JournaledLog? Log { get; set; }

    /// <summary>The journal's files.</summary>
    public IReadOnlyList<SimulatedFile> Files => _files;

    /// <summary>The number of the last commit that may have been acknowledged.</summary>
    public ulong Witness { get; private set; }

    /// <summary>Until then every sync takes tens to hundreds of milliseconds; nanoseconds.</summary>
    public long IsSlowUntil { get; set; }

    /// <summary>It has no room for further commits, whichever process asks.</summary>
    public bool IsFull { get; set; }

    /// <summary>This sync is none: sabotage.</summary>
    public bool IsLying => _sabotage == Sabotage.LyingDisk && _chance.OneIn(2);

    /// <summary>How long the next commit takes.</summary>
    public TimeSpan TimeOfSync() => _world.Now < IsSlowUntil
        ? _chance.Span(TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(800))
        : _chance.Span(_sync / 4, _sync * (_chance.OneIn(50) ? 20 : 2));

    /// <summary>Opens the store for a process; the one before is dead or has let go.</summary>
    /// <exception cref="InvalidDataException">Something that was acknowledged is not there.</exception>
    public JournaledLog Open(SimulatedProcess user)
    {
        _user = user;
        Log = new JournaledLog(this, _chance.Split());
        Witness = Log.CommitNumber;
        _saboteur.OnStart(Log.Memory);
        return Log;
    }

    /// <summary>Lets a fault meet one of the next commits.</summary>
    public void Arm(DiskFault fault, int commits)
    {
        _fault = fault;
        _callsUntilFault = commits;
    }

    /// <summary>The process that used it has ended.</summary>
    /// <param name="isPowerCut">The page cache is gone: of what was not synced everything, nothing or some sectors are there, and the witness is what was last written back, or newer.</param>
    public void Unmount(bool isPowerCut)
    {
        _fault = DiskFault.None;
        foreach (SimulatedFile file in _files)
        {
            if (isPowerCut)
            {
                file.OnPowerCut(_chance);
            }
            else
            {
                file.OnDeath();
            }
        }

        if (isPowerCut && _chance.OneIn(2))
        {
            Witness = _syncedWitness;
        }
    }

    /// <summary>Keeps a copy of what is durable now.</summary>
    public void BackUp() => _backups.Add(Log!.Memory.Copy());

    /// <summary>Puts a copy in the place of the store, as a new incarnation; false when there is none.</summary>
    public bool TryRestore()
    {
        if (_backups.Count == 0)
        {
            return false;
        }

        Tables = InMemoryConversationLog.Restored(_chance.Of(_backups), Tables.Epoch + 1);
        Witness = _syncedWitness = Tables.CommitNumber;
        _files.Clear();
        return true;
    }

    /// <summary>A commit is on the medium, or so it was said.</summary>
    public void OnCommitted(ulong number)
    {
        Witness = number;
        if (_world.Now - _witnessSyncedAt > s_witnessSync.Ticks * 100)
        {
            _witnessSyncedAt = _world.Now;
            _syncedWitness = number;
        }
    }

    /// <summary>The tables have everything up to a commit; the journal's files before it may be used again.</summary>
    public void Move(InMemoryConversationLog state)
    {
        if (state.CommitNumber > Tables.CommitNumber)
        {
            Tables = state.Copy();
        }
    }

    /// <summary>A new file of the journal, filled and synced.</summary>
    public SimulatedFile MakeFile(int size)
    {
        SimulatedFile file = new(this, string.Create(CultureInfo.InvariantCulture, $"{_files.Count:D8}.journal"), size);
        _files.Add(file);
        return file;
    }

    /// <summary>A file's write or sync has come to a place where something may happen to it.</summary>
    public void Reach(DiskFault death, DiskFault error)
    {
        if (!_user!.IsAlive)
        {
            throw new SimulatedDeathException();
        }

        if (_fault == DiskFault.None || (_fault != death && _fault != error) || --_callsUntilFault > 0)
        {
            return;
        }

        DiskFault fault = _fault;
        _fault = DiskFault.None;
        if (fault == death)
        {
            _user.Kill();
            throw new SimulatedDeathException();
        }

        throw new IOException($"simulated {fault}");
    }
}
