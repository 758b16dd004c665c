using System.Runtime.CompilerServices;
using System.Text;

using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <summary>
/// A client of a FastChat broker. It signs in once and then comes back by itself: what was posted is sent until it is answered, in its order and exactly once; what is read
/// goes on behind the last message, without a gap or a duplicate; until the application disposes the client or the broker says that returning is
/// pointless (<see cref="Completion"/>).
/// <para>
/// Every member may be called from every thread at any time. Events and <see cref="IPublishObserver"/>s are called on the connection's read loop, one at a time: they return
/// quickly and do not wait for this client. What they throw ends the client.
/// </para>
/// </summary>
public sealed partial class FastChatClient : IAsyncDisposable
{
    private readonly ClientSession _session;
    private readonly NameCache _names;
    private readonly Task _running;

    private FastChatClient(ClientOptions options, Action<ConnectionState>? onStateChanged)
    {
        _session = new ClientSession(options);
        _session.StateChanged += onStateChanged;
        _names = new NameCache(options.NameCacheMax);
        _running = Continuation.Run(_session.RunAsync);
    }

    /// <summary>The state changed. The last close is in it.</summary>
    public event Action<ConnectionState>? StateChanged
    {
        add => _session.StateChanged += value;
        remove => _session.StateChanged -= value;
    }

    /// <summary>The session fell behind; its messages come from the log now. Nothing needs to be done.</summary>
    public event Action<LagNotice>? Lagged
    {
        add => _session.Lagged += value;
        remove => _session.Lagged -= value;
    }

    /// <summary>A member of a conversation that this client reads has come further, or the user has on another device. A hint: who was away asks <see cref="ListCursorsAsync"/> and <see cref="GetInboxAsync"/>. Called like the other events.</summary>
    public event Action<CursorNotice>? CursorMoved
    {
        add => _session.CursorMoved += value;
        remove => _session.CursorMoved -= value;
    }

    /// <summary>Something happened that no request asked about.</summary>
    public event Action<ClientNotice>? NoticeReceived
    {
        add => _session.Noticed += value;
        remove => _session.Noticed -= value;
    }

    /// <summary>Where the client stands.</summary>
    public ConnectionState State => _session.State;

    /// <summary>The signed-in user.</summary>
    public UserId User => _session.Welcome!.User;

    /// <summary>The user's name as it was registered.</summary>
    public string UserName => _session.Welcome!.Name;

    /// <summary>The device.</summary>
    public DeviceId Device => _session.Welcome!.Device;

    /// <summary>The session; it changes when the broker no longer knew the old one.</summary>
    public SessionId Session => _session.Welcome!.Session;

    /// <summary>What the next sign-in of this device can use instead of a password. Secret.</summary>
    public string? Token => _session.Token;

    /// <summary>Name and version of the broker.</summary>
    public string Server => _session.Welcome!.Server;

    /// <summary>Bytes of a message body at the most, on this broker.</summary>
    public int BodySizeMax => _session.Welcome is { BodySizeMax: > 0 } welcome ? (int)Math.Min(welcome.BodySizeMax, int.MaxValue) : ProtocolLimits.BodySizeMax;

    /// <summary>Bytes of publishes that are not answered yet, from the oldest to the newest.</summary>
    public long SendQueueBytes => _session.Sends.BytesHeld;

    /// <summary>
    /// Completes when the client has ended; why is in <see cref="State"/>. Fails only with what observers or event handlers of the application threw while it ended.
    /// </summary>
    public Task Completion => _running;

    /// <summary>Connects and signs in.</summary>
    /// <param name="options">Settings.</param>
    /// <param name="onStateChanged">Subscribed to <see cref="StateChanged"/> before the first attempt.</param>
    /// <param name="cancellationToken">Gives up; the client is gone then.</param>
    /// <exception cref="ArgumentException">The options contradict one another.</exception>
    /// <exception cref="ConnectionException">It did not succeed; <see cref="ConnectionException.Close"/> says why and whether to try again.</exception>
    public static async Task<FastChatClient> ConnectAsync(
        ClientOptions options, Action<ConnectionState>? onStateChanged = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        FastChatClient client = new(options, onStateChanged);
        try
        {
            await client._session.FirstConnected.WaitAsync(cancellationToken).ConfigureAwait(Continuation.InContext);
            return client;
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(Continuation.InContext);
            throw;
        }
    }

