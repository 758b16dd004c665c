using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace FastChat.Storage;

/// <summary>
/// A directory of backups (docs/backup-format.md §1), open for taking one: locked, and cleared of what an interrupted backup left that is of no use. Tables lie once, however many backups have
/// them: RocksDB never changes one after it was written, so the next backup copies only those that it does not find here. Those that an interrupted backup copied are found as well.
/// <code>
///  DIRECTORY/fastchat-backups          says what this is
///  DIRECTORY/lock                      held while a backup is taken
///  DIRECTORY/tables/ID-HASH.sst        tables, whichever backups have them; large values beside them end with .blob
///  DIRECTORY/backups/00000003/         what is only this backup's: journal, RocksDB's own small files
///  DIRECTORY/backups/00000003/manifest BackupManifest, written last
/// </code>
/// One thread.
/// </summary>
internal sealed class BackupDirectory : IDisposable
{
    private const string MarkerName = "fastchat-backups";
    private const string TablesName = "tables";
    private const string BackupsName = "backups";
    private const string LockName = "lock";
    private const string PartSuffix = ".part";
    private const string TableSuffix = ".sst";
    private const string LargeSuffix = ".blob";
    private const int IdTailBytes = 64 << 10;

    private static readonly byte[] Marker = "FastChat backups, layout 1\n"u8.ToArray();

    private readonly string _path;
    private readonly FileStream _lock;
    private readonly Dictionary<string, string> _tables;

    private BackupDirectory(string path, FileStream lockFile)
    {
        _path = path;
        _lock = lockFile;
        foreach (string part in Directory.EnumerateFiles(TablesPath, "*" + PartSuffix))
        {
            File.Delete(part);
        }

        _tables = Directory.EnumerateFiles(TablesPath).Select(static file => Path.GetFileName(file)).Where(static name => IsTable(name)).ToDictionary(static name => name[..name.IndexOf('-', StringComparison.Ordinal)]);
    }

    private string TablesPath => Path.Combine(_path, TablesName);

    private string BackupsPath => Path.Combine(_path, BackupsName);

