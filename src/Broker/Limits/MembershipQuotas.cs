using System.Collections.Concurrent;

using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Limits;

/// <summary>
/// How many conversations one user may belong to, and how often memberships may change. Each change is a record for everybody who reads the conversation, and each entry of a list is read with every
/// look at the inbox: both are somebody else's cost. A conversation has no greatest number of members, because nothing that anybody asks for costs more with more of them than its own limit says. Quotas, not invariants: requests that run at
/// the same time may pass one by a few. Any thread.
/// </summary>
internal sealed class MembershipQuotas(IConversationLog log, TimeProvider clock)
{
    /// <summary>Conversations made at once, by one user.</summary>
    public const int MadeBurst = 10_000;

    /// <summary>Conversations made a second.</summary>
    public const double MadePerSecond = 1;

    /// <summary>One's own comings and goings at once: a list that is tidied up.</summary>
    public const int OwnBurst = 1000;

    /// <summary>Own comings and goings a second.</summary>
    public const double OwnPerSecond = 1;

    /// <summary>Members that one user adds, removes or changes at once: a channel that is brought along from elsewhere.</summary>
    public const int OthersBurst = 20_000;

    /// <summary>Members added, removed or changed a second.</summary>
    public const double OthersPerSecond = 50;

    private const int RememberedMax = 10_000;
    private static readonly TimeSpan s_remembered = TimeSpan.FromSeconds(5);

    private readonly TokenBuckets<UserId> _made = new(clock, MadeBurst, MadePerSecond);
    private readonly TokenBuckets<UserId> _own = new(clock, OwnBurst, OwnPerSecond);
    private readonly TokenBuckets<UserId> _others = new(clock, OthersBurst, OthersPerSecond);
    private readonly ConcurrentDictionary<UserId, (bool IsFull, long At)> _lists = new();

    /// <summary>Making a conversation.</summary>
    public bool MayMake(in Actor actor, out uint retryAfterMs) => IsExempt(actor, out retryAfterMs) || _made.TryTake(actor.User, 1, out retryAfterMs);

    /// <summary>Joining, leaving, accepting, declining.</summary>
    public bool MayComeOrGo(in Actor actor, out uint retryAfterMs) => IsExempt(actor, out retryAfterMs) || _own.TryTake(actor.User, 1, out retryAfterMs);

    /// <summary>Changing what others are.</summary>
    public bool MayChange(in Actor actor, int count, out uint retryAfterMs) => IsExempt(actor, out retryAfterMs) || _others.TryTake(actor.User, Math.Max(count, 1), out retryAfterMs);

    /// <summary>The first of these users who belongs to as many conversations as anybody may; none when all have room.</summary>
    public UserId FirstFull(IEnumerable<UserId> users) => users.FirstOrDefault(IsFull);

    /// <summary>The refusal of what would lengthen a list that is full.</summary>
    public static string FullReason => $"a user belongs to at most {ProtocolLimits.ConversationsOfUserMax} conversations";

    /// <summary>Lists are short; a long one is counted once in a few seconds, however often somebody asks.</summary>
    private bool IsFull(UserId user)
    {
        long now = clock.GetTimestamp();
        if (_lists.TryGetValue(user, out (bool IsFull, long At) known) && clock.GetElapsedTime(known.At, now) < s_remembered)
        {
            return known.IsFull;
        }

        int count = 0;
        byte[] prefix = new byte[StateKeys.ListPrefixSize];
        StateKeys.WriteListPrefix(prefix, user);
        log.Scan(Table.State, prefix, [], (_, _) => ++count < ProtocolLimits.ConversationsOfUserMax);
        bool isFull = count >= ProtocolLimits.ConversationsOfUserMax;
        if (_lists.Count >= RememberedMax)
        {
            _lists.Clear();
        }

        // What is far from full is cheap to count again, and need not be remembered.
        if (count > ProtocolLimits.ConversationsOfUserMax / 2)
        {
            _lists[user] = (isFull, now);
        }

        return isFull;
    }

    /// <summary>Whoever runs the broker or imports into it brings whole worlds along.</summary>
    private static bool IsExempt(in Actor actor, out uint retryAfterMs)
    {
        retryAfterMs = 0;
        return (actor.Rights & (AccountRights.Operator | AccountRights.Import)) != 0;
    }
}
