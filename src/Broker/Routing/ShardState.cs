using System.Buffers;
using System.Buffers.Binary;

using FastChat.Broker.Conversations;
using FastChat.Broker.People;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>
/// What a shard's commands read and change: its conversations and side-table entries as they are after everything that was decided, whether it is durable yet or not. Each command sees
/// what those before it left in the two turns. Loop thread only.
/// </summary>
internal sealed class ShardState
{
    private readonly int _index;
    private readonly ShardMap _map;
    private readonly IConversationLog _log;
    private ulong _nextEffect;

    public ShardState(int index, ShardMap map, IConversationLog log, int conversationsMax)
    {
        _index = index;
        _map = map;
        _log = log;
        Conversations = new ConversationCache(log, conversationsMax);
        _nextEffect = LastEffect() + 1;
    }

    /// <summary>The conversations in memory.</summary>
    public ConversationCache Conversations { get; }

    /// <summary>A side-table value as it was decided last; null when there is none.</summary>
    public byte[]? Read(ReadOnlySpan<byte> key, Turn? turn, Turn? previous) =>
        turn is not null && turn.TryGet(key, out byte[]? value) ? value
        : previous is not null && previous.TryGet(key, out value) ? value
        : _log.Get(Table.State, key);

    /// <summary>What somebody is in a conversation; null = nothing.</summary>
    public Membership? MembershipOf(ConversationState conversation, UserId user, Turn? turn, Turn? previous)
    {
        if (!conversation.Members.TryGetValue(user, out Membership? membership))
        {
            byte[]? stored = Read(ConversationKeys.Member(conversation.Id, user), turn, previous);
            membership = stored is null ? null : Membership.Parse(stored);
            if (conversation.Members.Count >= ConversationCache.MembersCachedMax)
            {
                conversation.Members.Clear();
            }

            conversation.Members[user] = membership;
        }

        return membership;
    }

    /// <summary>What the policy goes by, as far as it concerns who asks.</summary>
    public ConversationFacts FactsOf(ConversationState conversation, in Actor actor, long timeMicros, Turn? turn, Turn? previous)
    {
        Membership membership = MembershipOf(conversation, actor.User, turn, previous) ?? default;
        return new ConversationFacts(actor.Rights, conversation.Meta.Kind, membership.Role)
        {
            IsArchived = conversation.Meta.IsArchived,
            IsMuted = membership.MutedUntil > timeMicros,
            IsBlocked = conversation.Meta.Kind == ConversationKind.Direct && IsBlocked(conversation, turn, previous),
        };
    }

    /// <summary>Assigns the next sequence to a record and puts it with those that wait for the end of the turn.</summary>
    public static ulong Append(
        ConversationState conversation, Turn turn, long timeMicros, UserId sender, in Actor publisher, ClientMessageId clientMessageId,
        MessageKind kind, ReadOnlySpan<byte> body, ReadOnlySpan<byte> bodyHash)
    {
        if (conversation.PendingCount > 0 && conversation.Pending.Length + body.Length > ProtocolLimits.ChunkSizeMax)
        {
            Seal(conversation, turn, default);
            turn.Open.Remove(conversation);
        }

        if (conversation.PendingCount == 0)
        {
            turn.Open.Add(conversation);
        }

        return conversation.Append(timeMicros, sender, publisher.User, publisher.Device, clientMessageId, kind, body, turn.Sealer is null ? bodyHash : default);
    }

    /// <summary>Appends a record of the broker's own, which comes from no device: so no publish can have the same pair of device and id (P2).</summary>
    public static ulong AppendSystem(ConversationState conversation, Turn turn, in CommandHeader header, MessageKind kind, ReadOnlySpan<byte> body)
    {
        Span<byte> hash = stackalloc byte[ChainHash.Size];
        Sha256.Hash(body, hash);
        Span<byte> messageId = stackalloc byte[Id128.Size];
        messageId.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(messageId[8..], conversation.Head + 1);
        return Append(
            conversation, turn, header.TimeMicros, header.Actor.User, header.Actor with { Device = default }, ClientMessageId.Read(messageId), kind, body, hash);
    }

