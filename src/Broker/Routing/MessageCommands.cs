using FastChat.Broker.Attachments;
using FastChat.Broker.Conversations;
using FastChat.Protocol;

namespace FastChat.Broker.Routing;

/// <summary>
/// Publishes that say more than a plain message: rich messages, and edits, deletions, reactions and pins of earlier ones. Each is a record like any other, with its place and its retry; here is decided
/// whether it may be; what follows from it is for <see cref="MessageRules"/> to say. Loop thread only.
/// </summary>
internal sealed class MessageCommands(ShardState state)
{
    /// <summary>Where a message lies that a record concerns, and what is known of it.</summary>
    private readonly record struct Target(ulong Sequence, byte[] Bytes, Annotation Annotation)
    {
        public MessageRecord Record => MessageRecord.Of(Bytes);
    }

    /// <summary>Why a publish is refused: of what it names or of the right; nothing is changed.</summary>
    public Refusal Decide(ConversationState conversation, in CommandHeader command, UserId sender, in Publish publish, Turn turn, Turn? previous)
    {
        ConversationFacts facts = state.FactsOf(conversation, command.Actor, command.TimeMicros, turn, previous);
        ulong visibleFrom = Membership.FirstVisible(conversation.Meta.Kind, state.MembershipOf(conversation, command.Actor.User, turn, previous));
        if (publish.Kind == MessageKind.Rich)
        {
            MessageAttributes attributes = MessageRules.AttributesOf(publish.Kind, publish.Body);
            bool isAllowed = !attributes.MentionsAll || ConversationPolicy.Decide(ConversationOperation.MentionAll, facts) == ErrorCode.None;
            return attributes.Attachments.Count > 0 && !command.AreAttachmentsVouchedFor ? new Refusal(ErrorCode.NoSuchAttachment, "an attachment is uploaded, or claimed from a message that has it, before it is sent")
                : !isAllowed ? new Refusal(ErrorCode.Forbidden, "mentioning everyone is not allowed")
                : attributes.ReplyTo != 0 && Find(conversation, attributes.ReplyTo, visibleFrom, turn, previous) is null ? NoSuchMessage
                : attributes.Thread != 0 && Find(conversation, attributes.Thread, visibleFrom, turn, previous) is null ? NoSuchMessage
                : attributes.ExpiresMicros != 0 && attributes.ExpiresMicros <= command.TimeMicros ? new Refusal(ErrorCode.BadRequest, "the message would have expired already")
                : default;
        }

        if (Find(conversation, MessageContent.TargetOf(publish.Kind, publish.Body), visibleFrom, turn, previous) is not { } target)
        {
            return NoSuchMessage;
        }

        bool isOwn = target.Record.Sender == sender;
        ConversationOperation operation = publish.Kind switch
        {
            MessageKind.Edit => ConversationOperation.EditOwn,
            MessageKind.Delete => isOwn ? ConversationOperation.DeleteOwn : ConversationOperation.DeleteOthers,
            MessageKind.Reaction => ConversationOperation.React,
            _ => ConversationOperation.Pin,
        };
        ErrorCode denied = publish.Kind == MessageKind.Edit && !isOwn ? ErrorCode.Forbidden : ConversationPolicy.Decide(operation, facts);
        if (denied != ErrorCode.None)
        {
            return denied == ErrorCode.NoSuchConversation ? Refusal.NoSuchConversation : new Refusal(denied, "doing that to this message is not allowed");
        }

        return DecideChange(conversation, sender, publish, target, facts, turn, previous);
    }

    /// <summary>Notes what follows from a record that was just appended.</summary>
    public void Note(ConversationState conversation, UserId sender, in Publish publish, ulong sequence, Turn turn, Turn? previous) =>
        MessageRules.Note(conversation.Id, new TurnEntries(state, conversation, turn, previous), sequence, sender, publish.Kind, publish.Body);

