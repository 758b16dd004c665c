using System.Collections.Concurrent;

using FastChat.Broker.Attachments;
using FastChat.Broker.Audit;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Identity;
using FastChat.Broker.Keys;
using FastChat.Broker.Maintenance;
using FastChat.Broker.People;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Shared;
using FastChat.Storage;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Privacy;

/// <summary>
/// Erases people (docs/decisions/0034-people-who-go.md). Asking for it is one commit: from then on nobody signs in to the account, its name is nobody's, and an entry says what is to be done, which survives every crash. The rest
/// follows one person at a time: what is theirs alone, where they belonged, what they wrote, and last what the files still have of it. Every step may be repeated without effect.
/// </summary>
internal sealed class PersonErasures : IDisposable
{
    /// <summary>Sessions are closed within a second; what they had sent by then is in the log after two.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(30);

    private readonly Router _router;
    private readonly IConversationLog _log;
    private readonly Accounts _accounts;
    private readonly SessionRegistry _sessions;
    private readonly KeyDestruction _keys;
    private readonly AuditLog _audit;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly PersonRecords _records;
    private readonly ConcurrentQueue<UserId> _waiting = new();
    private readonly CancellationTokenSource _stop = new();
    private int _count;

    public PersonErasures(
        Router router, IConversationLog log, Accounts accounts, SessionRegistry sessions, KeyDestruction keys, AuditLog audit, TimeProvider clock, ILogger logger)
    {
        (_router, _log, _accounts, _sessions, _keys, _audit, _clock, _logger) = (router, log, accounts, sessions, keys, audit, clock, logger);
        _records = new PersonRecords(log, clock);
    }

    /// <summary>True when the erasure reaches backups that were taken before.</summary>
    public bool ReachBackups => _keys.IsEncrypting;

    /// <summary>How the erasure of somebody goes; null when nobody asked for it.</summary>
    public StoredErasure? Find(UserId user) => _log.Get(Table.State, StoredErasure.Key(user)) is { } stored && StoredErasure.TryParse(stored, out StoredErasure? erasure) ? erasure : null;

    /// <summary>Goes on with what was under way when the broker stopped.</summary>
    public void Recover() => _log.Scan(Table.State, "E"u8, [], (key, value) =>
    {
        if (StoredErasure.TryParse(value, out StoredErasure? erasure) && erasure.DoneMicros == 0)
        {
            Enqueue(UserId.Read(key[1..]));
        }

        return true;
    });

    /// <summary>
    /// Begins to erase somebody who has an account: when it completes, nobody signs in to it any more; the caller closes its sessions (<see cref="CloseSessions"/>). Asked again, it does nothing. The audit log has it before anything is done.
    /// </summary>
    /// <exception cref="AuditLogException">The audit log cannot be written: nothing is done.</exception>
    public async Task<CommandResult> BeginAsync(UserId user, Actor by)
    {
        if (Find(user) is not null)
        {
            return new CommandResult(ErrorCode.None);
        }

        if (_accounts.RecordOf(user) is not { } account)
        {
            return new CommandResult(ErrorCode.NoSuchUser, "there is no such user");
        }

        if (account.Rights != AccountRights.None)
        {
            return new CommandResult(ErrorCode.Forbidden, "accounts of programs and of operators are no people's: they are ended, not erased");
        }

        _audit.Note(new AuditEntry(AuditAct.PersonErased) { User = by.User, Device = by.Device, Target = user.ToString(), Detail = "begun" });
        await _audit.FlushAsync();
        List<StateEntry> entries = [];
        byte[] nameKey = [];
        if (account.IsExternal)
        {
            nameKey = IdentityKeys.Name(StateKeys.ExternalNames, account.Name);
        }
        else if (Names.TryCanonicalize(account.Name, out string? canonical))
        {
            nameKey = IdentityKeys.Name(StateKeys.UserNames, canonical);
            entries.Add(new StateEntry(IdentityKeys.ErasedName(canonical), ControlMap.IdBytes(user.Value)));
        }

        StoredErasure erasure = new(_router.NowMicros(), by.User) { NameKey = nameKey };
        if (nameKey.Length != 0)
        {
            entries.Add(new StateEntry(nameKey, null));
        }

        entries.AddRange([new StateEntry(IdentityKeys.Account(user), AccountRecord.OfErased.ToBytes()), new StateEntry(StoredErasure.Key(user), erasure.ToBytes(), MustBeAbsent: true)]);
        CommandResult begun = await _accounts.WriteAsync(user, entries, CancellationToken.None);
        if (begun.Error == ErrorCode.None)
        {
            Enqueue(user);
        }

        // Somebody else was faster by a moment.
        return begun.Existing is null ? begun : new CommandResult(ErrorCode.None);
    }

