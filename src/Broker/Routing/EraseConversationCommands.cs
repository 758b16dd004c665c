using FastChat.Broker.Conversations;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>Body of <see cref="CommandKind.ClearConversation"/>: conversation (16), last u8.</summary>
/// <param name="Conversation">One that was erased.</param>
/// <param name="IsLast">Nothing else is to be done about it: when nothing is left here either, that is noted.</param>
internal readonly record struct ClearConversationCommand(ConversationId Conversation, bool IsLast)
{
    public byte[] ToBytes() => [.. ControlMap.IdBytes(Conversation.Value), IsLast ? (byte)1 : (byte)0];

    public static ClearConversationCommand Parse(ReadOnlySpan<byte> source) => new(ConversationId.Read(source), source[Id128.Size] != 0);
}

/// <summary>
/// Erases a conversation (docs/decisions/0035-retention.md). With the first commit it is not there any more, for anybody and for good, and its name is free; what it had goes behind that, in steps: its log by
/// <see cref="TruncateCommands"/>, the rest here. Loop thread only.
/// </summary>
internal sealed class EraseConversationCommands(ShardState state, IConversationLog log)
{
    /// <summary>Entries that go with one command. A member's is owed to another shard as well.</summary>
    public const int EntriesMax = 256;

    /// <summary>What a conversation has in small state beside itself, its log's beginning, and what is scheduled.</summary>
    private static ReadOnlySpan<byte> Kinds => "Kdijmpqrwxz"u8;

    /// <summary>Erases it; asked again by who may, it says that it is so.</summary>
    public CommandResult Apply(in CommandHeader header, ConversationId id, Turn turn, Turn? previous)
    {
        if (state.Conversations.Find(id, turn, previous) is not { } conversation)
        {
            return CommandResult.NoSuchConversation;
        }

        ErrorCode denied = ConversationPolicy.Decide(ConversationOperation.Erase, state.FactsOf(conversation, header.Actor, header.TimeMicros, turn, previous));
        if (denied != ErrorCode.None)
        {
            return denied == ErrorCode.NoSuchConversation ? CommandResult.NoSuchConversation : new CommandResult(denied, "erasing the conversation is not allowed");
        }

        // With where its log begins, as it is, the store is one that an earlier program does not open: that would take what is left for a conversation.
        LogStart start = state.Read(TruncateCommands.StartKey(id), turn, previous) is { } stored ? LogStart.Read(stored) : LogStart.Beginning;
        if (conversation.Meta.Name is { } name)
        {
            turn.Delete(ConversationKeys.Name(name));
        }

        ShardState.SetMeta(conversation, conversation.Meta.Erase(header.Actor.User, header.TimeMicros), turn);
        turn.Truncate(id, start);
        turn.Ended.Add(conversation);
        return new CommandResult(ErrorCode.None) { Conversation = id, Count = 1, Sequence = conversation.Head };
    }

    /// <summary>Takes some of what is left away; <see cref="CommandResult.Changed"/> when there is more.</summary>
    public CommandResult Apply(ClearConversationCommand command, Turn turn, Turn? previous)
    {
        if (state.Conversations.FindEven(command.Conversation, turn, previous) is not { Meta.IsErased: true } conversation)
        {
            return CommandResult.NoSuchConversation;
        }

        List<byte[]> gone = SideEntries.Find(log, conversation.Id, Kinds, SideEntries.NoEnd, EntriesMax, turn, previous, out bool isMore);
        foreach (byte[] key in gone)
        {
            if (key[0] == (byte)'m' && key.Length == StateKeys.MemberSize)
            {
                state.SetMember(conversation, new UserId(StateKeys.SecondId(key)), null, turn);
                continue;
            }

            turn.Delete(key);
            if (key[0] == (byte)'d' && key.Length >= StateKeys.MemberSize)
            {
                UserId user = new(StateKeys.SecondId(key));
                ulong thread = key.Length == StateKeys.MemberSize ? 0 : MessageKeys.LastSequence(key);
                state.Owe(user.Value, [new StateEntry(ConversationKeys.OwnCursor(user, conversation.Id, thread), null)], turn);
            }
        }

        if (!isMore && command.IsLast && !conversation.Meta.IsErasureDone)
        {
            ShardState.SetMeta(conversation, conversation.Meta with { Name = null, IsErasureDone = true }, turn);
        }

        return new CommandResult(ErrorCode.None) { Changed = isMore };
    }
}