    /// <summary>Publishes a message and waits until it is durable.</summary>
    /// <param name="conversation">Where.</param>
    /// <param name="kind">What the body is.</param>
    /// <param name="body">The message; copied before the returned task is first awaited unless the send queue is full.</param>
    /// <param name="options">The message's own id, or another sender; null for neither.</param>
    /// <param name="cancellationToken">Stops waiting. A message that is in the send queue by then is published all the same.</param>
    /// <exception cref="RequestException">The broker refused it.</exception>
    /// <exception cref="ConnectionException">The client ended before the outcome was known.</exception>
    public async ValueTask<PublishReceipt> PublishAsync(
        ConversationId conversation, MessageKind kind, ReadOnlyMemory<byte> body, PublishOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= NoOptions;
        if (options.Attributes is { } attributes)
        {
            (kind, body) = (MessageKind.Rich, new RichBody { Kind = kind, Attributes = attributes.ToBytes(), Content = body.Span }.ToBytes());
        }

        PublishCompletion completion = new();
        await EnqueueAsync(Posted(conversation, options.ClientMessageId, kind, body, options.OnBehalfOf, completion, 0) with { IfHead = options.IfHead }, cancellationToken)
            .ConfigureAwait(Continuation.InContext);
        return await completion.Task.WaitAsync(cancellationToken).ConfigureAwait(Continuation.InContext);
    }

    /// <summary>Publishes a text and waits until it is durable.</summary>
    /// <exception cref="RequestException">The broker refused it, or the text holds a lone surrogate and so has no UTF-8 form.</exception>
    /// <exception cref="ConnectionException">The client ended before the outcome was known.</exception>
    public ValueTask<PublishReceipt> PublishTextAsync(
        ConversationId conversation, string text, PublishOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        try
        {
            return PublishAsync(conversation, MessageKind.Text, StrictUtf8.GetBytes(text), options, cancellationToken);
        }
        catch (EncoderFallbackException)
        {
            throw new RequestException(ErrorCode.InvalidText, "the text holds a lone surrogate");
        }
    }

    /// <summary>
    /// Posts a message for senders of many: returns when the message is copied into the send queue, at once unless that is full, and allocates nothing then. The
    /// <paramref name="observer"/> hears the outcome. Messages of one caller that awaits each post keep their order in each conversation, over any number of reconnects.
    /// </summary>
    /// <param name="conversation">Where.</param>
    /// <param name="clientMessageId">The message's own id; none = a fresh one.</param>
    /// <param name="kind">What the body is.</param>
    /// <param name="body">The message; may be changed again when the returned task is completed.</param>
    /// <param name="onBehalfOf">Whose message it is; none = the signed-in user.</param>
    /// <param name="observer">Hears the outcome, once.</param>
    /// <param name="tag">Given back to the observer.</param>
    /// <param name="cancellationToken">Stops waiting for room; a message that was refused room was not posted.</param>
    /// <exception cref="RequestException">The body is larger than <see cref="BodySizeMax"/>.</exception>
    /// <exception cref="ConnectionException">The client has ended.</exception>
    public ValueTask PostAsync(
        ConversationId conversation,
        ClientMessageId clientMessageId,
        MessageKind kind,
        ReadOnlyMemory<byte> body,
        UserId onBehalfOf,
        IPublishObserver observer,
        long tag,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(observer);
        return EnqueueAsync(Posted(conversation, clientMessageId, kind, body, onBehalfOf, observer, tag), cancellationToken);
    }

    /// <summary>Waits until every publish that was posted before the call has been answered and its observer called.</summary>
    /// <exception cref="ConnectionException">The client ended before.</exception>
    public Task FlushAsync(CancellationToken cancellationToken = default) => _session.FlushAsync(cancellationToken);

