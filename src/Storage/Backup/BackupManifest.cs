using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace FastChat.Storage;

/// <summary>A file of a backup.</summary>
/// <param name="Path">Where it belongs in a data directory, for example <c>rocksdb/000012.sst</c>.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Hash">The SHA-256 of its content, 64 lower-case hexadecimal digits.</param>
/// <param name="Stored">Where it lies in the backup directory, relative to it.</param>
internal sealed record BackupFile(string Path, long Bytes, string Hash, string Stored);

/// <summary>
/// The list of what belongs to a backup (docs/backup-format.md §2), written when all of it is on stable storage: a backup without one does not exist. Text, a fact a line, sealed by its own
/// SHA-256 at the end, so that an operator can read it and a flipped bit in it is found.
/// <code>
/// FastChat backup 1
/// number 3
/// taken_at 2026-11-26T01:22:07.1234567+00:00
/// store_version 2
/// epoch 1
/// commit 123456
/// file SHA-256 BYTES PATH STORED       (one for each file)
/// sealed SHA-256
/// </code>
/// </summary>
internal sealed partial record BackupManifest(int Number, DateTimeOffset TakenAt, uint StoreVersion, uint Epoch, ulong Commit, IReadOnlyList<BackupFile> Files)
{
    public const string FileName = "manifest";

    private const string Title = "FastChat backup 1";
    private const string Seal = "sealed ";

    /// <summary>What it tells to those outside.</summary>
    public BackupInfo Info => new(Number, TakenAt, StoreVersion, Epoch, Commit, Files.Count, Files.Sum(static file => file.Bytes));

    /// <summary>Reads the manifest in a backup's own directory.</summary>
    /// <exception cref="BackupException">It is damaged, or of a later layout.</exception>
    public static BackupManifest Read(string directory)
    {
        string path = Path.Combine(directory, FileName);
        string text;
        try
        {
            text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(path));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or DecoderFallbackException)
        {
            throw new BackupException($"{path} cannot be read: {failure.Message}", failure);
        }

        // The layout stands before the seal is looked at: a later one may protect itself in another way.
        if (!text.StartsWith(Title + "\n", StringComparison.Ordinal))
        {
            throw new BackupException($"{path} is no manifest that this version of FastChat reads; its first line is \"{Title}\".");
        }

        int seal = text.LastIndexOf(Seal, StringComparison.Ordinal);
        if (seal < 0 || text[seal..] != $"{Seal}{HashOf(text[..seal])}\n")
        {
            throw new BackupException($"{path} is damaged: it does not match its seal.");
        }

        try
        {
            return Parse(text[..seal].Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }
        catch (Exception wrong) when (wrong is FormatException or OverflowException or IndexOutOfRangeException)
        {
            throw new BackupException($"{path} cannot be understood: {wrong.Message}", wrong);
        }
    }

    /// <summary>Writes it durably into a backup's own directory, all of whose files are on stable storage: from now on the backup exists.</summary>
    public void Write(string directory)
    {
        StringBuilder text = new();
        text.Append(Title).Append('\n');
        text.Append(CultureInfo.InvariantCulture, $"number {Number}\ntaken_at {TakenAt:O}\nstore_version {StoreVersion}\nepoch {Epoch}\ncommit {Commit}\n");
        foreach (BackupFile file in Files)
        {
            text.Append(CultureInfo.InvariantCulture, $"file {file.Hash} {file.Bytes} {file.Path} {file.Stored}\n");
        }

        string hash = HashOf(text.ToString());
        text.Append(Seal).Append(hash).Append('\n');
        StableFile.Replace(Path.Combine(directory, FileName), Encoding.UTF8.GetBytes(text.ToString()));
    }

    private static BackupManifest Parse(string[] lines)
    {
        BackupFile[] files = lines.Skip(6).Select(ParseFile).ToArray();
        return new BackupManifest(
            int.Parse(Fact(lines[1], "number"), NumberStyles.None, CultureInfo.InvariantCulture),
            DateTimeOffset.ParseExact(Fact(lines[2], "taken_at"), "O", CultureInfo.InvariantCulture),
            uint.Parse(Fact(lines[3], "store_version"), NumberStyles.None, CultureInfo.InvariantCulture),
            uint.Parse(Fact(lines[4], "epoch"), NumberStyles.None, CultureInfo.InvariantCulture),
            ulong.Parse(Fact(lines[5], "commit"), NumberStyles.None, CultureInfo.InvariantCulture),
            files);
    }

    private static BackupFile ParseFile(string line)
    {
        string[] parts = Fact(line, "file").Split(' ');
        BackupFile file = new(parts[2], long.Parse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture), parts[0], parts[3]);

        // Whoever can write a manifest can seal it, too: it must not lead a restore out of the directories that it is about.
        return PathInStore().IsMatch(file.Path) && PathInBackup().IsMatch(file.Stored)
            ? file
            : throw new FormatException($"\"{file.Path}\" from \"{file.Stored}\" is no file of a store");
    }

    private static string Fact(string line, string name) => line.StartsWith(name + " ", StringComparison.Ordinal)
        ? line[(name.Length + 1)..]
        : throw new FormatException($"\"{name}\" is expected where \"{line}\" stands");

    private static string HashOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    [GeneratedRegex(@"^(rocksdb|journal)/[A-Za-z0-9][A-Za-z0-9._-]*$")]
    private static partial Regex PathInStore();

    [GeneratedRegex(@"^(tables|backups/[0-9]{8}/(rocksdb|journal))/[A-Za-z0-9][A-Za-z0-9._-]*$")]
    private static partial Regex PathInBackup();
}
