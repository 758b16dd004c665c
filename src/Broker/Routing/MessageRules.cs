using FastChat.Broker.Conversations;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>The entries of small state that are about one conversation's messages, for <see cref="MessageRules"/>: a shard's, as they are after everything that was decided, or those that <c>verify</c> expects.</summary>
internal interface IMessageEntries
{
    /// <summary>An entry; null when there is none.</summary>
    byte[]? Read(byte[] key);

    /// <summary>Sets an entry.</summary>
    void Put(byte[] key, byte[] value);

    /// <summary>Takes an entry away; it need not be there.</summary>
    void Delete(byte[] key);

    /// <summary>What a record of this conversation says beside its content; nothing when it is not there or its body was erased.</summary>
    MessageAttributes AttributesOf(ulong sequence);

    /// <summary>What a reaction of this conversation says; null when the record is none, or its body was erased.</summary>
    (UserId Sender, ReactionBody Body)? ReactionOf(ulong sequence);

    /// <summary>True when the record is a reaction, or the end of one, whether it has its body or not.</summary>
    bool IsReaction(ulong sequence);

    /// <summary>The body of a record is to be in no file any more.</summary>
    void Erase(ulong sequence);

    /// <summary>A message refers to an attachment, which lies elsewhere, or does not any more.</summary>
    void Refer(ulong sequence, MessageAttachment attachment, bool isThere);
}

/// <summary>
/// What a record of a conversation makes of the entries about its messages (docs/log-format.md §6: <c>x r i p z q y</c>). The one place that says so: a shard follows it when it appends the record, and
/// <c>verify</c> when it reads the record again, one after another from the first, to know which entries there must be. So the entries are what these rules make of the log, and nothing else.
/// <para>
/// A record whose body was erased says nothing, and that changes no outcome: bodies are erased of deleted messages and their edits, and the deletion takes back everything that they had said.
/// </para>
/// </summary>
internal static class MessageRules
{
    /// <summary>Notes what follows from a record.</summary>
    /// <param name="entries">Of the conversation, as the records before it left them.</param>
    /// <exception cref="CorruptRecordException">Something stored cannot be read; a shard has looked at it before (<see cref="Look"/>).</exception>
    public static void Note<TEntries>(ConversationId conversation, TEntries entries, ulong sequence, UserId sender, MessageKind kind, ReadOnlySpan<byte> body)
        where TEntries : IMessageEntries
    {
        switch (kind)
        {
            case MessageKind.Rich:
                NoteRich(conversation, entries, sequence, sender, AttributesOf(kind, body));
                break;
            case MessageKind.Edit when EditBody.TryRead(body, out EditBody edit):
                Annotation edited = AnnotationOf(conversation, entries, edit.Target);
                Put(conversation, entries, edit.Target, edited with { Edits = [.. edited.Edits, sequence] });
                NoteMentions(conversation, entries, sequence, sender, AttributesOf(kind, body));
                break;
            case MessageKind.Delete or MessageKind.Expired when DeleteBody.TryRead(body, out DeleteBody deletion):
                End(conversation, entries, deletion.Target, sequence);
                break;
            case MessageKind.Erased when ErasedBody.TryRead(body, out IReadOnlyList<ulong> targets):
                foreach (ulong target in targets)
                {
                    EraseOne(conversation, entries, target, sequence);
                }

                break;
            case MessageKind.Reaction when ReactionBody.TryRead(body, out ReactionBody? reaction):
                React(conversation, entries, sequence, sender, reaction);
                break;
            case MessageKind.Pin when PinBody.TryRead(body, out PinBody pin):
                Pin(conversation, entries, pin.Target, AnnotationOf(conversation, entries, pin.Target) with { PinnedBy = pin.IsPinned ? sequence : 0 });
                break;
        }
    }

