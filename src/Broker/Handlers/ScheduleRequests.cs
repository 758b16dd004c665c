using FastChat.Broker.Attachments;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Handlers;

/// <summary>
/// The control requests about messages that are published later. The body is checked as that of a publish is; what depends on the conversation is decided by its shard, now and again when the time has come.
/// Pool threads.
/// </summary>
internal sealed class ScheduleRequests(Router router, IConversationLog log, ConversationReads reads, AttachmentVoucher voucher, SessionRegistry sessions, int bodySizeMax, KeyVault? vault = null)
{
    /// <summary>Bytes of bodies that one reply carries, unless a single one is larger.</summary>
    private const int ReplyBytesMax = 128 * 1024;
    private const int PlaceSize = 2 * Id128.Size;
    private const long AheadMax = ProtocolLimits.ScheduledDaysMax * 24L * 60 * 60 * 1_000_000;

    /// <summary>Keeps a message, or changes one that is kept.</summary>
    public async Task<ControlAnswer> ScheduleAsync(Actor actor, ControlMap map)
    {
        ConversationId conversation = new(map.Id("conversation"));
        ClientMessageId id = new(map.Id("id"));
        MessageKind kind = (MessageKind)map.Number("kind", (ulong)MessageKind.Text, byte.MaxValue);
        long at = (long)map.Number("at", 0, long.MaxValue);
        if (id.IsNone || at == 0 || map.Bytes("body", ProtocolLimits.ClientFrameSizeMax) is not { } body)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "conversation, id, at and body are expected");
        }

        // Without a sum: a time may be as late as the number goes.
        if (at - router.NowMicros() > AheadMax)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, $"at: a message waits at most {ProtocolLimits.ScheduledDaysMax} days");
        }

        if (body.Length > bodySizeMax)
        {
            return ControlAnswer.Refused(ErrorCode.BodyTooLarge, "the message is larger than body_size_max");
        }

        if (!MessageKinds.IsMessage(kind))
        {
            return ControlAnswer.Refused(ErrorCode.KindInvalid, "kinds 1, 2 and 7 can be published later");
        }

        if (MessageBodies.Check(kind, body, out string reason) is var wrong and not ErrorCode.None)
        {
            return ControlAnswer.Refused(wrong, reason);
        }

        bool isVouchedFor = voucher.VouchesFor(actor.User, new Publish { Conversation = conversation, Kind = kind, Body = body }, router.NowMicros());
        byte[] command = ScheduleCommand.ToBytes(conversation, id, ScheduledMessage.ToBytes(kind, actor.Device, at, body));
        CommandResult result = await router.ExecuteAsync(
            CommandKind.Schedule, reads.Narrow(actor, conversation), router.Map.ShardOf(conversation.Value), command, CancellationToken.None, isVouchedFor);
        return Answer(actor.User, conversation, id, result, new ControlMap().Set("at", at));
    }

    /// <summary>Forgets a message that is kept.</summary>
    public async Task<ControlAnswer> CancelAsync(Actor actor, ControlMap map)
    {
        ConversationId conversation = new(map.Id("conversation"));
        ClientMessageId id = new(map.Id("id"));
        byte[] command = new ScheduledCommand(actor.User, conversation, id).ToBytes();
        CommandResult result = await router.ExecuteAsync(
            CommandKind.CancelScheduled, reads.Narrow(actor, conversation), router.Map.ShardOf(conversation.Value), command, CancellationToken.None);
        return Answer(actor.User, conversation, id, result, new ControlMap().Set("changed", result.Changed));
    }

    /// <summary>A page of what the user has scheduled, by conversation and id.</summary>
    public ControlAnswer List(Actor actor, ControlMap map)
    {
        ConversationId conversation = new(map.Id("conversation"));
        byte[] after = map.Bytes("after", PlaceSize) ?? [];
        if (after.Length != 0 && after.Length != PlaceSize)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "after: what a reply called next");
        }

        int limit = (int)map.Number("limit", 0, ProtocolLimits.ControlArrayMax);
        limit = limit == 0 ? ProtocolLimits.ControlArrayMax : limit;
        List<object?> entries = [];
        byte[] last = [];
        int bytes = 0;
        bool more = false;
        byte[] behind = after.Length == 0 ? [] : [.. ScheduleKeys.AllOf(actor.User, default), .. after];
        log.Scan(Table.State, ScheduleKeys.AllOf(actor.User, conversation), behind, (key, value) =>
        {
            ScheduledCommand named = ScheduleKeys.MessageOf(key);
            if (ScheduledMessage.Opened(value.ToArray(), named, vault) is not { } stored)
            {
                // Nobody can read it any more, its author neither.
                return true;
            }

            ScheduledMessage message = ScheduledMessage.Parse(stored);
            more = entries.Count == limit || (entries.Count > 0 && bytes + message.Body.Length > ReplyBytesMax);
            if (more)
            {
                return false;
            }

            entries.Add(new ControlMap()
                .SetId("conversation", named.Conversation.Value)
                .SetId("id", named.Id.Value)
                .Set("at", message.AtMicros)
                .Set("kind", (byte)message.Kind)
                .Set("body", message.Body.ToArray())
                .Set("refused", message.Refused == ErrorCode.None ? null : (uint)message.Refused));
            last = key[^PlaceSize..].ToArray();
            bytes += message.Body.Length;
            return true;
        });
        ControlMap reply = new ControlMap().Set("scheduled", entries).Set("complete", !more);
        return ControlAnswer.Ok(more ? reply.Set("next", last) : reply);
    }

    /// <summary>The scan had a message published whose time has come: its author's devices learn what became of it.</summary>
    public void OnDue(ScheduledCommand message, CommandResult result)
    {
        if (result.Error == ErrorCode.None && (result.Sequence > 0 || result.ScheduledRefusal != ErrorCode.None))
        {
            Tell(message.User, message.Conversation, message.Id, result.ScheduledRefusal);
        }
    }

    private ControlAnswer Answer(UserId user, ConversationId conversation, ClientMessageId id, CommandResult result, ControlMap reply)
    {
        if (result.Error != ErrorCode.None)
        {
            return ControlAnswer.Refused(result.Error, result.Reason);
        }

        if (result.Changed)
        {
            Tell(user, conversation, id, ErrorCode.None);
        }

        return ControlAnswer.Ok(reply.Set("sequence", result.Sequence == 0 ? null : result.Sequence).Set("epoch", result.Sequence == 0 ? null : log.Epoch));
    }

    private void Tell(UserId user, ConversationId conversation, ClientMessageId id, ErrorCode refused) => sessions.Tell(user, Notices.Frame(new ControlMap()
        .Set("event", "scheduled")
        .SetId("conversation", conversation.Value)
        .SetId("id", id.Value)
        .Set("refused", refused == ErrorCode.None ? null : (uint)refused)));
}
