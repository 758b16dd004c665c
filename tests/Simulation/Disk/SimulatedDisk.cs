using FastChat.Storage;

namespace FastChat.Simulation;

/// <summary>What is to happen to a commit.</summary>
internal enum DiskFault
{
    None,

    /// <summary>The process dies before anything is written.</summary>
    DeathBeforeWrite,

    /// <summary>The process dies when the commit is in the page cache and not on the medium.</summary>
    DeathBeforeSync,

    /// <summary>The process dies when the commit is on the medium and nobody has been told.</summary>
    DeathAfterSync,

    /// <summary>The write fails.</summary>
    WriteError,

    /// <summary>The sync fails; what was written may be on the medium all the same.</summary>
    SyncError,
}

/// <summary>
/// The broker's machine's disk: what is on the medium, what only the page cache has, how long a sync takes, and what fails. The log over it is the contract's second implementation; which commits a
/// restart finds is decided here.
/// </summary>
internal sealed class SimulatedDisk
{
    private readonly SimulatedWorld _world;
    private readonly Chance _chance;
    private readonly TimeSpan _sync;
    private readonly Saboteur _saboteur;
    private readonly List<InMemoryConversationLog> _backups = [];
    private SimulatedProcess? _user;
    private DiskFault _fault;
    private int _commitsUntilFault;

    public SimulatedDisk(SimulatedWorld world, InMemoryConversationLog log, Sabotage sabotage)
    {
        _world = world;
        _saboteur = new Saboteur(sabotage, world.Chance.Split(), log);
        _chance = world.Chance.Split();
        _sync = _chance.Span(TimeSpan.FromMicroseconds(50), TimeSpan.FromMilliseconds(20));
        Log = log;
    }

    /// <summary>The log as the running broker has it.</summary>
    public InMemoryConversationLog Log { get; private set; }

    /// <summary>Until then every sync takes tens to hundreds of milliseconds; nanoseconds.</summary>
    public long IsSlowUntil { get; set; }

    /// <summary>It has no room for further commits, whichever process asks.</summary>
    public bool IsFull
    {
        get;
        set => Log.IsFull = field = value;
    }

    /// <summary>Commits that were synced.</summary>
    public long Commits { get; private set; }

    /// <summary>How long the next commit takes.</summary>
    public TimeSpan TimeOfSync() => _world.Now < IsSlowUntil
        ? _chance.Span(TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(800))
        : _chance.Span(_sync / 4, _sync * (_chance.OneIn(50) ? 20 : 2));

    /// <summary>Gives the log to a process; the one before is dead or has let go.</summary>
    public void Mount(SimulatedProcess user)
    {
        _user = user;
        Log.IsFull = IsFull;
        Log.BeforeWrite = () => Reach(DiskFault.DeathBeforeWrite, DiskFault.WriteError);
        Log.BeforeSync = () => Reach(DiskFault.DeathBeforeSync, DiskFault.SyncError);
        Log.AfterSync = () =>
        {
            Commits++;
            _saboteur.OnSynced(Log);
            Reach(DiskFault.DeathAfterSync, DiskFault.None);
        };
    }

    /// <summary>Lets a fault meet one of the next commits.</summary>
    public void Arm(DiskFault fault, int commits)
    {
        _fault = fault;
        _commitsUntilFault = commits;
    }

    /// <summary>What the next start finds.</summary>
    /// <param name="isPowerCut">The page cache is gone: what was not synced is there or not, as it happened to be.</param>
    public void Remount(bool isPowerCut)
    {
        _fault = DiskFault.None;
        Log = _saboteur.OnRestart(Log.Crash(keepUnsynced: !isPowerCut || _chance.OneIn(2)), isPowerCut);
    }

    /// <summary>Keeps a copy of what is durable now.</summary>
    public void BackUp() => _backups.Add(Log.Copy());

    /// <summary>Puts a copy in the place of the log, as a new incarnation; false when there is none.</summary>
    public bool TryRestore()
    {
        if (_backups.Count == 0)
        {
            return false;
        }

        InMemoryConversationLog backup = _chance.Of(_backups);
        uint epoch = Log.Epoch;
        Log.Dispose();
        Log = InMemoryConversationLog.Restored(backup, epoch + 1);
        return true;
    }

    private void Reach(DiskFault death, DiskFault error)
    {
        if (!_user!.IsAlive)
        {
            throw new SimulatedDeathException();
        }

        if (_fault == DiskFault.None || (_fault != death && _fault != error) || --_commitsUntilFault > 0)
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
