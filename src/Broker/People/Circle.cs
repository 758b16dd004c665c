using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.People;

/// <summary>
/// The people with whom a user shares a conversation that is not public: whose profiles one sees and whom one finds. Made for one request and then forgotten; sees durable state. Work is bounded whatever
/// people are members of: <see cref="ConversationsMax"/> conversations of each side. Who shares nothing but a conversation beyond that is a stranger here, which errs on the quiet side.
/// </summary>
internal sealed class Circle
{
    /// <summary>Conversations of one user that are looked at.</summary>
    public const int ConversationsMax = 500;

    private readonly IConversationLog _log;
    private readonly UserId _user;
    private readonly Dictionary<ConversationId, bool> _isShared = [];
    private List<ConversationId>? _own;
    private HashSet<ConversationId>? _ownSet;
    private bool _isWhole;

    public Circle(IConversationLog log, UserId user)
    {
        _log = log;
        _user = user;
    }

    /// <summary>True when the other is the user, or a member of a group or direct conversation of the user.</summary>
    public bool Has(UserId other)
    {
        if (other == _user)
        {
            return true;
        }

        ReadOwn();
        List<ConversationId> theirs = ListOf(_log, other, ConversationsMax, out bool isTheirsWhole);
        if (theirs.Exists(conversation => (!_isWhole || _ownSet!.Contains(conversation)) && IsSharedWith(conversation, other)))
        {
            return true;
        }

        return !isTheirsWhole && _isWhole && _own!.Exists(conversation => IsSharedWith(conversation, other));
    }

    /// <summary>
    /// The members of the user's conversations, each once, the user not among them. False when there are more conversations, or more members, than are looked at.
    /// </summary>
    public bool TryCollect(int conversationsMax, int membersMax, HashSet<UserId> members)
    {
        ReadOwn();
        List<ConversationId> shared = _own!.Where(IsOwn).Take(conversationsMax + 1).ToList();
        bool isAll = _isWhole && shared.Count <= conversationsMax;
        int left = membersMax;
        foreach (ConversationId conversation in shared.Take(conversationsMax))
        {
            byte[] prefix = new byte[StateKeys.MembersPrefixSize];
            StateKeys.WriteMembersPrefix(prefix, conversation);
            _log.Scan(Table.State, prefix, [], (key, _) =>
            {
                if (left == 0)
                {
                    isAll = false;
                    return false;
                }

                left--;
                members.Add(new UserId(StateKeys.SecondId(key)));
                return true;
            });
        }

        members.Remove(_user);
        return isAll;
    }

    /// <summary>The first conversations of a user's list. The list may be a moment behind the memberships, which decide.</summary>
    public static List<ConversationId> ListOf(IConversationLog log, UserId user, int max, out bool isWhole)
    {
        byte[] prefix = new byte[StateKeys.ListPrefixSize];
        StateKeys.WriteListPrefix(prefix, user);
        List<ConversationId> list = [];
        bool more = false;
        log.Scan(Table.State, prefix, [], (key, _) =>
        {
            more = list.Count == max;
            if (!more)
            {
                list.Add(new ConversationId(StateKeys.SecondId(key)));
            }

            return !more;
        });
        isWhole = !more;
        return list;
    }

    private void ReadOwn()
    {
        if (_own is null)
        {
            _own = ListOf(_log, _user, ConversationsMax, out _isWhole);
            _ownSet = [.. _own];
        }
    }

    private bool IsSharedWith(ConversationId conversation, UserId other) => IsOwn(conversation) && IsMember(conversation, other);

    /// <summary>True when the user is a member of it, and it is not one that everybody may read.</summary>
    private bool IsOwn(ConversationId conversation)
    {
        if (!_isShared.TryGetValue(conversation, out bool isShared))
        {
            isShared = IsMember(conversation, _user)
                && ConversationMeta.ReadLiving(_log.Get(Table.State, ConversationKeys.Meta(conversation))) is { Kind: not ConversationKind.Public };
            _isShared.Add(conversation, isShared);
        }

        return isShared;
    }

    private bool IsMember(ConversationId conversation, UserId user) => _log.Get(Table.State, ConversationKeys.Member(conversation, user)) is not null;
}
