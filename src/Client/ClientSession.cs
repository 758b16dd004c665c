using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <summary>
/// The logical client behind <see cref="FastChatClient"/>: it owns what survives a connection (unanswered publishes, requests, subscriptions, the delivery window, who is
/// signed in) and runs one connection after the other until the application or the broker's word ends it.
/// <para>
/// <see cref="RunAsync"/> is the only writer of the state. Between two connections no loop runs, and that is when it rewinds the queues; otherwise the queues' own rules say which
/// thread may do what.
/// </para>
/// </summary>
[SuppressMessage("Reliability", "CA1001", Justification = "No wait handle and no timer behind them; Stop may come at any time, also after the end.")]
internal sealed class ClientSession
{
    private static readonly TimeSpan SubscribeRetryDelay = TimeSpan.FromMilliseconds(500);

    private readonly ClientOptions _options;
    private readonly Random _random;
    private readonly UInt128 _messageIdBase;
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _firstConnected = new(Continuation.Asynchronously);
    private readonly PostingGate _gate;
    private readonly FlushWaiters _flushes;
    private readonly TokenKeeper _tokens;
    private long _messageIds;
    private int _connections;
    private ClientConnection? _connection;
    private Welcome? _welcome;
    private ConnectionState _state = new(ConnectionPhase.Connecting, null, 0);

    public ClientSession(ClientOptions options)
    {
        _options = options;
        _random = options.Seed is { } seed ? new Random(seed) : new Random(RandomNumberGenerator.GetInt32(int.MaxValue));
        Span<byte> idBase = stackalloc byte[Id128.Size];
        if (options.Seed is null)
        {
            RandomNumberGenerator.Fill(idBase);
        }
        else
        {
            _random.NextBytes(idBase);
        }

        _messageIdBase = Id128.Read(idBase);
        Sends = new SendQueue(options.SendQueueBytesMax);
        Window = new DeliveryWindow(options.Window);
        Subscriptions = new SubscriptionTable(Requests, Window, options.ReadObserver, (subscription, error) => _ = RetrySubscribeAsync(subscription, error));
        Presence = new PresenceTable(Requests, (watch, error) => _ = RetryWatchAsync(watch, error));
        Signals = new SignalThrottle(options.TimeProvider);
        Typing = new TypingTable(
            options.TimeProvider, notice => ApplicationFailureException.Fence(() => TypingChanged?.Invoke(notice)),
            failure => Volatile.Read(ref _connection)?.RequestClose(ClientConnection.ReasonOf(failure)));
        RequestSlots = new SemaphoreSlim(options.RequestsMax, options.RequestsMax);
        Hold = new PublishHold(Sends, options.TimeProvider, WriteSignal.Raise);
        _gate = new PostingGate(Sends, WriteSignal);
        _flushes = new FlushWaiters(Sends);
        _tokens = new TokenKeeper(options, ReauthenticateAsync, _random);
        Passwords = new PasswordSignIn(options, NextSecret);
    }

    public event Action<ConnectionState>? StateChanged;

    public event Action<LagNotice>? Lagged;

    public event Action<ClientNotice>? Noticed;

    public event Action<CursorNotice>? CursorMoved;

    public event Action<TypingNotice>? TypingChanged;

    public TimeProvider Time => _options.TimeProvider;

    public SendQueue Sends { get; }

    /// <summary>Keeps publishes that the broker had no room for.</summary>
    public PublishHold Hold { get; }

    public RequestTable Requests { get; } = new();

    public SubscriptionTable Subscriptions { get; }

    public DeliveryWindow Window { get; }

    /// <summary>The watched conversations.</summary>
    public PresenceTable Presence { get; }

    /// <summary>The user's own typing.</summary>
    public SignalThrottle Signals { get; }

    /// <summary>That of others.</summary>
    public TypingTable Typing { get; }

    /// <summary>Wakes the write loop of the connection that there is.</summary>
    public AsyncSignal WriteSignal { get; } = new();

    public SemaphoreSlim RequestSlots { get; }

    /// <summary>The broker takes 16 fetches at a time (protocol.md §2.3).</summary>
    public SemaphoreSlim FetchSlots { get; } = new(16, 16);

    public PostingGate Gate => _gate;

