using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <content>Devices, the password, and what operators do with accounts (protocol.md §4.11).</content>
public sealed partial class FastChatClient
{
    /// <summary>A page of the user's devices, in the order of their numbers. Asked again by itself when the connection breaks.</summary>
    /// <param name="after">The last device of the previous page; none = from the start.</param>
    /// <param name="limit">Devices at the most, up to 500; 0 = as many as the broker gives.</param>
    /// <param name="user">Whose, for operators; none = the signed-in user.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="RequestException">FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<DevicePage> ListDevicesAsync(DeviceId after = default, int limit = 0, UserId user = default, CancellationToken cancellationToken = default) => ControlAsync(
        FrameType.ListDevices,
        Of(user, PageBody(default, limit).Set("after", after.Value != 0 ? after.Value : null)),
        isIdempotent: true,
        static reply => new DevicePage(ParseAll(reply, "devices", DeviceInfo.Parse), reply.Flag("complete")),
        cancellationToken);

    /// <summary>Gives a device a name. Asked again by itself when the connection breaks.</summary>
    /// <param name="name">1–64 bytes without control characters.</param>
    /// <param name="device">Which; none = this one.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="RequestException">NO_SUCH_DEVICE, BAD_REQUEST, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task NameDeviceAsync(string name, DeviceId device = default, CancellationToken cancellationToken = default) => ControlAsync(
        FrameType.NameDevice,
        new ControlMap().Set("name", name).Set("device", device.Value != 0 ? device.Value : null),
        isIdempotent: true,
        static reply => reply.Count,
        cancellationToken);

    /// <summary>Signs a device out: none of its tokens signs in any more, and its connections are closed. When it is this one, the client ends.</summary>
    /// <param name="device">Which.</param>
    /// <param name="user">Whose, for operators; none = the signed-in user.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="RequestException">NO_SUCH_DEVICE, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The connection broke before the answer, or the client ended: asking again is harmless.</exception>
    public Task EndDeviceAsync(DeviceId device, UserId user = default, CancellationToken cancellationToken = default) => ControlAsync(
        FrameType.EndDevices, Of(user, new ControlMap().Set("device", device.Value)), isIdempotent: false, static reply => reply.Number("ended", 0), cancellationToken);

    /// <summary>Signs all other devices of the user out; returns how many.</summary>
    /// <exception cref="RequestException">FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The connection broke before the answer, or the client ended: asking again is harmless.</exception>
    public Task<ulong> EndOtherDevicesAsync(CancellationToken cancellationToken = default) => ControlAsync(
        FrameType.EndDevices, new ControlMap().Set("others", true), isIdempotent: false, static reply => reply.Number("ended", 0), cancellationToken);

    /// <summary>Signs all devices of a user out, which is for operators; returns how many. One's own end with <see cref="EndOtherDevicesAsync"/> and <see cref="EndDeviceAsync"/>.</summary>
    /// <exception cref="RequestException">FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The connection broke before the answer, or the client ended: asking again is harmless.</exception>
    public Task<ulong> EndAllDevicesAsync(UserId user, CancellationToken cancellationToken = default) => ControlAsync(
        FrameType.EndDevices, Of(user, new ControlMap().Set("all", true)), isIdempotent: false, static reply => reply.Number("ended", 0), cancellationToken);

    /// <summary>
    /// Changes the password. All other devices are signed out; this one gets new tokens, which go to the token store, or are told by <see cref="Token"/>. Returns how many devices were signed out.
    /// </summary>
    /// <remarks>Neither password is shown where the broker takes proofs (<see cref="ClientOptions.PasswordMechanism"/>).</remarks>
    /// <exception cref="RequestException">WRONG_CREDENTIALS, PASSWORD_INVALID, MECHANISM_REFUSED (also when the broker could not show that it knows the account), RATE_LIMITED, OVERLOADED, CONFLICT, FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The connection broke before the answer, or the client ended: sign in with either password to learn which one holds.</exception>
    public async Task<ulong> ChangePasswordAsync(string password, string next, CancellationToken cancellationToken = default)
    {
        if (!PasswordSignIn.IsGood(next))
        {
            // A broker that is given a proof does not see the password.
            throw new RequestException(ErrorCode.PasswordInvalid, $"{ProtocolLimits.PasswordSizeMin}–{ProtocolLimits.PasswordSizeMax} bytes");
        }

        ShownPassword shown = await ShowAsync(password, next, cancellationToken).ConfigureAwait(Continuation.InContext);
        return await _session.ChangePasswordAsync(
            async body =>
            {
                (TokenPair tokens, ulong ended, string? signature) = await ControlAsync(
                    FrameType.ChangePassword,
                    shown.Proof is null ? body.Set("password", password).Set("new", next) : shown.In(body),
                    isIdempotent: false,
                    static reply => (TokenPair.Parse(reply), reply.Number("ended", 0), reply.Text("scram", ProtocolLimits.ScramSizeMax)),
                    cancellationToken,
                    shown.Connection).ConfigureAwait(Continuation.InContext);
                return shown.Exchange is null || shown.Exchange.IsRight(signature)
                    ? (tokens, ended)
                    : throw new RequestException(ErrorCode.MechanismRefused, "the broker did not show that it knows the account");
            },
            cancellationToken).ConfigureAwait(Continuation.InContext);
    }

    /// <summary>How a password goes with the next request, on which connection: as a proof, or as it is.</summary>
    private async Task<ShownPassword> ShowAsync(string password, string? next, CancellationToken cancellationToken)
    {
        ClientConnection? connection = _session.Current;
        int number = connection?.Number ?? 0;
        return await _session.Passwords.ProveAsync(
            UserName, password, next, connection?.Binding, body => ControlAsync(FrameType.BeginProof, body, isIdempotent: true, Challenge.Parse, cancellationToken, number)).ConfigureAwait(Continuation.InContext) is { } proven
            ? new ShownPassword(proven.Exchange, proven.Proof, number)
            : default;
    }

    /// <summary>A proof, or nothing when the password is shown as it is.</summary>
    private readonly record struct ShownPassword(ScramClientExchange? Exchange, Proof? Proof, int Connection)
    {
        /// <summary>A body with the proof.</summary>
        public ControlMap In(ControlMap body)
        {
            ControlMap proof = Proof!.ToMap();
            return body.Set("scram", proof["scram"]).Set("stored_key", proof["stored_key"]).Set("server_key", proof["server_key"]);
        }
    }

    /// <summary>Shuts somebody out, or lets them in again; true when that changed something. Needs the operator's right. Asked again by itself when the connection breaks.</summary>
    /// <exception cref="RequestException">FORBIDDEN, NO_SUCH_USER, CONFLICT (an operator, or a service account).</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<bool> SuspendUserAsync(UserId user, bool suspended = true, CancellationToken cancellationToken = default) => ControlAsync(
        FrameType.SuspendUser, new ControlMap().SetId("user", user.Value).Set("suspended", suspended), isIdempotent: true, static reply => reply.Flag("changed"), cancellationToken);

    /// <summary>A page of the accounts, in the order of their ids, or of those whose name begins so, in the order of their names. Needs the operator's right. Asked again by itself when the connection breaks.</summary>
    /// <param name="after">The last one of the page before; none = from the first.</param>
    /// <param name="limit">How many at the most, up to 500; 0 = as many as the broker gives.</param>
    /// <param name="prefix">What their names begin with, upper and lower case alike; null = all of them.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="RequestException">FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<AccountPage> ListUsersAsync(UserId after = default, int limit = 0, string? prefix = null, CancellationToken cancellationToken = default) => ControlAsync(
        FrameType.ListUsers,
        PageBody(after.Value, limit).Set("prefix", prefix),
        isIdempotent: true,
        static reply => new AccountPage(ParseAll(reply, "users", AccountInfo.Parse), reply.Flag("complete")),
        cancellationToken);

    /// <summary>A page of the sessions that have a connection, in the order of their ids. Needs the operator's right. Asked again by itself when the connection breaks.</summary>
    /// <exception cref="RequestException">FORBIDDEN.</exception>
    /// <exception cref="ConnectionException">The client ended.</exception>
    public Task<SessionPage> ListSessionsAsync(SessionId after = default, int limit = 0, UserId user = default, CancellationToken cancellationToken = default) => ControlAsync(
        FrameType.ListSessions,
        Of(user, PageBody(after.Value, limit)),
        isIdempotent: true,
        static reply => new SessionPage(ParseAll(reply, "sessions", SessionInfo.Parse), reply.Flag("complete")),
        cancellationToken);

    private static ControlMap Of(UserId user, ControlMap body) => user.IsNone ? body : body.SetId("user", user.Value);
}

/// <summary>A page of devices.</summary>
/// <param name="Devices">In the order of their numbers.</param>
/// <param name="IsComplete">False when there are more behind the last.</param>
public sealed record DevicePage(IReadOnlyList<DeviceInfo> Devices, bool IsComplete);

/// <summary>A page of accounts.</summary>
/// <param name="Users">In the order of their ids.</param>
/// <param name="IsComplete">False when there are more behind the last.</param>
public sealed record AccountPage(IReadOnlyList<AccountInfo> Users, bool IsComplete);

/// <summary>A page of sessions.</summary>
/// <param name="Sessions">In the order of their ids.</param>
/// <param name="IsComplete">False when there are more behind the last.</param>
public sealed record SessionPage(IReadOnlyList<SessionInfo> Sessions, bool IsComplete);
