namespace FastChat.Protocol;

/// <summary>Versions of the protocol (protocol.md §1.2). A change that an old peer would misread gets a new number.</summary>
public static class ProtocolVersion
{
    /// <summary>The newest version this code speaks.</summary>
    public const int Current = 1;

    /// <summary>The oldest version this code speaks.</summary>
    public const int Oldest = 1;
}