    /// <summary>Puts the waiting records into the batch as a chunk.</summary>
    /// <param name="removed">The member whom the last of them removed; none otherwise.</param>
    public static void Seal(ConversationState conversation, Turn turn, UserId removed)
    {
        ReadOnlySpan<byte> records = conversation.Pending;
        int offset = turn.Sealer is null
            ? turn.Batch.AppendChunk(conversation.Id, conversation.PendingFirst, conversation.PendingCount, conversation.Chain, records)
            : SealBodies(turn.Sealer, conversation, turn, records);
        turn.Chunks.Add(new SealedChunk(conversation, offset, records.Length, conversation.PendingFirst, conversation.PendingCount, removed));
        conversation.ClearPending();
    }

    /// <summary>The batch gets what the disk is to have, the turn keeps what readers get; where, comes back.</summary>
    private static int SealBodies(RecordSealer sealer, ConversationState conversation, Turn turn, ReadOnlySpan<byte> records)
    {
        Span<byte> stored = turn.Batch.BeginChunk(conversation.Id, conversation.PendingFirst, RecordSealer.SizeOf(records), out _);
        conversation.AdvanceChain(sealer.Seal(conversation.Id, records, stored, conversation.Chain));
        turn.Batch.EndChunk(conversation.PendingCount, conversation.Chain);
        return turn.KeepServed(records);
    }

    /// <summary>Changes a membership, and owes the user's shard the change of the user's list.</summary>
    /// <param name="with">What else the user's shard is to have at the same moment.</param>
    public void SetMember(ConversationState conversation, UserId user, Membership? membership, Turn turn, params ReadOnlySpan<StateEntry> with)
    {
        conversation.Members[user] = membership;
        byte[] memberKey = ConversationKeys.Member(conversation.Id, user);
        if (membership is { } one)
        {
            turn.Put(memberKey, one.ToBytes());
        }
        else
        {
            turn.Delete(memberKey);
        }

        Owe(user.Value, [new StateEntry(ConversationKeys.ListEntry(user, conversation.Id), membership?.ToListEntry()), .. with], turn);
    }

    /// <summary>A member's cursors; of the conversation itself when there is no thread.</summary>
    public ReadCursor CursorOf(ConversationState conversation, UserId user, ulong thread, Turn turn, Turn? previous) =>
        ReadCursor.Parse(Read(ConversationKeys.Cursor(conversation.Id, user, thread), turn, previous));

    /// <summary>Moves a member's cursors; what comes back is for the user's shard.</summary>
    public StateEntry SetCursor(ConversationState conversation, UserId user, ulong thread, in ReadCursor before, in ReadCursor after, Turn turn, Turn? previous)
    {
        byte[] value = after.ToBytes();
        turn.Put(ConversationKeys.Cursor(conversation.Id, user, thread), value);
        ulong seen = after.Seen - before.Seen;
        if (seen > 0 && !ConversationKinds.IsOpen(conversation.Meta.Kind))
        {
            // The sum of what all may see of cursors: it grows with each of their moves, so who has the number has the cursors.
            byte[] key = ConversationKeys.Receipts(conversation.Id);
            ulong sum = Read(key, turn, previous) is { } stored ? BinaryPrimitives.ReadUInt64LittleEndian(stored) : 0;
            turn.Put(key, BitConverter.GetBytes(sum + seen));
        }

        return new StateEntry(ConversationKeys.OwnCursor(user, conversation.Id, thread), value);
    }

    /// <summary>Changes what a conversation is.</summary>
    public static void SetMeta(ConversationState conversation, ConversationMeta meta, Turn turn)
    {
        conversation.Meta = meta;
        turn.Put(ConversationKeys.Meta(conversation.Id), meta.ToBytes());
    }

