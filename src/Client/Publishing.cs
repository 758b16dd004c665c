using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>Where a published message is, and how safe.</summary>
/// <param name="Epoch">Incarnation of the log.</param>
/// <param name="Sequence">The message's place, from 1.</param>
/// <param name="Durability">What "durable" means on that broker.</param>
/// <param name="IsDuplicate">True when an earlier attempt had been stored; the place is that attempt's.</param>
/// <param name="SentAt">When the broker received this attempt.</param>
public readonly record struct PublishReceipt(uint Epoch, ulong Sequence, Durability Durability, bool IsDuplicate, DateTimeOffset SentAt)
{
    /// <summary>Epoch and sequence.</summary>
    public LogPosition Position => new(Epoch, Sequence);

    internal static PublishReceipt From(in Published published) => new(
        published.Epoch, published.Sequence, published.Durability, published.IsDuplicate, Micros.ToTime(published.SentAtMicros));
}

/// <summary>What a publish may add to its message.</summary>
public sealed record PublishOptions
{
    /// <summary>
    /// The message's own id, which makes the publish repeatable across restarts of the program; none = the client takes a fresh one.
    /// A device never uses an id for two messages.
    /// </summary>
    public ClientMessageId ClientMessageId { get; init; }

    /// <summary>Whose message it is; none = the signed-in user. Needs the import right.</summary>
    public UserId OnBehalfOf { get; init; }

    /// <summary>The head that the conversation must have; null = whatever it has. With another head the message is refused with CONFLICT, and its id is free.</summary>
    public ulong? IfHead { get; init; }

    /// <summary>What the message says beside its content: a reply, a thread, mentions, an expiry …; null = nothing. A text or opaque message is published as a rich one then.</summary>
    public MessageAttributes? Attributes { get; init; }
}

/// <summary>
/// Hears the outcome of what <see cref="FastChatClient.PostAsync"/> posted. Called on the client's read loop: return quickly, do not block, do not throw.
/// An observer that throws ends the client, with its exception as the cause. Each tag is answered exactly once.
/// </summary>
public interface IPublishObserver
{
    /// <summary>The message is durable.</summary>
    void OnPublished(long tag, in PublishReceipt receipt);

    /// <summary>The broker refused the message, or the client ended before its outcome was known (<see cref="ConnectionException"/>).</summary>
    void OnFailed(long tag, ClientException error);
}
