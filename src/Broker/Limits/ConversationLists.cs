using System.Collections.Concurrent;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Limits;

/// <summary>
/// How many conversations one user may belong to: each entry of the list is read with every look at the inbox. A conversation has no greatest number of members, because nothing that anybody asks for costs more with more of them than its own limit says. A quota, not an invariant:
/// requests that run at the same time may pass it by a few. How often memberships may change is a matter of <see cref="Budget"/>. Any thread.
/// </summary>
internal sealed class ConversationLists(IConversationLog log, TimeProvider clock)
{
    private const int RememberedMax = 10_000;
    private static readonly TimeSpan s_remembered = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<UserId, (bool IsFull, long At)> _lists = new();

    /// <summary>The refusal of what would lengthen a list that is full.</summary>
    public static string FullReason => $"a user belongs to at most {ProtocolLimits.ConversationsOfUserMax} conversations";

    /// <summary>The first of these users who belongs to as many conversations as anybody may; none when all have room.</summary>
    public UserId FirstFull(IEnumerable<UserId> users) => users.FirstOrDefault(IsFull);

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
}
