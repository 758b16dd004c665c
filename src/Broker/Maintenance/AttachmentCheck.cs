using System.Security.Cryptography;

using FastChat.Broker.Attachments;
using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>
/// Attachments: every stored one hashes to its name, chunk by chunk and as a whole; no chunk lies there that belongs to nothing; messages and references agree; counts and quotas are what the entries they
/// stand for add up to. What shards still owe one another is taken as done. A content follows from nothing: what is wrong is reported.
/// </summary>
public sealed class AttachmentCheck : StoreCheck
{
    private readonly Dictionary<AttachmentId, AttachmentRecord> _attachments = [];
    private readonly Dictionary<(AttachmentId Id, ulong Upload), UploadRecord> _underWay = [];
    private Dictionary<string, byte[]?>? _owed;
    private long _needed;
    private long _references;

    /// <inheritdoc/>
    public override string Stage => "attachments";

    /// <summary>Attachments that are stored.</summary>
    public long Count => _attachments.Count;

    /// <summary>Chunks that lie in the store, those of uploads under way included.</summary>
    public long Chunks { get; private set; }

    /// <inheritdoc/>
    public override void OnRecord(CheckedStore store, ConversationId conversation, in MessageRecord record)
    {
        if (record.Kind != MessageKind.Rich || (record.Flags & RecordFlags.Erased) != 0 || MessageContent.AttributesOf(record.Kind, record.Body) is not { Attachments.Count: > 0 } attributes)
        {
            return;
        }

        // Its body may be there still; what became of it is known.
        if (store.Get(Table.State, MessageKeys.Annotation(conversation, record.Sequence)) is { } stored && Annotation.Parse(stored) is { DeletedBy: > 0 })
        {
            return;
        }

        CheckReferences(store, $"Message {record.Sequence} of conversation {conversation}", conversation, record.Sequence, attributes.Attachments);
    }

    private void CheckReferences(CheckedStore store, string what, ConversationId conversation, ulong sequence, IReadOnlyList<MessageAttachment> attachments)
    {
        foreach (MessageAttachment attachment in attachments)
        {
            byte[] key = AttachmentKeys.Reference(attachment.Id, conversation, sequence);
            bool isThere = Owed(store).TryGetValue(Name(key), out byte[]? owed) ? owed is not null : store.Get(Table.State, key) is not null;
            _needed += isThere ? 1 : 0;
            if (!isThere)
            {
                store.Report($"{what} has attachment {attachment.Id}, which does not know of it.");
            }
            else if (AttachmentRecord.Parse(store.Get(Table.State, AttachmentKeys.Attachment(attachment.Id))) is not { } existing || existing.Size != attachment.Size)
            {
                store.Report($"{what} has attachment {attachment.Id} of {attachment.Size} bytes, which is not there.");
            }
        }
    }

    /// <inheritdoc/>
    public override void Finish(CheckedStore store)
    {
        CheckScheduled(store);
        CheckEntries(store);
        CheckChunks(store);
        CheckUsage(store);
        // Which attachments a message has that cannot be read, nobody can tell.
        if (store.IsLogSound && store.UnreadBodiesInAll == 0 && _needed != _references)
        {
            store.Report($"Messages refer to attachments {_needed} times, and attachments know of {_references}.");
        }
    }

    /// <summary>What waits for its time holds its attachments too.</summary>
    private void CheckScheduled(CheckedStore store) => store.Scan(Table.State, "T"u8, (key, value) =>
    {
        store.Tick(Stage);
        if (key.Length != ScheduleKeys.MessageSize)
        {
            return true;
        }

        ScheduledCommand named = ScheduleKeys.MessageOf(key);
        if (ScheduledMessage.Opened(value.ToArray(), named, store.Vault) is not { } stored)
        {
            store.NoteUnread();
        }
        else if (ScheduledMessage.TryParse(stored, out ScheduledMessage message))
        {
            CheckReferences(store, $"The scheduled message {named.Id} of user {named.User}", named.Conversation, AttachmentReferences.PlaceOf(named), message.Attachments);
        }

        return true;
    });

