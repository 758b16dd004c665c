namespace FastChat.Campaigns;

/// <summary>A fault of the medium in one file of a store: a bit, a byte or a block of 4 KiB that is not what was written.</summary>
internal sealed record Damage(string File, long Offset, int Length, string What)
{
    private const int Block = 4096;

    /// <summary>Changes something in one file. Each kind of file is chosen as often as any other, and the place among the bytes that were ever written.</summary>
    /// <param name="directory">A store on which nothing runs.</param>
    public static Damage Inflict(string directory, Random random)
    {
        IGrouping<string, string>[] kinds = Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)
            .Where(file => new FileInfo(file).Length > 0 && KindOf(file) is not ("LOG" or "operator.token"))
            .Order(StringComparer.Ordinal)
            .GroupBy(KindOf)
            .OrderBy(kind => kind.Key, StringComparer.Ordinal)
            .ToArray();
        string[] files = [.. kinds[random.Next(kinds.Length)]];
        string file = files[random.Next(files.Length)];
        byte[] bytes = System.IO.File.ReadAllBytes(file);
        int written = bytes.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        long offset = random.Next(Math.Max(1, written));
        Damage damage = random.Next(4) switch
        {
            0 => new Damage(file, offset & -Block, (int)Math.Min(Block, bytes.Length - (offset & -Block)), "a block of zeros"),
            1 => new Damage(file, offset, 1, "another byte"),
            _ => new Damage(file, offset, 1, "a flipped bit"),
        };
        Span<byte> place = bytes.AsSpan((int)damage.Offset, damage.Length);
        switch (damage.What)
        {
            case "a block of zeros":
                place.Clear();
                break;
            case "another byte":
                place[0] += (byte)random.Next(1, 256);
                break;
            default:
                place[0] ^= (byte)(1 << random.Next(8));
                break;
        }

        System.IO.File.WriteAllBytes(file, bytes);
        return damage;
    }

    /// <summary>What the numbers in a file's name do not tell.</summary>
    private static string KindOf(string file)
    {
        string name = Path.GetFileName(file);
        string extension = Path.GetExtension(name);
        return extension is ".sst" or ".journal" or ".log" ? extension : name.Split('-')[0].Split('.')[0] is "operator" ? "operator.token" : name.Split('-')[0].Split('.')[0];
    }
}