    /// <summary>Owes entries to the shard that owns an id: they are stored with their cause, and carried when that is durable.</summary>
    public void Owe(UInt128 owner, IReadOnlyList<StateEntry> entries, Turn turn)
    {
        byte[] owed = new StateWriteCommand(entries).ToBytes();
        byte[] effect = new byte[2 + owed.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(effect, (ushort)_map.ShardOf(owner));
        owed.CopyTo(effect, 2);
        byte[] effectKey = ConversationKeys.Effect((ushort)_index, _nextEffect++);
        turn.Put(effectKey, effect);
        turn.Outgoing.Add(new OutgoingEffect(effectKey, effect));
    }

    /// <summary>
    /// A record of a conversation, durable or not, in an array of its own; null when there is none with this sequence, or not any more. Where it lies depends on how far commits are, what it says does not.
    /// </summary>
    public byte[]? ReadRecord(ConversationState conversation, ulong sequence, Turn turn, Turn? previous)
    {
        if (sequence < conversation.First || sequence > conversation.Head)
        {
            return null;
        }

        if (conversation.PendingCount > 0 && sequence >= conversation.PendingFirst)
        {
            return RecordIn(conversation.Pending, sequence);
        }

        // What is durable is in the log; only what is newer has to be looked for in the turns.
        foreach (Turn? one in sequence <= conversation.DurableHead ? [] : (ReadOnlySpan<Turn?>)[turn, previous])
        {
            foreach (SealedChunk chunk in one?.Chunks ?? [])
            {
                if (chunk.Conversation == conversation && sequence >= chunk.First && sequence <= chunk.Last)
                {
                    return RecordIn(one!.RecordsOf(chunk), sequence);
                }
            }
        }

        ArrayBufferWriter<byte> buffer = new();
        _log.ReadForward(conversation.Id, sequence - 1, sequence, 1, int.MaxValue, buffer);
        return buffer.WrittenCount == 0 ? null : buffer.WrittenSpan.ToArray();
    }

    private static byte[]? RecordIn(ReadOnlySpan<byte> records, ulong sequence)
    {
        while (MessageRecord.TryRead(ref records, out MessageRecord record))
        {
            if (record.Sequence == sequence)
            {
                return record.Bytes.ToArray();
            }
        }

        return null;
    }

    /// <summary>True when one of the two of a direct conversation blocks the other.</summary>
    private bool IsBlocked(ConversationState conversation, Turn? turn, Turn? previous) =>
        conversation.IsBlocked ??= PairOf(conversation).Any(blocker => Read(PeopleKeys.DirectBlock(conversation.Id, blocker), turn, previous) is not null);

    /// <summary>An entry about a block has changed: it is looked at anew.</summary>
    public void ForgetBlock(ConversationId direct)
    {
        if (Conversations.Peek(direct) is { } conversation)
        {
            conversation.IsBlocked = null;
        }
    }

    /// <summary>The two of a direct conversation. They belong to it from the beginning and for good, so that a store knows them as soon as memory may have forgotten them.</summary>
    private UserId[] PairOf(ConversationState conversation)
    {
        UserId[] pair = [.. conversation.Members.Where(member => member.Value is { IsMember: true }).Select(member => member.Key)];
        if (pair.Length == 2)
        {
            return pair;
        }

        List<UserId> stored = [];
        byte[] prefix = new byte[StateKeys.MembersPrefixSize];
        StateKeys.WriteMembersPrefix(prefix, conversation.Id);
        _log.Scan(Table.State, prefix, [], (key, _) =>
        {
            stored.Add(new UserId(StateKeys.SecondId(key)));
            return true;
        });
        return stored.Count > 0 ? [.. stored] : pair;
    }

    private ulong LastEffect()
    {
        byte[] prefix = new byte[StateKeys.EffectsPrefixSize];
        StateKeys.WriteEffectsPrefix(prefix, (ushort)_index);
        ulong last = 0;
        _log.Scan(Table.State, prefix, [], (key, _) =>
        {
            last = StateKeys.EffectCounter(key);
            return true;
        });
        return last;
    }
}