    private static string Name(ReadOnlySpan<byte> key) => Convert.ToHexString(key);

    /// <summary>What shards owe one another about attachments, each with what it will be at last; null = gone.</summary>
    private Dictionary<string, byte[]?> Owed(CheckedStore store)
    {
        if (_owed is null)
        {
            Dictionary<string, byte[]?> owed = [];
            store.Scan(Table.State, "o"u8, (_, value) =>
            {
                if (value.Length > sizeof(ushort) && StateWriteCommand.TryParse(value[sizeof(ushort)..], out StateWriteCommand? write))
                {
                    foreach (StateEntry entry in write.Entries.Where(entry => AttachmentKeys.IsOwedKind(entry.Key)))
                    {
                        owed[Name(entry.Key)] = entry.Value;
                    }
                }

                return true;
            });
            _owed = owed;
            _references += owed.Count(entry => entry.Value is not null && entry.Key.StartsWith("42", StringComparison.Ordinal));
        }

        return _owed;
    }

    /// <summary>An attachment, then the messages that refer to it, then its uploads: the order of their keys.</summary>
    private void CheckEntries(CheckedStore store)
    {
        Dictionary<string, byte[]?> owed = Owed(store);
        AttachmentId current = default;
        AttachmentRecord found = new(0, 0, 0, 0, 0, 0);
        store.Scan(Table.State, "B"u8, (key, value) =>
        {
            store.Tick(Stage);
            AttachmentId id = key.Length < AttachmentKeys.AttachmentSize ? default : AttachmentId.Read(key[1..]);
            if (id != current)
            {
                Compare(store, current, found);
                (current, found) = (id, found with { References = 0, Claims = 0, Owners = 0 });
            }

            if (key.Length == AttachmentKeys.AttachmentSize && AttachmentRecord.Parse(value) is { } attachment)
            {
                _attachments[id] = attachment;
            }
            else if (AttachmentKeys.IsReference(key))
            {
                found = found with { References = found.References + 1 };
                _references += owed.ContainsKey(Name(key)) ? 0 : 1;
            }
            else if (AttachmentKeys.IsUpload(key) && UploadRecord.Parse(value) is { } upload)
            {
                found = found with { Claims = found.Claims + (upload.IsClaim ? 1u : 0), Owners = found.Owners + (upload.State == UploadState.Stored ? 1u : 0) };
                CheckUpload(store, id, AttachmentKeys.UserAtEnd(key), upload);
            }
            else
            {
                store.Report($"The attachment entry {Convert.ToHexStringLower(key)} cannot be read.");
            }

            return true;
        });
        Compare(store, current, found);
    }

    private void Compare(CheckedStore store, AttachmentId id, AttachmentRecord found)
    {
        AttachmentRecord counted = _attachments.GetValueOrDefault(id) ?? new AttachmentRecord(0, 0, 0, 0, 0, 0);
        if ((counted.References, counted.Claims, counted.Owners) != (found.References, found.Claims, found.Owners))
        {
            store.Report(
                $"Attachment {id} counts {counted.References} references, {counted.Claims} claims and {counted.Owners} owners; there are {found.References}, {found.Claims} and {found.Owners}.");
        }
    }

    private void CheckUpload(CheckedStore store, AttachmentId id, UserId user, UploadRecord upload)
    {
        if (upload.IsUnderWay)
        {
            _underWay[(id, upload.Upload)] = upload;
        }

        if (upload.ExpiresMicros != 0 && store.Get(Table.State, AttachmentKeys.Due(upload.ExpiresMicros, id, user)) is null)
        {
            store.Report($"The upload of attachment {id} by {user} would never end.");
        }

        byte[] owned = AttachmentKeys.Owned(user, id);
        if (upload.State is UploadState.Open or UploadState.Stored && !Owed(store).ContainsKey(Name(owned))
            && OwnedRecord.Parse(store.Get(Table.State, owned))?.Upload != upload.Upload)
        {
            store.Report($"The upload of attachment {id} by {user} is not in what that user pays for.");
        }
    }

