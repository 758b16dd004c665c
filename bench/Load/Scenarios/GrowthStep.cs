namespace FastChat.Bench.Load.Scenarios;

/// <summary>How full a store is when it is measured.</summary>
/// <param name="Conversations">Conversations that there are, all of them published to.</param>
/// <param name="Stored">Messages stored before the measurement, at least.</param>
internal readonly record struct GrowthStep(int Conversations, long Stored)
{
    private const int ConversationsFirst = 1000;

    /// <summary>
    /// The steps: a thousand conversations and nothing stored; then ten times as many conversations from step to step up to <paramref name="largest"/>, while the stored messages grow, in equal
    /// ratios, from as many as there will be conversations to ten times that. For a million: 10⁶ messages in 10³ conversations, …, 10⁷ in 10⁶.
    /// </summary>
    public static IReadOnlyList<GrowthStep> UpTo(int largest)
    {
        List<int> sizes = [Math.Min(ConversationsFirst, largest)];
        while (sizes[^1] < largest)
        {
            sizes.Add((int)Math.Min(10L * sizes[^1], largest));
        }

        double ratio = sizes.Count == 1 ? 1 : Math.Pow(10, 1.0 / (sizes.Count - 1));
        return
        [
            new GrowthStep(sizes[0], 0),
            .. sizes.Select((size, i) => new GrowthStep(size, (long)Math.Round(10.0 * largest * Math.Pow(ratio, i - (sizes.Count - 1))))),
        ];
    }
}
