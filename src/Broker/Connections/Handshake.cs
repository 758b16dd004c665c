using System.Buffers;
using System.IO.Pipelines;

using FastChat.Broker.Audit;
using FastChat.Broker.Identity;
using FastChat.Broker.Limits;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Connections;

/// <summary>
/// AWAITING HELLO, SIGNING IN and AWAITING PROOF (protocol.md §3): reads one Hello under the small limits of a stranger, and one Proof if that is how the password is shown, signs in, and makes the connection READY. Whatever the client sent
/// behind them stays in the pipe for the read loop.
/// </summary>
internal sealed class Handshake(ConnectionServices services, BrokerConnection connection, IDuplexPipe transport)
{
    /// <summary>When to come again whose user, or broker, has as many connections as may be: one of them has to end first.</summary>
    private const uint ManyRetryMs = 5000;

    /// <summary>The session when the connection is READY; null when it was refused or has gone.</summary>
    public async Task<Session?> RunAsync()
    {
        Visitor visitor = connection.Visitor!;
        if (services.Addresses.BeginSignIn(visitor) is { } refused)
        {
            await connection.RefuseAsync(refused.Code, refused.Reason, refused.RetryAfterMs);
            return null;
        }

        try
        {
            Hello? hello = await ReadAsync(FrameType.Hello, ParseHello);
            return hello is null ? null : await SignInAsync(hello);
        }
        finally
        {
            services.Addresses.EndSignIn(visitor);
        }
    }

    /// <summary>The next frame, which must be this one; null when the connection was closed instead.</summary>
    private async Task<T?> ReadAsync<T>(FrameType expected, Parser<T> parse)
        where T : class
    {
        while (true)
        {
            ReadResult result = await transport.Input.ReadAsync();
            if (connection.ClosingWith is var code && code != CloseCode.None)
            {
                transport.Input.AdvanceTo(result.Buffer.Start);
                await connection.RefuseAsync(code, $"no {expected} came in time");
                return null;
            }

            ReadOnlySequence<byte> buffer = result.Buffer;
            FrameReadStatus status = FrameReader.TryRead(ref buffer, ProtocolLimits.HelloSizeMax, out Frame frame, out CloseCode violation);
            if (status == FrameReadStatus.NeedMoreData && !result.IsCompleted)
            {
                bool isRightType = IsSoFar(expected, buffer);
                transport.Input.AdvanceTo(buffer.Start, buffer.End);
                if (!isRightType)
                {
                    await connection.RefuseAsync(CloseCode.OutOfState, $"{expected} is due");
                    return null;
                }

                continue;
            }

            T? message = null;
            string reason = violation == CloseCode.FrameTooLarge ? "the frame is larger than one may be before Welcome" : "no frame begins like this";
            if (status == FrameReadStatus.Done)
            {
                message = Parse(expected, frame, parse, out violation, out reason);
            }

            transport.Input.AdvanceTo(buffer.Start);
            if (message is null && violation != CloseCode.None)
            {
                await connection.RefuseAsync(violation, reason);
            }

            return message;
        }
    }

    /// <summary>False when the header is there and names another frame: no need to wait for the rest of it.</summary>
    private static bool IsSoFar(FrameType expected, in ReadOnlySequence<byte> buffer)
    {
        if (buffer.Length < FrameHeader.Size)
        {
            return true;
        }

        Span<byte> header = stackalloc byte[FrameHeader.Size];
        buffer.Slice(0, FrameHeader.Size).CopyTo(header);
        return FrameHeader.Read(header).Type == expected;
    }

