using System.Buffers.Binary;
using System.Collections.Concurrent;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>
/// Carries what one shard owes to another: a state write that was stored with its cause goes to the owner of what it changes, and is deleted at its source when
/// that owner has made it durable. It may arrive twice (after a crash in between), which state writes do not mind. Effects of one shard
/// are carried one after another, so that an addition and a removal of the same member cannot overtake one another.
/// </summary>
internal sealed class EffectForwarder(Router router, Action<UserId, ConversationId, bool> listChanged)
{
    private readonly ConcurrentDictionary<ushort, Lane> _lanes = new();

    /// <summary>Takes an effect whose source is durable. Loop threads; returns at once.</summary>
    public void Forward(OutgoingEffect effect)
    {
        Lane lane = _lanes.GetOrAdd(SourceOf(effect.Key), static _ => new Lane());
        lane.Effects.Enqueue(effect);
        if (Interlocked.Increment(ref lane.Count) == 1)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static state => _ = state.Forwarder.RunAsync(state.Lane), (Forwarder: this, Lane: lane), preferLocal: false);
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
        do
        {
            lane.Effects.TryDequeue(out OutgoingEffect effect);
            await CarryAsync(effect).ConfigureAwait(false);
        }
        while (Interlocked.Decrement(ref lane.Count) != 0);
    }

    private async Task CarryAsync(OutgoingEffect effect)
    {
        int target = BinaryPrimitives.ReadUInt16LittleEndian(effect.Value);
        byte[] write = effect.Value[2..];
        CommandResult done = await router.ExecuteAsync(CommandKind.StateWrite, default, target, write, CancellationToken.None).ConfigureAwait(false);
        if (done.Error != ErrorCode.None)
        {
            // Only a failed store refuses this; what is owed is still stored and goes out after the restart.
            return;
        }

        foreach (StateEntry entry in StateWriteCommand.Parse(write).Entries)
        {
            if (entry.Key[0] == (byte)'l')
            {
                listChanged(UserId.Read(entry.Key.AsSpan(1)), new ConversationId(StateKeys.SecondId(entry.Key)), entry.Value is not null);
            }
        }

        byte[] forget = new StateWriteCommand([new StateEntry(effect.Key, null)]).ToBytes();
        await router.ExecuteAsync(CommandKind.StateWrite, default, SourceOf(effect.Key), forget, CancellationToken.None).ConfigureAwait(false);
    }

    private static ushort SourceOf(byte[] key) => BinaryPrimitives.ReadUInt16BigEndian(key.AsSpan(1));

    private sealed class Lane
    {
        public readonly ConcurrentQueue<OutgoingEffect> Effects = new();
        public int Count;
    }
}
