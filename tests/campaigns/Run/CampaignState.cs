using System.Text.Json;

namespace FastChat.Campaigns;

/// <summary>A conversation that a finished round left behind: what it held then, it must hold at the end.</summary>
/// <param name="Id">Which.</param>
/// <param name="Epoch">Incarnation of its log.</param>
/// <param name="Head">Its last sequence.</param>
/// <param name="Digest">SHA-256 over the ids and bodies of its records, in their order; hexadecimal.</param>
internal sealed record FinishedConversation(string Id, uint Epoch, ulong Head, string Digest);

/// <summary>What an interrupted campaign goes on with: written when a round is finished, so that the round under way is done again, in new conversations.</summary>
internal sealed record CampaignState
{
    /// <summary>Rounds that are finished.</summary>
    public int Rounds { get; init; }

    /// <summary>What they found.</summary>
    public required CampaignResult Result { get; init; }

    /// <summary>Who chats: their tokens.</summary>
    public IReadOnlyList<string> Tokens { get; init; } = [];

    /// <summary>Seconds of each restart.</summary>
    public IReadOnlyList<double> Restarts { get; init; } = [];

    /// <summary>What was measured with and without stalled readers.</summary>
    public IReadOnlyList<StalledPair> Pairs { get; init; } = [];

    /// <summary>What is stored.</summary>
    public IReadOnlyList<FinishedConversation> Conversations { get; init; } = [];

    /// <summary>The state of an earlier run; null when there was none.</summary>
    public static CampaignState? Load(string path) => File.Exists(path) ? JsonSerializer.Deserialize<CampaignState>(File.ReadAllText(path)) : null;

    /// <summary>Puts the state in the place of the last one.</summary>
    public void Save(string path)
    {
        File.WriteAllText(path + ".new", JsonSerializer.Serialize(this));
        File.Move(path + ".new", path, overwrite: true);
    }
}
