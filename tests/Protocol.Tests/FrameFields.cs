using System.Buffers;
using System.Text.Json.Nodes;

using static FastChat.Protocol.Tests.VectorValues;

namespace FastChat.Protocol.Tests;

/// <summary>Frames ↔ named fields through the code under test: what the readers read is described, and what the writers write is made of fields.</summary>
internal static class FrameFields
{
    /// <summary>The fields of a frame under the names and in the order of protocol.md.</summary>
    public static JsonObject Describe(in Frame frame)
    {
        JsonObject fields = new() { ["frame"] = frame.Type.ToString(), ["request"] = frame.Request };
        byte[] body = frame.Body.ToArray();
        foreach ((string name, JsonNode? value) in DescribeBody(frame.Type, body))
        {
            fields.Add(name, value?.DeepClone());
        }

        // As if it had been read from a file: numbers forget the width that the code gave them.
        return JsonNode.Parse(fields.ToJsonString())!.AsObject();
    }

    /// <summary>The bytes that the writers make of fields.</summary>
    public static byte[] Encode(JsonObject fields)
    {
        ArrayBufferWriter<byte> target = new();
        FrameType type = Enum.Parse<FrameType>(fields["frame"]!.GetValue<string>());
        uint request = fields["request"]!.GetValue<uint>();
        if (fields["map"] is JsonObject map)
        {
            FrameWriter.Write(target, type, request, ToMap(map));
        }
        else if (type is FrameType.Error or FrameType.Close)
        {
            FrameWriter.Write(target, type, request, ToFailure(fields));
        }
        else
        {
            byte[] body = EncodeBody(type, fields);
            FrameWriter.Write(target, type, request, body);
        }

        return target.WrittenSpan.ToArray();
    }

    /// <summary>The fields of a record.</summary>
    public static JsonObject Describe(in MessageRecord record)
    {
        JsonObject fields = new()
        {
            ["size"] = record.Bytes.Length,
            ["crc32c"] = record.StoredChecksum,
            ["sequence"] = Number(record.Sequence),
            ["sent_at"] = Number(record.SentAtMicros),
            ["sender"] = Id(record.Sender.Value),
            ["client_message_id"] = Id(record.ClientMessageId.Value),
            ["device"] = Number(record.Device.Value),
            ["kind"] = (byte)record.Kind,
            ["flags"] = (byte)record.Flags,
        };
        if ((record.Flags & RecordFlags.OnBehalf) != 0)
        {
            fields["publisher"] = Id(record.Publisher.Value);
        }

        fields["body"] = Bytes(record.Body);
        return fields;
    }

    /// <summary>The bytes that the record's writer makes of fields.</summary>
    public static byte[] EncodeRecord(JsonObject fields)
    {
        byte[] body = ToBytes(fields["body"]);
        UserId sender = new(ToId(fields["sender"]));
        UserId publisher = fields["publisher"] is { } other ? new UserId(ToId(other)) : sender;
        byte[] target = new byte[MessageRecord.SizeOf(publisher != sender, body.Length)];
        int size = MessageRecord.Write(
            target, ToUnsigned(fields["sequence"]), ToSigned(fields["sent_at"]), sender, publisher, new DeviceId(ToUnsigned(fields["device"])),
            new ClientMessageId(ToId(fields["client_message_id"])), (MessageKind)fields["kind"]!.GetValue<byte>(),
            (RecordFlags)fields["flags"]!.GetValue<byte>(), body);
        Assert.That(size, Is.EqualTo(target.Length), "SizeOf");
        return target;
    }

