using System.Buffers;

using FastChat.Broker.Attachments;
using FastChat.Broker.Conversations;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>
/// Cuts a log off at its beginning, a bounded number of records at a time, with everything that small state has about them (docs/decisions/0035-retention.md). Whatever a record made is about itself or about earlier ones,
/// which are gone by then: so nothing that is kept has to change. Of a conversation that was erased everything may go at once, unread: where a record is damaged nobody can tell what it made. Loop thread only.
/// </summary>
internal sealed class TruncateCommands(ShardState state, IConversationLog log)
{
    /// <summary>Entries that go with one command of those of which a record can have any number. What is left goes with further commands that cut nothing off.</summary>
    public const int EntriesMax = 1024;

    /// <summary>Kinds of entries that begin with the conversation and a sequence, of which a record has one at the most.</summary>
    private static ReadOnlySpan<byte> OneEach => "pxz"u8;

    /// <summary>Those of which it has any number: messages in a thread, by its root, and reactions.</summary>
    private static ReadOnlySpan<byte> AnyNumber => "ir"u8;

    public CommandResult Apply(in CommandHeader header, TruncateCommand command, Turn turn, Turn? previous)
    {
        if (state.Conversations.FindEven(command.Conversation, turn, previous) is not { } conversation)
        {
            return CommandResult.NoSuchConversation;
        }

        ulong first = Math.Max(command.First, conversation.First);
        bool isWhole = conversation.Meta.IsErased && first == conversation.Head + 1;
        if (first > conversation.Head + 1 || (first - conversation.First > TruncateCommand.CountMax && !isWhole))
        {
            return new CommandResult(ErrorCode.BadRequest, "that much is not cut off at once");
        }

        // Damage shows in reading, before anything is changed.
        List<byte[]> gone = [];
        List<(ulong Sequence, MessageAttachment Attachment)> references = [];
        if (first - conversation.First <= TruncateCommand.CountMax)
        {
            Collect(conversation, first, gone, references, turn, previous);
        }

        gone.AddRange(SideEntries.Find(log, conversation.Id, OneEach, first, int.MaxValue, turn, previous, out _));
        gone.AddRange(SideEntries.Find(log, conversation.Id, AnyNumber, first, EntriesMax, turn, previous, out bool isMore));

        LogStart before = state.Read(StartKey(conversation.Id), turn, previous) is { } start ? LogStart.Read(start) : LogStart.Beginning;
        LogStart after = before with { First = first, Chain = first == before.First ? before.Chain : command.Chain };
        after = conversation.Meta.IsErased ? ForgetAll(conversation.Id, after, turn) : Retries(conversation.Id, after, header.TimeMicros, command.RetriesMicros, turn);
        if (after != before)
        {
            turn.Truncate(conversation.Id, after);
            conversation.First = first;
        }

        foreach (byte[] key in gone)
        {
            turn.Delete(key);
        }

        foreach ((ulong sequence, MessageAttachment attachment) in references)
        {
            AttachmentReferences.Owe(state, turn, attachment.Id, conversation.Id, sequence, isThere: false);
        }

        return new CommandResult(ErrorCode.None) { Count = (int)(first - before.First), Changed = isMore };
    }

    /// <summary>The key of where a log begins, in an array of its own.</summary>
    public static byte[] StartKey(ConversationId conversation)
    {
        byte[] key = new byte[StateKeys.LogStartSize];
        StateKeys.WriteLogStart(key, conversation);
        return key;
    }

    /// <summary>Where nobody publishes any more, nobody repeats a publish.</summary>
    private static LogStart ForgetAll(ConversationId conversation, LogStart start, Turn turn)
    {
        if (start.RetriesBelow != start.First || start.RetriesUntilMicros != 0)
        {
            turn.Batch.ForgetPublishes(conversation, start.First);
        }

        return start with { RetriesUntilMicros = 0, RetriesBelow = start.First };
    }

    /// <summary>
    /// Dedupe entries of records that were cut off go by marks: what is below one when it is set goes when its time has come, and then the next one is set. So an entry stays for the time of a mark at least, and for two at the most.
    /// </summary>
    private static LogStart Retries(ConversationId conversation, LogStart start, long nowMicros, long retriesMicros, Turn turn)
    {
        // A clock that went back must not keep entries for longer than it would from now on.
        long until = Math.Min(start.RetriesUntilMicros, nowMicros + retriesMicros);
        if (until > 0 && until <= nowMicros)
        {
            turn.Batch.ForgetPublishes(conversation, start.RetriesBelow);
            until = 0;
        }

        return until == 0 && start.First > Math.Max(start.RetriesBelow, 1)
            ? start with { RetriesUntilMicros = nowMicros + retriesMicros, RetriesBelow = start.First }
            : start with { RetriesUntilMicros = until };
    }

    /// <summary>What the records from the beginning on made that only they tell.</summary>
    private void Collect(ConversationState conversation, ulong first, List<byte[]> gone, List<(ulong Sequence, MessageAttachment Attachment)> references, Turn turn, Turn? previous)
    {
        ArrayBufferWriter<byte> page = new();
        ulong next = conversation.First;
        while (next < first && next <= conversation.DurableHead && log.ReadForward(conversation.Id, next - 1, first - 1, TruncateCommand.CountMax, int.MaxValue, page) is { Count: > 0 } read && read.First == next)
        {
            ReadOnlySpan<byte> records = page.WrittenSpan;
            while (MessageRecord.TryRead(ref records, out MessageRecord record))
            {
                Collect(conversation.Id, record, gone, references, turn, previous);
            }

            next = read.Last + 1;
            page.ResetWrittenCount();
        }

        for (; next < first; next++)
        {
            // Not durable yet, or at least not so that the log shows it.
            if (state.ReadRecord(conversation, next, turn, previous) is { } bytes)
            {
                Collect(conversation.Id, MessageRecord.Of(bytes), gone, references, turn, previous);
            }
        }
    }

    private void Collect(
        ConversationId conversation, in MessageRecord record, List<byte[]> gone, List<(ulong Sequence, MessageAttachment Attachment)> references, Turn turn, Turn? previous)
    {
        if (record.Kind is not (MessageKind.Rich or MessageKind.Edit) || (record.Flags & RecordFlags.Erased) != 0)
        {
            return;
        }

        MessageAttributes said = MessageRules.AttributesOf(record.Kind, record.Body);
        foreach (UserId user in said.Mentions)
        {
            gone.Add(MessageKeys.Mention(conversation, user, record.Sequence));
        }

        // What a message that was deleted had is taken back already. Whether its body shows depends on how far commits are; this does not.
        bool isDeleted = state.Read(MessageKeys.Annotation(conversation, record.Sequence), turn, previous) is { } stored && Annotation.Read(stored).DeletedBy != 0;
        if (record.Kind == MessageKind.Edit || isDeleted)
        {
            return;
        }

        if (said.ExpiresMicros != 0)
        {
            gone.Add(MessageKeys.Expiry(said.ExpiresMicros, conversation, record.Sequence));
        }

        foreach (MessageAttachment attachment in said.Attachments)
        {
            references.Add((record.Sequence, attachment));
        }
    }
}
