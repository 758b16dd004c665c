using System.Globalization;

namespace FastChat.Campaigns;

/// <summary>
/// The process dies at a named place of the commit path, the n-th time that it comes there: around the write and the sync of a commit, between the sync and the acknowledgement, while journal files
/// move into the tables, also while a start does that.
/// </summary>
internal sealed class FailpointKill : ICrash
{
    /// <summary>How long a process may live that does not come to its place.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly SortedDictionary<string, int> _died = [];
    private string _armed = string.Empty;

    /// <summary>Every place, with the visits among which one is chosen: places that each commit passes may be late, those of a journal file come a few times a minute.</summary>
    public static IReadOnlyDictionary<string, int> Places { get; } = new Dictionary<string, int>
    {
        ["journal-begun"] = 2,
        ["journal-before-write"] = 400,
        ["journal-written"] = 400,
        ["journal-synced"] = 400,
        ["commit-applied"] = 400,
        ["commit-witnessed"] = 400,
        ["turn-durable"] = 400,
        ["turn-acknowledged"] = 400,
        ["turn-released"] = 400,
        ["frames-sent"] = 2000,
        ["effects-carried"] = 2,
        ["move-begun"] = 2,
        ["move-chunks-taken-in"] = 2,
        ["move-publishes-taken-in"] = 2,
        ["move-numbered"] = 2,
        ["move-removed"] = 1,
        ["move-returned"] = 1,

        // Once in the life of a store, before its first deletion: nobody deletes in this campaign yet, so the process is killed wherever it is.
        ["format-raised"] = 1,
    };

    public string Summary => string.Join(", ", _died.Select(place => $"{place.Key} {place.Value}"));

    public BrokerProcessOptions Arm(BrokerProcessOptions process, Random random)
    {
        (_armed, int visits) = Places.ElementAt(random.Next(Places.Count));
        string value = string.Create(CultureInfo.InvariantCulture, $"{_armed}:{random.Next(1, visits + 1)}");
        return process with { Environment = new Dictionary<string, string>(process.Environment) { ["FASTCHAT_FAILPOINT"] = value }, MayEndEarly = true };
    }

    public async Task StrikeAsync(Stage stage)
    {
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(stage.Cancellation);
        over.CancelAfter(s_patience);
        string place = _armed;
        try
        {
            while (!stage.Broker.HasExited)
            {
                await Task.Delay(5, over.Token);
            }
        }
        catch (OperationCanceledException) when (!stage.Cancellation.IsCancellationRequested)
        {
            place = "not reached";
            await stage.Broker.KillAsync();
        }

        _died[place] = _died.GetValueOrDefault(place) + 1;
    }
}
