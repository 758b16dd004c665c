using System.Buffers;
using System.IO.Pipelines;

using FastChat.Broker.Handlers;
using FastChat.Broker.Limits;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Connections;

/// <summary>
/// Pipe → frames → dispatcher, for a connection in state READY. It moves and never interprets. When a frame cannot be taken it waits and offers the same frame again: meanwhile
/// the transport's window closes and the client feels it.
/// <para>
/// The loop runs where the transport completes its reads, which may be an I/O thread: nothing in here, nor in the handlers it calls, blocks.
/// </para>
/// </summary>
internal sealed class ConnectionReadLoop(ConnectionServices services, BrokerConnection connection, PipeReader input)
{
    /// <summary>The longest that reading rests at a time because much came: far below every deadline, so that neither side takes the other for dead.</summary>
    private static readonly TimeSpan s_pauseMax = TimeSpan.FromSeconds(1);

    private readonly ClientContext _client = new(connection.Peer!, services.Metrics);
    private long _bytesFullAt;

    /// <summary>Runs until the client has gone or the connection is to close.</summary>
    public async Task RunAsync()
    {
        while (connection.ClosingWith == CloseCode.None && !connection.IsDraining)
        {
            ReadResult result = await input.ReadAsync();
            ReadOnlySequence<byte> buffer = result.Buffer;
            if (buffer.IsEmpty && !result.IsCompleted)
            {
                // A part of a TLS record, or nothing at all: no sign of life, so nobody lives on it.
                input.AdvanceTo(buffer.End);
                continue;
            }

            long timeMicros = services.Router.NowMicros();
            long size = buffer.Length;
            int frames = 0;
            _client.Now = services.Limits.Now;
            while (connection.ClosingWith == CloseCode.None && !connection.IsDraining)
            {
                ReadOnlySequence<byte> rest = buffer;
                FrameReadStatus status = FrameReader.TryRead(ref rest, ProtocolLimits.ClientFrameSizeMax, out Frame frame, out CloseCode violation);
                if (status == FrameReadStatus.NeedMoreData)
                {
                    break;
                }

                if (status == FrameReadStatus.Invalid)
                {
                    connection.RequestClose(violation, violation == CloseCode.FrameTooLarge ? "the frame is larger than frame_size_max" : "no frame begins like this");
                    break;
                }

                if (Offer(frame, timeMicros) == HandlerOutcome.TryAgain)
                {
                    connection.Peer!.Outbox.WakeForAnswers();
                    await WaitForRoomAsync();
                    continue;
                }

                frames++;
                buffer = rest;
            }

            // An answer of the read loop's own leaves on its thread: a pong is not worth waking another.
            connection.Peer!.Outbox.WakeForAnswers();
            connection.Activity.OnReceived(isPartial: !buffer.IsEmpty, madeProgress: frames > 0);
            services.Metrics.Received(size - buffer.Length);
            TimeSpan pause = PauseAfter(size - buffer.Length, frames);
            input.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
            {
                return;
            }

            if (pause > TimeSpan.Zero)
            {
                await Task.Delay(pause, services.Clock);
                connection.Activity.OnPaused();
            }
        }
    }

    /// <summary>
    /// How long reading rests because of what was read: a connection that sends more than its share, be it of pings, of frames without a body or of publishes that are refused, feels it as a slow network. What it sends is not refused, and a moment later is read.
    /// </summary>
    private TimeSpan PauseAfter(long bytes, int frames)
    {
        uint waitMs = services.Limits.SpendBytes(connection.Peer!, ref _bytesFullAt, _client.Now, bytes + ((long)frames * LimitSettings.FrameCost));
        return waitMs == 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Math.Min(waitMs, Math.Min(s_pauseMax.TotalMilliseconds, services.Settings.Heartbeat.TotalMilliseconds / 4)));
    }

    private HandlerOutcome Offer(in Frame frame, long timeMicros)
    {
        try
        {
            return services.Dispatcher.Dispatch(_client, frame, timeMicros);
        }
        catch (ProtocolViolationException violation)
        {
            connection.RequestClose(violation.Code, violation.Message);
            return HandlerOutcome.Done;
        }
    }

    /// <summary>Returns when a frame that was not taken may be offered again.</summary>
    private async Task WaitForRoomAsync()
    {
        Peer peer = connection.Peer!;

        // It is us who keep the client waiting: neither its frame nor its signs of life are late.
        connection.Activity.OnReceived(isPartial: false, madeProgress: true);
        peer.IsReadPaused = true;

        // Whoever makes room changes the limits first and looks at the flag afterwards; we do it the other way round.
        Interlocked.MemoryBarrier();
        if (services.Dispatcher.HasRoom(peer))
        {
            // The connection is within its limits, so a shard's ring was full.
            await services.Router.WaitForRoomAsync(CancellationToken.None);
        }
        else
        {
            await peer.ReadGate.WaitAsync();
        }

        peer.IsReadPaused = false;
        _client.Now = services.Limits.Now;
    }
}