    private void CheckChunks(CheckedStore store)
    {
        HashSet<AttachmentId> missing = [.. _attachments.Where(entry => entry.Value.Chunks > 0).Select(entry => entry.Key)];
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        (AttachmentId Id, ulong Upload) current = default;
        uint chunks = 0;
        bool isSound = true;
        store.Scan(Table.State, "C"u8, (key, value) =>
        {
            store.Tick(Stage);
            if (key.Length != AttachmentKeys.ChunkSize)
            {
                store.Report($"The chunk entry {Convert.ToHexStringLower(key)} cannot be read.");
                return true;
            }

            Chunks++;
            (AttachmentId Id, ulong Upload) of = AttachmentKeys.OfChunk(key);
            if (of != current)
            {
                End();
                (current, chunks, isSound) = (of, 0, true);
            }

            try
            {
                chunks++;
                hash.AppendData(StoredChunk.ContentOf(key.ToArray(), value.ToArray()).Span);
            }
            catch (CorruptRecordException damage)
            {
                isSound = false;
                store.Report($"Attachment {of.Id}: {damage.Message}.");
            }

            return true;
        });
        End();
        foreach (AttachmentId id in missing)
        {
            store.Report($"Attachment {id} has none of its chunks.");
        }

        void End()
        {
            Span<byte> result = stackalloc byte[AttachmentId.Size];
            hash.GetHashAndReset(result);
            if (chunks == 0)
            {
                return;
            }

            if (_attachments.GetValueOrDefault(current.Id) is { } attachment && attachment.Upload == current.Upload)
            {
                missing.Remove(current.Id);
                if (isSound && (AttachmentId.Read(result) != current.Id || chunks != attachment.Chunks))
                {
                    store.Report($"Attachment {current.Id} has {chunks} chunks, which are not what its hash says.");
                }
            }
            else if (_underWay.GetValueOrDefault(current) is not { } upload || chunks != (uint)upload.Present().Count())
            {
                store.Report($"Upload {current.Upload:x16} of attachment {current.Id} has {chunks} chunks that nobody knows of.");
            }
        }
    }

    private void CheckUsage(CheckedStore store)
    {
        UserId current = default;
        UsageRecord told = new(0, 0, 0);
        UsageRecord sum = told;
        store.Scan(Table.State, "A"u8, (key, value) =>
        {
            store.Tick(Stage);
            UserId user = key.Length < StateKeys.AccountSize ? default : UserId.Read(key[1..]);
            if (user != current)
            {
                End();
                (current, told, sum) = (user, new UsageRecord(0, 0, 0), new UsageRecord(0, 0, 0));
            }

            if (key.Length == StateKeys.AccountSize && UsageRecord.Parse(value) is { } usage)
            {
                told = usage;
            }
            else if (AttachmentKeys.IsOwned(key) && OwnedRecord.Parse(value) is { } owned)
            {
                sum = new UsageRecord(sum.Bytes + owned.Charge, sum.Count + 1, sum.Open + (owned.IsOpen ? 1u : 0));
                AttachmentId id = AttachmentId.Read(key[StateKeys.AccountSize..]);
                if (!Owed(store).ContainsKey(Name(key)) && UploadRecord.Parse(store.Get(Table.State, AttachmentKeys.Upload(id, user)))?.Upload != owned.Upload)
                {
                    store.Report($"User {user} pays for attachment {id}, of which there is no such upload.");
                }
            }
            else
            {
                store.Report($"The quota entry {Convert.ToHexStringLower(key)} cannot be read.");
            }

            return true;
        });
        End();

        void End()
        {
            if (told != sum)
            {
                store.Report($"User {current} is said to use {told.Bytes} bytes for {told.Count} attachments, {told.Open} of them under way; it is {sum.Bytes} for {sum.Count}, {sum.Open}.");
            }
        }
    }
}