    /// <summary>Reads everything that the end of a message will read, so that damage shows before anything is changed.</summary>
    /// <exception cref="CorruptRecordException">Something of it cannot be read.</exception>
    public static void Look<TEntries>(ConversationId conversation, TEntries entries, ulong sequence)
        where TEntries : IMessageEntries
    {
        MessageAttributes said = entries.AttributesOf(sequence);
        foreach (ulong other in (ReadOnlySpan<ulong>)[said.ReplyTo, said.Thread])
        {
            if (other != 0)
            {
                AnnotationOf(conversation, entries, other);
            }
        }

        foreach (ulong edit in AnnotationOf(conversation, entries, sequence).Edits)
        {
            entries.AttributesOf(edit);
        }
    }

    /// <summary>What later records made of a message.</summary>
    /// <exception cref="CorruptRecordException">The entry cannot be read.</exception>
    public static Annotation AnnotationOf<TEntries>(ConversationId conversation, TEntries entries, ulong sequence)
        where TEntries : IMessageEntries => Annotation.Read(entries.Read(MessageKeys.Annotation(conversation, sequence)));

    /// <summary>The attributes of a body; none when it has none or cannot be read.</summary>
    public static MessageAttributes AttributesOf(MessageKind kind, ReadOnlySpan<byte> body) => MessageContent.AttributesOf(kind, body) ?? new MessageAttributes();

    private static void NoteRich<TEntries>(ConversationId conversation, TEntries entries, ulong sequence, UserId sender, MessageAttributes attributes)
        where TEntries : IMessageEntries
    {
        if (attributes.ReplyTo != 0)
        {
            Annotation answered = AnnotationOf(conversation, entries, attributes.ReplyTo);
            Put(conversation, entries, attributes.ReplyTo, answered with { Replies = answered.Replies + 1 });
        }

        if (attributes.Thread != 0)
        {
            Annotation root = AnnotationOf(conversation, entries, attributes.Thread);
            Put(conversation, entries, attributes.Thread, root with { InThread = root.InThread + 1 });
            entries.Put(MessageKeys.InThread(conversation, attributes.Thread, sequence), []);
        }

        if (attributes.ExpiresMicros != 0)
        {
            entries.Put(MessageKeys.Expiry(attributes.ExpiresMicros, conversation, sequence), []);
        }

        foreach (MessageAttachment attachment in attributes.Attachments)
        {
            entries.Refer(sequence, attachment, isThere: true);
        }

        NoteMentions(conversation, entries, sequence, sender, attributes);
    }

    private static void NoteMentions<TEntries>(ConversationId conversation, TEntries entries, ulong sequence, UserId sender, MessageAttributes attributes)
        where TEntries : IMessageEntries
    {
        if (attributes.MentionsAll)
        {
            entries.Put(MessageKeys.MentionOfAll(conversation, sequence), ControlMap.IdBytes(sender.Value));
        }

        foreach (UserId user in attributes.Mentions.Where(user => user != sender))
        {
            entries.Put(MessageKeys.Mention(conversation, user, sequence), ControlMap.IdBytes(sender.Value));
        }
    }

    private static void React<TEntries>(ConversationId conversation, TEntries entries, ulong sequence, UserId sender, ReactionBody reaction)
        where TEntries : IMessageEntries
    {
        byte[] key = MessageKeys.Reaction(conversation, reaction.Target, sender, reaction.Reaction);
        if (reaction.IsAdded)
        {
            entries.Put(key, BitConverter.GetBytes(sequence));
        }
        else if (entries.Read(key) is null)
        {
            // Only when the log is read again: the record that it ends was erased with its author.
            return;
        }
        else
        {
            entries.Delete(key);
        }

        // Without room for another kind of reaction the record would not have been taken.
        Annotation target = AnnotationOf(conversation, entries, reaction.Target);
        Put(conversation, entries, reaction.Target, target.With(reaction.Reaction, reaction.IsAdded) ?? target);
    }

