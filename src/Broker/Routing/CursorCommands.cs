using System.Buffers.Binary;

using FastChat.Broker.Conversations;
using FastChat.Protocol;

namespace FastChat.Broker.Routing;

/// <summary>
/// Body of <see cref="CommandKind.MoveCursor"/>: conversation (16), thread u64, delivered u64, read u64, private u8.
/// </summary>
/// <param name="Conversation">The conversation.</param>
/// <param name="Thread">Sequence of a thread's first message; 0 = the conversation itself.</param>
/// <param name="Delivered">Up to here a device has it.</param>
/// <param name="Read">Up to here it is read.</param>
/// <param name="IsPrivate">Others are not to know that it is read.</param>
internal readonly record struct MoveCursorCommand(ConversationId Conversation, ulong Thread, ulong Delivered, ulong Read, bool IsPrivate)
{
    public byte[] ToBytes() =>
        [.. ControlMap.IdBytes(Conversation.Value), .. BitConverter.GetBytes(Thread), .. BitConverter.GetBytes(Delivered), .. BitConverter.GetBytes(Read), IsPrivate ? (byte)1 : (byte)0];

    public static MoveCursorCommand Parse(ReadOnlySpan<byte> source) => new(
        ConversationId.Read(source), BinaryPrimitives.ReadUInt64LittleEndian(source[16..]), BinaryPrimitives.ReadUInt64LittleEndian(source[24..]),
        BinaryPrimitives.ReadUInt64LittleEndian(source[32..]), source[40] != 0);
}

/// <summary>
/// Moves members' cursors: forward only, never past the head, and known to the others when the conversation is small enough for that to mean something. The conversation's shard decides, because it knows
/// head and members; the user's list gets a copy. Loop thread only.
/// </summary>
internal sealed class CursorCommands(ShardState state)
{
    public CommandResult Apply(in CommandHeader header, MoveCursorCommand command, Turn turn, Turn? previous)
    {
        if (state.Conversations.Find(command.Conversation, turn, previous) is not { } conversation)
        {
            return CommandResult.NoSuchConversation;
        }

        ConversationFacts facts = state.FactsOf(conversation, header.Actor, header.TimeMicros, turn, previous);
        ErrorCode denied = ConversationPolicy.Decide(ConversationOperation.Read, facts);
        if (denied != ErrorCode.None || !MemberRoles.IsMember(facts.Role))
        {
            return denied == ErrorCode.NoSuchConversation ? CommandResult.NoSuchConversation : new CommandResult(ErrorCode.Forbidden, "only members have cursors");
        }

        if (Math.Max(command.Delivered, command.Read) > conversation.Head)
        {
            return new CommandResult(ErrorCode.PositionAhead, $"the head is {conversation.Head}");
        }

        // Only of threads that there are: the number is the client's, and each would be an entry for ever.
        UserId user = header.Actor.User;
        if (command.Thread != 0 && Annotation.Read(state.Read(MessageKeys.Annotation(conversation.Id, command.Thread), turn, previous)).InThread == 0)
        {
            return new CommandResult(ErrorCode.NoSuchMessage, "no message has a thread at that place");
        }

        ReadCursor before = state.CursorOf(conversation, user, command.Thread, turn, previous);
        ReadCursor after = before.MovedTo(command.Delivered, command.Read, command.IsPrivate);
        if (after != before)
        {
            state.Owe(user.Value, [state.SetCursor(conversation, user, command.Thread, before, after, turn, previous)], turn);
            bool isSeen = !ConversationKinds.IsOpen(conversation.Meta.Kind) && (after.Delivered != before.Delivered || after.PublicRead != before.PublicRead);
            if (isSeen)
            {
                turn.Receipts.Add(new Receipt(conversation, user, command.Thread, after.Delivered, after.PublicRead));
            }
        }

        return new CommandResult(ErrorCode.None) { Conversation = conversation.Id, Count = after == before ? 0 : 1, Existing = after.ToBytes() };
    }
}

/// <summary>How far a member has come, to tell those who listen.</summary>
/// <param name="Conversation">Where.</param>
/// <param name="User">Who.</param>
/// <param name="Thread">The thread's first message; 0 = the conversation itself.</param>
/// <param name="Delivered">Up to here a device has it.</param>
/// <param name="Read">Up to here they let others know that they have read.</param>
internal readonly record struct Receipt(ConversationState Conversation, UserId User, ulong Thread, ulong Delivered, ulong Read);
