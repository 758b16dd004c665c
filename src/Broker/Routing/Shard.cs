using System.Buffers.Binary;
using System.Diagnostics;

using FastChat.Broker.Conversations;
using FastChat.Broker.People;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>
/// A shard's state machine: commands in, writes and effects out. It owns the conversations and side-table entries of its placement.
/// <para>
/// Deterministic: the outcome of a command depends on the state and on the command's bytes and on nothing else. There is no clock, no
/// randomness and no I/O here but reads of the shard's own state; ids and times come inside the commands. The same commands in the same order give the
/// same sequences, bytes and hash chains on every node (P19).
/// </para>
/// Loop thread only.
/// </summary>
internal sealed class Shard
{
    private readonly int _index;
    private readonly ShardMap _map;
    private readonly IConversationLog _log;
    private readonly ConversationCache _conversations;
    private ulong _nextEffect;

    public Shard(int index, ShardMap map, IConversationLog log, int conversationsMax)
    {
        _index = index;
        _map = map;
        _log = log;
        _conversations = new ConversationCache(log, conversationsMax);
        _nextEffect = LastEffect() + 1;
    }

    /// <summary>The conversations in memory.</summary>
    public ConversationCache Conversations => _conversations;

    /// <summary>
    /// Applies a state-changing command to <paramref name="turn"/>; <paramref name="previous"/> is the turn that syncs at the moment, whose decisions count.
    /// Returns None when the command's answer waits in the turn, and otherwise why it was refused, with nothing changed.
    /// </summary>
    public ErrorCode Apply(in CommandHeader command, ReadOnlySpan<byte> body, Turn turn, Turn? previous, out string reason)
    {
        reason = string.Empty;
        switch (command.Kind)
        {
            case CommandKind.Publish:
                return Publish(command, body, turn, previous, out reason);
            case CommandKind.CreateConversation:
                turn.Results.Add((command.ReplyTo, Create(CreateConversationCommand.Parse(body), turn, previous)));
                return ErrorCode.None;
            case CommandKind.ChangeMembers:
                turn.Results.Add((command.ReplyTo, ChangeMembers(command, ChangeMembersCommand.Parse(body), turn, previous)));
                return ErrorCode.None;
            case CommandKind.StateWrite:
                turn.Results.Add((command.ReplyTo, WriteState(StateWriteCommand.Parse(body), turn, previous)));
                return ErrorCode.None;
            case CommandKind.ChangePerson:
                turn.Results.Add((command.ReplyTo, ChangePerson(command, body, turn, previous)));
                return ErrorCode.None;
            default:
                throw new UnreachableException($"command {command.Kind} changes no state");
        }
    }

    /// <summary>Asks the policy about a conversation; the conversation comes back when it may be known of.</summary>
    public ErrorCode Authorize(
        ConversationId id, in Actor actor, ConversationOperation operation, Turn? turn, Turn? previous, out ConversationState? conversation)
    {
        conversation = _conversations.Find(id, turn, previous);
        if (conversation is null)
        {
            return ErrorCode.NoSuchConversation;
        }

        MemberRole role = conversation.Meta.Kind == ConversationKind.Public && operation is ConversationOperation.Read or ConversationOperation.Publish
            ? MemberRole.None
            : RoleOf(conversation, actor.User, turn, previous);
        return ConversationPolicy.Decide(operation, actor.Rights, conversation.Meta.Kind, role);
    }

    /// <summary>Puts every waiting record into the turn's batch as chunks.</summary>
    public static void SealOpen(Turn turn)
    {
        foreach (ConversationState conversation in turn.Open)
        {
            Seal(conversation, turn, default);
        }

        turn.Open.Clear();
    }

