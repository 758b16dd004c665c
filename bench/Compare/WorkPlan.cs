namespace FastChat.Bench.Compare;

/// <summary>What a system has to be ready for before the clock starts: it makes its conversations, accounts, queues or rooms of this.</summary>
/// <param name="Scenario">The kind of work.</param>
/// <param name="Conversations">Conversations 0 … n−1 that will be published to.</param>
/// <param name="Connections">Connections that will be open at once.</param>
/// <param name="PayloadBytes">Size of a message body in bytes.</param>
public sealed record WorkPlan(Scenario Scenario, int Conversations, int Connections, int PayloadBytes)
{
    /// <summary>People that the connections sign in as, where it matters how many; null leaves it to the system.</summary>
    public int? Accounts { get; init; }
}