    private static T? Parse<T>(FrameType expected, in Frame frame, Parser<T> parse, out CloseCode violation, out string reason)
        where T : class
    {
        violation = CloseCode.None;
        reason = string.Empty;
        if (frame.Type != expected)
        {
            violation = frame.Type == FrameType.Close ? CloseCode.Normal : CloseCode.OutOfState;
            reason = $"{expected} is due";
            return null;
        }

        violation = CloseCode.BadFrame;
        if (!ControlMap.TryParse(frame.Body, out ControlMap? map, out reason))
        {
            return null;
        }

        try
        {
            return parse(map, ref violation, ref reason);
        }
        catch (ControlFormatException wrong)
        {
            reason = wrong.Message;
        }

        return null;
    }

    private static Hello? ParseHello(ControlMap map, ref CloseCode violation, ref string reason)
    {
        Hello hello = Hello.Parse(map);
        if (hello.Version is >= ProtocolVersion.Oldest and <= ProtocolVersion.Current)
        {
            return hello;
        }

        violation = CloseCode.UnsupportedVersion;
        reason = $"this broker speaks versions {ProtocolVersion.Oldest} to {ProtocolVersion.Current}";
        return null;
    }

    private async Task<Session?> SignInAsync(Hello hello)
    {
        if (services.Router.Failure is not null)
        {
            await connection.RefuseAsync(CloseCode.StoreUnavailable, "the store failed", retryAfterMs: 10_000);
            return null;
        }

        (SignedIn? user, SignInRefused? refused) = await AdmitAsync(hello) is { } notNow ? (null, notNow) : await CheckAsync(hello);
        if (refused is not null)
        {
            if (refused.Reused is { } victim)
            {
                services.Sessions.CloseAllOf(victim.User, device => device == victim.Device, CloseCode.TokenInvalid, "a refresh token of this device was used twice");
                services.Audit.Note(new AuditEntry(AuditAct.TokenReused) { User = victim.User, Device = victim.Device, Remote = connection.Remote });
            }

            if (!refused.IsOrdinary)
            {
                services.Audit.Note(new AuditEntry(AuditAct.SignInRefused) { Remote = connection.Remote, Detail = refused.Detail is { } detail ? $"{refused.Code} {detail}" : refused.Code.ToString() });
            }

            await connection.RefuseAsync(refused.Code, refused.Reason, refused.RetryAfterMs);
            return null;
        }

        if (user is null)
        {
            // The client went, or broke the protocol, before it proved anything.
            return null;
        }

        if (services.Limits.Enter(user.Actor.User) is not { } allowance)
        {
            await connection.RefuseAsync(CloseCode.TooManyConnections, "this user has as many connections as a user may", services.Addresses.Spread(ManyRetryMs));
            return null;
        }

        Session? session = null;
        try
        {
            session = await AttachAsync(hello, user, allowance);
            return session;
        }
        finally
        {
            if (session is null)
            {
                services.Limits.Leave(allowance);
            }
        }
    }

    /// <summary>
    /// Waits for a turn. When thousands come back at once they have it one after the other, those who were here before those who were not, and who would wait for longer than is of use is told when to come instead: at a moment of their own, later the longer the
    /// line is.
    /// </summary>
    private async Task<SignInRefused?> AdmitAsync(Hello hello)
    {
        int lane = SignInLanes.Of(hello, !hello.Session.IsNone && services.Sessions.Knows(hello.Session));
        TimeSpan wait = services.ComingAndGoing.ExpectedWait(lane);

        // Whoever waited for half of the login deadline may not be there any more when the turn comes.
        TimeSpan waitMax = TimeSpan.FromSeconds(Math.Min(services.Limits.Settings.SignInWaitSeconds, services.Settings.LoginDeadline.TotalSeconds / 2));
        long came = services.Clock.GetTimestamp();
        if (wait <= waitMax)
        {
            // Looking up accounts reads the store: not on an I/O thread.
            await services.ComingAndGoing.In(lane);

            // Those of the lanes before may have come later. Who waited long and is behind nobody now waited for a process that stood still, and is let in.
            wait = services.Clock.GetElapsedTime(came);
            if (wait <= 2 * waitMax || !services.ComingAndGoing.IsCrowded)
            {
                return null;
            }
        }

        services.Metrics.Limited("sign_in_wait");
        return new SignInRefused(CloseCode.Overloaded, "too many sign-ins at once", services.Addresses.Spread((uint)Math.Clamp(wait.TotalMilliseconds, 500, 30_000)));
    }

