using System.Globalization;

namespace FastChat.Storage;

/// <summary>
/// What a journal directory holds behind a given commit. Reading stops at the first record that is not the next one: that is how a commit looks whose writing was cut off. A record that is
/// whole and comes later proves the opposite, because nothing is written before the commit ahead of it is synced: then something acknowledged was damaged, and <see cref="Damage"/> says so.
/// </summary>
internal sealed class JournalReader
{
    private const string Pattern = "*.journal";

    private JournalReader(ulong lastCommit)
    {
        LastCommit = lastCommit;
    }

    /// <summary>Files with commits behind the given one, in their order.</summary>
    public List<JournalSegment> Live { get; } = [];

    /// <summary>Files with nothing new in them.</summary>
    public List<JournalSegment> Free { get; } = [];

    /// <summary>The last commit that can be read; the given one when there is none behind it.</summary>
    public ulong LastCommit { get; private set; }

    /// <summary>What is damaged, for people; null when nothing is.</summary>
    public string? Damage { get; private set; }

    /// <summary>Reads the directory; one that does not exist is empty.</summary>
    /// <param name="after">The last commit that the tables have.</param>
    public static JournalReader Read(string directory, ulong after)
    {
        return Directory.Exists(directory)
            ? Of(Directory.EnumerateFiles(directory, Pattern).Order(StringComparer.Ordinal).Select(JournalSegment.Open), after)
            : new JournalReader(after);
    }

    /// <summary>Reads files that were opened.</summary>
    public static JournalReader Of(IEnumerable<JournalSegment> files, ulong after)
    {
        JournalReader journal = new(after);
        List<(ulong First, JournalSegment Segment)> found = [];
        foreach (JournalSegment segment in files)
        {
            if (segment.TryParse(out ulong first) && segment.LastCommit > after)
            {
                found.Add((first, segment));
            }
            else
            {
                journal.Free.Add(segment);
            }
        }

        foreach ((ulong first, JournalSegment segment) in found.OrderBy(static pair => pair.First))
        {
            if (first <= journal.LastCommit + 1)
            {
                journal.Live.Add(segment);
                journal.LastCommit = segment.LastCommit;
            }
            else
            {
                journal.Free.Add(segment);
                journal.ReportDamage(segment, first);
            }
        }

        journal.LookForDamage();
        return journal;
    }

    /// <summary>Deletes every file of a directory: what is in them is in the tables, or was given up.</summary>
    public static void Wipe(string directory)
    {
        if (Directory.Exists(directory))
        {
            foreach (string path in Directory.EnumerateFiles(directory, Pattern))
            {
                File.Delete(path);
            }

            StableFile.SyncDirectory(directory);
        }
    }

    /// <summary>Closes the files.</summary>
    public void Close()
    {
        foreach (JournalSegment segment in Live.Concat(Free))
        {
            segment.Dispose();
        }
    }

    private void LookForDamage()
    {
        foreach (JournalSegment segment in Live.Concat(Free))
        {
            if (Damage is null && segment.TryFindBehind(LastCommit, out JournalRecord found))
            {
                ReportDamage(segment, found.Commit);
            }
        }
    }

    private void ReportDamage(JournalSegment segment, ulong later) => Damage ??= string.Create(
        CultureInfo.InvariantCulture,
        $"its journal is damaged behind commit {LastCommit}: {Path.GetFileName(segment.Path)} holds commit {later}, which was written later");
}