    /// <summary>
    /// Reads a conversation from a position on: history, then live, for as long as the caller enumerates. Reconnects go unnoticed. A conversation can be read once at a
    /// time by one client.
    /// <para>
    /// A slow consumer holds back everything that is delivered to this client, for the window is the client's: read several conversations
    /// concurrently, not one after the other.
    /// </para>
    /// The stream ends without an error when the user is removed from the conversation.
    /// </summary>
    /// <param name="conversation">The conversation.</param>
    /// <param name="after">The last record that the caller has: <see cref="LogPosition.Start"/> = read all; sequence <see cref="LogPosition.Latest"/> = only what
    /// comes from now on.</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <exception cref="InvalidOperationException">This client reads the conversation already.</exception>
    /// <exception cref="EpochChangedException">The log is not the one that was read; behind everything that was delivered before.</exception>
    /// <exception cref="HistoryTruncatedException">Records behind <paramref name="after"/> are no longer kept. Nothing is skipped silently: read on from
    /// <see cref="HistoryTruncatedException.ResumeAfter"/>.</exception>
    /// <exception cref="RequestException">The broker refused the subscription.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public async IAsyncEnumerable<ChatMessage> ReadAsync(
        ConversationId conversation, LogPosition after = default, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        Subscription subscription = _session.BeginReading(conversation, after);
        try
        {
            while (await subscription.TakeAsync(cancellationToken).ConfigureAwait(Continuation.InContext) is { } batch)
            {
                ReadOnlyMemory<byte> rest = batch.Records;
                try
                {
                    while (rest.Length > 0)
                    {
                        yield return ChatMessage.Take(conversation, batch.Epoch, ref rest);
                    }
                }
                finally
                {
                    _session.Consume(batch.FrameSize);
                }
            }
        }
        finally
        {
            _session.StopReading(subscription);
        }
    }

    /// <summary>Fetches a page of history. Asked again by itself when the connection breaks.</summary>
    /// <param name="conversation">The conversation.</param>
    /// <param name="position">The page lies next to it and does not hold it. Epoch 0 = whichever is current. Backward from sequence
    /// <see cref="LogPosition.Latest"/> = from the head.</param>
    /// <param name="direction">Which way.</param>
    /// <param name="countMax">Messages at the most; 0 = as many as the broker allows.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="EpochChangedException">The position is of another epoch than the log.</exception>
    /// <exception cref="RequestException">The broker refused.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public async Task<HistoryPage> FetchAsync(
        ConversationId conversation, LogPosition position, FetchDirection direction, int countMax = 0, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(countMax);
        await _session.FetchSlots.WaitAsync(cancellationToken).ConfigureAwait(Continuation.InContext);
        Fetch fetch = new(conversation, position, direction, (uint)countMax, BytesMax: 0);
        HistoryPage page = await AskAsync(new FetchRequest(fetch, _session.FetchSlots), cancellationToken).ConfigureAwait(Continuation.InContext);
        return position.Epoch == 0 || position.Epoch == page.Epoch
            ? page
            : throw new EpochChangedException(conversation, position, page.Epoch, page.Head);
    }

    /// <summary>
    /// Says Close and ends. Publishes that are not answered fail with <see cref="ConnectionException"/>, their outcome unknown: call <see cref="FlushAsync"/> first to wait for them.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        _session.Stop();
        await _running.ConfigureAwait(Continuation.SuppressThrowing);
    }

    private static PublishOptions NoOptions { get; } = new();

    private Posting Posted(ConversationId conversation, ClientMessageId id, MessageKind kind, ReadOnlyMemory<byte> body, UserId onBehalfOf, IPublishObserver observer, long tag) =>
        new(conversation, id.IsNone ? _session.NextMessageId() : id, kind, onBehalfOf, body, observer, tag);

    private ValueTask EnqueueAsync(in Posting posting, CancellationToken cancellationToken) => posting.Body.Length <= BodySizeMax
        ? _session.Gate.PostAsync(posting, cancellationToken)
        : throw new RequestException(ErrorCode.BodyTooLarge, $"{posting.Body.Length} bytes, the limit is {BodySizeMax}");

    private static UTF8Encoding StrictUtf8 { get; } = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private async Task<TResult> AskAsync<TResult>(PendingRequest<TResult> request, CancellationToken cancellationToken)
    {
        _session.Send(request);
        try
        {
            return await request.Completion.WaitAsync(cancellationToken).ConfigureAwait(Continuation.InContext);
        }
        catch (OperationCanceledException)
        {
            request.Abandon();
            throw;
        }
    }

    private sealed class PublishCompletion : IPublishObserver
    {
        private readonly TaskCompletionSource<PublishReceipt> _completion = new(Continuation.Asynchronously);

        public Task<PublishReceipt> Task => _completion.Task;

        public void OnPublished(long tag, in PublishReceipt receipt) => _completion.TrySetResult(receipt);

        public void OnFailed(long tag, ClientException error) => _completion.TrySetException(error);
    }
}
