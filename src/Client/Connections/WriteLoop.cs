using System.Buffers;
using System.Collections.Concurrent;

using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <summary>
/// The only code that writes to a connection's transport after Welcome. It sleeps on the session's signal and, once awake, sends until nothing is left: first what is small
/// and urgent (credit, pongs, a heartbeat, control requests), then a run of publishes straight out of the send queue's segment, one write per run. While a write is
/// under way producers go on filling the segment, so a busy sender needs few writes without a timer.
/// <para>
/// Publishes stop at the broker's <c>in_flight_max</c>: past it the broker would stop reading, and a Ping or Subscribe would wait behind them. They rest while the broker refuses them for the time being
/// (<see cref="PublishHold"/>).
/// </para>
/// </summary>
internal sealed class WriteLoop
{
    private const int ControlBytesMax = 64 * 1024;
    private const int JoinedRunMax = 8 * 1024;
    private const int PongsMax = 64;
    private const uint HeartbeatBit = 0x8000_0000;

    private readonly ClientSession _session;
    private readonly Stream _stream;
    private readonly int _connection;
    private readonly long _inFlightMax;
    private readonly ArrayBufferWriter<byte> _control = new(256);
    private readonly ConcurrentQueue<(uint Request, byte[] Body)> _pongs = new();
    private CloseReason? _closing;
    private uint _heartbeats;
    private bool _isHeartbeatDue;
    private bool _isGated;
    private bool _hasSent;

    public WriteLoop(ClientSession session, Stream stream, int connection, long inFlightMax)
    {
        _session = session;
        _stream = stream;
        _connection = connection;
        _inFlightMax = inFlightMax;
    }

    /// <summary>The loop holds publishes back until answers come. Read by the read loop behind each batch.</summary>
    public bool IsGated => Volatile.Read(ref _isGated);

    /// <summary>Any thread: send Close and end. The first reason counts.</summary>
    public void RequestClose(CloseReason reason)
    {
        Interlocked.CompareExchange(ref _closing, reason, null);
        _session.WriteSignal.Raise();
    }

    /// <summary>Read loop: answer a Ping; false when the broker does not take the answers.</summary>
    public bool TryQueuePong(uint request, ReadOnlySpan<byte> body)
    {
        if (_pongs.Count >= PongsMax)
        {
            return false;
        }

        _pongs.Enqueue((request, body.ToArray()));
        _session.WriteSignal.Raise();
        return true;
    }

    /// <summary>Heartbeat: send a Ping unless something was sent since the last call.</summary>
    public void Beat()
    {
        if (!Interlocked.Exchange(ref _hasSent, false))
        {
            Volatile.Write(ref _isHeartbeatDue, true);
            _session.WriteSignal.Raise();
        }
    }

    /// <summary>Runs until a close was requested and sent (returns its reason), or the transport or the token fails (throws).</summary>
    public async Task<CloseReason> RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Volatile.Read(ref _closing) is { } closing)
            {
                FrameWriter.WriteClose(_control, closing.Code, closing.Text);
                await SendAsync(_control.WrittenMemory, cancellationToken).ConfigureAwait(Continuation.InContext);
                return closing;
            }

            WriteControl();
            bool hasRun = TryTakeRun(out ReadOnlyMemory<byte> run);
            if (_control.WrittenCount > 0)
            {
                if (run.Length <= JoinedRunMax)
                {
                    _control.Write(run.Span);
                    run = default;
                }

                await SendAsync(_control.WrittenMemory, cancellationToken).ConfigureAwait(Continuation.InContext);
                _control.ResetWrittenCount();
                hasRun = true;
            }

            if (run.Length > 0)
            {
                await SendAsync(run, cancellationToken).ConfigureAwait(Continuation.InContext);
            }

            if (!hasRun)
            {
                await _session.WriteSignal.WaitAsync().ConfigureAwait(Continuation.InContext);
            }
        }
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        Volatile.Write(ref _hasSent, true);
        await _stream.WriteAsync(bytes, cancellationToken).ConfigureAwait(Continuation.InContext);
        await _stream.FlushAsync(cancellationToken).ConfigureAwait(Continuation.InContext);
    }

    private void WriteControl()
    {
        uint credit = _session.Window.TakeCredit();
        if (credit > 0)
        {
            new Credit(credit).Write(FrameWriter.Begin(_control, FrameType.Credit, 0, Credit.Size));
        }

        while (_pongs.TryDequeue(out (uint Request, byte[] Body) pong))
        {
            FrameWriter.Write(_control, FrameType.Pong, pong.Request, pong.Body);
        }

        while (_session.Signals.TryTake(out Signal signal))
        {
            signal.Write(FrameWriter.Begin(_control, FrameType.Signal, 0, Signal.Size));
        }

        if (Interlocked.Exchange(ref _isHeartbeatDue, false))
        {
            FrameWriter.Write(_control, FrameType.Ping, HeartbeatBit | (++_heartbeats & 0xFFFF), ReadOnlySpan<byte>.Empty);
        }

        while (_control.WrittenCount < ControlBytesMax && _session.Requests.TryTake(_connection, out PendingRequest? request))
        {
            request.Write(_control);
        }
    }

    private bool TryTakeRun(out ReadOnlyMemory<byte> run)
    {
        run = default;
        if (!_session.Hold.MayPublish())
        {
            return false;
        }

        long inFlightMax = Math.Min(_inFlightMax, _session.Hold.Window);
        long allowed = inFlightMax - _session.Sends.InFlight;
        if (allowed <= 0)
        {
            // The flag is up before the second look, and the read loop counts before it looks at the flag: one of the two sees the other.
            Volatile.Write(ref _isGated, true);
            Interlocked.MemoryBarrier();
            allowed = inFlightMax - _session.Sends.InFlight;
            if (allowed <= 0)
            {
                return false;
            }
        }

        Volatile.Write(ref _isGated, false);
        return _session.Sends.TryTake(allowed, out run);
    }
}
