using System.Globalization;
using System.Security.Cryptography;

namespace FastChat.Broker.Audit;

/// <summary>What a check of the audit log found.</summary>
/// <param name="Lines">Lines that were read.</param>
/// <param name="First">Number of the first one; above 1 when older files went by their age.</param>
/// <param name="Last">Number of the last one; 0 = there is none.</param>
/// <param name="LastHash">Its hash: what a copy elsewhere is compared by.</param>
/// <param name="Problems">What is wrong, in words; none when the chain holds.</param>
public sealed record AuditCheck(long Lines, long First, long Last, byte[] LastHash, IReadOnlyList<string> Problems);

/// <summary>
/// The files of an audit log: <c>audit/NUMBER.jsonl</c> in the data directory, each named after its first line. Lines are added to the last one; a file that has its size is left, and a new one begun.
/// </summary>
public static class AuditFiles
{
    /// <summary>Name of the directory in the data directory.</summary>
    public const string DirectoryName = "audit";

    private const int ProblemsMax = 100;
    private const string Ending = ".jsonl";

    /// <summary>Where the log of a data directory lies.</summary>
    public static string DirectoryOf(string data) => Path.Combine(data, DirectoryName);

    /// <summary>The file whose first line has this number.</summary>
    public static string PathOf(string directory, long first) => Path.Combine(directory, first.ToString("D10", CultureInfo.InvariantCulture) + Ending);

    /// <summary>The files in their order; none when there is no log.</summary>
    public static List<(string Path, long First)> List(string directory)
    {
        List<(string Path, long First)> files = [];
        if (Directory.Exists(directory))
        {
            foreach (string path in Directory.EnumerateFiles(directory, "*" + Ending))
            {
                if (long.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out long first) && first > 0)
                {
                    files.Add((path, first));
                }
            }
        }

        files.Sort(static (left, right) => left.First.CompareTo(right.First));
        return files;
    }

    /// <summary>Reads every line and follows the chain through all files.</summary>
    /// <param name="directory">The log's directory.</param>
    /// <param name="line">Gets each line, without its end.</param>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static AuditCheck Check(string directory, Action<ReadOnlyMemory<byte>>? line = null)
    {
        List<string> problems = [];
        long lines = 0, begin = 0, last = 0;
        byte[] hash = AuditLine.NothingBefore;
        foreach ((string path, long first) in List(directory))
        {
            string name = Path.GetFileName(path);
            if (begin != 0 && first != last + 1)
            {
                Report(problems, $"{name}: lines {last + 1} to {first - 1} are not there");
            }

            begin = begin == 0 ? first : begin;
            foreach (ReadOnlyMemory<byte> next in LinesOf(path))
            {
                lines++;
                if (!AuditLine.TryRead(next, out long number, out _, out byte[] previous))
                {
                    Report(problems, $"{name}: a line behind number {last} cannot be read");
                }
                else
                {
                    bool isFirst = lines == 1;
                    if (!isFirst && number != last + 1)
                    {
                        Report(problems, $"{name}: number {number} stands behind number {last}");
                    }

                    if (isFirst ? number == 1 && !previous.AsSpan().SequenceEqual(AuditLine.NothingBefore) : !previous.AsSpan().SequenceEqual(hash))
                    {
                        Report(problems, $"{name}: number {number} does not follow from the line before");
                    }

                    last = number;
                }

                hash = SHA256.HashData(next.Span);
                line?.Invoke(next);
            }
        }

        return new AuditCheck(lines, begin, last, hash, problems);
    }

    /// <summary>The lines of a file, without their ends; the last one may lack its own.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>> LinesOf(string path)
    {
        byte[] all = File.ReadAllBytes(path);
        for (int begin = 0; begin < all.Length;)
        {
            int size = all.AsSpan(begin).IndexOf((byte)'\n');
            size = size < 0 ? all.Length - begin : size;
            yield return all.AsMemory(begin, size);
            begin += size + 1;
        }
    }

    private static void Report(List<string> problems, string problem)
    {
        if (problems.Count < ProblemsMax)
        {
            problems.Add(problem);
        }
    }
}
