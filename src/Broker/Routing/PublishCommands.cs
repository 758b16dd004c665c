using System.Buffers;
using System.Diagnostics;

using FastChat.Broker.Conversations;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>Publishes: who may, whether it is a retry, its place. Loop thread only.</summary>
internal sealed class PublishCommands(ShardState state, MessageCommands messages, IConversationLog log)
{
    private const uint MicrosPerMs = 1000;

    /// <summary>The longest that slow mode can be.</summary>
    private const long LongestPauseMicros = ProtocolLimits.SlowModeSecondsMax * 1_000_000L;

    /// <summary>More than one, so that they go faster than they come.</summary>
    private const int LooksMax = 3;

    public Refusal Apply(in CommandHeader command, ReadOnlySpan<byte> body, Turn turn, Turn? previous)
    {
        ReadOnlySpan<byte> bodyHash = body[..ChainHash.Size];
        if (!Protocol.Publish.TryRead(body[ChainHash.Size..], out Publish publish))
        {
            throw new UnreachableException("the handler has read this publish before");
        }

        ConversationState? conversation = state.Conversations.Find(publish.Conversation, turn, previous);
        if (conversation is null)
        {
            return Refusal.NoSuchConversation;
        }

        // The id before the right: whoever was removed while the answer was on its way asks again, and "refused" would say that the message is not there.
        UserId sender = publish.OnBehalfOf.IsNone ? command.Actor.User : publish.OnBehalfOf;
        DedupeId id = new(publish.Conversation, command.Actor.User, command.Actor.Device, publish.ClientMessageId);
        DedupeValue wanted = DedupeValue.Of(0, bodyHash);
        bool isKnown = TryFindPublish(conversation, id, turn, previous, out PendingPublish earlier);

        // The original of a forwarded message may have been edited between two attempts: its body is not the client's doing.
        // What nobody can open any more cannot be compared either.
        bool hasSameBody = command.Kind == CommandKind.Forward || earlier.IsUnreadable || earlier.Value.BodyHash == wanted.BodyHash;
        bool isSameMessage = earlier.IsCutOff || (earlier.Sender == sender && earlier.Kind == publish.Kind);
        if (isKnown && hasSameBody && isSameMessage)
        {
            Acknowledge(command, turn, conversation, earlier.Value.Sequence, isDuplicate: true);
            return default;
        }

        if (Decide(conversation, command, publish, turn, previous) is { Code: not ErrorCode.None } denied)
        {
            return denied;
        }

        if (isKnown)
        {
            return new Refusal(ErrorCode.IdConflict, "this client message id names another message");
        }

        if (publish.IfHead is { } head && head != conversation.Head)
        {
            return new Refusal(ErrorCode.Conflict, "the head has moved");
        }

        if (turn.Sealer is { } sealer && !sealer.CanSeal(sender, publish.Conversation))
        {
            return new Refusal(ErrorCode.KeysDestroyed, "what this person writes there can be kept no more: the keys were destroyed");
        }

        bool isPlain = publish.Kind is MessageKind.Text or MessageKind.Opaque;
        if (!isPlain && messages.Decide(conversation, command, sender, publish, turn, previous) is { Code: not ErrorCode.None } impossible)
        {
            return impossible;
        }

        if (conversation.Meta.SlowModeSeconds > 0 && MessageKinds.IsMessage(publish.Kind) && WaitOf(conversation, sender, command, turn, previous) is > 0 and long wait)
        {
            return new Refusal(ErrorCode.RateLimited, "slow mode", (uint)((wait + MicrosPerMs - 1) / MicrosPerMs));
        }

        ulong sequence = ShardState.Append(
            conversation, turn, command.TimeMicros, sender, command.Actor, publish.ClientMessageId, publish.Kind, publish.Body, bodyHash);
        turn.AddPublish(id, new PendingPublish(wanted with { Sequence = sequence }, sender, publish.Kind));
        if (!isPlain)
        {
            messages.Note(conversation, sender, publish, sequence, turn, previous);
        }

        Acknowledge(command, turn, conversation, sequence, isDuplicate: false);
        return default;
    }

    /// <summary>Why a message would be refused that is to be published later; the rest is seen then.</summary>
    public Refusal DecideLater(ConversationState conversation, in CommandHeader command, in Publish publish, Turn turn, Turn? previous)
    {
        Refusal denied = Decide(conversation, command, publish, turn, previous);
        return denied.Code == ErrorCode.None && publish.Kind == MessageKind.Rich ? messages.Decide(conversation, command, command.Actor.User, publish, turn, previous) : denied;
    }

    /// <summary>The right to publish at all; of what changes earlier messages, <see cref="MessageCommands"/> knows the rights.</summary>
    private Refusal Decide(ConversationState conversation, in CommandHeader command, in Publish publish, Turn turn, Turn? previous)
    {
        bool isOnBehalf = !publish.OnBehalfOf.IsNone;

        // In a public conversation in which nobody was ever held back everyone writes: the hottest path looks nobody up.
        ConversationMeta meta = conversation.Meta;
        ConversationFacts facts = meta is { Kind: ConversationKind.Public, IsRestricted: false, IsArchived: false } && !isOnBehalf
            ? new ConversationFacts(command.Actor.Rights, ConversationKind.Public, MemberRole.None)
            : state.FactsOf(conversation, command.Actor, command.TimeMicros, turn, previous);
        ErrorCode denied = ConversationPolicy.Decide(MessageKinds.IsMessage(publish.Kind) ? ConversationOperation.Publish : ConversationOperation.Read, facts);
        if (denied == ErrorCode.None && isOnBehalf)
        {
            denied = ConversationPolicy.Decide(ConversationOperation.PublishOnBehalf, facts);
        }

        return denied switch
        {
            ErrorCode.None => default,
            ErrorCode.NoSuchConversation => Refusal.NoSuchConversation,
            _ => new Refusal(denied, ReasonOf(facts, isOnBehalf)),
        };
    }

