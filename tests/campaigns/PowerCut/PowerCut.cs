using System.Globalization;

namespace FastChat.Campaigns;

/// <summary>
/// The power goes: kill -9, and then of everything that the process had written and not synced, some is on the medium and some is not. A library that is preloaded into the broker keeps account
/// (<c>writes.c</c>). Renames and new files are taken for durable, as file systems with a journal have them a moment later.
/// </summary>
/// <param name="directory">For the library and its logs.</param>
/// <param name="lies">The medium acknowledges syncs and does nothing: what must be caught.</param>
internal sealed class PowerCut(string directory, bool lies = false) : ICrash
{
    private readonly RandomKill _kill = new();
    private string? _log;
    private int _cuts;
    private long _undone;
    private long _kept;
    private long _torn;
    private long _syncs;

    /// <summary>Writes that were taken back.</summary>
    public long Undone => _undone;

    public string Summary => string.Create(
        CultureInfo.InvariantCulture, $"{_syncs} syncs; of the unsynced writes {_undone} gone, {_torn} torn, {_kept} there");

    public BrokerProcessOptions Arm(BrokerProcessOptions process, Random random)
    {
        _log = Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"writes-{++_cuts}.log"));

        // The library adds to what it finds: an interrupted campaign may have left one.
        File.Delete(_log);
        Dictionary<string, string> environment = new(PreloadLibrary.Environment(directory, process.DataDirectory)) { ["FASTCHAT_WRITES_LOG"] = _log };
        if (lies)
        {
            environment["FASTCHAT_SYNC_LIES"] = "1";
        }

        return process with { Environment = environment };
    }

    public Task StrikeAsync(Stage stage) => _kill.StrikeAsync(stage);

    public void WhileDown(string dataDirectory, Random random)
    {
        WriteLog log = WriteLog.Read(_log!);
        _syncs += log.Syncs;
        int mood = random.Next(3);
        HashSet<List<Change>> seen = [];
        foreach ((string path, List<Change> changes) in log.Unsynced.OrderBy(file => file.Key, StringComparer.Ordinal))
        {
            // A file with two names is one file; and RocksDB's diary is nobody's promise.
            if (File.Exists(path) && seen.Add(changes))
            {
                Cut(path, changes, mood, random);
            }
        }

        File.Delete(_log!);
    }

    /// <summary>Nothing of it is there, or it is there up to a write that is torn, or each write is there or not or torn.</summary>
    private void Cut(string path, List<Change> changes, int mood, Random random)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite);
        for (int i = changes.Count - 1; i >= 0; i--)
        {
            changes[i].Undo(file);
        }

        int torn = mood == 1 ? random.Next(changes.Count) : -1;
        for (int i = 0; i < changes.Count; i++)
        {
            int fate = mood switch
            {
                0 => 0,
                1 => i < torn ? 1 : i == torn ? 2 : 0,
                _ => random.Next(3),
            };
            switch (fate)
            {
                case 1:
                    changes[i].Redo(file);
                    _kept++;
                    break;
                case 2:
                    changes[i].RedoInPart(file, random);
                    _torn++;
                    break;
                default:
                    _undone++;
                    break;
            }
        }
    }
}
