namespace FastChat.Campaigns;

/// <summary>One way in which a broker's process ends without a word.</summary>
internal interface ICrash
{
    /// <summary>Makes the next process ready for it.</summary>
    BrokerProcessOptions Arm(BrokerProcessOptions process, Random random);

    /// <summary>Lets it happen, and returns when the process is gone.</summary>
    Task StrikeAsync(Stage stage);

    /// <summary>What is done to the data directory while nothing runs on it.</summary>
    void WhileDown(string dataDirectory, Random random)
    {
    }

    /// <summary>Faults inside the process that were met before it died, where that is counted.</summary>
    long? Met => null;

    /// <summary>What happened so far, for people; null when there is nothing to say.</summary>
    string? Summary => null;
}
