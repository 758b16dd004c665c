using System.Globalization;

namespace FastChat.Fuzz;

/// <summary>What was asked for on the command line.</summary>
internal sealed record CommandLine
{
    public const string Usage =
        """
        fuzz [--target NAME]... [--inputs N (or --cycles N)] [--minutes M] [--seed S] [--threads T] [--hang SECONDS] [--json] [--keep]
        fuzz --target NAME --seed S --input N        runs one input again
        fuzz --target NAME --file PATH               runs the bytes of a file
        fuzz --list                                  names the targets
        """;

    /// <summary>Targets; empty = all.</summary>
    public List<string> Targets { get; } = [];

    public ulong Seed { get; private set; } = 1;

    public long Inputs { get; private set; } = -1;

    public double? Minutes { get; private set; }

    public int Threads { get; private set; } = 1;

    /// <summary>A run that takes longer hangs. On a machine that is busy with other work, and with a low priority, two seconds are nothing.</summary>
    public TimeSpan HangAfter { get; private set; } = new FuzzSettings().HangAfter;

    /// <summary>One input to run again.</summary>
    public long? Input { get; private set; }

    /// <summary>A file to run.</summary>
    public string? File { get; private set; }

    public bool IsJson { get; private set; }

    public bool KeepsFinds { get; private set; }

    public bool IsList { get; private set; }

    /// <exception cref="FormatException">An argument is none, or has no value that fits.</exception>
    public static CommandLine Parse(string[] arguments)
    {
        CommandLine line = new();
        for (int i = 0; i < arguments.Length; i++)
        {
            string Value() => ++i < arguments.Length ? arguments[i] : throw new FormatException($"{arguments[i - 1]} needs a value");
            switch (arguments[i])
            {
                case "--target": line.Targets.Add(Value()); break;
                case "--seed": line.Seed = ulong.Parse(Value(), CultureInfo.InvariantCulture); break;
                case "--inputs" or "--cycles": line.Inputs = long.Parse(Value(), CultureInfo.InvariantCulture); break;
                case "--minutes": line.Minutes = double.Parse(Value(), CultureInfo.InvariantCulture); break;
                case "--threads": line.Threads = Math.Clamp(int.Parse(Value(), CultureInfo.InvariantCulture), 1, 64); break;
                case "--hang": line.HangAfter = TimeSpan.FromSeconds(double.Parse(Value(), CultureInfo.InvariantCulture)); break;
                case "--input": line.Input = long.Parse(Value(), CultureInfo.InvariantCulture); break;
                case "--file": line.File = Value(); break;
                case "--json": line.IsJson = true; break;
                case "--keep": line.KeepsFinds = true; break;
                case "--list": line.IsList = true; break;
                default: throw new FormatException($"{arguments[i]} is not an option");
            }
        }

        if ((line.Input is not null || line.File is not null) && line.Targets.Count != 1)
        {
            throw new FormatException("--input and --file need one --target");
        }

        return line;
    }
}