    public ConnectionState State => Volatile.Read(ref _state);

    public Welcome? Welcome => Volatile.Read(ref _welcome);

    public string? Token => _tokens.Token;

    /// <summary>How passwords are shown.</summary>
    public PasswordSignIn Passwords { get; }

    /// <summary>The connection; only the loops of that connection ask.</summary>
    public ClientConnection Connection => _connection!;

    /// <summary>The connection that there is now; null for none. Any thread.</summary>
    public ClientConnection? Current => Volatile.Read(ref _connection);

    /// <summary>Completes with the first Welcome, or fails with why there is none.</summary>
    public Task FirstConnected => _firstConnected.Task;

    /// <summary>128 random bits that nobody can guess, unless the client was made with a seed.</summary>
    public byte[] NextSecret()
    {
        byte[] secret = new byte[Id128.Size];
        if (_options.Seed is null)
        {
            RandomNumberGenerator.Fill(secret);
        }
        else
        {
            _random.NextBytes(secret);
        }

        return secret;
    }

    /// <summary>A fresh message id: unique in this client by counting, among clients by 128 random bits to count from.</summary>
    public ClientMessageId NextMessageId() => new(_messageIdBase + (UInt128)(ulong)Interlocked.Increment(ref _messageIds));

    /// <summary>Queues a control request.</summary>
    public void Send(PendingRequest request)
    {
        Requests.Add(request);
        WriteSignal.Raise();
    }

    /// <summary>Every publish posted before the call has been answered when the task completes.</summary>
    public Task FlushAsync(CancellationToken cancellationToken) => _flushes.WaitAsync(cancellationToken);

    /// <summary>The application consumed delivered bytes.</summary>
    public void Consume(long bytes)
    {
        Window.Consume(bytes);
        if (Window.IsCreditDue)
        {
            WriteSignal.Raise();
        }
    }

    public Subscription BeginReading(ConversationId conversation, LogPosition after)
    {
        Subscription subscription = Subscriptions.Add(conversation, after);
        WriteSignal.Raise();
        return subscription;
    }

    public void StopReading(Subscription subscription)
    {
        Subscriptions.Remove(subscription);
        WriteSignal.Raise();
    }

    public PresenceWatch BeginWatching(ConversationId conversation)
    {
        PresenceWatch watch = Presence.Add(conversation);
        WriteSignal.Raise();
        return watch;
    }

    public void StopWatching(PresenceWatch watch)
    {
        Presence.Remove(watch);
        WriteSignal.Raise();
    }

    /// <summary>Queues a signal if it is worth one, and the broker takes them.</summary>
    public void SignalTyping(ConversationId conversation, SignalKind kind)
    {
        if (Volatile.Read(ref _connection) is not null && Welcome is { Signals: true } && Signals.TryQueue(conversation, kind))
        {
            WriteSignal.Raise();
        }
    }

    /// <summary>Read loop, behind each batch of frames: what the batch's answers gave back.</summary>
    public void AfterBatch(bool isWriteLoopGated)
    {
        if (Sends.Release())
        {
            OnAnswersReleased();
        }

        Hold.OnAnswered();
        if (isWriteLoopGated || Window.IsCreditDue)
        {
            WriteSignal.Raise();
        }
    }

    public void OnLagged(LagNotice lag) => Lagged?.Invoke(lag);

    public void OnCursorMoved(CursorNotice notice) => CursorMoved?.Invoke(notice);

    public void OnNoticed(ClientNotice notice) => Noticed?.Invoke(notice);

    /// <summary>The application is done: say Close, end.</summary>
    public void Stop()
    {
        _stopping.Cancel();
        Volatile.Read(ref _connection)?.RequestClose(StoppedReason());
    }

    /// <summary>Runs until the end of the client. Fails only with what the application's own handlers threw.</summary>
    public async Task RunAsync()
    {
        CloseReason reason;
        try
        {
            reason = await ConnectUntilEndAsync().ConfigureAwait(Continuation.InContext);
        }
        catch (Exception failure)
        {
            reason = ClientConnection.ReasonOf(failure);
        }

        End(reason);
    }

    private static CloseReason StoppedReason() => new(CloseCode.Normal, "the application closed the client", TimeSpan.Zero, Cause: null) { IsLocal = true };

