namespace FastChat.Campaigns;

/// <summary>What is done to a broker while people chat: one kind of trouble, again and again.</summary>
internal interface IFaults
{
    /// <summary>False when the store is gone with the process that runs the campaign: one that was interrupted begins with a new one.</summary>
    bool KeepsStore => true;

    /// <summary>Says how the first process is started.</summary>
    BrokerProcessOptions Prepare(BrokerProcessOptions process) => process;

    /// <summary>People are there and the chat has begun.</summary>
    Task BeginRoundAsync(Stage stage) => Task.CompletedTask;

    /// <summary>Lets it happen once, and returns when it is over and the broker serves. What must hold meanwhile and cannot be read from a history is looked at here.</summary>
    /// <param name="isLast">The last of a round: what follows is judged in peace.</param>
    /// <exception cref="InvalidOperationException">Something did not hold, or the fault did not happen and the cycle would show nothing.</exception>
    Task RunCycleAsync(Stage stage, bool isLast);

    /// <summary>Something is wrong: what is not in the campaign's directory is brought there.</summary>
    Task KeepAsync(string directory) => Task.CompletedTask;

    /// <summary>What happened so far, for people; null when there is nothing to say.</summary>
    string? Summary => null;

    /// <summary>What it measured, for the last line.</summary>
    CampaignResult AddTo(CampaignResult result) => result;
}

/// <summary>Where a fault happens.</summary>
/// <param name="Broker">The process.</param>
/// <param name="Round">Who chats.</param>
/// <param name="Random">All chance of the round.</param>
/// <param name="Restarts">Seconds of each restart; faults that restart the process add theirs.</param>
/// <param name="Cancellation">Somebody interrupts the campaign.</param>
internal sealed record Stage(BrokerProcess Broker, Round Round, Random Random, List<double> Restarts, CancellationToken Cancellation);
