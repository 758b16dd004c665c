using System.Buffers.Binary;
using System.Text.Json;

using FastChat.Broker.Attachments;
using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
using FastChat.Broker.People;
using FastChat.Broker.Presence;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Privacy;

/// <summary>
/// What is in the archive of a person (docs/operations.md, "Exporting a person's data"): everything that is theirs, and of others nothing but ids. What signs in (verifiers, tokens) is not in it, and neither are the words of
/// others: of what was answered or forwarded there stands where it is. Pool threads.
/// </summary>
internal sealed class PersonArchive(IConversationLog log, Accounts accounts, PersonRecords records, AttachmentOptions attachmentOptions)
{
    private readonly AttachmentReads _attachments = new(log);

    /// <summary>Writes everything; returns how many messages there are.</summary>
    /// <param name="progress">Told how many conversations were looked through.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    /// <exception cref="IOException">It does not fit.</exception>
    public async Task<ulong> WriteAsync(UserId user, ArchiveWriter archive, Action<ulong> progress, CancellationToken stop)
    {
        WriteAccount(user, archive);
        WriteEntries(archive, "devices.jsonl", Prefixed('v', user), static (json, key, value) =>
        {
            json.WriteString("device", $"{StateKeys.Device(key).Value:x16}");
            if (StoredDevice.TryParse(value, out StoredDevice? device))
            {
                json.WriteString("name", device.Name);
                WriteTime(json, "created_at", device.CreatedMicros);
                WriteTime(json, "last_seen", device.LastSeenMicros);
            }
        });
        WriteEntries(archive, "conversations.jsonl", Prefixed('l', user), WriteConversation);
        WriteEntries(archive, "cursors.jsonl", Prefixed('u', user), static (json, key, value) =>
        {
            ReadCursor cursor = ReadCursor.Parse(value);
            json.WriteString("conversation", new ConversationId(StateKeys.SecondId(key)).ToString());
            if (key.Length > StateKeys.CursorSize(0))
            {
                json.WriteNumber("thread", MessageKeys.LastSequence(key));
            }

            json.WriteNumber("delivered", cursor.Delivered);
            json.WriteNumber("read", cursor.Read);
            json.WriteNumber("public_read", cursor.PublicRead);
        });
        WriteEntries(archive, "blocks.jsonl", PeopleKeys.Blocks(user), static (json, key, value) =>
        {
            json.WriteString("user", new UserId(StateKeys.SecondId(key)).ToString());
            WriteTime(json, "since", value.Length >= sizeof(long) ? BinaryPrimitives.ReadInt64LittleEndian(value) : 0);
        });
        WriteEntries(archive, "hidden.jsonl", HiddenKeys.AllOf(user, default), static (json, key, _) =>
        {
            json.WriteString("conversation", HiddenKeys.ConversationOf(key).ToString());
            json.WriteNumber("sequence", MessageKeys.LastSequence(key));
        });
        WriteEntries(archive, "scheduled.jsonl", ScheduleKeys.AllOf(user, default), static (json, key, value) =>
        {
            ScheduledMessage message = ScheduledMessage.Parse(value);
            ScheduledCommand named = ScheduleKeys.MessageOf(key);
            json.WriteString("conversation", named.Conversation.ToString());
            json.WriteString("id", named.Id.ToString());
            WriteTime(json, "at", message.AtMicros);
            WriteContent(json, message.Kind, message.Body);
        });
        ulong count = await WriteRecordsAsync(user, archive, progress, stop);
        await WriteAttachmentsAsync(user, archive, stop);
        return count;
    }

