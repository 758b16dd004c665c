using FastChat.Broker.Audit;
using FastChat.Broker.Conversations;
using FastChat.Broker.Keys;
using FastChat.Broker.Maintenance;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Shared;
using FastChat.Storage;

namespace FastChat.Broker.Retention;

/// <summary>
/// Does what an erased conversation has left to do: what was to be published there, its log, members, cursors and links, its keys, and last what the files still have of it. Which ones there are, small state says, so it goes on after a
/// restart; every step may be repeated. Pool threads, one at a time.
/// </summary>
internal sealed class ConversationErasures(Router router, IConversationLog log, LogTrimmer trimmer, KeyDestruction keys, AuditLog audit, CancellationToken stop)
{
    /// <exception cref="StorageException">Something that may be over later: it is tried again.</exception>
    /// <exception cref="OperationCanceledException">The broker stops, or the store has failed.</exception>
    public async Task EraseAsync(ConversationId conversation, ConversationMeta meta)
    {
        await EndScheduledAsync(conversation);
        await TrimAsync(conversation);
        await ClearAsync(conversation, isLast: false);
        Failpoint.Reach("conversation-cleared");
        await keys.DestroyConversationAsync(conversation);
        List<byte[]> prefixes = [.. "cdijmpqrwxz".Select(kind => MessageKeys.AllOf(kind, conversation))];
        if (meta.Name is { } name)
        {
            prefixes.Add(ConversationKeys.Name(name));
        }

        await FilePurge.RunAsync(log, prefixes);
        audit.Note(new AuditEntry(AuditAct.ConversationErased) { User = meta.Creator, Target = conversation.ToString(), Detail = "done" });
        await audit.FlushAsync();

        // The entry had the name, to know what is to leave the files.
        await ClearAsync(conversation, isLast: true);
        await FilePurge.RunAsync(log, [ConversationKeys.Meta(conversation)]);
    }

    private async Task EndScheduledAsync(ConversationId conversation)
    {
        List<UserId> authors = [];
        log.Scan(Table.State, MessageKeys.AllOf('N', conversation), [], (key, _) =>
        {
            authors.Add(new UserId(StateKeys.SecondId(key)));
            return true;
        });
        foreach (UserId author in authors)
        {
            List<ScheduledCommand> messages = [];
            log.Scan(Table.State, ScheduleKeys.AllOf(author, conversation), [], (key, _) =>
            {
                messages.Add(ScheduleKeys.MessageOf(key));
                return true;
            });
            foreach (ScheduledCommand message in messages)
            {
                await ExecuteAsync(CommandKind.CancelScheduled, new Actor(author, default, default), conversation, message.ToBytes());
            }
        }
    }

    /// <summary>What is damaged goes unread: nobody can tell what it made, and nobody needs to.</summary>
    private async Task TrimAsync(ConversationId conversation)
    {
        try
        {
            await trimmer.TrimAsync(conversation, static (in MessageRecord _) => false);
        }
        catch (CorruptRecordException)
        {
            LogHead head = log.ReadHead(conversation);
            await trimmer.FinishAsync(conversation, new LogStart(head.Sequence + 1, head.Chain));
        }
    }

    private async Task ClearAsync(ConversationId conversation, bool isLast)
    {
        byte[] body = new ClearConversationCommand(conversation, isLast).ToBytes();
        while ((await ExecuteAsync(CommandKind.ClearConversation, default, conversation, body)).Changed)
        {
            stop.ThrowIfCancellationRequested();
        }
    }

    private async Task<CommandResult> ExecuteAsync(CommandKind kind, Actor actor, ConversationId conversation, byte[] body)
    {
        CommandResult result = await router.ExecuteOwedAsync(kind, actor, router.Map.ShardOf(conversation.Value), body, stop);
        return result.Error == ErrorCode.StoreUnavailable ? throw new OperationCanceledException(result.Reason)
            : result.Error != ErrorCode.None ? throw new StorageException($"Conversation {conversation} is not erased: {result.Reason}")
            : result;
    }
}