    private static JsonObject DescribeBody(FrameType type, byte[] body)
    {
        switch (type)
        {
            case FrameType.Ping or FrameType.Pong:
                return new() { ["body"] = Bytes(body) };
            case FrameType.Close or FrameType.Error:
                Assert.That(Failure.TryRead(body, out Failure failure), Is.True);
                JsonObject failed = new() { ["code"] = failure.Code, ["retry_after_ms"] = failure.RetryAfterMs, ["reason"] = failure.Reason };
                if (failure.IsInOrder)
                {
                    failed["in_order"] = true;
                }

                return failed;
            case FrameType.Credit:
                Assert.That(Credit.TryRead(body, out Credit credit), Is.True);
                return new() { ["bytes"] = credit.Bytes };
            case FrameType.Publish:
                return DescribePublish(body);
            case FrameType.Published:
                Assert.That(Published.TryRead(body, out Published published), Is.True);
                return new()
                {
                    ["epoch"] = published.Epoch,
                    ["durability"] = (byte)published.Durability,
                    ["duplicate"] = published.IsDuplicate ? 1 : 0,
                    ["sequence"] = Number(published.Sequence),
                    ["sent_at"] = Number(published.SentAtMicros),
                };
            case FrameType.Subscribe:
                Assert.That(Subscribe.TryRead(body, out Subscribe subscribe), Is.True);
                return new() { ["conversation"] = Id(subscribe.Conversation.Value), ["epoch"] = subscribe.After.Epoch, ["after"] = Number(subscribe.After.Sequence) };
            case FrameType.Subscribed:
                Assert.That(Subscribed.TryRead(body, out Subscribed subscribed), Is.True);
                return new()
                {
                    ["status"] = (byte)subscribed.Status,
                    ["epoch"] = subscribed.Epoch,
                    ["first"] = Number(subscribed.First),
                    ["head"] = Number(subscribed.Head),
                };
            case FrameType.Unsubscribe or FrameType.Unsubscribed:
                Assert.That(Unsubscribe.TryRead(body, out Unsubscribe unsubscribe), Is.True);
                return new() { ["conversation"] = Id(unsubscribe.Conversation.Value) };
            case FrameType.Deliver or FrameType.Chunk:
                return DescribeDeliver(body);
            case FrameType.Lag:
                Assert.That(Lag.TryRead(body, out Lag lag), Is.True);
                return new() { ["conversation"] = Id(lag.Conversation.Value), ["epoch"] = lag.Epoch, ["flags"] = lag.IsCut ? 1 : 0, ["next"] = Number(lag.Next), ["head"] = Number(lag.Head) };
            case FrameType.Signal when body.Length == Signal.Size:
                Assert.That(Signal.TryRead(body, out Signal signal), Is.True);
                return new() { ["conversation"] = Id(signal.Conversation.Value), ["kind"] = (byte)signal.Kind };
            case FrameType.Signal:
                Assert.That(RelayedSignal.TryRead(body, out RelayedSignal relayed), Is.True);
                return new()
                {
                    ["conversation"] = Id(relayed.Conversation.Value),
                    ["user"] = Id(relayed.User.Value),
                    ["kind"] = (byte)relayed.Kind,
                    ["time_to_live_ms"] = relayed.TimeToLiveMs,
                };
            case FrameType.Presence:
                return DescribePresence(body);
            case FrameType.Fetch:
                Assert.That(Fetch.TryRead(body, out Fetch fetch), Is.True);
                return new()
                {
                    ["conversation"] = Id(fetch.Conversation.Value),
                    ["epoch"] = fetch.Position.Epoch,
                    ["direction"] = (byte)fetch.Direction,
                    ["position"] = Number(fetch.Position.Sequence),
                    ["max_count"] = fetch.CountMax,
                    ["max_bytes"] = fetch.BytesMax,
                };
            case FrameType.FetchEnd:
                Assert.That(FetchEnd.TryRead(body, out FetchEnd end), Is.True);
                return new()
                {
                    ["complete"] = end.IsComplete ? 1 : 0,
                    ["epoch"] = end.Epoch,
                    ["count"] = end.Count,
                    ["first"] = Number(end.First),
                    ["last"] = Number(end.Last),
                    ["head"] = Number(end.Head),
                };
            default:
                Assert.That(ControlMap.TryParse(new ReadOnlySequence<byte>(body), out ControlMap? map, out string reason), Is.True, reason);
                return new() { ["map"] = FromMap(map!) };
        }
    }

