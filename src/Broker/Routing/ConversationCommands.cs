using System.Buffers;

using FastChat.Broker.Conversations;
using FastChat.Protocol;

namespace FastChat.Broker.Routing;

/// <summary>Makes conversations and changes what they are. Loop thread only.</summary>
internal sealed class ConversationCommands(ShardState state)
{
    /// <summary>Makes a conversation, or finds the one that a repeated request made.</summary>
    public CommandResult Apply(CreateConversationCommand command, Turn turn, Turn? previous)
    {
        ConversationMeta meta = command.Meta;
        byte[]? nameKey = null;
        if (meta.Name is not null)
        {
            nameKey = ConversationKeys.Name(meta.Name);
            if (state.Read(nameKey, turn, previous) is { } taken)
            {
                ConversationId existing = ConversationId.Read(taken);
                return command.FindExisting || existing == command.Conversation
                    ? new CommandResult(ErrorCode.None) { Conversation = existing }
                    : new CommandResult(ErrorCode.NameTaken, "a conversation has this name");
            }
        }

        bool isDirect = meta.Kind == ConversationKind.Direct;
        if (state.Conversations.FindEven(command.Conversation, turn, previous) is { } present)
        {
            // An id that was erased does not come back, whoever repeats what made it.
            return present.Meta.IsErased ? CommandResult.NoSuchConversation
                : present.Meta.Creator == meta.Creator || (isDirect && present.Meta.Kind == ConversationKind.Direct)
                ? new CommandResult(ErrorCode.None) { Conversation = present.Id }
                : new CommandResult(ErrorCode.NoSuchConversation, "the id is in use");
        }

        ConversationState conversation = state.Conversations.Add(command.Conversation, meta);
        ShardState.SetMeta(conversation, meta, turn);
        if (nameKey is not null)
        {
            turn.Put(nameKey, ControlMap.IdBytes(command.Conversation.Value));
        }

        state.SetMember(conversation, meta.Creator, new Membership(isDirect ? MemberRole.Member : MemberRole.Owner, 0), turn);
        foreach (UserId member in command.Members.Distinct().Where(member => member != meta.Creator))
        {
            state.SetMember(conversation, member, new Membership(MemberRole.Member, 0), turn);
        }

        return new CommandResult(ErrorCode.None) { Conversation = conversation.Id, Created = true };
    }

    /// <summary>Changes what a conversation is: a record that says what has changed.</summary>
    public CommandResult Apply(in CommandHeader header, ChangeConversationCommand command, Turn turn, Turn? previous)
    {
        if (state.Conversations.Find(command.Conversation, turn, previous) is not { } conversation)
        {
            return CommandResult.NoSuchConversation;
        }

        ConversationFacts facts = state.FactsOf(conversation, header.Actor, header.TimeMicros, turn, previous);
        foreach (ConversationOperation operation in command.Changes.Operations)
        {
            ErrorCode denied = ConversationPolicy.Decide(operation, facts);
            if (denied != ErrorCode.None)
            {
                return denied == ErrorCode.NoSuchConversation ? CommandResult.NoSuchConversation : new CommandResult(denied, "changing the conversation is not allowed");
            }
        }

        ConversationChanges changes = command.Changes.Minus(conversation.Meta);
        if (changes.IsEmpty)
        {
            return new CommandResult(ErrorCode.None) { Conversation = conversation.Id, Sequence = conversation.Head };
        }

        ArrayBufferWriter<byte> body = new();
        changes.ToMap().Write(body);
        ulong sequence = ShardState.AppendSystem(conversation, turn, header, MessageKind.ConversationChanged, body.WrittenSpan);
        ShardState.SetMeta(conversation, changes.Apply(conversation.Meta), turn);
        return new CommandResult(ErrorCode.None) { Conversation = conversation.Id, Count = 1, Sequence = sequence };
    }
}
