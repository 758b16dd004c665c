using System.IO.Pipelines;

using FastChat.Broker.Audit;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Limits;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Broker.Connections;

/// <summary>
/// One transport, from accept to teardown: handshake, then the read loop and the write loop, then whatever order they end in, everything given
/// back. TCP, Unix and WebSocket connections differ only in the pipe they bring.
/// </summary>
internal sealed class BrokerConnection : ISessionConnection
{
    /// <summary>A closing client that sends nothing for so long has nothing on its way that could reset the connection.</summary>
    private static readonly TimeSpan LingerPause = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a client that goes on sending after Close is listened to.</summary>
    private static readonly TimeSpan LingerMax = TimeSpan.FromSeconds(2);

    private readonly ConnectionServices _services;
    private readonly IDuplexPipe _transport;
    private readonly Action _abort;
    private ConnectionWriteLoop? _writeLoop;
    private Closing? _closing;

    /// <param name="services">What every connection needs.</param>
    /// <param name="id">Number of the connection, for the log.</param>
    /// <param name="origin">Where it comes from.</param>
    /// <param name="transport">Its bytes.</param>
    /// <param name="abort">Ends the transport at once. Any thread.</param>
    public BrokerConnection(ConnectionServices services, long id, ConnectionOrigin origin, IDuplexPipe transport, Action abort)
    {
        _services = services;
        Id = id;
        Remote = origin.Remote;
        PeerCertificateNames = origin.CertificateNames;
        Bindings = origin.Bindings;
        _transport = transport;
        _abort = abort;
        Activity = new ConnectionActivity(services.Clock, origin.Accepted);
    }

    /// <summary>Number of the connection.</summary>
    public long Id { get; }

    /// <summary>Where it comes from, without the port.</summary>
    public string Remote { get; }

    /// <inheritdoc cref="ConnectionOrigin.CertificateNames"/>
    public IReadOnlyList<string> PeerCertificateNames { get; }

    /// <inheritdoc cref="ConnectionOrigin.Bindings"/>
    public IReadOnlyList<ChannelBinding> Bindings { get; }

    /// <summary>Its address among the others'; null before it is counted in.</summary>
    public Visitor? Visitor { get; set; }

    /// <summary>What the timer looks at.</summary>
    public ConnectionActivity Activity { get; }

    /// <summary>Who it is; null before Welcome.</summary>
    public Peer? Peer { get; private set; }

    /// <summary>True once it has ended and given everything back.</summary>
    public bool IsGone { get; set; }

    /// <summary>True while no further frame is read, because the broker shuts down and what was read is to be answered first.</summary>
    public bool IsDraining { get; private set; }

    /// <summary>Why it is being closed; None while it is not.</summary>
    public CloseCode ClosingWith => Volatile.Read(ref _closing)?.Code ?? CloseCode.None;

    /// <summary>Runs the connection to its end. Does not throw.</summary>
    public async Task RunAsync()
    {
        try
        {
            Session? session = await new Handshake(_services, this, _transport).RunAsync();
            if (session is not null)
            {
                await ServeAsync(session);
            }
        }
        catch (TransportBreachException breach)
        {
            // The transport has told the peer in its own words.
            _services.Audit.Note(new AuditEntry(AuditAct.ProtocolViolated) { User = Peer?.Actor.User ?? default, Device = Peer?.Actor.Device ?? default, Remote = Remote, Detail = breach.Layer });
        }
        catch (Exception end) when (end is IOException or OperationCanceledException or Microsoft.AspNetCore.Connections.ConnectionResetException)
        {
            // The transport ended under us; the peer knows.
        }
        catch (Exception defect)
        {
            BrokerLog.ConnectionDefect(_services.Log, defect, Id);
        }
        finally
        {
            if (ClosingWith is not (CloseCode.None or CloseCode.Normal))
            {
                await LingerAsync();
            }

            await _transport.Input.CompleteAsync();
            await _transport.Output.CompleteAsync();
        }
    }

    /// <inheritdoc/>
    public void RequestClose(CloseCode code, string reason) => RequestClose(code, reason, 0);

    /// <summary>Ends the connection: what is queued is sent, then Close, then the end of the stream. Any thread; the first reason counts.</summary>
    public void RequestClose(CloseCode code, string reason, uint retryAfterMs)
    {
        if (!TryBeginClose(new Closing(code, reason, retryAfterMs)))
        {
            return;
        }

        if (_writeLoop is { } writer)
        {
            Finish(writer);
        }

        _transport.Input.CancelPendingRead();
        Peer?.ReadGate.Raise();
    }

    /// <summary>Stops reading: what was accepted is answered, nothing more is accepted. Any thread.</summary>
    public void BeginDrain()
    {
        IsDraining = true;
        _transport.Input.CancelPendingRead();
    }

    /// <inheritdoc/>
    public void Send(byte[] frame)
    {
        // What others cause must not pile up at somebody who does not read: a notice is a hint and may be left out.
        if (Peer is { } peer && peer.Outbox.HasRoom)
        {
            peer.Outbox.Append(frame);
        }
    }

    /// <summary>Has it noted that the device is still there, by a thread that may read the store. Not at teardown: by then the store may be closed.</summary>
    public void NoteSeen(Peer peer) => Continuation.Queue(
        static state =>
        {
            if (state.Connection.ClosingWith == CloseCode.None)
            {
                state.Connection._services.Accounts.Devices.Seen(state.Peer.Actor.User, state.Peer.Actor.Device);
            }
        },
        (Connection: this, Peer: peer));

    /// <summary>Ends the transport without another word. Any thread.</summary>
    public void Abort() => _abort();

