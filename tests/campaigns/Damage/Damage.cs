namespace FastChat.Campaigns;

/// <summary>A fault of the medium in one file of a store: a bit, a byte or a block of 4 KiB that is not what was written.</summary>
/// <param name="File">Which.</param>
/// <param name="Offset">Where.</param>
/// <param name="What">What is there instead.</param>
/// <param name="IsLive">It hit the part of the journal that nothing else has.</param>
internal sealed record Damage(string File, long Offset, string What, bool IsLive = false)
{
    private const int Block = 4096;

    /// <summary>What the file is for, without the numbers in its name.</summary>
    public string Kind => IsLive ? "live journal" : KindOf(File);

    /// <summary>Changes something in one file. Every third time it is the live part of the journal, which a fair choice would hardly meet; otherwise each kind of file is chosen as often as any other, and the place among the bytes that were ever written.</summary>
    /// <param name="directory">A store on which nothing runs.</param>
    public static Damage Inflict(string directory, Random random)
    {
        if (random.Next(3) == 0 && LiveJournal.Find(directory) is { } journal)
        {
            return Inflict(journal.File, System.IO.File.ReadAllBytes(journal.File), random.Next(journal.Extent), random) with { IsLive = true };
        }

        string[][] kinds = Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)
            .Where(file => new FileInfo(file).Length > 0 && KindOf(file) is not ("LOG" or "operator"))
            .Order(StringComparer.Ordinal)
            .GroupBy(KindOf)
            .OrderBy(kind => kind.Key, StringComparer.Ordinal)
            .Select(kind => kind.ToArray())
            .ToArray();
        string[] files = kinds[random.Next(kinds.Length)];
        string file = files[random.Next(files.Length)];
        byte[] bytes = System.IO.File.ReadAllBytes(file);
        return Inflict(file, bytes, random.Next(Math.Max(1, bytes.AsSpan().LastIndexOfAnyExcept((byte)0) + 1)), random);
    }

    private static Damage Inflict(string file, byte[] bytes, int offset, Random random)
    {
        string what;
        switch (random.Next(4))
        {
            case 0:
                what = "a block of zeros";
                offset &= -Block;
                bytes.AsSpan(offset, Math.Min(Block, bytes.Length - offset)).Clear();
                break;
            case 1:
                what = "another byte";
                bytes[offset] += (byte)random.Next(1, 256);
                break;
            default:
                what = "a flipped bit";
                bytes[offset] ^= (byte)(1 << random.Next(8));
                break;
        }

        System.IO.File.WriteAllBytes(file, bytes);
        return new Damage(file, offset, what);
    }

    private static string KindOf(string file)
    {
        string name = Path.GetFileName(file);
        return Path.GetExtension(name) is ".sst" or ".journal" or ".log" ? Path.GetExtension(name) : name.Split('-', '.')[0];
    }
}