    private static string ReasonOf(in ConversationFacts facts, bool isOnBehalf) =>
        facts.IsArchived ? "the conversation is archived"
        : facts.IsMuted ? "muted"
        : isOnBehalf ? "publishing on behalf of others is not allowed"
        : "publishing there is not allowed";

    /// <summary>How long somebody has to wait in slow mode, µs; and when they need not, notes that they write now.</summary>
    private long WaitOf(ConversationState conversation, UserId sender, in CommandHeader command, Turn turn, Turn? previous)
    {
        ConversationFacts facts = state.FactsOf(conversation, command.Actor, command.TimeMicros, turn, previous);
        if (ConversationPolicy.Decide(ConversationOperation.IgnoreSlowMode, facts) == ErrorCode.None)
        {
            return 0;
        }

        byte[] key = ConversationKeys.LastWritten(conversation.Id, sender);
        long pause = conversation.Meta.SlowModeSeconds * 1_000_000L;
        long next = state.Read(key, turn, previous) is { } stored ? BitConverter.ToInt64(stored) + pause : long.MinValue;

        // A clock that went back must not make anybody wait longer than the pause.
        if (next > command.TimeMicros && next - command.TimeMicros <= pause)
        {
            return next - command.TimeMicros;
        }

        turn.Put(key, BitConverter.GetBytes(command.TimeMicros));
        ForgetOld(conversation, key, command.TimeMicros - LongestPauseMicros, turn, previous);
        return 0;
    }

    /// <summary>
    /// Takes away entries of slow mode that hold nobody back any more, <see cref="LooksMax"/> looked at with each message: so there are never many more of them than people who wrote within six hours or twelve. Which
    /// ones the store shows depends on how far commits are, and no outcome may: so only those go that no pause, whatever it is set to later, could make anybody wait for.
    /// </summary>
    private void ForgetOld(ConversationState conversation, byte[] own, long before, Turn turn, Turn? previous)
    {
        List<byte[]> candidates = [];
        byte[] prefix = MessageKeys.AllOf('w', conversation.Id);
        ScanVisitor collect = (key, _) =>
        {
            candidates.Add(key.ToArray());
            return candidates.Count < LooksMax;
        };
        log.Scan(Table.State, prefix, own, collect);
        if (candidates.Count == 0)
        {
            // Behind the last one: go on at the beginning, or those there were never looked at.
            log.Scan(Table.State, prefix, [], collect);
        }

        foreach (byte[] key in candidates)
        {
            if (state.Read(key, turn, previous) is { Length: sizeof(long) } stored && BitConverter.ToInt64(stored) < before)
            {
                turn.Delete(key);
            }
        }
    }

    private static void Acknowledge(in CommandHeader command, Turn turn, ConversationState conversation, ulong sequence, bool isDuplicate)
    {
        if (command.Kind != CommandKind.Publish)
        {
            turn.Results.Add((command.ReplyTo, new CommandResult(ErrorCode.None) { Conversation = conversation.Id, Sequence = sequence, Count = isDuplicate ? 0 : 1 }));
            return;
        }

        turn.Acknowledgements.Add(new Acknowledgement(
            command.Peer, command.Request, new Published(conversation.Epoch, sequence, Durability.Fsynced, isDuplicate, command.TimeMicros)));
    }

    /// <summary>The publish with this id, when there was one: what is decided counts, durable or not.</summary>
    public bool TryFindPublish(ConversationState conversation, in DedupeId id, Turn turn, Turn? previous, out PendingPublish publish)
    {
        if (turn.TryGetPublish(id, out publish) || (previous is not null && previous.TryGetPublish(id, out publish)))
        {
            return true;
        }

        Span<byte> key = stackalloc byte[DedupeKey.Size];
        Span<byte> value = stackalloc byte[DedupeValue.Size];
        DedupeKey.Write(key, id.Conversation, id.Publisher, id.Device, id.ClientMessageId);
        if (log.Get(Table.Dedupe, key, value) < 0)
        {
            return false;
        }

        // A retry of something durable is rare enough to look at the record itself for what the entry does not hold.
        DedupeValue found = DedupeValue.Read(value);
        if (found.Sequence < conversation.First)
        {
            // Its record was cut off. The entry is what is left of it, for retries.
            publish = new PendingPublish(found, default, default) { IsUnreadable = found.BodyHash == DedupeValue.NoHash, IsCutOff = true };
            return true;
        }

        ArrayBufferWriter<byte> buffer = new();
        log.ReadForward(id.Conversation, found.Sequence - 1, found.Sequence, 1, int.MaxValue, buffer);
        ReadOnlySpan<byte> bytes = buffer.WrittenSpan;
        if (!MessageRecord.TryRead(ref bytes, out MessageRecord record))
        {
            throw new CorruptRecordException($"conversation {id.Conversation}: a dedupe entry names sequence {found.Sequence}, which is not there");
        }

        // A sealed record's entry says nothing of the body: it is here, opened.
        bool isSealed = found.BodyHash == DedupeValue.NoHash;
        publish = new PendingPublish(isSealed ? DedupeValue.Of(record) : found, record.Sender, record.Kind) { IsUnreadable = isSealed && (record.Flags & RecordFlags.Erased) != 0 };
        return true;
    }
}
