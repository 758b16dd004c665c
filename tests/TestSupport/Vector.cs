using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace FastChat.TestSupport;

/// <summary>One vector of <c>tests/vectors</c>; the format is described there in README.md.</summary>
/// <param name="File">The file's name without its ending.</param>
/// <param name="Name">What it shows.</param>
/// <param name="Fields">The fields in their order, values in the notation of the files ("hex:…", "int:…").</param>
/// <param name="Frames">The bytes: one entry, or one per step of a trace.</param>
public sealed record Vector(string File, string Name, JsonObject Fields, IReadOnlyList<VectorFrame> Frames)
{
    /// <summary>The bytes of a vector that is not a trace.</summary>
    public byte[] Bytes => Frames.Count == 0 ? [] : Frames[0].Bytes;

    /// <summary>True when a writer makes exactly these bytes of the fields.</summary>
    public bool IsCanonical => Fields["canonical"]?.GetValue<bool>() ?? true;

    /// <summary>A field that is a text; null when absent.</summary>
    public string? Text(string field) => Fields[field]?.GetValue<string>();

    /// <summary>The name under which test runners list it.</summary>
    public override string ToString() => $"{File}: {Name}";
}

/// <summary>Bytes that one side sends.</summary>
/// <param name="Direction">'&gt;' from the client, '&lt;' from the broker, '\0' outside of traces.</param>
/// <param name="Type">The frame's name; empty outside of traces.</param>
/// <param name="Bytes">The frame.</param>
public sealed record VectorFrame(char Direction, string Type, byte[] Bytes);

/// <summary>Reads the files of <c>tests/vectors</c>.</summary>
public static partial class VectorFile
{
    /// <summary>The directory.</summary>
    public static string Directory { get; } = RepositoryRoot.PathOf("tests", "vectors");

    /// <summary>The names of all files, without their ending.</summary>
    public static IReadOnlyList<string> Names { get; } = System.IO.Directory.GetFiles(Directory, "*.txt")
        .Select(path => Path.GetFileNameWithoutExtension(path))
        .Order(StringComparer.Ordinal)
        .ToArray();

    /// <summary>The vectors of every file that holds whole frames: all but record, invalid and the whole exchanges.</summary>
    public static IEnumerable<Vector> ReadFrames() => Names.Where(name => name is not ("record" or "invalid" or "resume" or "scram")).SelectMany(Read);

    /// <summary>The vectors of one file.</summary>
    /// <exception cref="FormatException">A line is none of the format.</exception>
    public static IReadOnlyList<Vector> Read(string name)
    {
        List<Vector> vectors = [];
        List<(char Direction, string Type, List<byte> Bytes)> frames = [];
        foreach (string line in File.ReadLines(Path.Combine(Directory, name + ".txt")).Select(line => line.Trim()))
        {
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            if (line.StartsWith("== ", StringComparison.Ordinal))
            {
                Finish(vectors, frames);
                vectors.Add(new Vector(name, line[3..], [], []));
            }
            else if (line[0] is '<' or '>')
            {
                frames.Add((line[0], line[1..].Split('#')[0].Trim(), []));
            }
            else if (FieldLine().Match(line) is { Success: true } field)
            {
                vectors[^1].Fields.Add(field.Groups[1].Value, JsonNode.Parse(field.Groups[2].Value));
            }
            else
            {
                if (frames.Count == 0)
                {
                    frames.Add(('\0', string.Empty, []));
                }

                frames[^1].Bytes.AddRange(Convert.FromHexString(line.Split('#')[0].Replace(" ", string.Empty, StringComparison.Ordinal)));
            }
        }

        Finish(vectors, frames);
        return vectors;
    }

    private static void Finish(List<Vector> vectors, List<(char Direction, string Type, List<byte> Bytes)> frames)
    {
        if (vectors.Count > 0)
        {
            vectors[^1] = vectors[^1] with { Frames = frames.Select(frame => new VectorFrame(frame.Direction, frame.Type, [.. frame.Bytes])).ToArray() };
        }

        frames.Clear();
    }

    [GeneratedRegex("^([a-z_0-9]+) = (.*)$")]
    private static partial Regex FieldLine();
}
