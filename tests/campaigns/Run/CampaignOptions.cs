using System.Globalization;

namespace FastChat.Campaigns;

/// <summary>What a campaign is asked for.</summary>
internal sealed record CampaignOptions
{
    private const string Usage = "usage: tests/campaigns/run.sh kill|failpoints|power-cut|bit-flip|io-error|disk-full|slow-disk|pause|stalled-readers|fuzz [--cycles N] [--seed S] [--minutes M] [--readers N] [--with tls,encryption,limits]";

    /// <summary>Which.</summary>
    public required string Name { get; init; }

    /// <summary>Faults to inject.</summary>
    public int Cycles { get; init; } = 1000;

    /// <summary>What all chance comes from. Given: a campaign of this seed that was interrupted goes on.</summary>
    public ulong Seed { get; init; } = (ulong)Random.Shared.NextInt64();

    /// <summary>When it ends at the latest; the round that is under way is finished.</summary>
    public TimeSpan? Limit { get; init; }

    /// <summary>Where store, histories and state lie; null = <see cref="WorkDirectory"/>'s place for this campaign.</summary>
    public string? Directory { get; init; }

    /// <summary>Where they lie in any case.</summary>
    public string WorkDirectory => Directory ?? RepositoryRoot.PathOf("artifacts", "campaigns", string.Create(CultureInfo.InvariantCulture, $"{string.Join('-', [Name, .. With])}-{Seed}"));

    /// <summary>Readers of <c>stalled-readers</c>.</summary>
    public int Readers { get; init; } = 10_000;

    /// <summary>What the broker is run with (<see cref="Variants"/>).</summary>
    public IReadOnlyList<string> With { get; init; } = [];

    /// <summary>Cycles between two readings of everything.</summary>
    public int CyclesInRound { get; init; } = 25;

    /// <summary>The chance of one part of the campaign: the same in every process, which <see cref="HashCode"/> is not. The mixing is SplitMix64's.</summary>
    public Random RandomOf(long part)
    {
        ulong mixed = Seed + ((ulong)part * 0x9E3779B97F4A7C15);
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return new Random((int)(mixed ^ (mixed >> 32)));
    }

    /// <summary>Reads the command line; null with the reason when it is wrong.</summary>
    public static CampaignOptions? Parse(string[] arguments, out string? wrong)
    {
        wrong = Usage;
        if (arguments is not ["kill" or "failpoints" or "power-cut" or "bit-flip" or "io-error" or "disk-full" or "slow-disk" or "pause" or "stalled-readers", .. string[] rest] || rest.Length % 2 != 0)
        {
            return null;
        }

        CampaignOptions options = new() { Name = arguments[0] };
        foreach (string[] pair in rest.Chunk(2))
        {
            if (pair[0] == "--with")
            {
                options = options with { With = [.. pair[1].Split(',').Distinct().Order()] };
                if (options.With.Except(Variants.All).Any() || options.Name == "stalled-readers")
                {
                    // The readers of that one are sockets and nothing more.
                    return null;
                }

                continue;
            }

            if (!ulong.TryParse(pair[1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong value))
            {
                wrong = $"{pair[0]}: a number is expected, not '{pair[1]}'\n{Usage}";
                return null;
            }

            switch (pair[0])
            {
                case "--cycles" when value is > 0 and <= int.MaxValue:
                    options = options with { Cycles = (int)value };
                    break;
                case "--seed":
                    options = options with { Seed = value };
                    break;
                case "--minutes" when value is > 0 and < 100_000:
                    options = options with { Limit = TimeSpan.FromMinutes(value) };
                    break;
                case "--readers" when value is >= 20 and <= 15_000:
                    options = options with { Readers = (int)value };
                    break;
                default:
                    return null;
            }
        }

        wrong = null;
        return options;
    }
}