    private void WriteAccount(UserId user, ArchiveWriter archive)
    {
        using ArchiveWriter.Part part = archive.Begin("account.jsonl");
        part.WriteLine(json =>
        {
            json.WriteString("user", user.ToString());
            if (accounts.RecordOf(user) is { } account)
            {
                json.WriteString("name", account.Name);
                json.WriteBoolean("external", account.IsExternal);
                json.WriteBoolean("password", account.HasPassword);
                WriteTime(json, "created_at", account.CreatedMicros);
            }

            StoredProfile profile = StoredProfile.Of(log.Get(Table.State, PeopleKeys.Profile(user)));
            json.WriteStartObject("profile");
            json.WriteString("display_name", profile.DisplayName);
            json.WriteString("avatar", profile.Avatar);
            json.WriteString("locale", profile.Locale);
            foreach ((string key, string value) in profile.Fields.All)
            {
                json.WriteString("field " + key, value);
            }

            json.WriteEndObject();
            if (log.Get(Table.State, Prefixed('s', user)) is { } stored && PresenceRecord.TryParse(stored, out PresenceRecord? presence))
            {
                json.WriteStartObject("presence");
                json.WriteString("chosen", presence.Chosen.ToString().ToLowerInvariant());
                json.WriteString("status", presence.Status);
                WriteTime(json, "last_seen", presence.LastSeenMicros);
                WriteTime(json, "status_until", presence.StatusUntilMicros);
                json.WriteEndObject();
            }

            if (log.Get(Table.State, StoredIdentity.KeyOf(user)) is { } elsewhere && StoredIdentity.TryParse(elsewhere, out StoredIdentity? identity))
            {
                json.WriteStartObject("identity");
                json.WriteString("issuer", identity.Issuer);
                json.WriteString("subject", identity.Subject);
                WriteTime(json, "assertions_since", identity.SinceMicros);
                json.WriteEndObject();
            }

            UsageRecord usage = _attachments.Usage(user);
            json.WriteStartObject("limits");
            json.WriteNumber("attachment_bytes", usage.Bytes);
            json.WriteNumber("attachments", usage.Count);
            json.WriteNumber("attachment_quota", attachmentOptions.Quota);
            json.WriteEndObject();
        });
    }

    private void WriteConversation(Utf8JsonWriter json, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        ConversationId conversation = new(StateKeys.SecondId(key));
        Membership membership = Membership.Parse(value);
        json.WriteString("conversation", conversation.ToString());
        if (log.Get(Table.State, ConversationKeys.Meta(conversation)) is { } stored && ConversationMeta.TryParse(stored, out ConversationMeta? meta))
        {
            json.WriteString("kind", ConversationKinds.NameOf(meta.Kind));
            json.WriteString("name", meta.Name);
            json.WriteString("title", meta.Title);
        }

        json.WriteString("role", MemberRoles.NameOf(membership.Role));
        json.WriteNumber("since", membership.Since);
        json.WriteNumber("visible_from", membership.VisibleFrom);
        WriteTime(json, "muted_until", membership.MutedUntil);
    }

    private void WriteEntries(ArchiveWriter archive, string name, byte[] prefix, EntryWriter write)
    {
        using ArchiveWriter.Part part = archive.Begin(name);
        byte[] after = [];
        bool isMore = true;
        while (isMore)
        {
            // Some at a time: a scan sees one moment of the store, and keeps that alive while it lasts.
            List<(byte[] Key, byte[] Value)> some = [];
            log.Scan(Table.State, prefix, after, (key, value) =>
            {
                some.Add((key.ToArray(), value.ToArray()));
                return some.Count < 256;
            });
            foreach ((byte[] key, byte[] value) in some)
            {
                part.WriteLine(json => write(json, key, value));
            }

            isMore = some.Count == 256;
            after = isMore ? some[^1].Key : after;
        }
    }

    /// <summary>What they wrote anywhere, and what was done with them anywhere: also where they are not any more.</summary>
    private async Task<ulong> WriteRecordsAsync(UserId user, ArchiveWriter archive, Action<ulong> progress, CancellationToken stop)
    {
        using ArchiveWriter.Part part = archive.Begin("records.jsonl");
        ulong count = 0;
        ulong looked = 0;
        ConversationId place = default;
        while (records.ConversationsBehind(place) is { Count: > 0 } some)
        {
            foreach (ConversationId conversation in some)
            {
                await records.ReadAsync(
                    conversation,
                    (_, page) =>
                    {
                        count += WriteRecords(part, conversation, page.Span, user);
                        return default;
                    },
                    stop);
                progress(++looked);
            }

            place = some[^1];
        }

        return count;
    }

    private ulong WriteRecords(ArchiveWriter.Part part, ConversationId conversation, ReadOnlySpan<byte> page, UserId user)
    {
        ulong count = 0;
        while (MessageRecord.TryRead(ref page, out MessageRecord record))
        {
            bool isOwn = record.Sender == user;
            bool isAbout = record.Kind is MessageKind.MemberAdded or MessageKind.MemberRemoved or MessageKind.MemberChanged
                && MembershipBody.TryRead(record.Body, out MembershipBody membership) && membership.User == user;
            if (isOwn || isAbout)
            {
                byte[] bytes = record.Bytes.ToArray();
                part.WriteLine(json => WriteRecord(json, conversation, MessageRecord.Of(bytes)));
                count++;
            }
        }

        return count;
    }

