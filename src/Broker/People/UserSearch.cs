using FastChat.Broker.Identity;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.People;

/// <summary>
/// People by the beginning of a name, among those one shares a conversation with. There is no index of names to search, and so nothing that could tell of strangers: the members of the user's conversations
/// are looked at, one by one, up to a bound. Linear in what it looks at; no patterns. Pool threads.
/// </summary>
internal sealed class UserSearch(IConversationLog log, Accounts accounts, Blocks blocks)
{
    /// <summary>Conversations that are looked at.</summary>
    public const int ConversationsMax = 200;

    /// <summary>Members that are looked at, over all conversations.</summary>
    public const int MembersMax = 2000;

    /// <summary>A page of those whose name or display name begins so, in the order of their ids.</summary>
    /// <param name="user">Who searches.</param>
    /// <param name="prefix">At least one character; upper and lower case are the same.</param>
    /// <param name="after">The last user of the page before; none = from the start.</param>
    /// <param name="limit">Users in the page.</param>
    /// <param name="more">True when there are further ones behind the page.</param>
    /// <param name="isComplete">False when there were more conversations or members than are looked at.</param>
    public List<FoundUser> Find(UserId user, string prefix, UserId after, int limit, out bool more, out bool isComplete)
    {
        HashSet<UserId> members = [];
        isComplete = new Circle(log, user).TryCollect(ConversationsMax, MembersMax, members);
        List<FoundUser> page = [];
        more = false;
        foreach (UserId member in members.Where(member => member.Value > after.Value).OrderBy(static member => member.Value))
        {
            if (Match(member, prefix) is not { } found || blocks.IsBlocked(member, user) || blocks.IsBlocked(user, member))
            {
                continue;
            }

            if (page.Count == limit)
            {
                more = true;
                break;
            }

            page.Add(found);
        }

        return page;
    }

    private FoundUser? Match(UserId member, string prefix)
    {
        if (accounts.Find(member) is not { } account)
        {
            return null;
        }

        string? displayName = StoredProfile.Of(log.Get(Table.State, PeopleKeys.Profile(member))).DisplayName;
        bool isMatch = account.Name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)
            || (displayName is not null && displayName.StartsWith(prefix, StringComparison.OrdinalIgnoreCase));
        return isMatch ? new FoundUser(member, account.Name, account.IsExternal, displayName) : null;
    }
}
