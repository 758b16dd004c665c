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

    /// <summary>
    /// Forgets how far somebody has read, on both sides. The one way in which the sum of cursors goes down: a device that has the old sum sees another number, and asks. Only for people who are erased: a member's
    /// cursor never goes back (P14).
    /// </summary>
    public CommandResult Apply(ForgetCursorsCommand command, Turn turn, Turn? previous)
    {
        if (state.Conversations.Find(command.Conversation, turn, previous) is not { } conversation)
        {
            return CommandResult.NoSuchConversation;
        }

        int count = 0;
        foreach (ulong thread in command.Threads)
        {
            byte[] key = ConversationKeys.Cursor(conversation.Id, command.User, thread);
            if (state.Read(key, turn, previous) is not { } stored)
            {
                continue;
            }

            turn.Delete(key);
            byte[] sumKey = ConversationKeys.Receipts(conversation.Id);
            if (state.Read(sumKey, turn, previous) is { } sum)
            {
                // A sum of nothing is no entry: there may be no cursor left.
                ulong left = BinaryPrimitives.ReadUInt64LittleEndian(sum) - ReadCursor.Parse(stored).Seen;
                if (left == 0)
                {
                    turn.Delete(sumKey);
                }
                else
                {
                    turn.Put(sumKey, BitConverter.GetBytes(left));
                }
            }

            state.Owe(command.User.Value, [new StateEntry(ConversationKeys.OwnCursor(command.User, conversation.Id, thread), null)], turn);
            count++;
        }

        return new CommandResult(ErrorCode.None) { Count = count };
    }
}

/// <summary>Body of <see cref="CommandKind.ForgetCursors"/>: conversation (16), user (16), then the threads, u64 each; 0 = the conversation itself.</summary>
internal sealed record ForgetCursorsCommand(ConversationId Conversation, UserId User, IReadOnlyList<ulong> Threads)
{
    public byte[] ToBytes() => [.. ControlMap.IdBytes(Conversation.Value), .. ControlMap.IdBytes(User.Value), .. Threads.SelectMany(BitConverter.GetBytes)];

    public static ForgetCursorsCommand Parse(ReadOnlySpan<byte> source)
    {
        ulong[] threads = new ulong[(source.Length - (2 * Id128.Size)) / sizeof(ulong)];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = BinaryPrimitives.ReadUInt64LittleEndian(source[((2 * Id128.Size) + (i * sizeof(ulong)))..]);
        }

        return new(ConversationId.Read(source), UserId.Read(source[Id128.Size..]), threads);
    }
}

/// <summary>How far a member has come, to tell those who listen.</summary>
/// <param name="Conversation">Where.</param>
/// <param name="User">Who.</param>
/// <param name="Thread">The thread's first message; 0 = the conversation itself.</param>
/// <param name="Delivered">Up to here a device has it.</param>
/// <param name="Read">Up to here they let others know that they have read.</param>
internal readonly record struct Receipt(ConversationState Conversation, UserId User, ulong Thread, ulong Delivered, ulong Read);
