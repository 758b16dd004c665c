using System.Buffers;

using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Handlers;

/// <summary>What control requests read of conversations: the durable state of any shard. Pool threads.</summary>
internal sealed class ConversationReads(Router router, IConversationLog log, ServiceScopes scopes)
{
    /// <summary>The actor as it may act in a conversation: a program that is confined may be within what it was made for, or not.</summary>
    public Actor Narrow(Actor actor, ConversationId conversation) => scopes.Narrow(actor, conversation);

    /// <summary>Asks the policy; what the conversation is and what the user is in it come back when it exists.</summary>
    public ErrorCode Authorize(Actor actor, ConversationId conversation, ConversationOperation operation, out ConversationMeta? meta, out Membership membership)
    {
        meta = ConversationMeta.ReadLiving(log.Get(Table.State, ConversationKeys.Meta(conversation)));
        membership = MembershipOf(conversation, actor.User) ?? default;
        if (meta is null)
        {
            return ErrorCode.NoSuchConversation;
        }

        return ConversationPolicy.Decide(operation, new ConversationFacts(scopes.Narrow(actor, conversation).Rights, meta.Kind, membership.Role)
        {
            IsArchived = meta.IsArchived,
            IsMuted = membership.MutedUntil > router.NowMicros(),
        });
    }

    /// <summary>What is left of a conversation that was erased; null when it was not.</summary>
    public ConversationMeta? ErasedMeta(ConversationId conversation) =>
        log.Get(Table.State, ConversationKeys.Meta(conversation)) is { } stored && ConversationMeta.Parse(stored) is { IsErased: true } meta ? meta : null;

    /// <summary>What somebody is in a conversation; null = nothing.</summary>
    public Membership? MembershipOf(ConversationId conversation, UserId user) =>
        log.Get(Table.State, ConversationKeys.Member(conversation, user)) is { } member ? Membership.Parse(member) : null;

    /// <summary>The first sequence that somebody may read: neither before their right to, nor before what is kept.</summary>
    public ulong FirstVisible(ConversationId conversation, ConversationKind kind, in Membership? membership) =>
        Math.Max(Membership.FirstVisible(kind, membership), log.ReadStart(conversation).First);

    /// <summary>What later records made of a message.</summary>
    /// <exception cref="CorruptRecordException">It cannot be read.</exception>
    public Annotation AnnotationOf(ConversationId conversation, ulong sequence) =>
        Annotation.Read(log.Get(Table.State, MessageKeys.Annotation(conversation, sequence)));

    /// <summary>How often the user changed what is hidden from them.</summary>
    public ulong HiddenVersionOf(UserId user) => log.Get(Table.State, HiddenKeys.Summary(user)) is { } stored ? HiddenSummary.Parse(stored).Version : 0;

    /// <summary>The messages of a stretch that are hidden from the user, ascending, at most so many.</summary>
    public List<ulong> HiddenFrom(UserId user, ConversationId conversation, ulong first, ulong last, int countMax)
    {
        List<ulong> hidden = [];
        log.Scan(Table.State, HiddenKeys.AllOf(user, conversation), HiddenKeys.Message(user, conversation, first - 1), (key, _) =>
        {
            bool isInside = MessageKeys.LastSequence(key) <= last && hidden.Count < countMax;
            if (isInside)
            {
                hidden.Add(MessageKeys.LastSequence(key));
            }

            return isInside;
        });
        return hidden;
    }

    /// <summary>A record's bytes; null when there is none at that place.</summary>
    public byte[]? ReadRecord(ConversationId conversation, ulong sequence)
    {
        ArrayBufferWriter<byte> bytes = new();
        log.ReadForward(conversation, sequence - 1, sequence, 1, int.MaxValue, bytes);
        return bytes.WrittenCount == 0 ? null : bytes.WrittenSpan.ToArray();
    }

