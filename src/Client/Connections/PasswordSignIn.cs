using System.Net;
using System.Text;

using FastChat.Protocol;
using FastChat.Shared;

using ProtocolViolationException = FastChat.Protocol.ProtocolViolationException;

namespace FastChat.Client;

/// <summary>
/// How a password is shown (protocol.md §3.5): proven, and bound to the TLS connection where there is one; proven without that where the broker says that it cannot bind; shown as it is where that is allowed. One refusal is one step down, never back up. Between two connections
/// the session asks; on a connection anybody may.
/// </summary>
/// <param name="options">What is allowed.</param>
/// <param name="nextSecret">128 random bits.</param>
internal sealed class PasswordSignIn(ClientOptions options, Func<byte[]> nextSecret)
{
    private Step _step = options.PasswordMechanism == PasswordMechanism.Plain ? Step.Plain : Step.Bound;
    private ScramClientExchange? _exchange;
    private bool _wasBound;

    private enum Step
    {
        Bound,
        Unbound,
        Plain,
    }

    /// <summary>True where nobody but the broker can read what is sent, or whoever the certificate is of.</summary>
    private bool IsPrivate => options.Endpoint is { Kind: TransportKind.Tls or TransportKind.Unix } or { Uri.Scheme: "wss" } || options.Endpoint.Host == "localhost"
        || (IPAddress.TryParse(options.Endpoint.Host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address));

    private bool MayShow => options.PasswordMechanism == PasswordMechanism.Plain || (options.PasswordMechanism == PasswordMechanism.PreferScram && IsPrivate);

    /// <summary>A Hello as it is sent on a connection. What has no password stays as it is.</summary>
    /// <param name="hello">What is to be said, with the password.</param>
    /// <param name="binding">What the connection can be bound to.</param>
    /// <param name="exchange">The exchange that it begins; null for none.</param>
    /// <exception cref="ConnectionEndedException">The password is none that an account could be made with: a broker that is given a proof cannot say so.</exception>
    public Hello Sign(Hello hello, ChannelBinding? binding, out ScramClientExchange? exchange)
    {
        if (hello.Password is null || _step == Step.Plain)
        {
            exchange = _exchange = null;
            return hello;
        }

        if (hello.Register && !IsGood(hello.Password))
        {
            throw new ConnectionEndedException(new CloseReason(CloseCode.PasswordInvalid, $"a password has {ProtocolLimits.PasswordSizeMin} to {ProtocolLimits.PasswordSizeMax} bytes", TimeSpan.Zero, Cause: null) { IsFatal = true });
        }

        _wasBound = binding is not null && _step == Step.Bound;
        exchange = _exchange = new ScramClientExchange(hello.Name!, hello.Password, _wasBound ? binding : null, _step == Step.Unbound, Nonce());
        return hello with { Scram = exchange.First, Name = null, Password = null };
    }

    /// <summary>True when a connection that got no further than this is worth another one at once, with less asked of the broker. Otherwise <paramref name="reason"/> says, if need be in other words, why there is none.</summary>
    public bool MayGoOn(ref CloseReason reason)
    {
        if (_exchange is not { } exchange || reason.IsLocal)
        {
            return false;
        }

        _exchange = null;
        bool isRefused = exchange.Offered is null
            ? reason.Code is CloseCode.MechanismRefused or CloseCode.BadCredentials
            : reason.Code == CloseCode.BadCredentials && exchange.Offered.Has(ScramServerFirst.Plain);
        if (!isRefused)
        {
            return false;
        }

        if (exchange.Offered is null && _wasBound && reason.Code == CloseCode.MechanismRefused)
        {
            _step = Step.Unbound;
            return true;
        }

        if (MayShow)
        {
            _step = Step.Plain;
            return true;
        }

        if (exchange.Offered is null)
        {
            string why = options.PasswordMechanism == PasswordMechanism.Scram
                ? "and it is not to be shown"
                : "and it is not shown over a connection that others can read: use TLS, or choose PasswordMechanism.Plain";
            reason = reason with { Code = CloseCode.MechanismRefused, Text = $"the broker takes no proof of the password, {why}" };
        }

        return false;
    }

    /// <summary>Hashes the password, which takes a while, somewhere else, and makes what a challenge is answered with.</summary>
    /// <exception cref="ProtocolViolationException">The challenge must not be answered.</exception>
    public static async Task<Proof> AnswerAsync(ScramClientExchange exchange, Challenge challenge)
    {
        Proof? proof = null;
        string reason = string.Empty;
        await Continuation.Run(() =>
        {
            proof = exchange.Answer(challenge, out reason);
            return Task.CompletedTask;
        }).ConfigureAwait(Continuation.InContext);
        return proof ?? throw new ProtocolViolationException(CloseCode.MechanismRefused, reason);
    }

    /// <summary>Proves the password on a connection that is signed in. Null when it is to be shown instead.</summary>
    /// <param name="name">The user's name.</param>
    /// <param name="password">The password.</param>
    /// <param name="next">Another one, whose keys go with the proof; null for none.</param>
    /// <param name="binding">What the connection is bound to.</param>
    /// <param name="begin">Sends BeginProof on that connection.</param>
    /// <exception cref="RequestException">The broker takes no proof of this account's, and the password is not to be shown.</exception>
    public async Task<(ScramClientExchange Exchange, Proof Proof)?> ProveAsync(string name, string password, string? next, ChannelBinding? binding, Func<ControlMap, Task<Challenge>> begin)
    {
        for (bool wasRefused = false; options.PasswordMechanism != PasswordMechanism.Plain; wasRefused = true)
        {
            ScramClientExchange exchange = new(name, password, wasRefused ? null : binding, wasRefused, Nonce()) { Next = next };
            try
            {
                Challenge challenge = await begin(new ControlMap().Set("scram", exchange.First).Set("changes", next is null ? null : true)).ConfigureAwait(Continuation.InContext);
                return (exchange, await AnswerAsync(exchange, challenge).ConfigureAwait(Continuation.InContext));
            }
            catch (ProtocolViolationException untrusted)
            {
                throw new RequestException(ErrorCode.MechanismRefused, untrusted.Message);
            }
            catch (RequestException refused) when (refused.Code is ErrorCode.MechanismRefused or ErrorCode.Unsupported)
            {
                bool mayRetry = refused.Code == ErrorCode.MechanismRefused && binding is not null && !wasRefused;
                if (!mayRetry && !MayShow)
                {
                    throw;
                }

                if (!mayRetry)
                {
                    break;
                }
            }
        }

        return null;
    }

    /// <summary>True when an account may have this password.</summary>
    public static bool IsGood(string password) => Encoding.UTF8.GetByteCount(password) is >= ProtocolLimits.PasswordSizeMin and <= ProtocolLimits.PasswordSizeMax;

    private string Nonce() => Convert.ToBase64String([.. nextSecret(), .. nextSecret()]);
}
