using System.Buffers.Binary;

using FastChat.Broker.Attachments;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>Body of <see cref="CommandKind.Schedule"/>: conversation (16), client message id (16), then the <see cref="ScheduledMessage"/> as it is stored.</summary>
internal static class ScheduleCommand
{
    public static byte[] ToBytes(ConversationId conversation, ClientMessageId id, ReadOnlySpan<byte> stored) => [.. ControlMap.IdBytes(conversation.Value), .. ControlMap.IdBytes(id.Value), .. stored];

    public static ReadOnlySpan<byte> Parse(ReadOnlySpan<byte> source, out ConversationId conversation, out ClientMessageId id)
    {
        conversation = ConversationId.Read(source);
        id = ClientMessageId.Read(source[Id128.Size..]);
        return source[(2 * Id128.Size)..];
    }
}

/// <summary>Body of <see cref="CommandKind.CancelScheduled"/>: the ids of one scheduled message.</summary>
/// <param name="User">Whose it is.</param>
/// <param name="Conversation">Where it is to be published.</param>
/// <param name="Id">Its client message id.</param>
internal readonly record struct ScheduledCommand(UserId User, ConversationId Conversation, ClientMessageId Id)
{
    public byte[] ToBytes() => [.. ControlMap.IdBytes(User.Value), .. ControlMap.IdBytes(Conversation.Value), .. ControlMap.IdBytes(Id.Value)];

    public static ScheduledCommand Parse(ReadOnlySpan<byte> source) => ScheduleKeys.MessageOf(source);
}

/// <summary>Body of <see cref="CommandKind.SendScheduled"/>: the ids, and the time that has come, i64 µs.</summary>
internal readonly record struct SendScheduledCommand(ScheduledCommand Message, long DueMicros)
{
    public byte[] ToBytes() => [.. BitConverter.GetBytes(DueMicros), .. Message.ToBytes()];

    public static SendScheduledCommand Parse(ReadOnlySpan<byte> source) => new(ScheduledCommand.Parse(source), BinaryPrimitives.ReadInt64LittleEndian(source));
}

/// <summary>
/// Messages that wait for their time. One is a publish that happens later, as its author and with the rights that they have then: the entry goes in the commit that has the message, so it is published once
/// whatever happens between. Loop thread only.
/// </summary>
internal sealed class ScheduleCommands(ShardState state, PublishCommands publishes)
{
    private const long MicrosPerMs = 1000;

    /// <summary>Keeps a message, or changes time and text of one that is kept.</summary>
    public CommandResult Schedule(in CommandHeader header, ReadOnlySpan<byte> body, Turn turn, Turn? previous)
    {
        ReadOnlySpan<byte> stored = ScheduleCommand.Parse(body, out ConversationId id, out ClientMessageId messageId);
        ScheduledMessage message = ScheduledMessage.Parse(stored);
        if (state.Conversations.Find(id, turn, previous) is not { } conversation)
        {
            return CommandResult.NoSuchConversation;
        }

        // The answer may have been lost, and the time may have come since.
        if (SentAs(header.Actor, conversation, messageId, turn, previous) is { } sequence)
        {
            return new CommandResult(ErrorCode.None) { Conversation = id, Sequence = sequence };
        }

        ScheduledCommand named = new(header.Actor.User, id, messageId);
        byte[] key = ScheduleKeys.Message(named.User, id, messageId);
        byte[]? earlier = ReadKept(named, turn, previous);
        IReadOnlyList<MessageAttachment> held = earlier is null ? [] : ScheduledMessage.Parse(earlier).Attachments;
        IReadOnlyList<MessageAttachment> wanted = message.Attachments;

        // What is refused now is said now. As it will be then: who is muted until tomorrow may schedule for the day after. What waits holds its attachments when the claims to them have ended.
        CommandHeader then = header with { TimeMicros = Math.Max(header.TimeMicros, message.AtMicros), AreAttachmentsVouchedFor = header.AreAttachmentsVouchedFor || Holds(held, wanted) };
        Refusal refusal = publishes.DecideLater(conversation, then, AsPublish(id, messageId, message), turn, previous);
        if (refusal.Code != ErrorCode.None)
        {
            return new CommandResult(refusal.Code, refusal.Reason);
        }

        if (turn.Sealer is { } sealer && !sealer.CanSeal(named.User, id))
        {
            return new CommandResult(ErrorCode.KeysDestroyed, "the keys were destroyed");
        }

        if (earlier is null && !TryCount(named, +1, turn, previous))
        {
            return new CommandResult(ErrorCode.TooMany, $"at most {ProtocolLimits.ScheduledMax} messages wait in a conversation");
        }

        if (earlier is not null)
        {
            turn.Delete(ScheduleKeys.Due(ScheduledMessage.Parse(earlier).AtMicros, named));
        }

        Keep(key, named, stored.ToArray(), turn);
        turn.Put(ScheduleKeys.Due(message.AtMicros, named), []);
        Refer(named, wanted, isThere: true, turn);
        Refer(named, held.Where(one => !Names(wanted, one)), isThere: false, turn);
        return new CommandResult(ErrorCode.None) { Conversation = id, Changed = true };
    }