    private async Task<(SignedIn? User, SignInRefused? Refused)> CheckAsync(Hello hello)
    {
        if (hello.IsVouchedFor)
        {
            return await CheckVouchedAsync(hello);
        }

        if (hello is { Token: null, Refresh: null, Scram: not null })
        {
            return await ProveAsync(hello);
        }

        bool isPassword = hello.Token is null && hello.Refresh is null && hello.Password is not null;
        if (isPassword && services.Addresses.BeginPassword(connection.Visitor!, hello.Register) is { } early)
        {
            return (null, early);
        }

        (SignedIn? user, SignInRefused? refused) = await services.Accounts.SignInAsync(hello, CancellationToken.None, connection.Visitor!.Key);
        if (isPassword && !hello.Register && refused?.Code != CloseCode.BadCredentials)
        {
            services.Addresses.OnPasswordRight(connection.Visitor!);
        }

        return (user, refused);
    }

    /// <summary>One challenge, one proof. Neither result when there was none: the connection is closed, or closes.</summary>
    private async Task<(SignedIn? User, SignInRefused? Refused)> ProveAsync(Hello hello)
    {
        Visitor visitor = connection.Visitor!;
        if (services.Scram.TryRead(hello.Scram!, connection.Bindings, out ScramClientFirst? first, out ChannelBinding? binding) is { } unspoken)
        {
            return (null, unspoken);
        }

        if (services.Addresses.BeginPassword(visitor, hello.Register) is { } early)
        {
            return (null, early);
        }

        SignedIn? user = null;
        SignInRefused? refused = null;
        try
        {
            (ScramExchange? exchange, refused) = hello.Register
                ? services.Scram.ChallengeNew(first!, binding, connection.Bindings)
                : (services.Scram.Challenge(first!, binding, connection.Bindings), null);
            if (exchange is null)
            {
                return (null, refused);
            }

            FrameWriter.Write(transport.Output, FrameType.Challenge, 0, exchange.Challenge.ToMap());
            await transport.Output.FlushAsync();
            if (await ReadAsync(FrameType.Proof, static (ControlMap map, ref CloseCode _, ref string _) => Proof.Parse(map)) is not { } proof)
            {
                return default;
            }

            // The proof came on an I/O thread, and the turn is over that Hello waited for.
            await services.ComingAndGoing.In(SignInLanes.Of(hello, false));
            (user, refused) = hello.Register
                ? await services.Scram.RegisterAsync(exchange, proof, hello, CancellationToken.None)
                : await services.Scram.SignInAsync(exchange, proof, hello, CancellationToken.None);
            return (user, refused);
        }
        finally
        {
            // Who goes away from a challenge has not tried a password.
            if (!hello.Register && refused?.Code != CloseCode.BadCredentials)
            {
                services.Addresses.OnPasswordRight(visitor);
            }
        }
    }

    /// <summary>Somebody else vouches. What is made up costs whoever made it up: it counts as a wrong password of that address does.</summary>
    private async Task<(SignedIn? User, SignInRefused? Refused)> CheckVouchedAsync(Hello hello)
    {
        if (services.Addresses.BeginAssertion(connection.Visitor!) is { } early)
        {
            return (null, early);
        }

        (SignedIn? user, SignInRefused? refused) = await services.Vouched.SignInAsync(hello, connection.PeerCertificateNames, connection.Remote);
        if (refused?.Code is CloseCode.AssertionRefused or CloseCode.BadCredentials)
        {
            services.Addresses.OnAssertionWrong(connection.Visitor!);
        }

        return (user, refused);
    }