    /// <summary>Closes the sessions of somebody whose erasure has begun. Apart, so that who asked for their own gets the answer before the close.</summary>
    public void CloseSessions(UserId user) => _sessions.CloseAllOf(user, CloseCode.TokenInvalid, "the account was erased");

    /// <summary>Stops; what is not done is done after the next start.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        SpinWait.SpinUntil(() => Volatile.Read(ref _count) == 0, TimeSpan.FromSeconds(5));
        _stop.Dispose();
    }

    private void Enqueue(UserId user)
    {
        _waiting.Enqueue(user);
        if (Interlocked.Increment(ref _count) == 1)
        {
            Continuation.Queue(static erasures => _ = erasures.RunAsync(), this);
        }
    }

    private async Task RunAsync()
    {
        do
        {
            _waiting.TryDequeue(out UserId user);
            try
            {
                while (!_stop.IsCancellationRequested && !await TryEraseAsync(user))
                {
                    await Task.Delay(TryAgain, _clock, _stop.Token);
                }
            }
            catch (OperationCanceledException)
            {
                // The broker is stopping; the entry says that it is not done.
            }
        }
        while (Interlocked.Decrement(ref _count) != 0);
    }

    /// <summary>False when something failed that may be over later.</summary>
    private async Task<bool> TryEraseAsync(UserId user)
    {
        try
        {
            await EraseAsync(user);
            return true;
        }
        catch (Exception failure) when (failure is not OperationCanceledException && !_stop.IsCancellationRequested)
        {
            BrokerLog.ErasureDefect(_logger, failure);
            return _router.Failure is not null;
        }
    }

    private async Task EraseAsync(UserId user)
    {
        await Task.Delay(Settling, _clock, _stop.Token);
        CloseSessions(user);
        await EndScheduledAsync(user);
        await EndMembershipsAsync(user);
        await EndUploadsAsync(user);
        await EndOwnEntriesAsync(user);
        StoredErasure erasure = Find(user)!;
        erasure = await EraseMessagesAsync(user, erasure);

        // Behind the records, because what follows from a body is found by reading it; before the files, because it is the one step that reaches copies, and merging tables may take long.
        await _keys.DestroyPersonAsync(user);
        await FilePurge.RunAsync(_log,
        [
            StoredErasure.Key(user), IdentityKeys.Account(user), PeopleKeys.Profile(user), StoredIdentity.KeyOf(user), Prefixed('s', user), Prefixed('T', user), Prefixed('v', user), Prefixed('h', user),
            .. erasure.NameKey.Length == 0 ? Array.Empty<byte[]>() : [erasure.NameKey],
        ]);

        // The entry itself had the name, to know what is to be purged.
        erasure = erasure with { NameKey = [], Place = default };
        await WriteAsync(user.Value, [new StateEntry(StoredErasure.Key(user), erasure.ToBytes())]);
        await FilePurge.RunAsync(_log, [StoredErasure.Key(user)]);
        _audit.Note(new AuditEntry(AuditAct.PersonErased) { User = erasure.By, Target = user.ToString(), Detail = "done" });
        await _audit.FlushAsync();
        await WriteAsync(user.Value, [new StateEntry(StoredErasure.Key(user), (erasure with { DoneMicros = _router.NowMicros() }).ToBytes())]);
    }

    /// <summary>What waits to be published is not.</summary>
    private async Task EndScheduledAsync(UserId user)
    {
        foreach (byte[] key in KeysOf(ScheduleKeys.AllOf(user, default)))
        {
            ScheduledCommand message = ScheduleKeys.MessageOf(key);
            await ExecuteAsync(CommandKind.CancelScheduled, new Actor(user, default, default), message.Conversation.Value, message.ToBytes());
        }
    }

    /// <summary>Leaves every conversation, with the record that this is, and takes the cursors away. A direct conversation has two for good: there only the cursors go.</summary>
    private async Task EndMembershipsAsync(UserId user)
    {
        Actor self = new(user, default, default);
        foreach (byte[] key in KeysOf(Prefixed('l', user)))
        {
            ConversationId conversation = new(StateKeys.SecondId(key));
            await ExecuteAsync(CommandKind.ChangeMembers, self, conversation.Value, new ChangeMembersCommand(conversation, MemberRole.None, [user]).ToBytes());
            await ExecuteAsync(CommandKind.ChangeMember, self, conversation.Value, new ChangeMemberCommand(conversation, user, MemberChange.Decline).ToBytes());
        }

        foreach (IGrouping<ConversationId, byte[]> own in KeysOf(Prefixed('u', user)).GroupBy(key => new ConversationId(StateKeys.SecondId(key))))
        {
            foreach (byte[][] some in own.Chunk(EraseMessagesCommand.CountMax))
            {
                ulong[] threads = [.. some.Select(key => key.Length == StateKeys.CursorSize(0) ? 0 : MessageKeys.LastSequence(key))];
                await ExecuteAsync(CommandKind.ForgetCursors, self, own.Key.Value, new ForgetCursorsCommand(own.Key, user, threads).ToBytes());
            }
        }
    }

    private async Task EndUploadsAsync(UserId user)
    {
        foreach (byte[] key in KeysOf(AttachmentKeys.Usage(user)).Where(key => AttachmentKeys.IsOwned(key)))
        {
            AttachmentId id = AttachmentId.Read(key.AsSpan(1 + Id128.Size));
            await ExecuteAsync(CommandKind.Attachment, default, id.High, new AttachmentCommand { Operation = AttachmentOperation.Cancel, Id = id, Who = user }.ToBytes());
        }
    }

    /// <summary>Tokens and devices, profile, presence, what is hidden, blocks, and times of slow mode: nothing follows from them.</summary>
    private async Task EndOwnEntriesAsync(UserId user)
    {
        foreach (byte[] key in KeysOf(PeopleKeys.Blocks(user)))
        {
            UserId other = new(StateKeys.SecondId(key));
            await ExecuteAsync(CommandKind.ChangePerson, new Actor(user, default, default), user.Value, new PersonCommand.SetBlock(other, IsBlocked: false).ToBytes());
        }

        CommandResult ended = await _accounts.Devices.EndAsync(user, _accounts.Devices.All(user));
        if (ended.Error != ErrorCode.None)
        {
            throw new StorageException(ended.Reason);
        }

        byte[] identityKey = StoredIdentity.KeyOf(user);
        if (_log.Get(Table.State, identityKey) is { } stored && StoredIdentity.TryParse(stored, out StoredIdentity? identity))
        {
            // Their client may go on showing assertions: what they are found by stays, and leads to nobody, so that no account is made for them behind their back.
            await WriteAsync(user.Value, [new StateEntry(identity.PointerKey, StoredIdentity.Pointer(default)), new StateEntry(identityKey, null)]);
        }

        List<byte[]> keys = [.. TokensOf(user), PeopleKeys.Profile(user), Prefixed('s', user), .. KeysOf(HiddenKeys.AllOf(user, default)), HiddenKeys.Summary(user)];
        foreach (byte[][] some in keys.Chunk(256))
        {
            await WriteAsync(user.Value, some.Select(key => new StateEntry(key, null)).ToArray());
        }
    }

    /// <summary>Those that no device speaks of. They stand under the hashes of what signs in, so all of them are looked at.</summary>
    private List<byte[]> TokensOf(UserId user)
    {
        List<byte[]> keys = [];
        _log.Scan(Table.State, "t"u8, [], (key, value) =>
        {
            if (TokenRecord.TryParse(value, out TokenRecord token) && token.User == user)
            {
                keys.Add(key.ToArray());
            }

            return true;
        });
        return keys;
    }

    private async Task<StoredErasure> EraseMessagesAsync(UserId user, StoredErasure erasure)
    {
        while (_records.ConversationsBehind(erasure.Place) is { Count: > 0 } some)
        {
            foreach (ConversationId conversation in some)
            {
                ulong erased = 0;
                await _records.ReadAsync(
                    conversation,
                    async (_, records) =>
                    {
                        foreach (ulong[] sequences in Together(ErasableIn(records.Span, user)))
                        {
                            byte[] body = new EraseMessagesCommand(conversation, user, sequences).ToBytes();
                            erased += (ulong)(await ExecuteAsync(CommandKind.EraseMessages, new Actor(user, default, default), conversation.Value, body)).Count;
                        }
                    },
                    _stop.Token);
                erasure = erasure with { Erased = erasure.Erased + erased };
            }

            erasure = erasure with { Place = some[^1] };
            await WriteAsync(user.Value, [new StateEntry(StoredErasure.Key(user), erasure.ToBytes())]);
        }

        return erasure;
    }

    private static List<ulong> ErasableIn(ReadOnlySpan<byte> records, UserId author)
    {
        List<ulong> found = [];
        while (MessageRecord.TryRead(ref records, out MessageRecord record))
        {
            if (record.Sender == author && (record.Flags & RecordFlags.Erased) == 0 && (MessageKinds.IsMessage(record.Kind) || record.Kind == MessageKind.Reaction))
            {
                found.Add(record.Sequence);
            }
        }

        return found;
    }

    /// <summary>As one record may name them.</summary>
    private static IEnumerable<ulong[]> Together(List<ulong> sequences)
    {
        for (int at = 0; at < sequences.Count;)
        {
            int end = at;
            while (end < sequences.Count && end - at < EraseMessagesCommand.CountMax && sequences[end] - sequences[at] < ErasedBody.SpanMax)
            {
                end++;
            }

            yield return [.. sequences[at..end]];
            at = end;
        }
    }

    private List<byte[]> KeysOf(byte[] prefix)
    {
        List<byte[]> keys = [];
        _log.Scan(Table.State, prefix, [], (key, _) =>
        {
            keys.Add(key.ToArray());
            return true;
        });
        return keys;
    }

    private Task WriteAsync(UInt128 owner, IReadOnlyList<StateEntry> entries) => ExecuteAsync(CommandKind.StateWrite, default, owner, new StateWriteCommand(entries).ToBytes());

    /// <summary>Refusals say that it is so already, or that it is not theirs to do; what may be over later, such as a full disk, is tried again; a store that failed or is closed ends the work.</summary>
    private async Task<CommandResult> ExecuteAsync(CommandKind kind, Actor actor, UInt128 owner, byte[] body)
    {
        CommandResult result = await _router.ExecuteOwedAsync(kind, actor, _router.Map.ShardOf(owner), body, _stop.Token);
        return result.Error == ErrorCode.StoreUnavailable ? throw new OperationCanceledException(result.Reason)
            : ErrorCodes.IsRetryable(result.Error) ? throw new StorageException(result.Reason)
            : result;
    }

    private static byte[] Prefixed(char kind, UserId user) => [(byte)kind, .. ControlMap.IdBytes(user.Value)];
}