    private async Task<CloseReason> ConnectUntilEndAsync()
    {
        int attempts = 0;
        CloseReason? reason = null;
        while (true)
        {
            SetState(ConnectionPhase.Connecting, reason, attempts);
            long readyAt = 0;
            try
            {
                ClientConnection connection = await OpenConnectionAsync().ConfigureAwait(Continuation.InContext);
                readyAt = Time.GetTimestamp();
                reason = await ServeAsync(connection, reason, attempts).ConfigureAwait(Continuation.InContext);
            }
            catch (Exception failure) when (failure is not ApplicationFailureException)
            {
                reason = ClientConnection.ReasonOf(failure);
            }

            bool wasStable = readyAt != 0 && Time.GetElapsedTime(readyAt) >= _options.Reconnect.StableAfter;
            attempts = wasStable ? 0 : attempts;
            if (_stopping.IsCancellationRequested)
            {
                return StoppedReason();
            }

            if (_tokens.MayReturn(reason.Code, wasReady: readyAt != 0) || (readyAt == 0 && Passwords.MayGoOn(ref reason)))
            {
                continue;
            }

            bool isHopelessStart = Welcome is null && !_options.Reconnect.RetryFirstConnect;
            if (reason.Advice == ReconnectAdvice.Never || isHopelessStart || attempts >= _options.Reconnect.AttemptsMax)
            {
                return reason;
            }

            SetState(ConnectionPhase.Waiting, reason, attempts);
            await Task.Delay(_options.Reconnect.DelayBefore(attempts, reason, _random), Time, _stopping.Token).ConfigureAwait(Continuation.SuppressThrowing);
            if (_stopping.IsCancellationRequested)
            {
                return StoppedReason();
            }

            attempts++;
        }
    }

