using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Broker.Connections;

/// <summary>
/// The deadlines of a connection (protocol.md §2.3), as a pure decision over its activity. Kestrel's own data-rate rules do not reach raw or upgraded connections, so these are
/// the only ones there are. For time in which the broker itself stood still nobody is late: what peers sent meanwhile has not been read yet, and every deadline begins anew.
/// </summary>
internal sealed class KeepAlive(ConnectionSettings settings, TimeProvider clock)
{
    private static readonly byte[] Ping = MakePing();
    private static readonly TimeSpan SeenInterval = TimeSpan.FromHours(2);
    private static readonly TimeSpan ShutOutDeadline = TimeSpan.FromMilliseconds(250);

    private long _notBefore;

    /// <summary>The process was stopped, or the machine slept, until now. Timer thread.</summary>
    public void OnStalled() => _notBefore = clock.GetTimestamp();

    /// <summary>What has to be done now, if anything.</summary>
    public CloseCode Judge(ConnectionActivity activity)
    {
        if (!activity.IsReady)
        {
            return IsOver(activity.Accepted, settings.LoginDeadline) ? CloseCode.LoginTimeout : CloseCode.None;
        }

        if (activity.FrameBegun != 0 && IsOver(activity.FrameBegun, settings.FrameDeadline))
        {
            return CloseCode.FrameTimeout;
        }

        if (activity.WriteBegun != 0 && IsOver(activity.WriteBegun, settings.WriteDeadline))
        {
            return CloseCode.WriteTimeout;
        }

        return IsOver(activity.Received, 2 * settings.Heartbeat) ? CloseCode.HeartbeatTimeout : CloseCode.None;
    }

    /// <summary>Closes, pings or ends the connection as its deadlines demand. Timer thread.</summary>
    public void Check(BrokerConnection connection)
    {
        ConnectionActivity activity = connection.Activity;
        if (activity.CloseBegun != 0)
        {
            // Who was shut out and takes no bytes is not waited for: what lies in the transport is the last that reaches it.
            bool isShutOut = CloseCodes.EndsSignIn(connection.ClosingWith) && activity.WriteBegun != 0;
            if (IsOver(activity.CloseBegun, isShutOut ? ShutOutDeadline : settings.CloseDeadline))
            {
                connection.Abort();
            }

            return;
        }

        if (connection.Peer is { } sender && activity.WriteBegun == 0 && sender.Outbox.HasWaiting)
        {
            // Once a second, whatever waits is pointed out again: a lost wake-up could only ever cost time.
            sender.Outbox.Work.Raise();
        }

        CloseCode code = Judge(activity);
        if (code == CloseCode.None && connection.Peer is { HoldsUntilMicros: > 0 } signedIn && signedIn.HoldsUntilMicros <= NowMicros())
        {
            connection.RequestClose(CloseCode.TokenExpired, "the token has expired");
            return;
        }

        if (code != CloseCode.None)
        {
            connection.RequestClose(code, "deadline");
        }
        else if (connection.Peer is { } there && clock.GetElapsedTime(activity.Noted) >= SeenInterval)
        {
            // Who stays connected for longer than a device may be away has been there all the time.
            activity.Noted = clock.GetTimestamp();
            connection.NoteSeen(there);
        }
        else if (connection.Peer is { } peer && IsOver(activity.Sent, settings.Heartbeat) && activity.WriteBegun == 0)
        {
            peer.Outbox.Append(Ping);
        }
    }

    private bool IsOver(long since, TimeSpan limit) => clock.GetElapsedTime(Math.Max(since, _notBefore)) >= limit;

    private long NowMicros() => (clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private static byte[] MakePing()
    {
        ArrayBufferWriter<byte> frame = new(FrameHeader.Size);
        FrameWriter.Write(frame, FrameType.Ping, 0, ReadOnlySpan<byte>.Empty);
        return frame.WrittenSpan.ToArray();
    }
}
