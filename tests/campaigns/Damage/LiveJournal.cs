using System.Buffers.Binary;

namespace FastChat.Campaigns;

/// <summary>
/// The part of a killed broker's journal that nothing else has: the commits of the file that was in use (docs/log-format.md §8). Most of what a journal's files hold besides is in the tables already, or of
/// an earlier use, and damage to it shows nothing.
/// </summary>
/// <param name="File">Which file.</param>
/// <param name="Extent">Its bytes up to the end of the last commit.</param>
internal sealed record LiveJournal(string File, int Extent)
{
    private const int HeadSize = 32;
    private const int CommitSizeMin = 24;

    /// <summary>Finds it in a store on which nothing runs; null when its journal is empty.</summary>
    public static LiveJournal? Find(string directory)
    {
        LiveJournal? live = null;
        ulong newest = 0;
        foreach (string file in Directory.EnumerateFiles(directory, "*.journal", SearchOption.AllDirectories))
        {
            byte[] bytes = System.IO.File.ReadAllBytes(file);
            ulong first = bytes.AsSpan().StartsWith("FCJ1"u8) ? BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8)) : 0;
            if (first > newest && ExtentOf(bytes, first) is var extent and > HeadSize)
            {
                newest = first;
                live = new LiveJournal(file, extent);
            }
        }

        return live;
    }

    private static int ExtentOf(ReadOnlySpan<byte> bytes, ulong first)
    {
        int end = HeadSize;
        for (ulong next = first; end + CommitSizeMin <= bytes.Length && BinaryPrimitives.ReadUInt64LittleEndian(bytes[(end + 8)..]) == next; next++)
        {
            int size = BinaryPrimitives.ReadInt32LittleEndian(bytes[end..]);
            if (size < CommitSizeMin || size > bytes.Length - end)
            {
                break;
            }

            end = (end + size + 7) & -8;
        }

        return end;
    }
}
