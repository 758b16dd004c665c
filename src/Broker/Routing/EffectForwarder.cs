using System.Buffers.Binary;
using System.Collections.Concurrent;

using FastChat.Broker.Conversations;
using FastChat.Protocol;
using FastChat.Shared;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>
/// Carries what one shard owes to another: a state write that was stored with its cause goes to the owner of what it changes, and is deleted at its source when
/// that owner has made it durable. It may arrive twice (after a crash in between), which state writes do not mind. Effects of one shard
/// are carried in their order, so that an addition and a removal of the same member cannot overtake one another; what has piled up goes together.
/// </summary>
internal sealed class EffectForwarder(Router router, RouterEvents events)
{
    /// <summary>Effects that are carried together. A group of a hundred thousand owes each of them an entry in their list: one at a time that took minutes, two syncs each.</summary>
    private const int TogetherMax = 256;

    /// <summary>And their bytes, or a little more: one command of a shard has an end (<see cref="ProtocolLimits.ClientFrameSizeMax"/>).</summary>
    private const int TogetherBytesMax = ProtocolLimits.ClientFrameSizeMax / 4;

    private readonly ConcurrentDictionary<ushort, Lane> _lanes = new();

    /// <summary>Effects that are under way; a snapshot.</summary>
    public int Count => _lanes.Values.Sum(static lane => Volatile.Read(ref lane.Count));

    /// <summary>Takes an effect whose source is durable. Loop threads; returns at once.</summary>
    public void Forward(OutgoingEffect effect)
    {
        Lane lane = _lanes.GetOrAdd(SourceOf(effect.Key), static _ => new Lane());
        lane.Effects.Enqueue(effect);
        if (Interlocked.Increment(ref lane.Count) == 1)
        {
            Continuation.Queue(static state => _ = state.Forwarder.RunAsync(state.Lane), (Forwarder: this, Lane: lane));
        }
    }

    /// <summary>Takes up again what was owed when the broker stopped.</summary>
    public void Recover(IConversationLog log)
    {
        log.Scan(Table.State, "o"u8, [], (key, value) =>
        {
            Forward(new OutgoingEffect(key.ToArray(), value.ToArray()));
            return true;
        });
    }

    private async Task RunAsync(Lane lane)
    {
        List<OutgoingEffect> together = [];
        do
        {
            together.Clear();

            // What is counted is in the queue; what is there and not counted yet is the next round's.
            int most = Math.Min(Volatile.Read(ref lane.Count), TogetherMax);
            for (int bytes = 0; together.Count < most && bytes < TogetherBytesMax && lane.Effects.TryDequeue(out OutgoingEffect effect); bytes += effect.Value.Length)
            {
                together.Add(effect);
            }

            await CarryAsync(together);
        }
        while (Interlocked.Add(ref lane.Count, -together.Count) != 0);
    }

    /// <summary>Brings effects of one shard to their owners: to each in one write, in their order, and forgets what has become durable there in one write as well.</summary>
    private async Task CarryAsync(List<OutgoingEffect> effects)
    {
        IGrouping<ushort, OutgoingEffect>[] targets = effects.GroupBy(effect => BinaryPrimitives.ReadUInt16LittleEndian(effect.Value)).ToArray();
        OutgoingEffect[][] carried = await Task.WhenAll(targets.Select(target => CarryAsync(target.Key, [.. target])));
        Failpoint.Reach("effects-carried");
        StateEntry[] forget = carried.SelectMany(some => some).Select(effect => new StateEntry(effect.Key, null)).ToArray();
        if (forget.Length > 0)
        {
            await router.ExecuteOwedAsync(CommandKind.StateWrite, default, SourceOf(forget[0].Key), new StateWriteCommand(forget).ToBytes(), CancellationToken.None);
        }
    }

    /// <summary>What the owner has made durable: all of it or nothing.</summary>
    private async Task<OutgoingEffect[]> CarryAsync(int target, OutgoingEffect[] effects)
    {
        // The body of a state write is its entries, one after another: those of several are several bodies, one after another.
        byte[] write = new byte[effects.Sum(effect => effect.Value.Length - sizeof(ushort))];
        Span<byte> rest = write;
        foreach (OutgoingEffect effect in effects)
        {
            effect.Value.AsSpan(sizeof(ushort)).CopyTo(rest);
            rest = rest[(effect.Value.Length - sizeof(ushort))..];
        }

        CommandResult done = await router.ExecuteOwedAsync(CommandKind.StateWrite, default, target, write, CancellationToken.None);
        if (done.Error != ErrorCode.None)
        {
            // Only a failed store refuses this; what is owed is still stored and goes out after the restart.
            return [];
        }

        foreach (StateEntry entry in StateWriteCommand.Parse(write).Entries)
        {
            if (entry.Key[0] == (byte)'l')
            {
                events.ListChanged(UserId.Read(entry.Key.AsSpan(1)), new ConversationId(StateKeys.SecondId(entry.Key)), (MemberRole)(entry.Value?[0] ?? 0));
            }
            else if (entry.Key[0] == (byte)'u')
            {
                ulong thread = entry.Key.Length == StateKeys.MemberSize ? 0 : BinaryPrimitives.ReadUInt64BigEndian(entry.Key.AsSpan(StateKeys.MemberSize));
                events.CursorMoved(UserId.Read(entry.Key.AsSpan(1)), new ConversationId(StateKeys.SecondId(entry.Key)), thread, ReadCursor.Parse(entry.Value));
            }
        }

        return effects;
    }

    private static ushort SourceOf(byte[] key) => BinaryPrimitives.ReadUInt16BigEndian(key.AsSpan(1));

    private sealed class Lane
    {
        public readonly ConcurrentQueue<OutgoingEffect> Effects = new();
        public int Count;
    }
}