    /// <summary>Sends Close on a connection that has no write loop yet, and ends its stream.</summary>
    public async Task RefuseAsync(CloseCode code, string reason, uint retryAfterMs = 0)
    {
        TryBeginClose(new Closing(code, reason, retryAfterMs));
        Closing first = Volatile.Read(ref _closing)!;
        if (first.Code != CloseCode.Normal)
        {
            FrameWriter.WriteClose(_transport.Output, first.Code, first.Reason, first.RetryAfterMs);
            await _transport.Output.FlushAsync();
        }
    }

    private async Task ServeAsync(Session session)
    {
        Peer peer = Peer!;
        Task writing = _writeLoop!.RunAsync();
        try
        {
            await new ConnectionReadLoop(_services, this, _transport.Input).RunAsync();
        }
        finally
        {
            // A client that has only ended its sending side still reads the answers to what it sent; what is queued may leave in any case.
            await AnswerRestAsync(peer);
            if (IsDraining && peer.InFlight == 0)
            {
                RequestClose(CloseCode.Draining, ConnectionRegistry.ShuttingDown);
            }

            // Whoever closes may not have told the write loop yet, and without a Close the peer would not know why.
            Finish(_writeLoop);
            await writing;

            // The write loop may have ended on a shard loop's thread (RaiseHere), and so would all the rest, down to the transport's: it is not that thread's work.
            await _services.ComingAndGoing;
            peer.Outbox.Close();
            _services.Presence.Detach(peer);
            _services.Sessions.Detach(session, this);
            _services.Router.Peers.Remove(peer);
            _services.Limits.Leave(peer.Allowance);
            await DetachAsync(peer);
        }
    }

    /// <summary>Gives the connection its peer, which makes it READY. Handshake only.</summary>
    public void BecomeReady(Peer peer)
    {
        _writeLoop = new ConnectionWriteLoop(_services, this, peer, _transport.Output);
        Peer = peer;
        if (ClosingWith != CloseCode.None)
        {
            Finish(_writeLoop);
        }
    }

    /// <summary>True for the first who closes.</summary>
    private bool TryBeginClose(Closing closing)
    {
        if (Interlocked.CompareExchange(ref _closing, closing, null) is not null)
        {
            return false;
        }

        BrokerLog.Closed(_services.Log, Id, closing.Code);
        _services.Metrics.Closed(closing.Code);
        NoteClosing(closing.Code);
        Activity.BeginClose();
        return true;
    }

    /// <summary>Who breaks the protocol, or is turned away, is written down.</summary>
    private void NoteClosing(CloseCode code)
    {
        AuditAct act = code switch
        {
            CloseCode.BadFrame or CloseCode.FrameTooLarge or CloseCode.OutOfState => AuditAct.ProtocolViolated,
            CloseCode.TooManyConnections or CloseCode.LoginTimeout => AuditAct.ConnectionRefused,
            _ => default,
        };
        if (act != default)
        {
            _services.Audit.Note(new AuditEntry(act) { User = Peer?.Actor.User ?? default, Device = Peer?.Actor.Device ?? default, Remote = Remote, Detail = code.ToString() });
        }
    }

    /// <summary>Lets the write loop end, with the Close that was decided, if one was. Any thread.</summary>
    private void Finish(ConnectionWriteLoop writer)
    {
        Closing? closing = Volatile.Read(ref _closing);
        writer.Finish(closing?.Code ?? CloseCode.None, closing?.Reason ?? string.Empty, closing?.RetryAfterMs ?? 0);
    }

    /// <summary>
    /// Reads and forgets what the client still sends before the stream ends: a socket that is closed with unread input is reset, and a reset takes the answers and the Close that are
    /// on their way with it (RFC 2525 §2.17). A client that sends nothing is not waited for.
    /// </summary>
    private async Task LingerAsync()
    {
        long begun = _services.Clock.GetTimestamp();
        try
        {
            while (_services.Clock.GetElapsedTime(begun) < LingerMax)
            {
                using CancellationTokenSource pause = new(LingerPause, _services.Clock);
                ReadResult result = await _transport.Input.ReadAsync(pause.Token);
                _transport.Input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    return;
                }
            }
        }
        catch (Exception end) when (end is IOException or OperationCanceledException or InvalidOperationException)
        {
            // Silence, or the transport has ended already: nothing is in the way of what was sent.
        }
    }

    /// <summary>Waits, for a while, until every publish of a client that sends no more is answered.</summary>
    private async Task AnswerRestAsync(Peer peer)
    {
        long begun = _services.Clock.GetTimestamp();
        while (ClosingWith == CloseCode.None && peer.InFlight > 0 && _services.Clock.GetElapsedTime(begun) < _services.Settings.CloseDeadline)
        {
            await _services.Router.WaitForRoomAsync(CancellationToken.None);
        }
    }

    /// <summary>Tells every shard that may hold something of this connection to forget it.</summary>
    private async Task DetachAsync(Peer peer)
    {
        Routing.CommandHeader header = new(
            Routing.CommandKind.Detach, peer.Actor, 0, Routing.CommandHeader.ReplyToPeer(peer.Address), 0);
        for (int shard = 0; shard < _services.Router.Map.Count; shard++)
        {
            while (peer.HasTouchedShard(shard) && !_services.Router.TryPost(shard, header, []))
            {
                await _services.Router.WaitForRoomAsync(CancellationToken.None);
            }
        }
    }

    /// <summary>Why, as the peer is told. One object, so that whoever sees that the connection closes sees with what.</summary>
    private sealed record Closing(CloseCode Code, string Reason, uint RetryAfterMs);
}
