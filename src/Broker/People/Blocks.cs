using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.People;

/// <summary>Who wants nothing of whom, as it is durable. Any thread that may read the store.</summary>
internal sealed class Blocks(IConversationLog log)
{
    /// <summary>What is told to whom one of several has blocked: not who.</summary>
    public const string NotAllCanBeAdded = "not all of these users can be added";

    /// <summary>True when <paramref name="by"/> has blocked <paramref name="whom"/>.</summary>
    public bool IsBlocked(UserId by, UserId whom) => log.Get(Table.State, PeopleKeys.Block(by, whom)) is not null;

    /// <summary>True when one of <paramref name="users"/> has blocked <paramref name="whom"/>: then none of them is added by him.</summary>
    public bool IsBlockedByAny(IEnumerable<UserId> users, UserId whom) => users.Any(user => user != whom && IsBlocked(user, whom));

    /// <summary>True when the user has blocked as many as one may.</summary>
    public bool IsFull(UserId user)
    {
        int count = 0;
        log.Scan(Table.State, PeopleKeys.Blocks(user), [], (_, _) => ++count < PeopleLimits.BlocksMax);
        return count >= PeopleLimits.BlocksMax;
    }
}