    private async Task<ClientConnection> OpenConnectionAsync()
    {
        using CancellationTokenSource timeout = new(_options.ConnectTimeout, Time);
        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _stopping.Token);
        OpenedTransport transport = default;
        ITokenLease? lease = null;
        int number = ++_connections;
        try
        {
            (Hello hello, lease) = await _tokens.SignAsync(MakeHello(number), linked.Token).ConfigureAwait(Continuation.InContext);
            transport = _options.OpenTransport is { } open
                ? new OpenedTransport(await open(linked.Token).ConfigureAwait(Continuation.InContext), Binding: null)
                : await Transport.OpenAsync(_options.Endpoint, _options.Tls, linked.Token).ConfigureAwait(Continuation.InContext);
            hello = Passwords.Sign(hello, transport.Binding, out ScramClientExchange? exchange);
            ClientConnection connection = await ClientConnection.OpenAsync(this, transport, hello, exchange, number, linked.Token).ConfigureAwait(Continuation.InContext);
            connection.MustUseToken = await _tokens.WelcomeAsync(connection.Welcome, lease, linked.Token).ConfigureAwait(Continuation.InContext);
            return connection;
        }
        catch (Exception failure)
        {
            if (transport.Stream is { } stream)
            {
                await ClientConnection.DisposeStreamAsync(stream).ConfigureAwait(Continuation.InContext);
            }

            throw timeout.IsCancellationRequested ? new TimeoutException($"no Welcome within {_options.ConnectTimeout}", failure) : failure;
        }
        finally
        {
            if (lease is not null)
            {
                await lease.DisposeAsync().ConfigureAwait(Continuation.InContext);
            }
        }
    }

    /// <summary>Has the password changed, and keeps the tokens that this brings.</summary>
    /// <param name="ask">Sends the request with this body.</param>
    /// <param name="cancellationToken">Stops waiting for the store.</param>
    public async Task<ulong> ChangePasswordAsync(Func<ControlMap, Task<(TokenPair Tokens, ulong Ended)>> ask, CancellationToken cancellationToken)
    {
        ulong ended = 0;
        await _tokens.ReplaceAsync(
            async body =>
            {
                (TokenPair tokens, ended) = await ask(body).ConfigureAwait(Continuation.InContext);
                return tokens;
            },
            Welcome!,
            cancellationToken).ConfigureAwait(Continuation.InContext);
        return ended;
    }

    /// <summary>Reauthenticate, on that connection and no other.</summary>
    private Task<TokenPair> ReauthenticateAsync(ControlMap body, int connection)
    {
        MapRequest<TokenPair> request = new(FrameType.Reauthenticate, body, isIdempotent: false, TokenPair.Parse, slots: null) { BoundTo = connection };
        Send(request);
        return request.Completion;
    }

    private Hello MakeHello(int number)
    {
        return new Hello
        {
            Client = _options.ClientName,
            Session = Welcome?.Session ?? default,
            Attempt = (ulong)number,
            Window = Window.Begin(),
            Signals = _options.Signals,
        };
    }

    private async Task<CloseReason> ServeAsync(ClientConnection connection, CloseReason? lastReason, int attempts)
    {
        Welcome welcome = connection.Welcome;
        Volatile.Write(ref _welcome, welcome);
        Sends.Rewind();
        Hold.Reset();
        OnAnswersReleased();
        Signals.Reset();
        Volatile.Write(ref _connection, connection);
        Subscriptions.OnConnected(connection.Number);
        Presence.OnConnected(connection.Number);
        if (_stopping.IsCancellationRequested)
        {
            // Stop may have looked for the connection before it was there.
            connection.RequestClose(StoppedReason());
        }

        try
        {
            SetState(ConnectionPhase.Connected, lastReason, attempts);
        }
        catch (ApplicationFailureException failure)
        {
            connection.RequestClose(ClientConnection.ReasonOf(failure));
        }

        if (connection.MustUseToken)
        {
            _ = _tokens.UseAsync(connection.Number);
        }

        _firstConnected.TrySetResult();
        using CancellationTokenSource ended = new();
        Task keeping = _tokens.KeepAsync(welcome, connection.Number, ended.Token);
        CloseReason reason = await connection.RunAsync().ConfigureAwait(Continuation.InContext);
        Volatile.Write(ref _connection, null);
        Subscriptions.OnBreak();
        Presence.OnBreak();
        Requests.OnBreak(reason);
        await Continuation.CancelAsync(ended).ConfigureAwait(Continuation.InContext);
        await keeping.ConfigureAwait(Continuation.InContext);
        Typing.EndAll();
        return reason;
    }

    private void OnAnswersReleased()
    {
        _gate.OnRoom();
        _flushes.OnReleased();
    }

    private async Task RetrySubscribeAsync(Subscription subscription, RequestException error)
    {
        int connection = Connection.Number;
        TimeSpan delay = error.RetryAfter > TimeSpan.Zero ? error.RetryAfter : SubscribeRetryDelay;
        await Task.Delay(delay, Time, _stopping.Token).ConfigureAwait(Continuation.SuppressThrowing);
        Subscriptions.Retry(subscription, connection);
        WriteSignal.Raise();
    }

    private async Task RetryWatchAsync(PresenceWatch watch, RequestException error)
    {
        int connection = Connection.Number;
        TimeSpan delay = error.RetryAfter > TimeSpan.Zero ? error.RetryAfter : SubscribeRetryDelay;
        await Task.Delay(delay, Time, _stopping.Token).ConfigureAwait(Continuation.SuppressThrowing);
        Presence.Retry(watch, connection);
        WriteSignal.Raise();
    }

    private void End(CloseReason reason)
    {
        List<Exception> failures = Sends.FailAll(reason);
        Requests.FailAll(reason);
        Subscriptions.FailAll(reason);
        Presence.FailAll(reason);
        ConnectionException error = new(reason, isFinal: true);
        _flushes.FailAll(error);
        _gate.OnRoom();
        _firstConnected.TrySetException(error);
        try
        {
            SetState(ConnectionPhase.Closed, reason, State.Attempts);
        }
        catch (ApplicationFailureException failure)
        {
            failures.Add(failure);
        }

        if (failures.Count > 0)
        {
            throw new AggregateException("the application's handlers threw while the client ended", failures);
        }
    }

    private void SetState(ConnectionPhase phase, CloseReason? reason, int attempts)
    {
        ConnectionState state = new(phase, reason, attempts);
        Volatile.Write(ref _state, state);
        if (StateChanged is { } handler)
        {
            ApplicationFailureException.Fence(() => handler(state));
        }
    }
}