    private void WriteRecord(Utf8JsonWriter json, ConversationId conversation, in MessageRecord record)
    {
        json.WriteString("conversation", conversation.ToString());
        json.WriteNumber("epoch", log.Epoch);
        json.WriteNumber("sequence", record.Sequence);
        WriteTime(json, "sent_at", record.SentAtMicros);
        json.WriteNumber("kind", (byte)record.Kind);
        json.WriteString("sender", record.Sender.ToString());
        json.WriteString("device", $"{record.Device.Value:x16}");
        json.WriteString("client_message_id", record.ClientMessageId.ToString());
        if ((record.Flags & RecordFlags.Erased) != 0)
        {
            json.WriteBoolean("erased", true);
            return;
        }

        if (MessageContent.TargetOf(record.Kind, record.Body) is var target && target != 0)
        {
            json.WriteNumber("target", target);
        }

        switch (record.Kind)
        {
            case MessageKind.Reaction when ReactionBody.TryRead(record.Body, out ReactionBody? reaction):
                json.WriteString("reaction", reaction.Reaction);
                json.WriteBoolean("added", reaction.IsAdded);
                break;
            case MessageKind.Pin when PinBody.TryRead(record.Body, out PinBody pin):
                json.WriteBoolean("pinned", pin.IsPinned);
                break;
            case MessageKind.MemberAdded or MessageKind.MemberRemoved or MessageKind.MemberChanged when MembershipBody.TryRead(record.Body, out MembershipBody membership):
                json.WriteString("user", membership.User.ToString());
                json.WriteString("role", MemberRoles.NameOf(membership.Role));
                break;
            case MessageKind.Text or MessageKind.Opaque or MessageKind.Rich or MessageKind.Edit:
                WriteContent(json, record.Kind, record.Body);
                break;
        }
    }

    /// <summary>What a message says; of a forwarded one only where it is from, because those are another's words.</summary>
    private static void WriteContent(Utf8JsonWriter json, MessageKind kind, ReadOnlySpan<byte> body)
    {
        MessageAttributes? said = MessageContent.AttributesOf(kind, body);
        if (said?.Forwarded is { } from)
        {
            json.WriteStartObject("forwarded_from");
            json.WriteString("conversation", from.Conversation.ToString());
            json.WriteNumber("sequence", from.Sequence);
            json.WriteString("sender", from.Sender.ToString());
            json.WriteEndObject();
        }
        else if (MessageContent.TextOf(kind, body) is { } text)
        {
            json.WriteString("text", text);
        }
        else
        {
            json.WriteBase64String("bytes", MessageContent.Of(kind, body, out _));
        }

        if (said is null)
        {
            return;
        }

        json.WriteNumber("reply_to", said.ReplyTo);
        json.WriteNumber("thread", said.Thread);
        WriteTime(json, "expires", said.ExpiresMicros);
        json.WriteStartArray("mentions");
        foreach (UserId mention in said.Mentions)
        {
            json.WriteStringValue(mention.ToString());
        }

        json.WriteEndArray();
        json.WriteStartArray("attachments");
        foreach (MessageAttachment attachment in said.Attachments)
        {
            json.WriteStartObject();
            json.WriteString("sha256", attachment.Id.ToString());
            json.WriteNumber("bytes", attachment.Size);
            json.WriteString("name", attachment.Name);
            json.WriteString("media_type", attachment.MediaType);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>What they uploaded and still pay for, each under its hash.</summary>
    private async Task WriteAttachmentsAsync(UserId user, ArchiveWriter archive, CancellationToken stop)
    {
        List<AttachmentId> owned = [];
        log.Scan(Table.State, AttachmentKeys.Usage(user), [], (key, _) =>
        {
            if (AttachmentKeys.IsOwned(key))
            {
                owned.Add(AttachmentId.Read(key[(1 + Id128.Size)..]));
            }

            return true;
        });
        foreach (AttachmentId id in owned)
        {
            if (_attachments.Attachment(id) is not { } attachment)
            {
                continue;
            }

            using ArchiveWriter.Part part = archive.Begin($"attachments/{id}");
            for (ulong offset = 0; offset < attachment.Size; offset += AttachmentLimits.ChunkSize)
            {
                stop.ThrowIfCancellationRequested();
                part.Write(_attachments.Range(id, attachment, offset, AttachmentLimits.ChunkSize) ?? []);
                await records.RestAsync(stop);
            }
        }
    }

    private static void WriteTime(Utf8JsonWriter json, string name, long micros)
    {
        if (micros > 0)
        {
            json.WriteString(name, Micros.ToTime(micros).UtcDateTime);
        }
    }

    private static byte[] Prefixed(char kind, UserId user) => [(byte)kind, .. ControlMap.IdBytes(user.Value)];

    private delegate void EntryWriter(Utf8JsonWriter json, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);
}