    private ErrorCode Publish(in CommandHeader command, ReadOnlySpan<byte> body, Turn turn, Turn? previous, out string reason)
    {
        ReadOnlySpan<byte> bodyHash = body[..ChainHash.Size];
        reason = string.Empty;
        if (!Protocol.Publish.TryRead(body[ChainHash.Size..], out Publish publish))
        {
            throw new UnreachableException("the handler has read this publish before");
        }

        ErrorCode denied = Authorize(publish.Conversation, command.Actor, ConversationOperation.Publish, turn, previous, out ConversationState? conversation);
        if (denied == ErrorCode.None && !publish.OnBehalfOf.IsNone)
        {
            denied = ConversationPolicy.Decide(
                ConversationOperation.PublishOnBehalf, command.Actor.Rights, conversation!.Meta.Kind, RoleOf(conversation, command.Actor.User, turn, previous));
        }

        // Before the right: whoever was removed while the answer was on its way asks again, and "refused" would say that the message is not there.
        UserId sender = publish.OnBehalfOf.IsNone ? command.Actor.User : publish.OnBehalfOf;
        DedupeId id = new(publish.Conversation, command.Actor.User, command.Actor.Device, publish.ClientMessageId);
        DedupeValue wanted = DedupeValue.Of(0, bodyHash);
        PendingPublish earlier = default;
        bool isKnown = conversation is not null && TryFindPublish(id, turn, previous, out earlier);
        if (isKnown && earlier.Value.BodyHash == wanted.BodyHash && earlier.Sender == sender && earlier.Kind == publish.Kind)
        {
            Acknowledge(command, turn, conversation!, earlier.Value.Sequence, isDuplicate: true);
            return ErrorCode.None;
        }

        if (denied != ErrorCode.None)
        {
            reason = denied != ErrorCode.Forbidden ? "no such conversation"
                : publish.OnBehalfOf.IsNone ? "publishing there is not allowed"
                : "publishing on behalf of others is not allowed";
            return denied;
        }

        if (isKnown)
        {
            reason = "this client message id names another message";
            return ErrorCode.IdConflict;
        }

        ulong sequence = Append(
            conversation!, turn, command.TimeMicros, sender, command.Actor, publish.ClientMessageId, publish.Kind, publish.Body, bodyHash);
        turn.AddPublish(id, new PendingPublish(wanted with { Sequence = sequence }, sender, publish.Kind));
        Acknowledge(command, turn, conversation!, sequence, isDuplicate: false);
        return ErrorCode.None;
    }

    private static void Acknowledge(in CommandHeader command, Turn turn, ConversationState conversation, ulong sequence, bool isDuplicate) =>
        turn.Acknowledgements.Add(new Acknowledgement(
            command.Peer, command.Request, new Published(conversation.Epoch, sequence, Durability.Fsynced, isDuplicate, command.TimeMicros)));

    private bool TryFindPublish(in DedupeId id, Turn turn, Turn? previous, out PendingPublish publish)
    {
        if (turn.TryGetPublish(id, out publish) || (previous is not null && previous.TryGetPublish(id, out publish)))
        {
            return true;
        }

        Span<byte> key = stackalloc byte[DedupeKey.Size];
        Span<byte> value = stackalloc byte[DedupeValue.Size];
        DedupeKey.Write(key, id.Conversation, id.Publisher, id.Device, id.ClientMessageId);
        if (_log.Get(Table.Dedupe, key, value) < 0)
        {
            return false;
        }

        // A retry of something durable is rare enough to look at the record itself for what the entry does not hold.
        DedupeValue found = DedupeValue.Read(value);
        System.Buffers.ArrayBufferWriter<byte> buffer = new();
        _log.ReadForward(id.Conversation, found.Sequence - 1, found.Sequence, 1, int.MaxValue, buffer);
        ReadOnlySpan<byte> bytes = buffer.WrittenSpan;
        publish = MessageRecord.TryRead(ref bytes, out MessageRecord record)
            ? new PendingPublish(found, record.Sender, record.Kind)
            : throw new CorruptRecordException($"conversation {id.Conversation}: a dedupe entry names sequence {found.Sequence}, which is not there");
        return true;
    }