    /// <summary>A message ends as if it were deleted; a reaction is taken back when it stands, and is gone in any case.</summary>
    private static void EraseOne<TEntries>(ConversationId conversation, TEntries entries, ulong target, ulong by)
        where TEntries : IMessageEntries
    {
        if (!entries.IsReaction(target))
        {
            End(conversation, entries, target, by);
            return;
        }

        if (entries.ReactionOf(target) is var (sender, reaction))
        {
            byte[] key = MessageKeys.Reaction(conversation, reaction.Target, sender, reaction.Reaction);
            if (entries.Read(key) is { } stands && stands.AsSpan().SequenceEqual(BitConverter.GetBytes(target)))
            {
                entries.Delete(key);
                Annotation annotation = AnnotationOf(conversation, entries, reaction.Target);
                Put(conversation, entries, reaction.Target, annotation.With(reaction.Reaction, isAdded: false) ?? annotation);
            }
        }

        entries.Erase(target);
    }

    /// <summary>Takes a message away with everything that it said, its edits included: their bodies go from the store, their places and what they were a part of stay right.</summary>
    private static void End<TEntries>(ConversationId conversation, TEntries entries, ulong target, ulong by)
        where TEntries : IMessageEntries
    {
        Annotation annotation = AnnotationOf(conversation, entries, target);
        Forget(conversation, entries, target, entries.AttributesOf(target));
        entries.Erase(target);
        foreach (ulong edit in annotation.Edits)
        {
            ForgetMentions(conversation, entries, edit, entries.AttributesOf(edit));
            entries.Erase(edit);
        }

        Pin(conversation, entries, target, new Annotation { DeletedBy = by, InThread = annotation.InThread });
    }

    private static void Forget<TEntries>(ConversationId conversation, TEntries entries, ulong sequence, MessageAttributes attributes)
        where TEntries : IMessageEntries
    {
        if (attributes.ReplyTo != 0 && AnnotationOf(conversation, entries, attributes.ReplyTo) is { Replies: > 0 } answered)
        {
            Put(conversation, entries, attributes.ReplyTo, answered with { Replies = answered.Replies - 1 });
        }

        if (attributes.Thread != 0)
        {
            entries.Delete(MessageKeys.InThread(conversation, attributes.Thread, sequence));
            Annotation root = AnnotationOf(conversation, entries, attributes.Thread);
            Put(conversation, entries, attributes.Thread, root with { InThread = Math.Max(root.InThread, 1) - 1 });
        }

        if (attributes.ExpiresMicros != 0)
        {
            entries.Delete(MessageKeys.Expiry(attributes.ExpiresMicros, conversation, sequence));
        }

        foreach (MessageAttachment attachment in attributes.Attachments)
        {
            entries.Refer(sequence, attachment, isThere: false);
        }

        ForgetMentions(conversation, entries, sequence, attributes);
    }

    private static void ForgetMentions<TEntries>(ConversationId conversation, TEntries entries, ulong sequence, MessageAttributes attributes)
        where TEntries : IMessageEntries
    {
        if (attributes.MentionsAll)
        {
            entries.Delete(MessageKeys.MentionOfAll(conversation, sequence));
        }

        foreach (UserId user in attributes.Mentions)
        {
            entries.Delete(MessageKeys.Mention(conversation, user, sequence));
        }
    }

    private static void Pin<TEntries>(ConversationId conversation, TEntries entries, ulong sequence, Annotation annotation)
        where TEntries : IMessageEntries
    {
        byte[] key = MessageKeys.Pin(conversation, sequence);
        if (annotation.PinnedBy != 0)
        {
            entries.Put(key, BitConverter.GetBytes(annotation.PinnedBy));
        }
        else
        {
            entries.Delete(key);
        }

        Put(conversation, entries, sequence, annotation);
    }

    private static void Put<TEntries>(ConversationId conversation, TEntries entries, ulong sequence, Annotation annotation)
        where TEntries : IMessageEntries
    {
        byte[] key = MessageKeys.Annotation(conversation, sequence);
        if (annotation.IsEmpty)
        {
            entries.Delete(key);
        }
        else
        {
            entries.Put(key, annotation.ToBytes());
        }
    }
}
