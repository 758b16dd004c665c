using FastChat.Broker.Routing;
using FastChat.Protocol;

namespace FastChat.Broker.Attachments;

/// <summary>
/// What a user's shard does: it keeps what they pay for, one by one and in sum, so that an upload is refused before the first chunk. Its end is owed by the shard of the hash. Loop thread only.
/// </summary>
internal sealed class UsageCommands(ShardState state)
{
    /// <summary>Has an upload count, or says why the quota has no room for it. Asked again, it changes nothing.</summary>
    public CommandResult Reserve(in AttachmentCommand command, Turn turn, Turn? previous)
    {
        byte[] key = AttachmentKeys.Owned(command.Who, command.Id);
        OwnedRecord? existing = OwnedRecord.Parse(state.Read(key, turn, previous));
        if (existing is not null && existing.Upload == command.Upload)
        {
            return new CommandResult(ErrorCode.None);
        }

        OwnedRecord owned = new(IsOpen: true, IsReleased: false, command.Upload, command.First);
        UsageRecord usage = Exchange(Usage(command.Who, turn, previous), existing, owned);
        if (usage.Open > command.Third)
        {
            return new CommandResult(ErrorCode.TooMany, $"at most {command.Third} uploads are open at a time: finish or cancel one");
        }

        if (usage.Bytes > command.Second)
        {
            return new CommandResult(ErrorCode.QuotaExceeded, $"the quota of {command.Second} bytes has no room for it");
        }

        turn.Put(key, owned.ToBytes());
        turn.Put(AttachmentKeys.Usage(command.Who), usage.ToBytes());
        return new CommandResult(ErrorCode.None) { Changed = true };
    }

    /// <summary>Writes what the shard of a hash owed. What concerns an upload that is not the last one is out of date.</summary>
    public void Write(in StateEntry entry, Turn turn, Turn? previous)
    {
        OwnedRecord? existing = OwnedRecord.Parse(state.Read(entry.Key, turn, previous));
        if (OwnedRecord.Parse(entry.Value) is not { } owed || (existing is null ? owed.IsReleased : existing.Upload != owed.Upload))
        {
            return;
        }

        UserId user = UserId.Read(entry.Key.AsSpan(1));
        UsageRecord usage = Exchange(Usage(user, turn, previous), existing, owed.IsReleased ? null : owed);
        if (owed.IsReleased)
        {
            turn.Delete(entry.Key);
        }
        else
        {
            turn.Put(entry.Key, owed.ToBytes());
        }

        if (usage.Count == 0)
        {
            turn.Delete(AttachmentKeys.Usage(user));
        }
        else
        {
            turn.Put(AttachmentKeys.Usage(user), usage.ToBytes());
        }
    }

    private UsageRecord Usage(UserId user, Turn turn, Turn? previous) => UsageRecord.Parse(state.Read(AttachmentKeys.Usage(user), turn, previous)) ?? new UsageRecord(0, 0, 0);

    /// <summary>The sum when one entry takes the place of another.</summary>
    private static UsageRecord Exchange(UsageRecord sum, OwnedRecord? before, OwnedRecord? after) => new(
        sum.Bytes - (before?.Charge ?? 0) + (after?.Charge ?? 0),
        sum.Count - (before is null ? 0u : 1) + (after is null ? 0u : 1),
        sum.Open - (before is { IsOpen: true } ? 1u : 0) + (after is { IsOpen: true } ? 1u : 0));
}
