using System.Security.Cryptography;

namespace FastChat.Functional.Tests;

/// <summary>Bodies of frames as arrays, which scripts can carry over an await and damage.</summary>
internal static class Bodies
{
    /// <summary>A fresh id.</summary>
    public static ClientMessageId NewId() => ClientMessageId.Read(RandomNumberGenerator.GetBytes(16));

    /// <summary>The body of a Publish; <paramref name="id"/> none = a fresh one.</summary>
    public static byte[] Publish(
        ConversationId conversation, byte[] body, MessageKind kind = MessageKind.Text, ClientMessageId id = default, UserId onBehalfOf = default)
    {
        Publish publish = new()
        {
            Conversation = conversation,
            ClientMessageId = id.IsNone ? NewId() : id,
            Kind = kind,
            OnBehalfOf = onBehalfOf,
            Body = body,
        };
        byte[] bytes = new byte[publish.Size];
        publish.Write(bytes);
        return bytes;
    }

    /// <summary>The body of a Subscribe.</summary>
    public static byte[] Subscribe(ConversationId conversation, ulong after, uint epoch = 0)
    {
        byte[] bytes = new byte[Protocol.Subscribe.Size];
        new Subscribe(conversation, new LogPosition(epoch, after)).Write(bytes);
        return bytes;
    }

    /// <summary>The body of a Fetch.</summary>
    public static byte[] Fetch(
        ConversationId conversation, ulong position, FetchDirection direction, uint epoch = 0, uint countMax = 0, uint bytesMax = 0)
    {
        byte[] bytes = new byte[Protocol.Fetch.Size];
        new Fetch(conversation, new LogPosition(epoch, position), direction, countMax, bytesMax).Write(bytes);
        return bytes;
    }

    /// <summary>The body of an Unsubscribe, or any other that is an id.</summary>
    public static byte[] Id(ConversationId conversation) => ControlMap.IdBytes(conversation.Value);

    /// <summary>The body of a Credit.</summary>
    public static byte[] Credit(uint bytes) => BitConverter.GetBytes(bytes);

    /// <summary>A conversation nobody has.</summary>
    public static ConversationId UnknownConversation() => ConversationId.Read(RandomNumberGenerator.GetBytes(16));

    /// <summary>What a Published frame says.</summary>
    /// <exception cref="ScriptException">It cannot be read.</exception>
    public static Published ReadPublished(ReceivedFrame frame) =>
        frame.Type == FrameType.Published && Protocol.Published.TryRead(frame.Body, out Published published)
            ? published
            : throw new ScriptException($"Published was expected, and {frame} came");

    /// <summary>The records of a Deliver or Chunk.</summary>
    /// <exception cref="ScriptException">One cannot be read, or its checksum differs.</exception>
    public static List<StoredMessage> ReadRecords(ReceivedFrame frame)
    {
        List<StoredMessage> messages = [];
        if (!Deliver.TryRead(frame.Body, out Deliver deliver))
        {
            throw new ScriptException($"{frame}: no records");
        }

        ReadOnlySpan<byte> rest = deliver.Records;
        while (!rest.IsEmpty)
        {
            if (!MessageRecord.TryRead(ref rest, out MessageRecord record) || !record.ChecksumMatches)
            {
                throw new ScriptException($"{frame}: record {messages.Count} cannot be read");
            }

            messages.Add(new StoredMessage(record.Sequence, record.Sender, record.ClientMessageId, record.Kind, record.Body.ToArray()));
        }

        return messages.Count == (int)deliver.Count ? messages : throw new ScriptException($"{frame}: {messages.Count} records, {deliver.Count} were announced");
    }
}
