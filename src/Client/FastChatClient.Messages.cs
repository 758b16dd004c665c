using System.Text;

using FastChat.Protocol;

namespace FastChat.Client;

/// <content>What is done with messages: each change is a publish of its own, with its place and its retry; and what became of messages (protocol.md §5.2, §4.6).</content>
public sealed partial class FastChatClient
{
    /// <summary>Says something else in an own message. The message keeps its place; the edit gets one of its own.</summary>
    /// <exception cref="RequestException">NO_SUCH_MESSAGE, FORBIDDEN, TOO_MANY, and whatever refuses a publish.</exception>
    /// <exception cref="ConnectionException">The client ended before the outcome was known.</exception>
    public ValueTask<PublishReceipt> EditAsync(ConversationId conversation, ulong sequence, string text, PublishOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        MessageKind kind = MessageKind.Text;
        byte[] content;
        try
        {
            content = StrictUtf8.GetBytes(text);
        }
        catch (EncoderFallbackException)
        {
            throw new RequestException(ErrorCode.InvalidText, "the text holds a lone surrogate");
        }

        if (options?.Attributes is { } attributes)
        {
            (kind, content) = (MessageKind.Rich, new RichBody { Kind = MessageKind.Text, Attributes = attributes.ToBytes(), Content = content }.ToBytes());
        }

        byte[] body = new EditBody { Target = sequence, Kind = kind, Content = content }.ToBytes();
        return PublishAsync(conversation, MessageKind.Edit, body, options is null ? null : options with { Attributes = null }, cancellationToken);
    }

    /// <summary>Deletes a message for everyone: its place stays, nothing that it said does. One's own, or another one's with the right.</summary>
    /// <exception cref="RequestException">NO_SUCH_MESSAGE, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended before the outcome was known.</exception>
    public ValueTask<PublishReceipt> DeleteAsync(ConversationId conversation, ulong sequence, CancellationToken cancellationToken = default) =>
        PublishAsync(conversation, MessageKind.Delete, new DeleteBody(sequence).ToBytes(), null, cancellationToken);

    /// <summary>Adds a reaction to a message, or takes one's own back.</summary>
    /// <exception cref="RequestException">NO_SUCH_MESSAGE, FORBIDDEN, CONFLICT (it is so already), TOO_MANY.</exception>
    /// <exception cref="ConnectionException">The client ended before the outcome was known.</exception>
    public ValueTask<PublishReceipt> ReactAsync(ConversationId conversation, ulong sequence, string reaction, bool isAdded = true, CancellationToken cancellationToken = default) =>
        PublishAsync(conversation, MessageKind.Reaction, new ReactionBody(sequence, isAdded, reaction).ToBytes(), null, cancellationToken);

    /// <summary>Pins a message, or takes the pin away.</summary>
    /// <exception cref="RequestException">NO_SUCH_MESSAGE, FORBIDDEN, CONFLICT (it is so already).</exception>
    /// <exception cref="ConnectionException">The client ended before the outcome was known.</exception>
    public ValueTask<PublishReceipt> PinAsync(ConversationId conversation, ulong sequence, bool isPinned = true, CancellationToken cancellationToken = default) =>
        PublishAsync(conversation, MessageKind.Pin, new PinBody(sequence, isPinned).ToBytes(), null, cancellationToken);

    /// <summary>
    /// Publishes a message of one conversation in another one; the broker stamps where it is from. Asked again by itself when the connection breaks, and then still published once.
    /// </summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, NO_SUCH_MESSAGE, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<LogPosition> ForwardAsync(ConversationId from, ulong sequence, ConversationId to, ClientMessageId id = default, CancellationToken cancellationToken = default)
    {
        ControlMap body = new ControlMap()
            .SetId("from", from.Value)
            .Set("sequence", sequence)
            .SetId("conversation", to.Value)
            .SetId("id", (id.IsNone ? _session.NextMessageId() : id).Value);
        return ControlAsync(
            FrameType.Forward, body, isIdempotent: true, static reply => new LogPosition((uint)reply.Number("epoch", 0, uint.MaxValue), reply.Number("sequence", 0)), cancellationToken);
    }

    /// <summary>What became of the messages of a stretch of history. Asked again by itself when the connection breaks.</summary>
    /// <param name="conversation">The conversation.</param>
    /// <param name="first">The first sequence.</param>
    /// <param name="last">The last sequence.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<MessageStatePage> GetMessageStatesAsync(ConversationId conversation, ulong first = 1, ulong last = ulong.MaxValue, CancellationToken cancellationToken = default)
    {
        ControlMap body = new ControlMap().SetId("conversation", conversation.Value).Set("first", first).Set("last", last);
        return ControlAsync(
            FrameType.GetAnnotations,
            body,
            isIdempotent: true,
            static reply => new MessageStatePage(
                ParseAll(reply, "annotations", MessageState.Parse), (uint)reply.Number("epoch", 0, uint.MaxValue), reply.Number("head", 0), reply.Number("next", 0))
            {
                Hidden = HiddenMessage.ParseSequences(reply.Bytes("hidden", ProtocolLimits.ServerFrameSizeMax)),
            },
            cancellationToken);
    }

    /// <summary>A page of a thread, oldest first; its first message is not part of it. Asked again by itself when the connection breaks.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<MessagePage> GetThreadAsync(ConversationId conversation, ulong root, ulong after = 0, int limit = 0, CancellationToken cancellationToken = default) =>
        MessagesAsync(FrameType.GetThread, conversation, new ControlMap().Set("root", root), after, limit, cancellationToken);

    /// <summary>A page of the pinned messages, oldest first. Asked again by itself when the connection breaks.</summary>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<MessagePage> GetPinsAsync(ConversationId conversation, ulong after = 0, int limit = 0, CancellationToken cancellationToken = default) =>
        MessagesAsync(FrameType.GetPins, conversation, new ControlMap(), after, limit, cancellationToken);

    private Task<MessagePage> MessagesAsync(FrameType type, ConversationId conversation, ControlMap body, ulong after, int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        body.SetId("conversation", conversation.Value).Set("after", after).Set("limit", limit);
        return ControlAsync(
            type,
            body,
            isIdempotent: true,
            reply =>
            {
                uint epoch = (uint)reply.Number("epoch", 0, uint.MaxValue);
                ReadOnlyMemory<byte> records = reply.Bytes("records", ProtocolLimits.ServerFrameSizeMax) ?? [];
                List<ChatMessage> messages = [];
                for (ReadOnlySpan<byte> check = records.Span; !check.IsEmpty;)
                {
                    if (!MessageRecord.TryRead(ref check, out MessageRecord record) || !record.ChecksumMatches)
                    {
                        throw new ControlFormatException("records: whole, undamaged records are expected");
                    }
                }

                while (!records.IsEmpty)
                {
                    messages.Add(ChatMessage.Take(conversation, epoch, ref records));
                }

                return new MessagePage(messages, reply.Flag("complete"), reply.Number("head", 0));
            },
            cancellationToken);
    }
}