    /// <summary>What is attached to a message; null when there is no message at that place, or not any more.</summary>
    public IReadOnlyList<MessageAttachment>? AttachmentsOf(ConversationId conversation, ulong sequence) =>
        ReadRecord(conversation, sequence) is { } bytes && MessageRecord.Of(bytes) is var record && MessageKinds.IsMessage(record.Kind)
            && (record.Flags & RecordFlags.Erased) == 0 && AnnotationOf(conversation, sequence).DeletedBy == 0
            ? MessageContent.AttributesOf(record.Kind, record.Body)?.Attachments ?? []
            : null;

    /// <summary>What a message says since its last edit, and as which kind; null when it was not edited.</summary>
    public (MessageKind Kind, byte[] Content)? LastEditOf(ConversationId conversation, Annotation annotation) =>
        annotation.Edits.Count > 0 && ReadRecord(conversation, annotation.Edits[^1]) is { } bytes && EditBody.TryRead(MessageRecord.Of(bytes).Body, out EditBody edit)
            ? (edit.Kind, edit.Content.ToArray())
            : null;

    /// <summary>A conversation map (protocol.md §4.6), or why not.</summary>
    /// <param name="head">The durable head, if it is known.</param>
    public ControlAnswer Describe(Actor actor, ConversationId conversation, bool created, ulong? head = null)
    {
        if (Authorize(actor, conversation, ConversationOperation.See, out ConversationMeta? meta, out Membership membership) is var denied and not ErrorCode.None)
        {
            return ControlAnswer.Refused(denied, denied == ErrorCode.NoSuchConversation ? "no such conversation" : "seeing it is not allowed");
        }

        return ControlAnswer.Ok(new ConversationInfo
        {
            Conversation = conversation,
            Kind = meta!.Kind,
            Name = meta.Name,
            Title = meta.Title,
            Topic = meta.Topic,
            Avatar = meta.Avatar,
            IsArchived = meta.IsArchived,
            SlowMode = TimeSpan.FromSeconds(meta.SlowModeSeconds),
            History = meta.History,
            Retention = TimeSpan.FromSeconds(meta.RetentionSeconds),
            RetentionBytes = meta.RetentionBytes,
            First = log.ReadStart(conversation).First,
            Peer = meta.Kind == ConversationKind.Direct ? PeerOf(actor.User, conversation) : default,
            Role = membership.Role,
            MutedUntil = membership.IsMember && membership.MutedUntil > router.NowMicros() ? Micros.ToTime(membership.MutedUntil) : null,
            VisibleFrom = ConversationKinds.IsOpen(meta.Kind) ? 0 : membership.VisibleFrom,
            Epoch = log.Epoch,
            Head = head ?? log.ReadHead(conversation).Sequence,
            Created = created,
        }.ToMap());
    }

    /// <summary>The other one of a direct conversation; the user itself in notes to oneself.</summary>
    public UserId PeerOf(UserId user, ConversationId conversation)
    {
        byte[] prefix = new byte[StateKeys.MembersPrefixSize];
        StateKeys.WriteMembersPrefix(prefix, conversation);
        UserId peer = user;
        log.Scan(Table.State, prefix, [], (key, _) =>
        {
            UserId member = new(StateKeys.SecondId(key));
            peer = member == user ? peer : member;
            return peer == user;
        });
        return peer;
    }

    /// <summary>A page of entries whose keys end with an id, as <c>after</c> and <c>limit</c> of the request say (protocol.md §4.6).</summary>
    public List<(UInt128 Id, byte[] Value)> Page(ControlMap map, byte[] prefix, byte[] after, out bool isComplete)
    {
        int limit = (int)map.Number("limit", 0, int.MaxValue);
        limit = limit is <= 0 or > ProtocolLimits.ControlArrayMax ? ProtocolLimits.ControlArrayMax : limit;
        List<(UInt128 Id, byte[] Value)> page = [];
        bool more = false;
        log.Scan(Table.State, prefix, after, (key, value) =>
        {
            if (page.Count == limit)
            {
                more = true;
                return false;
            }

            page.Add((StateKeys.SecondId(key), value.ToArray()));
            return true;
        });
        isComplete = !more;
        return page;
    }
}
