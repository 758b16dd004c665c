using System.Diagnostics;

using FastChat.Broker.Attachments;
using FastChat.Broker.Conversations;
using FastChat.Broker.People;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>
/// A shard's state machine: commands in, writes and effects out. It owns the conversations and side-table entries of its placement.
/// <para>
/// Deterministic: the outcome of a command depends on the state and on the command's bytes and on nothing else. There is no clock, no
/// randomness and no I/O here but reads of the shard's own state; ids and times come inside the commands. The same commands in the same order give the
/// same sequences, bytes and hash chains on every node (P19).
/// </para>
/// Loop thread only.
/// </summary>
internal sealed class Shard
{
    private readonly ShardState _state;
    private readonly PublishCommands _publishes;
    private readonly MessageCommands _messages;
    private readonly ConversationCommands _conversations;
    private readonly MemberCommands _members;
    private readonly CursorCommands _cursors;
    private readonly ScheduleCommands _scheduled;
    private readonly HideCommands _hidden;
    private readonly AttachmentCommands _attachments;
    private readonly TruncateCommands _truncations;
    private readonly EraseConversationCommands _erasures;

    public Shard(int index, ShardMap map, IConversationLog log, int conversationsMax)
    {
        _state = new ShardState(index, map, log, conversationsMax);
        _messages = new MessageCommands(_state);
        _publishes = new PublishCommands(_state, _messages, log);
        _conversations = new ConversationCommands(_state);
        _members = new MemberCommands(_state);
        _cursors = new CursorCommands(_state);
        _scheduled = new ScheduleCommands(_state, _publishes);
        _hidden = new HideCommands(_state);
        _attachments = new AttachmentCommands(_state);
        _truncations = new TruncateCommands(_state, log);
        _erasures = new EraseConversationCommands(_state, log);
    }

    /// <summary>The conversations in memory.</summary>
    public ConversationCache Conversations => _state.Conversations;

    /// <summary>
    /// Applies a state-changing command to <paramref name="turn"/>; <paramref name="previous"/> is the turn that syncs at the moment, whose decisions count.
    /// Refuses nothing when the command's answer waits in the turn, and otherwise says why it was refused, with nothing changed.
    /// </summary>
    public Refusal Apply(in CommandHeader command, ReadOnlySpan<byte> body, Turn turn, Turn? previous)
    {
        if (command.Kind is CommandKind.Publish or CommandKind.Forward)
        {
            return _publishes.Apply(command, body, turn, previous);
        }

        if (command.Kind == CommandKind.SendScheduled)
        {
            return _scheduled.Send(command, SendScheduledCommand.Parse(body), turn, previous);
        }

        CommandResult result = command.Kind switch
        {
            CommandKind.CreateConversation => _conversations.Apply(CreateConversationCommand.Parse(body), turn, previous),
            CommandKind.ChangeConversation => _conversations.Apply(command, ChangeConversationCommand.Parse(body), turn, previous),
            CommandKind.ChangeMembers => _members.Apply(command, ChangeMembersCommand.Parse(body), turn, previous),
            CommandKind.ChangeMember => _members.Apply(command, ChangeMemberCommand.Parse(body), turn, previous),
            CommandKind.ChangeLink => _members.Apply(command, ChangeLinkCommand.Parse(body), turn, previous),
            CommandKind.JoinByLink => _members.Apply(command, JoinByLinkCommand.Parse(body), turn, previous),
            CommandKind.MoveCursor => _cursors.Apply(command, MoveCursorCommand.Parse(body), turn, previous),
            CommandKind.Schedule => _scheduled.Schedule(command, body, turn, previous),
            CommandKind.CancelScheduled => _scheduled.Cancel(command, ScheduledCommand.Parse(body), turn, previous),
            CommandKind.Hide => _hidden.Apply(command, HideCommand.Parse(body), turn, previous),
            CommandKind.EraseMessages => _messages.Apply(command, EraseMessagesCommand.Parse(body), turn, previous),
            CommandKind.ForgetCursors => _cursors.Apply(ForgetCursorsCommand.Parse(body), turn, previous),
            CommandKind.Expire => _messages.Apply(command, ExpireCommand.Parse(body), turn, previous),
            CommandKind.ChangePerson => ChangePerson(command, body, turn, previous),
            CommandKind.Attachment => _attachments.Apply(command, AttachmentCommand.Parse(body), turn, previous),
            CommandKind.EraseConversation => _erasures.Apply(command, ConversationId.Read(body), turn, previous),
            CommandKind.ClearConversation => _erasures.Apply(ClearConversationCommand.Parse(body), turn, previous),
            CommandKind.Truncate => _truncations.Apply(command, TruncateCommand.Parse(body), turn, previous),
            CommandKind.StateWrite => WriteState(command, StateWriteCommand.Parse(body), turn, previous),
            _ => throw new UnreachableException($"command {command.Kind} changes no state"),
        };
        turn.Results.Add((command.ReplyTo, result));
        return default;
    }