    /// <summary>Forgets a message that is kept. Nothing is asked but whose it is: whoever was removed since may still take back what they had in mind.</summary>
    public CommandResult Cancel(in CommandHeader header, ScheduledCommand command, Turn turn, Turn? previous)
    {
        // Also of a conversation that was erased: it is the author's.
        if (state.Conversations.FindEven(command.Conversation, turn, previous) is not { } conversation)
        {
            return CommandResult.NoSuchConversation;
        }

        if (ReadKept(command, turn, previous) is { } stored)
        {
            Forget(command, ScheduledMessage.Parse(stored), turn, previous);
            return new CommandResult(ErrorCode.None) { Conversation = command.Conversation, Changed = true };
        }

        return new CommandResult(ErrorCode.None) { Conversation = command.Conversation, Sequence = SentAs(header.Actor, conversation, command.Id, turn, previous) ?? 0 };
    }

    /// <summary>Publishes a message whose time has come. Refused for good, it stays with the reason, for its author to see; it may be asked for twice, by a second node or after a crash.</summary>
    /// <param name="header">The author with their present rights.</param>
    public Refusal Send(in CommandHeader header, SendScheduledCommand due, Turn turn, Turn? previous)
    {
        ScheduledCommand command = due.Message;
        byte[] key = ScheduleKeys.Message(command.User, command.Conversation, command.Id);
        byte[]? stored = ReadKept(command, turn, previous);
        ScheduledMessage message = stored is null ? default : ScheduledMessage.Parse(stored);
        if (stored is null || message.Refused != ErrorCode.None || message.AtMicros != due.DueMicros)
        {
            // Sent, taken back or put off since it was found due.
            turn.Delete(ScheduleKeys.Due(due.DueMicros, command));
            turn.Results.Add((header.ReplyTo, new CommandResult(ErrorCode.None)));
            return default;
        }

        Refusal refusal = message.IsSealed ? new Refusal(ErrorCode.KeysDestroyed, "the keys were destroyed") : Publish(header, command, message, turn, previous);
        if (refusal.Code == ErrorCode.None)
        {
            Forget(command, message, turn, previous);
            return default;
        }

        turn.Delete(ScheduleKeys.Due(message.AtMicros, command));
        if (refusal.Code == ErrorCode.RateLimited)
        {
            long later = header.TimeMicros + Math.Max(refusal.RetryAfterMs, 1) * MicrosPerMs;
            Keep(key, command, ScheduledMessage.WithTime(stored, later), turn);
            turn.Put(ScheduleKeys.Due(later, command), []);
            turn.Results.Add((header.ReplyTo, new CommandResult(ErrorCode.None)));
            return default;
        }

        Keep(key, command, ScheduledMessage.WithRefusal(stored, refusal.Code), turn);
        turn.Results.Add((header.ReplyTo, new CommandResult(ErrorCode.None) { Conversation = command.Conversation, ScheduledRefusal = refusal.Code }));
        return default;
    }