    /// <summary>Opens a directory of backups, or makes one of a directory that is empty or absent, readable by its owner alone.</summary>
    /// <param name="dataDirectory">The store's: neither may lie in the other.</param>
    /// <exception cref="BackupException">It is something else, in use, or of a later layout.</exception>
    public static BackupDirectory Open(string path, string dataDirectory)
    {
        if (IsWithin(path, dataDirectory) || IsWithin(dataDirectory, path))
        {
            throw new BackupException($"{path} and the data directory {dataDirectory} lie in one another; a backup belongs elsewhere, best on another device.");
        }

        if (!Directory.Exists(path))
        {
            PrivateDirectory.Create(path);
        }

        string marker = Path.Combine(path, MarkerName);
        if (!File.Exists(marker) && !PrivateDirectory.IsEmpty(path, LockName, MarkerName + ".new"))
        {
            throw new BackupException($"{path} is neither empty nor a directory of backups.");
        }

        FileStream lockFile;
        try
        {
            lockFile = new FileStream(Path.Combine(path, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException held)
        {
            throw new BackupException($"Another backup into {path} is under way.", held);
        }

        try
        {
            if (!File.Exists(marker))
            {
                StableFile.Replace(marker, Marker);
            }

            CheckMarker(path);
            StableFile.CreateDirectory(Path.Combine(path, TablesName));
            StableFile.CreateDirectory(Path.Combine(path, BackupsName));
            return new BackupDirectory(path, lockFile);
        }
        catch
        {
            lockFile.Dispose();
            throw;
        }
    }

    /// <summary>The backups in a directory, oldest first. Needs no lock: a backup appears, and goes, with its manifest.</summary>
    /// <exception cref="BackupException">It is no directory of backups.</exception>
    public static IReadOnlyList<(int Number, BackupManifest? Manifest, string? Damage)> List(string path)
    {
        CheckMarker(path);
        List<(int Number, BackupManifest? Manifest, string? Damage)> all = [];
        foreach ((int number, string directory) in Numbered(Path.Combine(path, BackupsName)))
        {
            if (!File.Exists(Path.Combine(directory, BackupManifest.FileName)))
            {
                continue;
            }

            try
            {
                BackupManifest manifest = BackupManifest.Read(directory);
                all.Add(manifest.Number == number ? (number, manifest, null) : (number, null, $"{directory} holds the manifest of backup {manifest.Number}."));
            }
            catch (BackupException damaged)
            {
                all.Add((number, null, damaged.Message));
            }
        }

        return all;
    }

    /// <summary>Clears what interrupted backups left and makes a place for the next one. Returns its number.</summary>
    public int Begin()
    {
        int last = 0;
        foreach ((int number, string directory) in Numbered(BackupsPath))
        {
            if (File.Exists(Path.Combine(directory, BackupManifest.FileName)))
            {
                last = number;
            }
            else
            {
                Directory.Delete(directory, recursive: true);
            }
        }

        foreach (string part in (ReadOnlySpan<string>)["rocksdb", "journal"])
        {
            Directory.CreateDirectory(Path.Combine(PathOf(last + 1), part));
        }

        return last + 1;
    }

    /// <summary>Brings a file of the store here, unless it is a table that is here already, and says where it lies now.</summary>
    public BackupFile Add(int number, string source, string pathInStore, CheckedCopy copy)
    {
        long bytes = new FileInfo(source).Length;
        if (IsTable(source))
        {
            return AddTable(source, pathInStore, bytes, copy);
        }

        string stored = $"{BackupsName}/{Name(number)}/{pathInStore}";
        return new BackupFile(pathInStore, bytes, copy.Copy(source, Path.Combine(_path, stored)), stored);
    }

    /// <summary>Brings what was added to stable storage, and with the manifest makes it a backup.</summary>
    public void Complete(BackupManifest manifest)
    {
        string directory = PathOf(manifest.Number);
        foreach (string written in (ReadOnlySpan<string>)[Path.Combine(directory, "rocksdb"), Path.Combine(directory, "journal"), directory, TablesPath, BackupsPath])
        {
            StableFile.SyncDirectory(written);
        }

        manifest.Write(directory);
    }

    /// <summary>Drops all but the newest backups and every table that none of those left has. Returns how many were dropped. A damaged manifest does not say what it needs: then all tables stay.</summary>
    /// <param name="keep">How many stay; 0 = all.</param>
    public int Drop(int keep)
    {
        IReadOnlyList<(int Number, BackupManifest? Manifest, string? Damage)> all = List(_path);
        int dropped = keep == 0 ? 0 : Math.Max(0, all.Count - keep);
        foreach ((int number, _, _) in all.Take(dropped))
        {
            // The manifest first: what is cut off here is an interrupted backup, and not one whose files are missing.
            File.Delete(Path.Combine(PathOf(number), BackupManifest.FileName));
            StableFile.SyncDirectory(PathOf(number));
            Directory.Delete(PathOf(number), recursive: true);
        }

        if (all.Skip(dropped).All(static backup => backup.Manifest is not null))
        {
            HashSet<string> needed = [.. all.Skip(dropped).SelectMany(static backup => backup.Manifest!.Files).Select(static file => Path.GetFileName(file.Stored))];
            foreach (string table in Directory.EnumerateFiles(TablesPath).Where(table => !needed.Contains(Path.GetFileName(table))))
            {
                File.Delete(table);
            }
        }

        return dropped;
    }

    public void Dispose() => _lock.Dispose();

    private static bool IsWithin(string inner, string outer) =>
        Path.TrimEndingDirectorySeparator(inner) == Path.TrimEndingDirectorySeparator(outer)
        || inner.StartsWith(Path.TrimEndingDirectorySeparator(outer) + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    private static void CheckMarker(string path)
    {
        string marker = Path.Combine(path, MarkerName);
        if (!File.Exists(marker))
        {
            throw new BackupException($"{path} is no directory of backups.");
        }

        if (!File.ReadAllBytes(marker).AsSpan().SequenceEqual(Marker))
        {
            throw new BackupException($"{marker} is damaged, or of a later layout than this version of FastChat knows.");
        }
    }

    private static IEnumerable<(int Number, string Directory)> Numbered(string backups) => Directory.EnumerateDirectories(backups)
        .Select(static directory => (int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0, directory))
        .Where(static backup => backup.Item1 > 0)
        .OrderBy(static backup => backup.Item1);

    private static string Name(int number) => number.ToString("D8", CultureInfo.InvariantCulture);

    private string PathOf(int number) => Path.Combine(BackupsPath, Name(number));

    private BackupFile AddTable(string source, string pathInStore, long bytes, CheckedCopy copy)
    {
        string suffix = Path.GetExtension(source);
        string id = suffix == LargeSuffix ? IdOfAll(source) : IdOf(source, bytes);
        if (!_tables.TryGetValue(id, out string? name) || new FileInfo(Path.Combine(TablesPath, name)).Length != bytes)
        {
            string part = Path.Combine(TablesPath, id + PartSuffix);
            name = $"{id}-{copy.Copy(source, part)}{suffix}";
            File.Move(part, Path.Combine(TablesPath, name), overwrite: true);
            _tables[id] = name;
        }

        return new BackupFile(pathInStore, bytes, name[(id.Length + 1)..^suffix.Length], $"{TablesName}/{name}");
    }

    /// <summary>True for the files that RocksDB never changes after it wrote them.</summary>
    private static bool IsTable(string path) => Path.GetExtension(path) is TableSuffix or LargeSuffix;

    /// <summary>Which file of large values it is. Nothing at its end tells it from another one of the same length with the same last value, so all of it is read; copied it is once.</summary>
    private static string IdOfAll(string source)
    {
        using FileStream file = new(source, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        return Convert.ToHexStringLower(SHA256.HashData(file).AsSpan(0, 16));
    }

    /// <summary>
    /// Which table a file is, from its length and its end. A table ends with its index and its properties; among those are the session that wrote it and its number therein, which RocksDB gives
    /// to no other, so reading all of a table for it would tell nothing more. The file's name would not do: a restored store gives the same names to other tables.
    /// </summary>
    private static string IdOf(string source, long bytes)
    {
        byte[] tail = new byte[(int)Math.Min(bytes, IdTailBytes)];
        using FileStream file = new(source, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        file.Seek(bytes - tail.Length, SeekOrigin.Begin);
        file.ReadExactly(tail);
        byte[] length = Encoding.ASCII.GetBytes(bytes.ToString(CultureInfo.InvariantCulture) + "\n");
        return Convert.ToHexStringLower(SHA256.HashData([.. length, .. tail]).AsSpan(0, 16));
    }
}