    private static JsonObject DescribePublish(byte[] body)
    {
        Assert.That(Publish.TryRead(body, out Publish publish), Is.True);
        JsonObject fields = new()
        {
            ["conversation"] = Id(publish.Conversation.Value),
            ["client_message_id"] = Id(publish.ClientMessageId.Value),
            ["kind"] = (byte)publish.Kind,
            ["flags"] = publish.OnBehalfOf.IsNone ? 0 : 1,
        };
        if (!publish.OnBehalfOf.IsNone)
        {
            fields["on_behalf_of"] = Id(publish.OnBehalfOf.Value);
        }

        fields["body"] = Bytes(publish.Body);
        Assert.That(publish.Size, Is.EqualTo(body.Length));
        return fields;
    }

    private static JsonObject DescribeDeliver(byte[] body)
    {
        Assert.That(Deliver.TryRead(body, out Deliver deliver), Is.True);
        JsonArray records = [];
        ReadOnlySpan<byte> rest = deliver.Records;
        while (!rest.IsEmpty)
        {
            Assert.That(MessageRecord.TryRead(ref rest, out MessageRecord record), Is.True);
            Assert.That(record.ChecksumMatches, Is.True);
            records.Add(Describe(record));
        }

        return new()
        {
            ["conversation"] = Id(deliver.Conversation.Value),
            ["epoch"] = deliver.Epoch,
            ["count"] = deliver.Count,
            ["records"] = records,
        };
    }

    private static JsonObject DescribePresence(byte[] body)
    {
        Assert.That(Presence.TryRead(body, out Presence presence), Is.True);
        JsonArray entries = [];
        ReadOnlySpan<byte> rest = presence.Entries;
        while (!rest.IsEmpty)
        {
            Assert.That(PresenceEntry.TryRead(ref rest, out PresenceEntry? entry), Is.True);
            entries.Add(new JsonObject
            {
                ["user"] = Id(entry!.User.Value),
                ["availability"] = (byte)entry.Availability,
                ["last_seen"] = Number(entry.LastSeenMicros),
                ["status"] = entry.Status,
            });
        }

        return new()
        {
            ["conversation"] = Id(presence.Conversation.Value),
            ["shape"] = (byte)presence.Shape,
            ["online"] = presence.Online,
            ["members"] = presence.Members,
            ["entries"] = entries,
        };
    }

    private static byte[] EncodePresence(ConversationId conversation, JsonObject fields)
    {
        PresenceEntry[] entries = fields["entries"]!.AsArray().Select(entry => new PresenceEntry(
            new UserId(ToId(entry!["user"])), (Availability)entry["availability"]!.GetValue<byte>(), ToSigned(entry["last_seen"]), entry["status"]!.GetValue<string>())).ToArray();
        byte[] target = Dirty(Presence.FixedSize + entries.Sum(entry => entry.Size));
        Presence.WriteFixed(
            target, conversation, (PresenceShape)fields["shape"]!.GetValue<byte>(), fields["online"]!.GetValue<uint>(), fields["members"]!.GetValue<uint>());
        int at = Presence.FixedSize;
        foreach (PresenceEntry entry in entries)
        {
            at += entry.Write(target.AsSpan(at));
        }

        return target;
    }

    private static Failure ToFailure(JsonObject fields) =>
        new(fields["code"]!.GetValue<ushort>(), fields["retry_after_ms"]!.GetValue<uint>(), fields["reason"]!.GetValue<string>())
        {
            IsInOrder = fields["in_order"]?.GetValue<bool>() ?? false,
        };

