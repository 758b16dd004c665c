using System.Buffers;

using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <summary>
/// One transport, from Hello to its end: the handshake, then a read loop, a write loop and a heartbeat side by side. Whichever ends first decides why the
/// connection ended; the other two are stopped and awaited, so that when <see cref="RunAsync"/> returns nobody touches the session's queues on its behalf.
/// <para>
/// Nothing is sent between Hello and Welcome, although the protocol allows it: Welcome brings the limits that everything else keeps to, and costs one round trip of a reconnect
/// that has just waited longer than that.
/// </para>
/// </summary>
internal sealed class ClientConnection
{
    /// <summary>Bytes of a Ping's body at the most.</summary>
    public const int PingSizeMax = 64;

    private static readonly TimeSpan LastWordsMax = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan HeartbeatDefault = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan HeartbeatMin = TimeSpan.FromMilliseconds(20);

    private readonly ClientSession _session;
    private readonly Stream _stream;
    private readonly FrameSource _source;
    private readonly FrameDispatcher _dispatcher;
    private readonly WriteLoop _writeLoop;
    private readonly TimeSpan _heartbeat;
    private readonly TaskCompletionSource<CloseReason> _closeRequested = new(Continuation.Asynchronously);
    private long _receivedAt;

    private ClientConnection(ClientSession session, OpenedTransport transport, FrameSource source, Welcome welcome, int number)
    {
        Stream stream = transport.Stream;
        _session = session;
        _stream = stream;
        Binding = transport.Binding;
        _source = source;
        Welcome = welcome;
        Number = number;
        _dispatcher = new FrameDispatcher(session);
        _writeLoop = new WriteLoop(session, stream, number, welcome.InFlightMax == 0 ? ProtocolLimits.InFlightMax : welcome.InFlightMax);
        TimeSpan heartbeat = TimeSpan.FromMilliseconds(welcome.HeartbeatMs);
        _heartbeat = welcome.HeartbeatMs == 0 ? HeartbeatDefault : heartbeat < HeartbeatMin ? HeartbeatMin : heartbeat;
    }

    /// <summary>The broker's answer to Hello.</summary>
    public Welcome Welcome { get; }

    /// <summary>Welcome brought a pair that has to be used once, for the one before it to be worth nothing.</summary>
    public bool MustUseToken { get; set; }

    /// <summary>What a proof on it can be bound to; null for nothing.</summary>
    public ChannelBinding? Binding { get; }

    /// <summary>Connections of a client are numbered from 1.</summary>
    public int Number { get; }

    /// <summary>Signs in on a fresh transport.</summary>
    /// <param name="session">Whose.</param>
    /// <param name="transport">The transport.</param>
    /// <param name="hello">What is said.</param>
    /// <param name="exchange">The proof of a password that this begins; null for none.</param>
    /// <param name="number">Number of the connection.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ConnectionEndedException">The broker closed, or the stream ended.</exception>
    /// <exception cref="ProtocolViolationException">The broker sent anything else, or could not show that it knows the account.</exception>
    public static async Task<ClientConnection> OpenAsync(
        ClientSession session, OpenedTransport transport, Hello hello, ScramClientExchange? exchange, int number, CancellationToken cancellationToken)
    {
        Stream stream = transport.Stream;
        IOException? writeFailure = await SendAsync(stream, FrameType.Hello, hello.ToMap(), cancellationToken).ConfigureAwait(Continuation.InContext);
        FrameSource source = new(stream);
        Frame frame = await ReceiveAsync(source, writeFailure, cancellationToken).ConfigureAwait(Continuation.InContext);
        if (exchange is not null && frame.Type == FrameType.Challenge)
        {
            Proof proof = await PasswordSignIn.AnswerAsync(exchange, Read(frame, Challenge.Parse)).ConfigureAwait(Continuation.InContext);
            writeFailure = await SendAsync(stream, FrameType.Proof, proof.ToMap(), cancellationToken).ConfigureAwait(Continuation.InContext);
            frame = await ReceiveAsync(source, writeFailure, cancellationToken).ConfigureAwait(Continuation.InContext);
        }

        Welcome welcome = frame.Type switch
        {
            FrameType.Welcome => ReadWelcome(frame),
            FrameType.Close => throw new ConnectionEndedException(FrameDispatcher.CloseOf(frame)),
            _ => throw new ProtocolViolationException(CloseCode.OutOfState, $"{frame.Type} came where Welcome was due"),
        };
        return exchange is null || exchange.IsRight(welcome.Scram)
            ? new ClientConnection(session, transport, source, welcome, number)
            : throw new ProtocolViolationException(CloseCode.MechanismRefused, "whoever answered did not show that it knows the account: it is not the broker, or not the one where the account was made");
    }

