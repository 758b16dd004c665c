using System.Buffers.Binary;
using System.Text;

using FastChat.Protocol;

namespace FastChat.Client;

/// <content>Messages that are published later, and messages that the user does not want to see (protocol.md §4.6).</content>
public sealed partial class FastChatClient
{
    /// <summary>
    /// Has the broker publish a text later, within two seconds of its time, whether this client is connected then or not. Asked again with the same id, time and text are changed. Asked again by itself when the
    /// connection breaks.
    /// </summary>
    /// <param name="conversation">Where.</param>
    /// <param name="text">The message.</param>
    /// <param name="at">When; a time that has passed is at once. At most 366 days ahead.</param>
    /// <param name="options">The message's own id, or what it says beside its text; null for neither. Neither another sender nor a head.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>The message as it waits.</returns>
    /// <exception cref="ArgumentException">Another sender, or a head.</exception>
    /// <exception cref="RequestException">What refuses a publish; TOO_MANY.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ScheduledReceipt> ScheduleTextAsync(ConversationId conversation, string text, DateTimeOffset at, PublishOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        try
        {
            return ScheduleAsync(conversation, MessageKind.Text, StrictUtf8.GetBytes(text), at, options, cancellationToken);
        }
        catch (EncoderFallbackException)
        {
            throw new RequestException(ErrorCode.InvalidText, "the text holds a lone surrogate");
        }
    }

    /// <summary>The same for any kind of message (1, 2 or 7).</summary>
    /// <exception cref="ArgumentException">Another sender, or a head.</exception>
    /// <exception cref="RequestException">What refuses a publish; TOO_MANY.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ScheduledReceipt> ScheduleAsync(
        ConversationId conversation, MessageKind kind, ReadOnlyMemory<byte> body, DateTimeOffset at, PublishOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= NoOptions;
        if (!options.OnBehalfOf.IsNone || options.IfHead is not null)
        {
            throw new ArgumentException("a scheduled message has neither another sender nor a head", nameof(options));
        }

        if (options.Attributes is { } attributes)
        {
            (kind, body) = (MessageKind.Rich, new RichBody { Kind = kind, Attributes = attributes.ToBytes(), Content = body.Span }.ToBytes());
        }

        ClientMessageId id = options.ClientMessageId.IsNone ? _session.NextMessageId() : options.ClientMessageId;
        ControlMap request = new ControlMap()
            .SetId("conversation", conversation.Value)
            .SetId("id", id.Value)
            .Set("kind", (byte)kind)
            .Set("body", body.ToArray())
            .Set("at", Math.Max(1, Micros.Of((DateTimeOffset?)at)!.Value));
        return ControlAsync(
            FrameType.Schedule,
            request,
            isIdempotent: true,
            reply => new ScheduledReceipt(id, Micros.ToTime((long)reply.Number("at", 0, long.MaxValue)), new LogPosition((uint)reply.Number("epoch", 0, uint.MaxValue), reply.Number("sequence", 0))),
            cancellationToken);
    }

    /// <summary>A page of what the user has scheduled and is not published. Asked again by itself when the connection breaks.</summary>
    /// <param name="conversation">Of one conversation; none = of all.</param>
    /// <param name="next">What the page before gave; null = from the start.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ScheduledPage> ListScheduledAsync(ConversationId conversation = default, ReadOnlyMemory<byte>? next = null, CancellationToken cancellationToken = default) => ControlAsync(
        FrameType.ListScheduled,
        OfConversation(conversation).Set("after", next?.ToArray()),
        isIdempotent: true,
        static reply => new ScheduledPage(ParseAll(reply, "scheduled", ScheduledMessage.Parse), NextOf(reply)),
        cancellationToken);

    /// <summary>Takes a scheduled message back. Asked again by itself when the connection breaks.</summary>
    /// <returns>False when there was none: it was published, or taken back before.</returns>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<bool> CancelScheduledAsync(ConversationId conversation, ClientMessageId id, CancellationToken cancellationToken = default) => ControlAsync(
        FrameType.CancelScheduled,
        new ControlMap().SetId("conversation", conversation.Value).SetId("id", id.Value),
        isIdempotent: true,
        static reply => reply.Flag("changed"),
        cancellationToken);

    /// <summary>
    /// Hides messages from the user on all devices ("delete for me"), or shows them again. The log has them still, and delivers them: a program that shows messages leaves those out. Asked again by itself when the
    /// connection breaks.
    /// </summary>
    /// <param name="conversation">Where.</param>
    /// <param name="sequences">The messages, 1 to 500.</param>
    /// <param name="isHidden">False to show them again.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>How often the user has changed what is hidden from them.</returns>
    /// <exception cref="ArgumentOutOfRangeException">None, or too many.</exception>
    /// <exception cref="RequestException">NO_SUCH_CONVERSATION, NO_SUCH_MESSAGE, TOO_MANY (10,000 in all).</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<ulong> HideAsync(ConversationId conversation, IReadOnlyCollection<ulong> sequences, bool isHidden = true, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sequences);
        ArgumentOutOfRangeException.ThrowIfZero(sequences.Count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sequences.Count, ProtocolLimits.ControlArrayMax);
        ControlMap body = new ControlMap()
            .SetId("conversation", conversation.Value)
            .Set("sequences", sequences.SelectMany(static sequence => HiddenMessage.LittleEndian(sequence)).ToArray())
            .Set("hidden", isHidden);
        return ControlAsync(FrameType.Hide, body, isIdempotent: true, static reply => reply.Number("version", 0), cancellationToken);
    }

    /// <summary>A page of the messages that are hidden from the user. Asked again by itself when the connection breaks.</summary>
    /// <param name="conversation">Of one conversation; none = of all.</param>
    /// <param name="next">What the page before gave; null = from the start.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<HiddenPage> ListHiddenAsync(ConversationId conversation = default, ReadOnlyMemory<byte>? next = null, CancellationToken cancellationToken = default) => ControlAsync(
        FrameType.ListHidden,
        OfConversation(conversation).Set("after", next?.ToArray()),
        isIdempotent: true,
        static reply => new HiddenPage(HiddenMessage.ParseAll(reply.Bytes("hidden", ProtocolLimits.ServerFrameSizeMax)), reply.Number("version", 0), NextOf(reply)),
        cancellationToken);

    private static ControlMap OfConversation(ConversationId conversation) => conversation.IsNone ? new ControlMap() : new ControlMap().SetId("conversation", conversation.Value);

    private static ReadOnlyMemory<byte>? NextOf(ControlMap reply) => reply.Bytes("next", ProtocolLimits.PingSizeMax) is { } next ? new ReadOnlyMemory<byte>(next) : default(ReadOnlyMemory<byte>?);
}