    private static byte[] EncodeBody(FrameType type, JsonObject fields)
    {
        ConversationId conversation = fields["conversation"] is { } id ? new ConversationId(ToId(id)) : default;
        uint epoch = fields["epoch"]?.GetValue<uint>() ?? 0;
        switch (type)
        {
            case FrameType.Ping or FrameType.Pong:
                return ToBytes(fields["body"]);
            case FrameType.Credit:
                return Fill(Credit.Size, new Credit(fields["bytes"]!.GetValue<uint>()).Write);
            case FrameType.Publish:
                byte[] text = ToBytes(fields["body"]);
                Publish publish = new()
                {
                    Conversation = conversation,
                    ClientMessageId = new ClientMessageId(ToId(fields["client_message_id"])),
                    Kind = (MessageKind)fields["kind"]!.GetValue<byte>(),
                    OnBehalfOf = fields["on_behalf_of"] is { } sender ? new UserId(ToId(sender)) : default,
                    Body = text,
                };
                byte[] target = Dirty(publish.Size);
                publish.Write(target);
                return target;
            case FrameType.Published:
                return Fill(Published.Size, new Published(
                    epoch, ToUnsigned(fields["sequence"]), (Durability)fields["durability"]!.GetValue<byte>(), fields["duplicate"]!.GetValue<int>() == 1,
                    ToSigned(fields["sent_at"])).Write);
            case FrameType.Subscribe:
                return Fill(Subscribe.Size, new Subscribe(conversation, new LogPosition(epoch, ToUnsigned(fields["after"]))).Write);
            case FrameType.Subscribed:
                return Fill(Subscribed.Size, new Subscribed(
                    (SubscribeStatus)fields["status"]!.GetValue<byte>(), epoch, ToUnsigned(fields["first"]), ToUnsigned(fields["head"])).Write);
            case FrameType.Unsubscribe or FrameType.Unsubscribed:
                return Fill(Unsubscribe.Size, new Unsubscribe(conversation).Write);
            case FrameType.Deliver or FrameType.Chunk:
                byte[] records = fields["records"]!.AsArray().SelectMany(record => EncodeRecord(record!.AsObject())).ToArray();
                byte[] before = Fill(Deliver.FixedSize, span => Deliver.WriteFixed(span, conversation, epoch, fields["count"]!.GetValue<uint>()));
                return [.. before, .. records];
            case FrameType.Lag:
                return Fill(Lag.Size, new Lag(conversation, epoch, ToUnsigned(fields["next"]), ToUnsigned(fields["head"])) { IsCut = fields["flags"]!.GetValue<uint>() == 1 }.Write);
            case FrameType.Signal when fields["user"] is { } user:
                return Fill(RelayedSignal.Size, new RelayedSignal(
                    conversation, new UserId(ToId(user)), (SignalKind)fields["kind"]!.GetValue<byte>(), fields["time_to_live_ms"]!.GetValue<uint>()).Write);
            case FrameType.Signal:
                return Fill(Signal.Size, new Signal(conversation, (SignalKind)fields["kind"]!.GetValue<byte>()).Write);
            case FrameType.Presence:
                return EncodePresence(conversation, fields);
            case FrameType.Fetch:
                return Fill(Fetch.Size, new Fetch(
                    conversation, new LogPosition(epoch, ToUnsigned(fields["position"])), (FetchDirection)fields["direction"]!.GetValue<byte>(),
                    fields["max_count"]!.GetValue<uint>(), fields["max_bytes"]!.GetValue<uint>()).Write);
            case FrameType.FetchEnd:
                return Fill(FetchEnd.Size, new FetchEnd(
                    fields["complete"]!.GetValue<int>() == 1, epoch, fields["count"]!.GetValue<uint>(), ToUnsigned(fields["first"]),
                    ToUnsigned(fields["last"]), ToUnsigned(fields["head"])).Write);
            default:
                throw new ArgumentException($"{type} has no fixed body", nameof(type));
        }
    }

    private delegate void Writer(Span<byte> target);

    private static byte[] Fill(int size, Writer write)
    {
        byte[] target = Dirty(size);
        write(target);
        return target;
    }

    /// <summary>Buffers are reused in the broker: a field that a writer forgets must show, also where it would be zero.</summary>
    private static byte[] Dirty(int size)
    {
        byte[] target = new byte[size];
        Array.Fill(target, (byte)0xEE);
        return target;
    }
}
