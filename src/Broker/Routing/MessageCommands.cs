using FastChat.Broker.Attachments;
using FastChat.Broker.Conversations;
using FastChat.Protocol;

namespace FastChat.Broker.Routing;

/// <summary>
/// Publishes that say more than a plain message: rich messages, and edits, deletions, reactions and pins of earlier ones. Each is a record like any other, with its place and its retry; here is decided
/// whether it may be, and afterwards noted what follows from it. Loop thread only.
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
            MessageAttributes attributes = AttributesOf(publish.Kind, publish.Body);
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
    public void Note(ConversationState conversation, UserId sender, in Publish publish, ulong sequence, Turn turn, Turn? previous)
    {
        if (publish.Kind == MessageKind.Rich)
        {
            NoteRich(conversation, sender, AttributesOf(publish.Kind, publish.Body), sequence, turn, previous);
            return;
        }

        Target target = Find(conversation, MessageContent.TargetOf(publish.Kind, publish.Body), 1, turn, previous)!.Value;
        switch (publish.Kind)
        {
            case MessageKind.Edit:
                Put(conversation, target.Sequence, target.Annotation with { Edits = [.. target.Annotation.Edits, sequence] }, turn);
                NoteMentions(conversation, sender, AttributesOf(publish.Kind, publish.Body), sequence, turn);
                break;
            case MessageKind.Delete:
                End(conversation, target, sequence, turn, previous);
                break;
            case MessageKind.Reaction:
                ReactionBody.TryRead(publish.Body, out ReactionBody? reaction);
                byte[] key = MessageKeys.Reaction(conversation.Id, target.Sequence, sender, reaction!.Reaction);
                if (reaction.IsAdded)
                {
                    turn.Put(key, BitConverter.GetBytes(sequence));
                }
                else
                {
                    turn.Delete(key);
                }

                Put(conversation, target.Sequence, target.Annotation.With(reaction.Reaction, reaction.IsAdded)!, turn);
                break;
            case MessageKind.Pin:
                PinBody.TryRead(publish.Body, out PinBody pin);
                Pin(conversation, target.Sequence, target.Annotation with { PinnedBy = pin.IsPinned ? sequence : 0 }, turn);
                break;
        }
    }

    /// <summary>Ends a message whose time has come. That is a record as well: whoever was away learns of it like of everything else.</summary>
    public CommandResult Apply(in CommandHeader header, ExpireCommand command, Turn turn, Turn? previous)
    {
        // Damage shows in looking, before anything is changed.
        ConversationState? conversation = state.Conversations.Find(command.Conversation, turn, previous);
        Target? found = conversation is null ? null : Find(conversation, command.Sequence, 1, turn, previous);
        turn.Delete(MessageKeys.Expiry(command.ExpiresMicros, command.Conversation, command.Sequence));
        if (conversation is not null && found is { } target)
        {
            CommandHeader bySender = header with { Actor = new(target.Record.Sender, default, default) };
            ulong sequence = ShardState.AppendSystem(conversation, turn, bySender, MessageKind.Expired, new DeleteBody(target.Sequence).ToBytes());
            End(conversation, target, sequence, turn, previous);
        }

        return new CommandResult(ErrorCode.None);
    }

    private static Refusal NoSuchMessage => new(ErrorCode.NoSuchMessage, "there is no message at that place, or none that this can be done to");

    private Refusal DecideChange(ConversationState conversation, UserId sender, in Publish publish, in Target target, in ConversationFacts facts, Turn turn, Turn? previous)
    {
        switch (publish.Kind)
        {
            case MessageKind.Edit when target.Annotation.Edits.Count >= ProtocolLimits.EditsMax:
                return new Refusal(ErrorCode.TooMany, $"a message is edited at most {ProtocolLimits.EditsMax} times");
            case MessageKind.Edit when AttributesOf(target.Record.Kind, target.Record.Body).Forwarded is not null:
                return new Refusal(ErrorCode.Forbidden, "what is forwarded is another one's word, and is not edited");
            case MessageKind.Edit:
                return AttributesOf(publish.Kind, publish.Body).MentionsAll && ConversationPolicy.Decide(ConversationOperation.MentionAll, facts) != ErrorCode.None
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
                return default;
        }
    }

    private void NoteRich(ConversationState conversation, UserId sender, MessageAttributes attributes, ulong sequence, Turn turn, Turn? previous)
    {
        if (attributes.ReplyTo != 0)
        {
            Annotation answered = Read(conversation, attributes.ReplyTo, turn, previous);
            Put(conversation, attributes.ReplyTo, answered with { Replies = answered.Replies + 1 }, turn);
        }

        if (attributes.Thread != 0)
        {
            Annotation root = Read(conversation, attributes.Thread, turn, previous);
            Put(conversation, attributes.Thread, root with { InThread = root.InThread + 1 }, turn);
            turn.Put(MessageKeys.InThread(conversation.Id, attributes.Thread, sequence), []);
        }

        if (attributes.ExpiresMicros != 0)
        {
            turn.Put(MessageKeys.Expiry(attributes.ExpiresMicros, conversation.Id, sequence), []);
        }

        // They belong to other shards: each learns who refers to it when this is durable.
        foreach (MessageAttachment attachment in attributes.Attachments)
        {
            state.Owe(attachment.Id.High, [new StateEntry(AttachmentKeys.Reference(attachment.Id, conversation.Id, sequence), [])], turn);
        }

        NoteMentions(conversation, sender, attributes, sequence, turn);
    }

    private static void NoteMentions(ConversationState conversation, UserId sender, MessageAttributes attributes, ulong sequence, Turn turn)
    {
        if (attributes.MentionsAll)
        {
            turn.Put(MessageKeys.MentionOfAll(conversation.Id, sequence), ControlMap.IdBytes(sender.Value));
        }

        foreach (UserId user in attributes.Mentions.Where(user => user != sender))
        {
            turn.Put(MessageKeys.Mention(conversation.Id, user, sequence), ControlMap.IdBytes(sender.Value));
        }
    }

    /// <summary>Takes a message away with everything that it said, its edits included: their bodies go from the store, their places and what they were a part of stay right.</summary>
    private void End(ConversationState conversation, in Target target, ulong by, Turn turn, Turn? previous)
    {
        MessageRecord message = target.Record;
        Forget(conversation, target.Sequence, AttributesOf(message.Kind, message.Body), turn, previous);
        turn.Erase(conversation.Id, target.Sequence);
        foreach (ulong sequence in target.Annotation.Edits)
        {
            if (state.ReadRecord(conversation, sequence, turn, previous) is { } bytes)
            {
                ForgetMentions(conversation, sequence, AttributesOf(MessageKind.Edit, MessageRecord.Of(bytes).Body), turn);
            }

            turn.Erase(conversation.Id, sequence);
        }

        Annotation left = new() { DeletedBy = by, InThread = target.Annotation.InThread };
        Pin(conversation, target.Sequence, left, turn);
    }

    private void Forget(ConversationState conversation, ulong sequence, MessageAttributes attributes, Turn turn, Turn? previous)
    {
        if (attributes.ReplyTo != 0 && Read(conversation, attributes.ReplyTo, turn, previous) is { Replies: > 0 } answered)
        {
            Put(conversation, attributes.ReplyTo, answered with { Replies = answered.Replies - 1 }, turn);
        }

        if (attributes.Thread != 0)
        {
            turn.Delete(MessageKeys.InThread(conversation.Id, attributes.Thread, sequence));
            Annotation root = Read(conversation, attributes.Thread, turn, previous);
            Put(conversation, attributes.Thread, root with { InThread = Math.Max(root.InThread, 1) - 1 }, turn);
        }

        if (attributes.ExpiresMicros != 0)
        {
            turn.Delete(MessageKeys.Expiry(attributes.ExpiresMicros, conversation.Id, sequence));
        }

        foreach (MessageAttachment attachment in attributes.Attachments)
        {
            state.Owe(attachment.Id.High, [new StateEntry(AttachmentKeys.Reference(attachment.Id, conversation.Id, sequence), null)], turn);
        }

        ForgetMentions(conversation, sequence, attributes, turn);
    }

    private static void ForgetMentions(ConversationState conversation, ulong sequence, MessageAttributes attributes, Turn turn)
    {
        if (attributes.MentionsAll)
        {
            turn.Delete(MessageKeys.MentionOfAll(conversation.Id, sequence));
        }

        foreach (UserId user in attributes.Mentions)
        {
            turn.Delete(MessageKeys.Mention(conversation.Id, user, sequence));
        }
    }

    private static MessageAttributes AttributesOf(MessageKind kind, ReadOnlySpan<byte> body) => MessageContent.AttributesOf(kind, body) ?? new MessageAttributes();

    /// <summary>A message that is there, or null.</summary>
    private Target? Find(ConversationState conversation, ulong sequence, ulong visibleFrom, Turn turn, Turn? previous)
    {
        if (sequence < visibleFrom || state.ReadRecord(conversation, sequence, turn, previous) is not { } record)
        {
            return null;
        }

        Target target = new(sequence, record, Read(conversation, sequence, turn, previous));
        MessageRecord read = target.Record;
        return MessageKinds.IsMessage(read.Kind) && (read.Flags & RecordFlags.Erased) == 0 && target.Annotation.DeletedBy == 0 ? target : null;
    }

    private Annotation Read(ConversationState conversation, ulong sequence, Turn turn, Turn? previous) =>
        state.Read(MessageKeys.Annotation(conversation.Id, sequence), turn, previous) is { } stored ? Annotation.Parse(stored) ?? new Annotation() : new Annotation();

    private static void Put(ConversationState conversation, ulong sequence, Annotation annotation, Turn turn)
    {
        byte[] key = MessageKeys.Annotation(conversation.Id, sequence);
        if (annotation.IsEmpty)
        {
            turn.Delete(key);
        }
        else
        {
            turn.Put(key, annotation.ToBytes());
        }
    }

    private static void Pin(ConversationState conversation, ulong sequence, Annotation annotation, Turn turn)
    {
        byte[] key = MessageKeys.Pin(conversation.Id, sequence);
        if (annotation.PinnedBy != 0)
        {
            turn.Put(key, BitConverter.GetBytes(annotation.PinnedBy));
        }
        else
        {
            turn.Delete(key);
        }

        Put(conversation, sequence, annotation, turn);
    }
}

/// <summary>Body of <see cref="CommandKind.Expire"/>: conversation (16), sequence u64, when it expires i64 µs.</summary>
internal readonly record struct ExpireCommand(ConversationId Conversation, ulong Sequence, long ExpiresMicros)
{
    public byte[] ToBytes() => [.. ControlMap.IdBytes(Conversation.Value), .. BitConverter.GetBytes(Sequence), .. BitConverter.GetBytes(ExpiresMicros)];

    public static ExpireCommand Parse(ReadOnlySpan<byte> source) => new(ConversationId.Read(source), BitConverter.ToUInt64(source[16..]), BitConverter.ToInt64(source[24..]));
}