/// <summary>A message that was scheduled.</summary>
/// <param name="Id">Its client message id, by which it is changed and taken back.</param>
/// <param name="At">When it is published.</param>
/// <param name="Sent">Where it is, when it was published before the answer; sequence 0 while it waits.</param>
public readonly record struct ScheduledReceipt(ClientMessageId Id, DateTimeOffset At, LogPosition Sent);

/// <summary>A message that waits for its time, or was refused when it had come.</summary>
/// <param name="Conversation">Where it is to be published.</param>
/// <param name="Id">Its client message id.</param>
/// <param name="At">When.</param>
/// <param name="Kind">What the body is.</param>
/// <param name="Body">The message.</param>
/// <param name="Refused">Why it was not published; None while it waits.</param>
public sealed record ScheduledMessage(ConversationId Conversation, ClientMessageId Id, DateTimeOffset At, MessageKind Kind, ReadOnlyMemory<byte> Body, ErrorCode Refused)
{
    /// <summary>What it says; null when it is no text.</summary>
    public string? Text => MessageContent.TextOf(Kind, Body.Span);

    internal static ScheduledMessage Parse(ControlMap map) => new(
        new ConversationId(map.Id("conversation")), new ClientMessageId(map.Id("id")), Micros.ToTime((long)map.Number("at", 0, long.MaxValue)), (MessageKind)map.Number("kind", 0, byte.MaxValue),
        map.Bytes("body", ProtocolLimits.ServerFrameSizeMax) ?? [], (ErrorCode)map.Number("refused", 0, ushort.MaxValue));
}

/// <summary>A page of scheduled messages, by conversation and id.</summary>
/// <param name="Messages">The messages.</param>
/// <param name="Next">Gives the next page; null on the last.</param>
public sealed record ScheduledPage(IReadOnlyList<ScheduledMessage> Messages, ReadOnlyMemory<byte>? Next);

/// <summary>A message that is hidden from the user.</summary>
/// <param name="Conversation">Where it is.</param>
/// <param name="Sequence">Its place.</param>
public readonly record struct HiddenMessage(ConversationId Conversation, ulong Sequence)
{
    private const int Size = Id128.Size + sizeof(ulong);

    internal static HiddenMessage[] ParseAll(byte[]? bytes)
    {
        if (bytes is null || bytes.Length % Size != 0)
        {
            throw new ControlFormatException("hidden: 24 bytes for each message are expected");
        }

        HiddenMessage[] hidden = new HiddenMessage[bytes.Length / Size];
        for (int i = 0; i < hidden.Length; i++)
        {
            ReadOnlySpan<byte> one = bytes.AsSpan(i * Size);
            hidden[i] = new(ConversationId.Read(one), BinaryPrimitives.ReadUInt64LittleEndian(one[Id128.Size..]));
        }

        return hidden;
    }

    internal static ulong[] ParseSequences(byte[]? bytes)
    {
        ulong[] sequences = new ulong[(bytes?.Length ?? 0) / sizeof(ulong)];
        for (int i = 0; i < sequences.Length; i++)
        {
            sequences[i] = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(i * sizeof(ulong)));
        }

        return sequences;
    }

    internal static byte[] LittleEndian(ulong sequence)
    {
        byte[] bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, sequence);
        return bytes;
    }
}

/// <summary>A page of what is hidden from the user, by conversation and sequence.</summary>
/// <param name="Messages">The messages.</param>
/// <param name="Version">How often the user has changed what is hidden.</param>
/// <param name="Next">Gives the next page; null on the last.</param>
public sealed record HiddenPage(IReadOnlyList<HiddenMessage> Messages, ulong Version, ReadOnlyMemory<byte>? Next);
