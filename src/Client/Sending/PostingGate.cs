using System.Diagnostics.CodeAnalysis;

using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <summary>
/// The way into the send queue. While there is room a post is an append and nothing else. When the queue is full, posts wait in the order in which they came: as long as
/// one waits, later ones queue behind it, also when their smaller messages would fit. Thread-safe.
/// </summary>
[SuppressMessage("Reliability", "CA1001", Justification = "No wait handle behind the semaphore; posts may come at any time, also after the end.")]
internal sealed class PostingGate
{
    private readonly SendQueue _sends;
    private readonly AsyncSignal _writeSignal;
    private readonly AsyncSignal _room = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private int _waiting;

    public PostingGate(SendQueue sends, AsyncSignal writeSignal)
    {
        _sends = sends;
        _writeSignal = writeSignal;
    }

    /// <summary>Copies the message into the send queue; completed at once while the queue has room.</summary>
    public ValueTask PostAsync(in Posting posting, CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _waiting) == 0 && TryAppend(posting))
        {
            return ValueTask.CompletedTask;
        }

        return PostWhenRoomAsync(posting, cancellationToken);
    }

    /// <summary>There is more room than before, or the client ended.</summary>
    public void OnRoom()
    {
        if (Volatile.Read(ref _waiting) > 0)
        {
            _room.Raise();
        }
    }

    private bool TryAppend(in Posting posting)
    {
        Publish publish = new()
        {
            Conversation = posting.Conversation,
            ClientMessageId = posting.ClientMessageId,
            Kind = posting.Kind,
            OnBehalfOf = posting.OnBehalfOf,
            IfHead = posting.IfHead,
            Body = posting.Body.Span,
        };
        if (!_sends.TryAppend(publish, posting.Observer, posting.Tag))
        {
            return false;
        }

        _writeSignal.Raise();
        return true;
    }

    private async ValueTask PostWhenRoomAsync(Posting posting, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            await _turn.WaitAsync(cancellationToken).ConfigureAwait(Continuation.InContext);
            try
            {
                CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static room => ((AsyncSignal)room!).Raise(), _room);
                await using (registration.ConfigureAwait(Continuation.InContext))
                {
                    while (!TryAppend(posting))
                    {
                        await _room.WaitAsync().ConfigureAwait(Continuation.InContext);
                        cancellationToken.ThrowIfCancellationRequested();
                    }
                }
            }
            finally
            {
                _turn.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }
}

/// <summary>One message on its way into the send queue.</summary>
internal readonly record struct Posting(
    ConversationId Conversation,
    ClientMessageId ClientMessageId,
    MessageKind Kind,
    UserId OnBehalfOf,
    ReadOnlyMemory<byte> Body,
    IPublishObserver Observer,
    long Tag)
{
    /// <summary>The head that the conversation must have; null = whatever it has.</summary>
    public ulong? IfHead { get; init; }
}
