using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>A page of a search, ordered by id.</summary>
/// <param name="Users">Those found.</param>
/// <param name="HasMore">True when there are further ones: go on after the last user's id.</param>
/// <param name="IsComplete">False when the user shares conversations with more people than the broker looks at: some were not considered.</param>
public sealed record UserPage(IReadOnlyList<FoundUser> Users, bool HasMore, bool IsComplete);

/// <summary>A page of those whom the user has blocked, ordered by id.</summary>
/// <param name="Blocks">The blocks.</param>
/// <param name="IsComplete">True on the last page; otherwise go on after the last user's id.</param>
public sealed record BlockPage(IReadOnlyList<BlockInfo> Blocks, bool IsComplete);

/// <summary>A page of the accounts of programs, ordered by id.</summary>
/// <param name="Services">The accounts.</param>
/// <param name="IsComplete">True on the last page; otherwise go on after the last account's id.</param>
public sealed record ServicePage(IReadOnlyList<ServiceInfo> Services, bool IsComplete);

/// <summary>The account of a program that was just made.</summary>
/// <param name="User">Its id.</param>
/// <param name="Token">What it signs in with; the broker does not say it again. Secret. Null when it signs in with a key or a certificate.</param>
public sealed record ServiceCreated(UserId User, string? Token)
{
    /// <summary>Thumbprint (RFC 7638) of the key that it signs in with; null when it has none.</summary>
    public string? Key { get; init; }

    /// <summary>Never the token.</summary>
    public override string ToString() => $"service {User}";
}