    /// <summary>Ends a message whose time has come. That is a record as well: whoever was away learns of it like of everything else.</summary>
    public CommandResult Apply(in CommandHeader header, ExpireCommand command, Turn turn, Turn? previous)
    {
        // Damage shows in looking, before anything is changed.
        ConversationState? conversation = state.Conversations.Find(command.Conversation, turn, previous);
        Target? found = conversation is null ? null : Find(conversation, command.Sequence, 1, turn, previous);
        if (conversation is not null && found is not null)
        {
            MessageRules.Look(conversation.Id, new TurnEntries(state, conversation, turn, previous), command.Sequence);
        }

        turn.Delete(MessageKeys.Expiry(command.ExpiresMicros, command.Conversation, command.Sequence));
        if (conversation is not null && found is { } target)
        {
            CommandHeader bySender = header with { Actor = new(target.Record.Sender, default, default) };
            byte[] body = new DeleteBody(target.Sequence).ToBytes();
            ulong sequence = ShardState.AppendSystem(conversation, turn, bySender, MessageKind.Expired, body);
            MessageRules.Note(conversation.Id, new TurnEntries(state, conversation, turn, previous), sequence, bySender.Actor.User, MessageKind.Expired, body);
        }

        return new CommandResult(ErrorCode.None);
    }

    /// <summary>
    /// Erases some of an author's messages and reactions: one record, and everything that follows from it. What of them is gone already, or another's, is passed over, so the same command may come again. Whether a
    /// reaction was erased before depends on how far commits are, so it is not asked: erasing it again changes nothing.
    /// </summary>
    public CommandResult Apply(in CommandHeader header, EraseMessagesCommand command, Turn turn, Turn? previous)
    {
        if (state.Conversations.Find(command.Conversation, turn, previous) is not { } conversation)
        {
            return CommandResult.NoSuchConversation;
        }

        TurnEntries entries = new(state, conversation, turn, previous);
        List<ulong> targets = [];
        foreach (ulong sequence in command.Sequences)
        {
            if (state.ReadRecord(conversation, sequence, turn, previous) is not { } bytes || MessageRecord.Of(bytes) is var record && record.Sender != command.Author && !command.Author.IsNone)
            {
                continue;
            }

            if (MessageRecord.Of(bytes).Kind == MessageKind.Reaction)
            {
                targets.Add(sequence);
            }
            else if (MessageKinds.IsMessage(MessageRecord.Of(bytes).Kind) && MessageRules.AnnotationOf(conversation.Id, entries, sequence).DeletedBy == 0)
            {
                // Damage shows in looking, before anything is changed.
                MessageRules.Look(conversation.Id, entries, sequence);
                targets.Add(sequence);
            }
        }

        if (targets.Count > 0)
        {
            byte[] body = ErasedBody.ToBytes(targets);
            ulong by = ShardState.AppendSystem(conversation, turn, header, MessageKind.Erased, body);
            MessageRules.Note(conversation.Id, entries, by, header.Actor.User, MessageKind.Erased, body);
        }

        return new CommandResult(ErrorCode.None) { Count = targets.Count };
    }

    private static Refusal NoSuchMessage => new(ErrorCode.NoSuchMessage, "there is no message at that place, or none that this can be done to");

    private Refusal DecideChange(ConversationState conversation, UserId sender, in Publish publish, in Target target, in ConversationFacts facts, Turn turn, Turn? previous)
    {
        switch (publish.Kind)
        {
            case MessageKind.Edit when target.Annotation.Edits.Count >= ProtocolLimits.EditsMax:
                return new Refusal(ErrorCode.TooMany, $"a message is edited at most {ProtocolLimits.EditsMax} times");
            case MessageKind.Edit when MessageRules.AttributesOf(target.Record.Kind, target.Record.Body).Forwarded is not null:
                return new Refusal(ErrorCode.Forbidden, "what is forwarded is another one's word, and is not edited");
            case MessageKind.Edit:
                return MessageRules.AttributesOf(publish.Kind, publish.Body).MentionsAll && ConversationPolicy.Decide(ConversationOperation.MentionAll, facts) != ErrorCode.None
                    ? new Refusal(ErrorCode.Forbidden, "mentioning everyone is not allowed")
                    : default;
            case MessageKind.Reaction:
                ReactionBody.TryRead(publish.Body, out ReactionBody? reaction);
                bool isThere = state.Read(MessageKeys.Reaction(conversation.Id, target.Sequence, sender, reaction!.Reaction), turn, previous) is not null;
                return isThere == reaction.IsAdded ? new Refusal(ErrorCode.Conflict, "it is so already")
                    : target.Annotation.With(reaction.Reaction, reaction.IsAdded) is null ? new Refusal(ErrorCode.TooMany, $"a message has at most {ProtocolLimits.ReactionKindsMax} different reactions")
                    : default;
            case MessageKind.Pin:
                PinBody.TryRead(publish.Body, out PinBody pin);
                return (target.Annotation.PinnedBy != 0) == pin.IsPinned ? new Refusal(ErrorCode.Conflict, "it is so already") : default;
            default:
                MessageRules.Look(conversation.Id, new TurnEntries(state, conversation, turn, previous), target.Sequence);
                return default;
        }
    }

