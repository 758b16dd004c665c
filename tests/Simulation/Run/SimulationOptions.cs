using System.Globalization;

using FastChat.TestSupport;

namespace FastChat.Simulation;

/// <summary>What a run of worlds is asked for.</summary>
internal sealed record SimulationOptions
{
    public const string Usage =
        "usage: tests/campaigns/run.sh simulation|community [--cycles N] [--seed S] [--minutes M] [--threads T] [--sabotage NAME]; community also [--people N] [--rooms N] [--simulated-seconds S];"
        + " worlds have the seeds S, S + 1, …: one of them again is --seed ITS_SEED --cycles 1";

    /// <summary>Towns of two hundred people in the place of a handful of people each: docs/reliability.md, "The community".</summary>
    public TownSize? Town { get; init; }

    /// <summary>The campaign's name.</summary>
    public string Campaign => Town is null ? "simulation" : "community";

    /// <summary>Worlds.</summary>
    public int Cycles { get; init; } = 10_000;

    /// <summary>The first world's seed.</summary>
    public ulong Seed { get; init; } = (ulong)Random.Shared.Next();

    /// <summary>When no further world begins.</summary>
    public TimeSpan? Limit { get; init; }

    /// <summary>Worlds at a time.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>A defect that is planted in every world, to see that it is found.</summary>
    public Sabotage Sabotage { get; init; }

    /// <summary>Where state and the histories of failed worlds lie; null = the place of this run.</summary>
    public string? Directory { get; init; }

    /// <summary>Where they lie in any case.</summary>
    public string WorkDirectory => Directory ?? RepositoryRoot.PathOf("artifacts", "campaigns", string.Create(CultureInfo.InvariantCulture, $"{Campaign}-{Seed}"));

    /// <summary>Reads the command line.</summary>
    /// <exception cref="FormatException">It makes no sense; the message says why.</exception>
    public static SimulationOptions Parse(string[] arguments)
    {
        SimulationOptions options = new();
        if (arguments is ["community", ..])
        {
            options = options with { Town = TownSize.Whole, Cycles = 20 };
            arguments = arguments[1..];
        }

        if (arguments.Length % 2 != 0)
        {
            throw new FormatException($"{arguments[^1]}: a value is missing");
        }

        foreach (string[] pair in arguments.Chunk(2))
        {
            options = pair[0] switch
            {
                "--cycles" => options with { Cycles = (int)NumberOf(pair, int.MaxValue) },
                "--seed" => options with { Seed = NumberOf(pair, ulong.MaxValue) },
                "--minutes" => options with { Limit = TimeSpan.FromMinutes(NumberOf(pair, 100_000)) },
                "--threads" => options with { Threads = (int)Math.Max(1, NumberOf(pair, 256)) },
                "--people" when options.Town is { } town => options with { Town = town with { People = (int)Math.Max(4, NumberOf(pair, 100_000)) } },
                "--rooms" when options.Town is { } town => options with { Town = town with { Rooms = (int)Math.Max(1, NumberOf(pair, 100_000)) } },
                "--simulated-seconds" when options.Town is { } town => options with { Town = town with { Duration = TimeSpan.FromSeconds(Math.Max(1, NumberOf(pair, 1_000_000))) } },
                "--sabotage" => options with { Sabotage = Enum.TryParse(pair[1].Replace("-", string.Empty, StringComparison.Ordinal), ignoreCase: true, out Sabotage sabotage) ? sabotage : throw Wrong(pair) },
                _ => throw Wrong(pair),
            };
        }

        return options;
    }

    private static ulong NumberOf(string[] pair, ulong max) =>
        ulong.TryParse(pair[1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) && value <= max ? value : throw Wrong(pair);

    private static FormatException Wrong(string[] pair) => new($"{pair[0]} {pair[1]} makes no sense");
}
