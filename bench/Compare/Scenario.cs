namespace FastChat.Bench.Compare;

/// <summary>The kinds of work that the load-test harness knows (bench/README.md).</summary>
public enum Scenario
{
    /// <summary>Publishes that are acknowledged after they are on stable storage, as many as the windows allow.</summary>
    Durable,

    /// <summary>One publisher, many subscribers of one conversation.</summary>
    FanOut,

    /// <summary>Many rooms in which every member talks.</summary>
    Rooms,

    /// <summary>Durable publishes at a fixed rate; latency from the planned send time.</summary>
    Latency,

    /// <summary>Connected sessions that do nothing.</summary>
    Idle,

    /// <summary>Reading a long conversation from its beginning.</summary>
    CatchUp,

    /// <summary>Every session is cut at once and comes back.</summary>
    Storm,

    /// <summary>Real chat logs, replayed as fast as they go.</summary>
    Corpus,

    /// <summary>The same work on ever larger stores.</summary>
    Growth,

    /// <summary>What watching who is there costs, in a storm and at its worst.</summary>
    Presence,

    /// <summary>A person with thousands of conversations opens the list of them.</summary>
    Inbox,

    /// <summary>A message to a conversation of very many members, of whom few are there.</summary>
    Channel,

    /// <summary>Conversations that exist and in which nothing happens.</summary>
    Quiet,
}