    /// <summary>A message that is there, or null.</summary>
    private Target? Find(ConversationState conversation, ulong sequence, ulong visibleFrom, Turn turn, Turn? previous)
    {
        if (sequence < visibleFrom || state.ReadRecord(conversation, sequence, turn, previous) is not { } record)
        {
            return null;
        }

        Target target = new(sequence, record, MessageRules.AnnotationOf(conversation.Id, new TurnEntries(state, conversation, turn, previous), sequence));
        MessageRecord read = target.Record;
        return MessageKinds.IsMessage(read.Kind) && (read.Flags & RecordFlags.Erased) == 0 && target.Annotation.DeletedBy == 0 ? target : null;
    }

    /// <summary>The entries as everything that was decided before leaves them; what changes goes into the turn.</summary>
    private readonly struct TurnEntries(ShardState state, ConversationState conversation, Turn turn, Turn? previous) : IMessageEntries
    {
        public byte[]? Read(byte[] key) => state.Read(key, turn, previous);

        public void Put(byte[] key, byte[] value) => turn.Put(key, value);

        public void Delete(byte[] key) => turn.Delete(key);

        public MessageAttributes AttributesOf(ulong sequence) =>
            state.ReadRecord(conversation, sequence, turn, previous) is { } bytes && MessageRecord.Of(bytes) is var record && (record.Flags & RecordFlags.Erased) == 0
                ? MessageRules.AttributesOf(record.Kind, record.Body)
                : new MessageAttributes();

        public (UserId Sender, ReactionBody Body)? ReactionOf(ulong sequence) =>
            state.ReadRecord(conversation, sequence, turn, previous) is { } bytes && MessageRecord.Of(bytes) is { Kind: MessageKind.Reaction } record
                && (record.Flags & RecordFlags.Erased) == 0 && ReactionBody.TryRead(record.Body, out ReactionBody? reaction)
                ? (record.Sender, reaction)
                : null;

        public bool IsReaction(ulong sequence) =>
            state.ReadRecord(conversation, sequence, turn, previous) is { } bytes && MessageRecord.Of(bytes).Kind == MessageKind.Reaction;

        public void Erase(ulong sequence) => turn.Erase(conversation.Id, sequence);

        public void Refer(ulong sequence, MessageAttachment attachment, bool isThere) => AttachmentReferences.Owe(state, turn, attachment.Id, conversation.Id, sequence, isThere);
    }
}

/// <summary>Body of <see cref="CommandKind.Expire"/>: conversation (16), sequence u64, when it expires i64 µs.</summary>
internal readonly record struct ExpireCommand(ConversationId Conversation, ulong Sequence, long ExpiresMicros)
{
    public byte[] ToBytes() => [.. ControlMap.IdBytes(Conversation.Value), .. BitConverter.GetBytes(Sequence), .. BitConverter.GetBytes(ExpiresMicros)];

    public static ExpireCommand Parse(ReadOnlySpan<byte> source) => new(ConversationId.Read(source), BitConverter.ToUInt64(source[16..]), BitConverter.ToInt64(source[24..]));
}

/// <summary>Body of <see cref="CommandKind.EraseMessages"/>: conversation (16), author (16; none = anybody), then the records as an <see cref="ErasedBody"/>.</summary>
internal sealed record EraseMessagesCommand(ConversationId Conversation, UserId Author, IReadOnlyList<ulong> Sequences)
{
    /// <summary>Records of one command: each is read from the store on the shard's thread, and others wait.</summary>
    public const int CountMax = 64;

    public byte[] ToBytes() => [.. ControlMap.IdBytes(Conversation.Value), .. ControlMap.IdBytes(Author.Value), .. ErasedBody.ToBytes(Sequences)];

    public static EraseMessagesCommand Parse(ReadOnlySpan<byte> source) => ErasedBody.TryRead(source[(2 * Id128.Size)..], out IReadOnlyList<ulong> sequences)
        ? new(ConversationId.Read(source), UserId.Read(source[Id128.Size..]), sequences)
        : throw new System.Diagnostics.UnreachableException("the broker itself wrote this list");
}