    /// <summary>Any thread: say Close and end, also when the broker takes no bytes. The first reason counts.</summary>
    public void RequestClose(CloseReason reason)
    {
        _writeLoop.RequestClose(reason);
        _closeRequested.TrySetResult(reason);
    }

    /// <summary>Read loop: answer a Ping; false when too many answers wait.</summary>
    public bool TryQueuePong(uint request, ReadOnlySpan<byte> body) => _writeLoop.TryQueuePong(request, body);

    /// <summary>Serves the connection to its end, and returns why it ended. Does not throw.</summary>
    public async Task<CloseReason> RunAsync()
    {
        using CancellationTokenSource stop = new();
        _receivedAt = _session.Time.GetTimestamp();
        Task<CloseReason> reading = Guard(ReadAsync(stop.Token));
        Task<CloseReason> writing = Guard(_writeLoop.RunAsync(stop.Token));
        Task<CloseReason> beating = Guard(BeatAsync(stop.Token));

        Task<CloseReason> first = await Task.WhenAny(reading, writing, beating, _closeRequested.Task).ConfigureAwait(Continuation.InContext);
        CloseReason reason = await first.ConfigureAwait(Continuation.InContext);
        if (first == writing && reason.Cause is not null)
        {
            // The broker may have said why before it stopped listening.
            reason = await LastWordsAsync(reading, reason).ConfigureAwait(Continuation.InContext);
        }
        else if (first != writing && reason.IsLocal)
        {
            _writeLoop.RequestClose(reason);
            await LastWordsAsync(writing, reason).ConfigureAwait(Continuation.InContext);
        }

        await Continuation.CancelAsync(stop).ConfigureAwait(Continuation.InContext);
        _session.WriteSignal.Raise();
        await DisposeStreamAsync(_stream).ConfigureAwait(Continuation.InContext);
        await Task.WhenAll(reading, writing, beating).ConfigureAwait(Continuation.InContext);
        return reason;
    }

    /// <summary>Closes a transport; one that is broken already cannot be closed any better.</summary>
    public static async ValueTask DisposeStreamAsync(Stream stream)
    {
        try
        {
            await stream.DisposeAsync().ConfigureAwait(Continuation.InContext);
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException or InvalidOperationException)
        {
            System.Diagnostics.Debug.WriteLine(failure.Message);
        }
    }

    /// <summary>The reason behind an exception of a loop or of the handshake.</summary>
    public static CloseReason ReasonOf(Exception failure) => failure switch
    {
        ConnectionEndedException ended => ended.Reason,
        // Whoever could not prove to be the broker is not given another proof to think about.
        ProtocolViolationException { Code: CloseCode.MechanismRefused } stranger => new CloseReason(stranger.Code, stranger.Message, TimeSpan.Zero, stranger) { IsLocal = true, IsFatal = true },
        ProtocolViolationException violation => new CloseReason(violation.Code, violation.Message, TimeSpan.Zero, violation) { IsLocal = true },
        ApplicationFailureException application =>
            new CloseReason(CloseCode.Normal, application.Message, TimeSpan.Zero, application.InnerException) { IsLocal = true, IsFatal = true },
        _ => new CloseReason(CloseCode.None, failure.Message, TimeSpan.Zero, failure),
    };

    private static CloseReason EndOfStream() => new(CloseCode.None, "the broker ended the connection without a word", TimeSpan.Zero, Cause: null);