    private Refusal Publish(in CommandHeader header, in ScheduledCommand command, in ScheduledMessage message, Turn turn, Turn? previous)
    {
        Publish publish = AsPublish(command.Conversation, command.Id, message);
        byte[] body = new byte[ChainHash.Size + publish.Size];
        message.BodyHash.CopyTo(body);
        publish.Write(body.AsSpan(ChainHash.Size));
        return publishes.Apply(header with { Actor = header.Actor with { Device = message.Device }, AreAttachmentsVouchedFor = true }, body, turn, previous);
    }

    /// <summary>What is kept, opened; as it is stored when nobody can open it any more; null when nothing is.</summary>
    private byte[]? ReadKept(in ScheduledCommand named, Turn turn, Turn? previous) =>
        state.Read(ScheduleKeys.Message(named.User, named.Conversation, named.Id), turn, previous) is { } stored ? ScheduledMessage.Opened(stored, named, turn.Sealer?.Vault) ?? stored : null;

    /// <summary>Stores a message; one whose keys went a moment ago is not.</summary>
    private static void Keep(byte[] key, in ScheduledCommand named, byte[] message, Turn turn)
    {
        if (ScheduledMessage.Sealed(message, named, turn.Sealer) is { } stored)
        {
            turn.Put(key, stored);
        }
    }

    private static Publish AsPublish(ConversationId conversation, ClientMessageId id, in ScheduledMessage message) =>
        new() { Conversation = conversation, ClientMessageId = id, Kind = message.Kind, Body = message.Body };

    private ulong? SentAs(in Sessions.Actor actor, ConversationState conversation, ClientMessageId id, Turn turn, Turn? previous) =>
        publishes.TryFindPublish(conversation, new DedupeId(conversation.Id, actor.User, actor.Device, id), turn, previous, out PendingPublish publish) ? publish.Value.Sequence : null;

    private void Forget(ScheduledCommand command, in ScheduledMessage message, Turn turn, Turn? previous)
    {
        turn.Delete(ScheduleKeys.Message(command.User, command.Conversation, command.Id));
        turn.Delete(ScheduleKeys.Due(message.AtMicros, command));
        TryCount(command, -1, turn, previous);
        Refer(command, message.Attachments, isThere: false, turn);
    }

    private static bool Holds(IReadOnlyList<MessageAttachment> held, IReadOnlyList<MessageAttachment> wanted) => wanted.All(one => Names(held, one));

    private static bool Names(IReadOnlyList<MessageAttachment> attachments, MessageAttachment wanted) => attachments.Any(one => (one.Id, one.Size) == (wanted.Id, wanted.Size));

    private void Refer(ScheduledCommand message, IEnumerable<MessageAttachment> attachments, bool isThere, Turn turn)
    {
        foreach (MessageAttachment attachment in attachments)
        {
            AttachmentReferences.Owe(state, turn, attachment.Id, message.Conversation, AttachmentReferences.PlaceOf(message), isThere);
        }
    }

    /// <summary>Counted in an entry of its own: what is not durable yet cannot be scanned for.</summary>
    private bool TryCount(ScheduledCommand command, int change, Turn turn, Turn? previous)
    {
        byte[] key = ScheduleKeys.Count(command.Conversation, command.User);
        int count = (state.Read(key, turn, previous) is { } stored ? BinaryPrimitives.ReadUInt16LittleEndian(stored) : 0) + change;
        if (count > ProtocolLimits.ScheduledMax)
        {
            return false;
        }

        if (count <= 0)
        {
            turn.Delete(key);
            return true;
        }

        byte[] value = new byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16LittleEndian(value, (ushort)count);
        turn.Put(key, value);
        return true;
    }
}