    private static ulong Append(
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

        return conversation.Append(timeMicros, sender, publisher.User, publisher.Device, clientMessageId, kind, body, bodyHash);
    }

    private static void Seal(ConversationState conversation, Turn turn, UserId removed)
    {
        ReadOnlySpan<byte> records = conversation.Pending;
        int offset = turn.Batch.AppendChunk(conversation.Id, conversation.PendingFirst, conversation.PendingCount, conversation.Chain, records);
        turn.Chunks.Add(new SealedChunk(conversation, offset, records.Length, conversation.PendingFirst, conversation.PendingCount, removed));
        conversation.ClearPending();
    }

    private CommandResult Create(CreateConversationCommand command, Turn turn, Turn? previous)
    {
        ConversationMeta meta = command.Meta;
        byte[]? nameKey = null;
        if (meta.Name is not null)
        {
            nameKey = ConversationKeys.Name(meta.Name);
            if (ReadState(nameKey, turn, previous) is { } taken)
            {
                ConversationId existing = ConversationId.Read(taken);
                return command.FindExisting || existing == command.Conversation
                    ? new CommandResult(ErrorCode.None) { Conversation = existing }
                    : new CommandResult(ErrorCode.NameTaken, "a conversation has this name");
            }
        }

        if (_conversations.Find(command.Conversation, turn, previous) is { } present)
        {
            return present.Meta.Creator == meta.Creator
                ? new CommandResult(ErrorCode.None) { Conversation = present.Id }
                : new CommandResult(ErrorCode.NoSuchConversation, "the id is in use");
        }

        turn.Put(ConversationKeys.Meta(command.Conversation), meta.ToBytes());
        if (nameKey is not null)
        {
            turn.Put(nameKey, ControlMap.IdBytes(command.Conversation.Value));
        }

        ConversationState conversation = _conversations.Add(command.Conversation, meta);
        SetMember(conversation, meta.Creator, new Membership(MemberRole.Owner, 0), turn);
        foreach (UserId member in command.Members.Distinct().Where(member => member != meta.Creator))
        {
            SetMember(conversation, member, new Membership(MemberRole.Member, 0), turn);
        }

        return new CommandResult(ErrorCode.None) { Conversation = conversation.Id, Created = true };
    }

    private CommandResult ChangeMembers(in CommandHeader header, ChangeMembersCommand command, Turn turn, Turn? previous)
    {
        bool removes = command.Role == MemberRole.None;
        bool isSelf = command.Users.Count == 1 && command.Users[0] == header.Actor.User;
        ConversationOperation operation = !removes ? ConversationOperation.AddMembers : isSelf ? ConversationOperation.Leave : ConversationOperation.RemoveMember;
        ErrorCode denied = Authorize(command.Conversation, header.Actor, operation, turn, previous, out ConversationState? conversation);
        if (denied != ErrorCode.None)
        {
            return new CommandResult(denied, denied == ErrorCode.Forbidden ? "only owners change the members" : "no such conversation");
        }

        int changed = 0;
        Span<byte> body = stackalloc byte[MembershipBody.Size];
        Span<byte> hash = stackalloc byte[ChainHash.Size];
        Span<byte> messageId = stackalloc byte[Id128.Size];
        foreach (UserId user in command.Users)
        {
            if ((RoleOf(conversation!, user, turn, previous) != MemberRole.None) != removes)
            {
                continue;
            }

            new MembershipBody(user, (byte)command.Role).Write(body);
            Sha256.Hash(body, hash);

            // The broker's own records come from no device, so no publish of the doer can have the same pair of device and id (P2).
            BinaryPrimitives.WriteUInt64BigEndian(messageId[8..], conversation!.Head + 1);
            MessageKind kind = removes ? MessageKind.MemberRemoved : MessageKind.MemberAdded;
            ulong sequence = Append(
                conversation, turn, header.TimeMicros, header.Actor.User, header.Actor with { Device = default }, ClientMessageId.Read(messageId), kind, body, hash);
            SetMember(conversation, user, removes ? null : new Membership(command.Role, sequence), turn);
            if (removes)
            {
                // Nobody gets a record behind the one that removes them (P15): the chunk ends here.
                Seal(conversation, turn, user);
                turn.Open.Remove(conversation);
            }

            changed++;
        }

        return new CommandResult(ErrorCode.None) { Conversation = conversation!.Id, Count = changed, Sequence = conversation.Head };
    }