    private static Welcome ReadWelcome(in Frame frame)
    {
        Welcome welcome = Read(frame, Welcome.Parse);
        return welcome.Version == ProtocolVersion.Current && !welcome.Session.IsNone && !welcome.User.IsNone
            ? welcome
            : throw new ProtocolViolationException(CloseCode.BadFrame, $"Welcome of version {welcome.Version} without a session or a user");
    }

    private static T Read<T>(in Frame frame, Func<ControlMap, T> parse)
    {
        if (!ControlMap.TryParse(frame.Body, out ControlMap? map, out string reason))
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, $"{frame.Type}: {reason}");
        }

        try
        {
            return parse(map);
        }
        catch (ControlFormatException failure)
        {
            throw new ProtocolViolationException(CloseCode.BadFrame, $"{frame.Type}: {failure.Message}");
        }
    }

    private static async Task<Frame> ReceiveAsync(FrameSource source, IOException? writeFailure, CancellationToken cancellationToken)
    {
        Frame frame;
        while (!source.TryRead(out frame))
        {
            if (!await source.FillAsync(cancellationToken).ConfigureAwait(Continuation.InContext))
            {
                throw writeFailure ?? (Exception)new ConnectionEndedException(EndOfStream());
            }
        }

        return frame;
    }

    private static async Task<IOException?> SendAsync(Stream stream, FrameType type, ControlMap body, CancellationToken cancellationToken)
    {
        ArrayBufferWriter<byte> first = new(256);
        FrameWriter.Write(first, type, 0, body);
        try
        {
            await stream.WriteAsync(first.WrittenMemory, cancellationToken).ConfigureAwait(Continuation.InContext);
            await stream.FlushAsync(cancellationToken).ConfigureAwait(Continuation.InContext);
            return null;
        }
        catch (IOException failure)
        {
            // A broker that has too many connections closes before it listens; its reason may lie here to be read.
            return failure;
        }
    }

    private static async Task<CloseReason> Guard(Task<CloseReason> loop)
    {
        try
        {
            return await loop.ConfigureAwait(Continuation.InContext);
        }
        catch (Exception failure)
        {
            return ReasonOf(failure);
        }
    }

    private async Task<CloseReason> LastWordsAsync(Task<CloseReason> other, CloseReason reason)
    {
        using CancellationTokenSource enough = new();
        await Task.WhenAny(other, Task.Delay(LastWordsMax, _session.Time, enough.Token)).ConfigureAwait(Continuation.InContext);
        await Continuation.CancelAsync(enough).ConfigureAwait(Continuation.InContext);
        if (other.IsCompleted && await other.ConfigureAwait(Continuation.InContext) is { Code: not CloseCode.None } said)
        {
            return said;
        }

        return reason;
    }

    private async Task<CloseReason> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            while (_source.TryRead(out Frame frame))
            {
                if (_dispatcher.Dispatch(frame) is { } closed)
                {
                    return closed;
                }
            }

            _session.AfterBatch(_writeLoop.IsGated);
            if (!await _source.FillAsync(cancellationToken).ConfigureAwait(Continuation.InContext))
            {
                return EndOfStream();
            }

            Volatile.Write(ref _receivedAt, _session.Time.GetTimestamp());
        }
    }

    private async Task<CloseReason> BeatAsync(CancellationToken cancellationToken)
    {
        // Half the interval: something that was sent just behind one tick is followed by a Ping at the second one at the latest.
        using PeriodicTimer timer = new(_heartbeat / 2, _session.Time);
        while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(Continuation.InContext))
        {
            if (_session.Time.GetElapsedTime(Volatile.Read(ref _receivedAt)) >= 2 * _heartbeat)
            {
                break;
            }

            _writeLoop.Beat();
        }

        return new CloseReason(CloseCode.HeartbeatTimeout, "nothing was heard from the broker for two heartbeats", TimeSpan.Zero, Cause: null) { IsLocal = true };
    }
}

/// <summary>The connection ended before it was one: the broker closed it during the handshake.</summary>
internal sealed class ConnectionEndedException : Exception
{
    public ConnectionEndedException(CloseReason reason)
        : base(reason.ToString()) => Reason = reason;

    public CloseReason Reason { get; }
}
