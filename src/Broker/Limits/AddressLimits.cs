using System.Collections.Concurrent;
using System.Net;

using FastChat.Broker.Audit;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Identity;
using FastChat.Protocol;

namespace FastChat.Broker.Limits;

/// <summary>One address that has connections: counted in <see cref="AddressLimits"/>, shared by all of them.</summary>
internal sealed class Visitor(AddressKey key, string remote, IPAddress? address)
{
    /// <summary>The address.</summary>
    public AddressKey Key { get; } = key;

    /// <summary>The address, for the audit log.</summary>
    public string Remote { get; } = remote;

    /// <summary>The address as such; null when there is none: a Unix domain socket.</summary>
    public IPAddress? Address { get; } = address;

    /// <summary>Open connections. Under its lock.</summary>
    public int Connections { get; set; }

    /// <summary>Those of them that are not signed in. Under its lock.</summary>
    public int Strangers { get; set; }

    /// <summary>True once its last connection has left, and it with it. Under its lock.</summary>
    public bool IsGone { get; set; }
}

/// <summary>
/// What stands before the door: how many connections there may be, in all and of one address; how many come in a second; and how often an address may try a password. Those who are refused are told when to come back, each another moment, so that they do not all come back at
/// the same one. An address without connections costs nothing but its place in sketches of a fixed size. Any thread.
/// </summary>
internal sealed class AddressLimits
{
    private const uint FullRetryMs = 5000;
    private const uint StrangersRetryMs = 1000;

    private readonly int _connectionsMax;
    private readonly int _strangersMax;
    private readonly TimeProvider _clock;
    private readonly RandomSource _random;
    private readonly BrokerMetrics _metrics;
    private readonly AuditLog _audit;
    private readonly ConcurrentDictionary<AddressKey, Visitor> _visitors = new();
    private readonly RateSketch _connects;
    private readonly RateSketch _signIns;
    private readonly WrongPasswords _wrong;
    private Plan _plan;
    private int _connections;

    /// <param name="connectionsMax">Connections in all.</param>
    /// <param name="strangersMax">Connections of one address that are not signed in.</param>
    /// <param name="settings">The rates and caps of an address.</param>
    /// <param name="clock">Where time comes from.</param>
    /// <param name="random">Where jitter comes from.</param>
    /// <param name="metrics">Where refusals are counted.</param>
    /// <param name="audit">Where they are noted.</param>
    public AddressLimits(int connectionsMax, int strangersMax, LimitSettings settings, TimeProvider clock, RandomSource random, BrokerMetrics metrics, AuditLog audit)
    {
        _connectionsMax = connectionsMax;
        _strangersMax = strangersMax;
        _clock = clock;
        _random = random;
        _metrics = metrics;
        _audit = audit;
        _connects = new RateSketch(random);
        _signIns = new RateSketch(random);
        _wrong = new WrongPasswords(clock);
        _plan = new Plan(settings, clock);
    }

    /// <summary>The settings in force, replaced as a whole. Whether an address is trusted is asked whenever it matters, so a change reaches addresses that are here already; connections that they have stay.</summary>
    public LimitSettings Settings
    {
        get => Volatile.Read(ref _plan).Settings;
        set => Volatile.Write(ref _plan, new Plan(value, _clock));
    }

    /// <summary>Open connections.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Addresses with connections.</summary>
    public int Addresses => _visitors.Count;

    /// <summary>
    /// Takes a connection from the rate of its address, before anything is done for it that costs: a TLS handshake is a thousand times the connection. Not null, and noted, when it comes too soon behind others; who is told so by a frame has cost the handshake, so
    /// nobody is.
    /// </summary>
    public SignInRefused? Connect(string remote)
    {
        Plan plan = Volatile.Read(ref _plan);
        return !AddressKey.TryParse(remote, out AddressKey key, out IPAddress address) || plan.Trusts(address) || _connects.TryTake(plan.Connects, key.Value, _clock.GetTimestamp(), 1, out uint retryAfterMs)
            ? null
            : Refuse(remote, "address_connects", CloseCode.RateLimited, "too many connections in too short a time", retryAfterMs);
    }

    /// <summary>Counts a connection in. Null, and the visitor that <see cref="Leave"/> is for, when it may stay; otherwise what to close it with.</summary>
    /// <param name="remote">Its address without the port, or what stands for one.</param>
    /// <param name="visitor">Null when it is refused.</param>
    /// <param name="hasConnected">True when <see cref="Connect"/> has let it pass.</param>
    public SignInRefused? Enter(string remote, out Visitor? visitor, bool hasConnected = false)
    {
        visitor = null;
        if (Interlocked.Increment(ref _connections) > _connectionsMax)
        {
            Interlocked.Decrement(ref _connections);
            return Refuse(remote, "connections", CloseCode.TooManyConnections, "the broker has as many connections as it may", FullRetryMs);
        }

        Plan plan = Volatile.Read(ref _plan);
        bool hasAddress = AddressKey.TryParse(remote, out AddressKey key, out IPAddress parsed);
        IPAddress? address = hasAddress ? parsed : null;
        if (!hasConnected && Connect(remote) is { } tooSoon)
        {
            Interlocked.Decrement(ref _connections);
            return tooSoon;
        }

        if (!TryCountIn(hasAddress ? key : AddressKey.Local, remote, address, plan.Trusts(address) ? int.MaxValue : plan.Settings.ConnectionsPerAddressMax, out visitor))
        {
            Interlocked.Decrement(ref _connections);
            return Refuse(remote, "address_connections", CloseCode.TooManyConnections, "this address has as many connections as it may", FullRetryMs);
        }

        return null;
    }