    private async Task<Session?> AttachAsync(Hello hello, SignedIn user, UserAllowance allowance)
    {
        Outbox outbox = new(services.Router.LoopCount, services.Settings.OutboxBudgetBytes, hello.Window);
        Peer peer = new(user.Actor, user.Name, outbox) { Remote = connection.Remote, Bindings = connection.Bindings, TakesSignals = hello.Signals, Allowance = allowance, HoldsUntilMicros = user.HoldsUntilMicros };
        if (!services.Router.Peers.TryAdd(peer))
        {
            await connection.RefuseAsync(CloseCode.TooManyConnections, "the broker has as many connections as it may", services.Addresses.Spread(ManyRetryMs));
            return null;
        }

        Session? session = services.Sessions.Attach(
            hello.Session, hello.Attempt, new SessionId(services.Random.NextId()), user.Actor.User, user.Actor.Device, connection, out bool resumed, out CloseCode code);
        if (session is null)
        {
            services.Router.Peers.Remove(peer);
            await (code == CloseCode.SessionReplaced
                ? connection.RefuseAsync(code, "a later connection has taken up this session")
                : connection.RefuseAsync(code, "this user has as many sessions as a user may", services.Addresses.Spread(ManyRetryMs)));
            return null;
        }

        // Behind the attaching: whoever ends the account or the device closes the sessions that are attached, so one of the two sees the other.
        if (services.Accounts.Judge(user) is { } late)
        {
            services.Sessions.Detach(session, connection);
            services.Router.Peers.Remove(peer);
            await connection.RefuseAsync(late.Code, late.Reason);
            return null;
        }

        peer.Session = session.Id;
        services.Accounts.Devices.Seen(user.Actor.User, user.Actor.Device);
        services.Presence.Attach(session, peer);
        outbox.Append(Welcome(user, session, resumed));
        connection.BecomeReady(peer);
        connection.Activity.IsReady = true;
        services.Audit.Note(new AuditEntry(hello.Register ? AuditAct.Registered : AuditAct.SignedIn)
        {
            User = user.Actor.User,
            Device = user.Actor.Device,
            Remote = connection.Remote,
            Detail = user.Way is { } way ? way : hello.Token is not null ? "token" : hello.Refresh is not null ? "refresh" : hello.Scram is not null ? "scram" : "password",
        });
        return session;
    }

    /// <summary>Whole seconds that are left, never one too many; null = no end.</summary>
    public static ulong? HoldsFor(long untilMicros, long nowMicros) => untilMicros == 0 ? null : (ulong)Math.Max(0, untilMicros - nowMicros) / 1_000_000;

    /// <summary>Makes a message of a body; null, and with what the connection is closed, when the body says nothing of the kind.</summary>
    private delegate T? Parser<T>(ControlMap map, ref CloseCode violation, ref string reason)
        where T : class;

    private byte[] Welcome(SignedIn user, Session session, bool resumed)
    {
        ArrayBufferWriter<byte> frame = new();
        FrameWriter.Write(frame, FrameType.Welcome, 0, new Welcome
        {
            Server = services.Settings.Server,
            Session = session.Id,
            Resumed = resumed,
            User = user.Actor.User,
            Name = user.Name,
            Device = user.Actor.Device,
            Token = user.NewToken,
            Refresh = user.NewRefresh,
            TokenSeconds = HoldsFor(user.HoldsUntilMicros, services.Router.NowMicros()),
            Scram = user.Scram,
            HeartbeatMs = (uint)services.Settings.Heartbeat.TotalMilliseconds,
            FrameSizeMax = ProtocolLimits.ClientFrameSizeMax,
            BodySizeMax = (uint)services.Settings.BodySizeMax,
            InFlightMax = (uint)services.Settings.InFlightMax,
            TimeMicros = services.Router.NowMicros(),
            Signals = true,
        }.ToMap());
        return frame.WrittenSpan.ToArray();
    }
}
