namespace FastChat.Simulation;

/// <summary>A defect that is planted in a world: whoever finds nothing must show that there is nothing to find.</summary>
internal enum Sabotage
{
    None,

    /// <summary>The disk says that it has synced and has not: after a power cut the last commits are not there.</summary>
    LyingDisk,

    /// <summary>A restart finds the messages and not what is known of their ids.</summary>
    ForgottenIds,

    /// <summary>Now and then somebody sleeps on who was woken.</summary>
    LostWakeUp,

    /// <summary>A start takes the last record but one for the last.</summary>
    LowHead,

    /// <summary>A restart finds members as they were at the beginning.</summary>
    ReturningMembers,
}
