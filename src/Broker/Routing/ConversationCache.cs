using FastChat.Broker.Conversations;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>
/// The conversations of a shard that are in memory, at most so many; one that is neither listened to nor being written can be dropped and read again. Loop
/// thread only.
/// </summary>
internal sealed class ConversationCache(IConversationLog log, int countMax)
{
    /// <summary>Memberships kept in memory per conversation; beyond it they are looked up again.</summary>
    public const int MembersCachedMax = 10_000;

    private readonly Dictionary<ConversationId, ConversationState> _states = [];
    private readonly Queue<ConversationState> _order = new();
    private long _uses;

    /// <summary>Conversations in memory.</summary>
    public int Count => _states.Count;

    /// <summary>A conversation, from memory, a turn that is not durable yet, or the store; null when there is none, or not any more.</summary>
    public ConversationState? Find(ConversationId id, Turn? turn, Turn? previous) => FindEven(id, turn, previous) is { Meta.IsErased: false } state ? state : null;

    /// <summary>The same, also of one that was erased.</summary>
    public ConversationState? FindEven(ConversationId id, Turn? turn, Turn? previous)
    {
        if (_states.TryGetValue(id, out ConversationState? state))
        {
            state.UsedInTurn = ++_uses;
            return state;
        }

        Span<byte> key = stackalloc byte[StateKeys.ConversationSize];
        StateKeys.WriteConversation(key, id);
        byte[]? meta = turn is not null && turn.TryGet(key, out byte[]? value) ? value
            : previous is not null && previous.TryGet(key, out value) ? value
            : log.Get(Table.State, key);
        return meta is null ? null : Keep(new ConversationState(id, ConversationMeta.Parse(meta), log.Epoch, log.ReadHead(id)) { First = FirstOf(id, turn, previous) });
    }

    /// <summary>A conversation if it is in memory; looking does not count as use.</summary>
    public ConversationState? Peek(ConversationId id) => _states.GetValueOrDefault(id);

    /// <summary>Adds a conversation that a turn has just made.</summary>
    public ConversationState Add(ConversationId id, ConversationMeta meta) => Keep(new ConversationState(id, meta, log.Epoch, default));

    private ulong FirstOf(ConversationId id, Turn? turn, Turn? previous)
    {
        Span<byte> key = stackalloc byte[StateKeys.LogStartSize];
        StateKeys.WriteLogStart(key, id);
        return (turn is not null && turn.TryGet(key, out byte[]? start)) || (previous is not null && previous.TryGet(key, out start))
            ? LogStart.Read(start).First
            : log.ReadStart(id).First;
    }

    private ConversationState Keep(ConversationState state)
    {
        state.UsedInTurn = ++_uses;
        _states.Add(state.Id, state);
        _order.Enqueue(state);
        DropUnused();
        return state;
    }

    /// <summary>
    /// Second chance: the oldest is dropped unless it is in use or was used since it was last looked at. A conversation whose assigned head is ahead of the
    /// durable one has writes under way and stays.
    /// </summary>
    private void DropUnused()
    {
        for (int looked = 0; _states.Count > countMax && looked < 16; looked++)
        {
            ConversationState oldest = _order.Dequeue();
            bool isBusy = oldest.HasListeners || oldest.PendingCount > 0 || oldest.Head != oldest.DurableHead;
            if (isBusy || oldest.UsedInTurn + countMax > _uses)
            {
                _order.Enqueue(oldest);
            }
            else
            {
                _states.Remove(oldest.Id);
            }
        }
    }
}