    /// <summary>
    /// Asks whether somebody may read a conversation, and from where on; it comes back when they may.
    /// </summary>
    /// <param name="visibleFrom">The first sequence that they may read, at least 1.</param>
    public ErrorCode AuthorizeRead(ConversationId id, in CommandHeader command, Turn? turn, Turn? previous, out ConversationState? conversation, out ulong visibleFrom)
    {
        visibleFrom = 1;
        conversation = _state.Conversations.Find(id, turn, previous);
        if (conversation is null)
        {
            return ErrorCode.NoSuchConversation;
        }

        // Everyone reads all that an open conversation keeps, unless somebody was ever banned from it.
        visibleFrom = conversation.First;
        if (ConversationKinds.IsOpen(conversation.Meta.Kind) && !conversation.Meta.IsRestricted)
        {
            return ConversationPolicy.Decide(ConversationOperation.Read, new ConversationFacts(command.Actor.Rights, conversation.Meta.Kind, MemberRole.None));
        }

        visibleFrom = Math.Max(visibleFrom, Membership.FirstVisible(conversation.Meta.Kind, _state.MembershipOf(conversation, command.Actor.User, turn, previous)));
        return ConversationPolicy.Decide(ConversationOperation.Read, _state.FactsOf(conversation, command.Actor, command.TimeMicros, turn, previous));
    }

    /// <summary>Asks whether somebody may publish in a conversation; it comes back when they may.</summary>
    public ErrorCode AuthorizePublish(ConversationId id, in CommandHeader command, Turn? turn, Turn? previous, out ConversationState? conversation)
    {
        conversation = _state.Conversations.Find(id, turn, previous);
        return conversation is null
            ? ErrorCode.NoSuchConversation
            : ConversationPolicy.Decide(ConversationOperation.Publish, _state.FactsOf(conversation, command.Actor, command.TimeMicros, turn, previous));
    }

    /// <summary>Puts every waiting record into the turn's batch as chunks.</summary>
    public static void SealOpen(Turn turn)
    {
        foreach (ConversationState conversation in turn.Open)
        {
            ShardState.Seal(conversation, turn, default);
        }

        turn.Open.Clear();
    }

    private CommandResult WriteState(in CommandHeader header, StateWriteCommand command, Turn turn, Turn? previous)
    {
        foreach (StateEntry entry in command.Entries)
        {
            if (!entry.MustBeAbsent && !entry.IsCondition)
            {
                continue;
            }

            byte[]? existing = _state.Read(entry.Key, turn, previous);
            if (entry.MustBeAbsent && existing is not null)
            {
                return new CommandResult(ErrorCode.NameTaken, "it exists already") { Existing = existing };
            }

            if (entry.IsCondition && !(existing is null ? entry.Value is null : entry.Value is not null && existing.AsSpan().SequenceEqual(entry.Value)))
            {
                return new CommandResult(ErrorCode.Conflict, "it has changed meanwhile");
            }
        }

        foreach (StateEntry entry in command.Entries)
        {
            if (entry.IsCondition)
            {
                continue;
            }

            if (AttachmentKeys.IsOwedKind(entry.Key))
            {
                _attachments.Write(entry, header.TimeMicros, turn, previous);
            }
            else
            {
                Write(entry, turn);
            }
        }

        return new CommandResult(ErrorCode.None);
    }

    private void Write(StateEntry entry, Turn turn)
    {
        if (entry.Key[0] == (byte)'b')
        {
            _state.ForgetBlock(ConversationId.Read(entry.Key.AsSpan(1)));
        }

        if (entry.Value is null)
        {
            turn.Delete(entry.Key);
        }
        else
        {
            turn.Put(entry.Key, entry.Value);
        }
    }

    /// <summary>What belongs to the acting person. The rules decide; the shard writes, and owes a conversation what is its.</summary>
    private CommandResult ChangePerson(in CommandHeader header, ReadOnlySpan<byte> body, Turn turn, Turn? previous)
    {
        if (!PersonCommand.TryParse(body, out PersonCommand? command))
        {
            throw new UnreachableException("the handler has read this change before");
        }

        PersonDecision decision = PersonRules.Decide(header.Actor.User, header.TimeMicros, command, key => _state.Read(key, turn, previous));
        if (decision.Write is { } write)
        {
            Write(write, turn);
        }

        if (decision.Owed is { } owed)
        {
            _state.Owe(owed.Conversation.Value, [owed.Entry], turn);
        }

        return decision.Result;
    }
}