    private CommandResult WriteState(StateWriteCommand command, Turn turn, Turn? previous)
    {
        foreach (StateEntry entry in command.Entries)
        {
            if (entry.MustBeAbsent && ReadState(entry.Key, turn, previous) is { } existing)
            {
                return new CommandResult(ErrorCode.NameTaken, "it exists already") { Existing = existing };
            }
        }

        foreach (StateEntry entry in command.Entries)
        {
            Write(entry, turn);
        }

        return new CommandResult(ErrorCode.None);
    }

    private static void Write(StateEntry entry, Turn turn)
    {
        if (entry.Value is null)
        {
            turn.Delete(entry.Key);
        }
        else
        {
            turn.Put(entry.Key, entry.Value);
        }
    }

    /// <summary>Changes a membership, and owes the user's shard the change of the user's list.</summary>
    private void SetMember(ConversationState conversation, UserId user, Membership? membership, Turn turn)
    {
        conversation.Members[user] = membership;
        byte[] memberKey = ConversationKeys.Member(conversation.Id, user);
        byte[]? value = membership?.ToBytes();
        if (value is null)
        {
            turn.Delete(memberKey);
        }
        else
        {
            turn.Put(memberKey, value);
        }

        Owe(user.Value, new StateEntry(ConversationKeys.ListEntry(user, conversation.Id), value), turn);
    }

    /// <summary>What belongs to the acting person. The rules decide; the shard writes, and owes a conversation what is its.</summary>
    private CommandResult ChangePerson(in CommandHeader header, ReadOnlySpan<byte> body, Turn turn, Turn? previous)
    {
        if (!PersonCommand.TryParse(body, out PersonCommand? command))
        {
            throw new UnreachableException("the handler has read this change before");
        }

        PersonDecision decision = PersonRules.Decide(header.Actor.User, header.TimeMicros, command, key => ReadState(key, turn, previous));
        if (decision.Write is { } write)
        {
            Write(write, turn);
        }

        if (decision.Owed is { } owed)
        {
            Owe(owed.Conversation.Value, owed.Entry, turn);
        }

        return decision.Result;
    }

    /// <summary>Owes the shard of an id a change of its state.</summary>
    private void Owe(UInt128 owner, StateEntry entry, Turn turn)
    {
        byte[] owed = new StateWriteCommand([entry]).ToBytes();
        byte[] effect = new byte[2 + owed.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(effect, (ushort)_map.ShardOf(owner));
        owed.CopyTo(effect, 2);
        byte[] effectKey = ConversationKeys.Effect((ushort)_index, _nextEffect++);
        turn.Put(effectKey, effect);
        turn.Outgoing.Add(new OutgoingEffect(effectKey, effect));
    }

    private MemberRole RoleOf(ConversationState conversation, UserId user, Turn? turn, Turn? previous)
    {
        if (!conversation.Members.TryGetValue(user, out Membership? membership))
        {
            byte[]? stored = ReadState(ConversationKeys.Member(conversation.Id, user), turn, previous);
            membership = stored is null ? null : Membership.Parse(stored);
            if (conversation.Members.Count >= ConversationCache.MembersCachedMax)
            {
                conversation.Members.Clear();
            }

            conversation.Members[user] = membership;
        }

        return membership?.Role ?? MemberRole.None;
    }

    private byte[]? ReadState(ReadOnlySpan<byte> key, Turn? turn, Turn? previous) =>
        turn is not null && turn.TryGet(key, out byte[]? value) ? value
        : previous is not null && previous.TryGet(key, out value) ? value
        : _log.Get(Table.State, key);

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