    /// <summary>Counts a connection out.</summary>
    public void Leave(Visitor visitor)
    {
        Interlocked.Decrement(ref _connections);
        lock (visitor)
        {
            if (--visitor.Connections == 0)
            {
                visitor.IsGone = true;
                _visitors.TryRemove(new KeyValuePair<AddressKey, Visitor>(visitor.Key, visitor));
            }
        }
    }

    /// <summary>Counts a connection in that is not signed in; not null when its address has as many as it may.</summary>
    public SignInRefused? BeginSignIn(Visitor visitor)
    {
        lock (visitor)
        {
            if (visitor.Strangers < _strangersMax)
            {
                visitor.Strangers++;
                return null;
            }
        }

        return Refuse(visitor.Remote, "address_strangers", CloseCode.TooManyConnections, "too many connections that are not signed in", StrangersRetryMs);
    }

    /// <summary>Counts a connection out that is signed in now, or goes. Once for each <see cref="BeginSignIn"/> that was allowed.</summary>
    public void EndSignIn(Visitor visitor)
    {
        lock (visitor)
        {
            visitor.Strangers--;
        }
    }

    /// <summary>Before anything is hashed for a password, or an account is made: not null when this address has to wait.</summary>
    public SignInRefused? BeginPassword(Visitor visitor, bool isRegistration)
    {
        Plan plan = Volatile.Read(ref _plan);
        if (!plan.Settings.IsOn || plan.Trusts(visitor.Address))
        {
            return null;
        }

        if (!_signIns.TryTake(plan.SignIns, visitor.Key.Value, _clock.GetTimestamp(), 1, out uint retryAfterMs))
        {
            return Refuse(visitor.Remote, "address_sign_ins", CloseCode.RateLimited, "too many sign-ins in too short a time", retryAfterMs);
        }

        return isRegistration || _wrong.TryBegin(visitor.Key, plan.Settings.WrongPasswordsFree, out retryAfterMs)
            ? null
            : Refuse(visitor.Remote, "address_passwords", CloseCode.RateLimited, "too many wrong passwords", retryAfterMs);
    }

    /// <summary>The password of a <see cref="BeginPassword"/> that was allowed and was no registration was right, or was not looked at.</summary>
    public void OnPasswordRight(Visitor visitor)
    {
        Plan plan = Volatile.Read(ref _plan);
        if (plan.Settings.IsOn && !plan.Trusts(visitor.Address))
        {
            _wrong.OnRight(visitor.Key);
        }
    }

    /// <summary>Before an assertion is looked at: not null while this address waits for its wrong ones. A good one takes nothing from any budget, as a token does not: many of one address may come back at once.</summary>
    public SignInRefused? BeginAssertion(Visitor visitor)
    {
        Plan plan = Volatile.Read(ref _plan);
        return !plan.Settings.IsOn || plan.Trusts(visitor.Address) || !_wrong.MustWait(visitor.Key, plan.Settings.WrongPasswordsFree, out uint retryAfterMs)
            ? null
            : Refuse(visitor.Remote, "address_passwords", CloseCode.RateLimited, "too many wrong passwords", retryAfterMs);
    }

    /// <summary>It was forged, or for somebody else.</summary>
    public void OnAssertionWrong(Visitor visitor)
    {
        Plan plan = Volatile.Read(ref _plan);
        if (plan.Settings.IsOn && !plan.Trusts(visitor.Address))
        {
            _wrong.TryBegin(visitor.Key, plan.Settings.WrongPasswordsFree, out _);
        }
    }

    /// <summary>A moment between the time and its double: so those who were refused together come back one after the other.</summary>
    public uint Spread(uint retryAfterMs)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        _random.Fill(bytes);
        return (uint)Math.Min(retryAfterMs + (BitConverter.ToUInt32(bytes) / (double)uint.MaxValue * retryAfterMs), uint.MaxValue);
    }

    private bool TryCountIn(AddressKey key, string remote, IPAddress? address, int connectionsMax, out Visitor? visitor)
    {
        while (true)
        {
            Visitor found = _visitors.GetOrAdd(key, static (key, of) => new Visitor(key, of.remote, of.address), (remote, address));
            lock (found)
            {
                if (found.IsGone)
                {
                    continue;
                }

                bool hasRoom = found.Connections < connectionsMax;
                found.Connections += hasRoom ? 1 : 0;
                visitor = hasRoom ? found : null;
                return hasRoom;
            }
        }
    }

    private SignInRefused Refuse(string remote, string limit, CloseCode code, string reason, uint retryAfterMs)
    {
        _metrics.Limited(limit);
        _audit.Note(new AuditEntry(AuditAct.ConnectionRefused) { Remote = remote, Detail = limit });
        return new SignInRefused(code, reason, Spread(retryAfterMs));
    }

    /// <summary>The settings, ready for the clock.</summary>
    private sealed class Plan(LimitSettings settings, TimeProvider clock)
    {
        public LimitSettings Settings { get; } = settings;

        /// <summary>True when the operator trusts the network: only strangers are counted. What has no address is of this machine.</summary>
        public bool Trusts(IPAddress? address) => address is null || Settings.Trusted.Any(network => network.Contains(address));

        public TokenBucket Connects { get; } = settings.Bucket(settings.ConnectsPerSecond, clock);

        public TokenBucket SignIns { get; } = settings.Bucket(settings.SignInsPerSecond, clock);
    }
}
