using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <summary>
/// What a client signs in with, and how it gets newer tokens: at a connection's beginning, and on it before its time is over, in the order that protocol.md §3.4 asks for (send, store, use). Without a store the token never changes.
/// Called by the session between two connections, and by one connection's renewing loop while there is one.
/// </summary>
internal sealed class TokenKeeper(ClientOptions options, Func<ControlMap, int, Task<TokenPair>> reauthenticate, Random random)
{
    /// <summary>A token that holds for less is not worth the way to the broker.</summary>
    private static readonly TimeSpan MarginMax = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan RetryMin = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time = options.TimeProvider;
    private string? _token = options.Token;
    private bool _mustRefresh;
    private bool _hasSignedIn;
    private bool _canRefresh;
    private SignInKind _last;
    private DeviceId _device = options.Device;
    private string? _assertion;
    private string? _refusedAssertion;

    private enum SignInKind
    {
        Password,
        Vouched,
        Token,
        Refresh,
    }

    /// <summary>What the next sign-in can use.</summary>
    public string? Token => Volatile.Read(ref _token);

    /// <summary>Puts into Hello what signs in now. The lease, if there is one, is held until the answer is stored.</summary>
    public async Task<(Hello Hello, ITokenLease? Lease)> SignAsync(Hello hello, CancellationToken cancellationToken)
    {
        if (options.Assertion is { } vouch)
        {
            _last = SignInKind.Vouched;
            _assertion = await AskAsync(vouch, cancellationToken).ConfigureAwait(Continuation.InContext);
            return (hello with { Assertion = _assertion, Device = _device }, null);
        }

        if (options.UsesCertificate)
        {
            _last = SignInKind.Vouched;
            return (hello with { Certificate = true, Name = options.Name, Device = _device }, null);
        }

        if (!_hasSignedIn && options.Password is not null)
        {
            _last = SignInKind.Password;
            ITokenLease? fresh = options.TokenStore is null ? null : await options.TokenStore.TakeAsync(cancellationToken).ConfigureAwait(Continuation.InContext);
            return (hello with { Name = options.Name, Password = options.Password, Register = options.Register, Device = options.Device, Renews = options.TokenStore is not null }, fresh);
        }

        _last = SignInKind.Token;
        if (options.TokenStore is null)
        {
            return (hello with { Token = Token }, null);
        }

        ITokenLease lease = await options.TokenStore.TakeAsync(cancellationToken).ConfigureAwait(Continuation.InContext);
        DeviceTokens? tokens = lease.Tokens;
        _canRefresh = tokens?.Refresh is not null;
        bool isNewer = tokens is not null && tokens.Token != Token;
        if (tokens?.Refresh is { } refresh && ((_mustRefresh && !isNewer) || tokens.HoldsUntil <= _time.GetUtcNow() + MarginMax))
        {
            _last = SignInKind.Refresh;
            return (hello with { Refresh = refresh }, lease);
        }

        await lease.DisposeAsync().ConfigureAwait(Continuation.InContext);
        Volatile.Write(ref _token, tokens?.Token ?? Token);
        return (hello with { Token = Token ?? string.Empty }, null);
    }

    /// <summary>Welcome came: stores what it brought. True when that has to be used, for the token before it to be worth nothing.</summary>
    public async Task<bool> WelcomeAsync(Welcome welcome, ITokenLease? lease, CancellationToken cancellationToken)
    {
        _hasSignedIn = true;
        _mustRefresh = false;
        _device = welcome.Device;
        _refusedAssertion = null;
        if (welcome.Token is null)
        {
            return false;
        }

        _canRefresh = welcome.Refresh is not null && options.TokenStore is not null;
        if (lease is not null)
        {
            await lease.SaveAsync(Stored(welcome.Token, welcome.Refresh, welcome.TokenSeconds), welcome.Name, welcome.Device, cancellationToken).ConfigureAwait(Continuation.InContext);
        }

        Volatile.Write(ref _token, welcome.Token);
        return _last == SignInKind.Refresh;
    }

    /// <summary>True when the connection ended, or did not begin, for want of a newer token, and there may be one: then the next attempt gets it, at once.</summary>
    /// <param name="code">What it was closed with.</param>
    /// <param name="wasReady">It had got as far as Welcome.</param>
    public bool MayReturn(CloseCode code, bool wasReady)
    {
        if (_last == SignInKind.Vouched)
        {
            return MayReassert(code, wasReady);
        }

        bool isForWantOfToken = code == CloseCode.TokenExpired || (code == CloseCode.TokenInvalid && _last == SignInKind.Token);
        _mustRefresh = isForWantOfToken && _canRefresh && (wasReady || _last == SignInKind.Token);
        return _mustRefresh;
    }

    /// <summary>Says the token that came with a refresh token on a connection, as the first word there.</summary>
    public async Task UseAsync(int connection)
    {
        try
        {
            await reauthenticate(new ControlMap().Set("token", Token), connection).ConfigureAwait(Continuation.InContext);
        }
        catch (ClientException)
        {
            // The connection broke, or the token is refused: the next sign-in uses it, or hears why not.
        }
    }

    /// <summary>Keeps one connection's sign-in from running out. Returns when the connection ends; does not throw.</summary>
    /// <param name="welcome">What it began with.</param>
    /// <param name="connection">Its number.</param>
    /// <param name="cancellationToken">Cancelled when it ends.</param>
    public async Task KeepAsync(Welcome welcome, int connection, CancellationToken cancellationToken)
    {
        TimeSpan? holds = welcome.TokenSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
        while ((options.TokenStore is not null || options.Assertion is not null) && holds is { } left)
        {
            // After seven to eight tenths: who signed in together does not come together, and there is time for a second try.
            TimeSpan wait = left * (0.7 + (0.1 * random.NextDouble()));
            await Task.Delay(wait < RetryMin ? RetryMin : wait, _time, cancellationToken).ConfigureAwait(Continuation.SuppressThrowing);
            if (cancellationToken.IsCancellationRequested)
            {
                return;
            }

            try
            {
                holds = await RenewAsync(welcome, connection, cancellationToken).ConfigureAwait(Continuation.InContext);
            }
            catch (Exception failure) when (failure is ClientException or IOException or OperationCanceledException)
            {
                // Refused, broken off, or the store cannot be read: there is time for another try, and when that is over the broker says so.
                holds = left - wait;
                if (failure is ConnectionException || holds <= TimeSpan.Zero)
                {
                    return;
                }
            }
        }
    }

    /// <summary>A request that makes all tokens of this device worth nothing and brings new ones: nobody else refreshes meanwhile.</summary>
    public async Task ReplaceAsync(Func<ControlMap, Task<TokenPair>> ask, Welcome welcome, CancellationToken cancellationToken)
    {
        ITokenLease? lease = options.TokenStore is null ? null : await options.TokenStore.TakeAsync(cancellationToken).ConfigureAwait(Continuation.InContext);
        try
        {
            TokenPair pair = await ask(new ControlMap().Set("renews", lease is not null ? true : null)).ConfigureAwait(Continuation.InContext);
            if (pair.Token is not null && lease is not null)
            {
                await lease.SaveAsync(Stored(pair.Token, pair.Refresh, pair.Seconds), welcome.Name, welcome.Device, cancellationToken).ConfigureAwait(Continuation.InContext);
            }

            Volatile.Write(ref _token, pair.Token ?? Token);
        }
        finally
        {
            if (lease is not null)
            {
                await lease.DisposeAsync().ConfigureAwait(Continuation.InContext);
            }
        }
    }

    /// <summary>Whether the next attempt, at once, may succeed: the connection was there and ran out, or the assertion that was refused is shown for the first time, and there may be a newer one.</summary>
    private bool MayReassert(CloseCode code, bool wasReady)
    {
        if (wasReady)
        {
            return code == CloseCode.TokenExpired;
        }

        bool isNews = code is CloseCode.AssertionRefused or CloseCode.TokenExpired && options.Assertion is not null && _refusedAssertion is null;
        _refusedAssertion ??= _assertion;
        return isNews;
    }

    /// <exception cref="IOException">The application has none.</exception>
    private static async Task<string> AskAsync(Func<CancellationToken, ValueTask<string>> vouch, CancellationToken cancellationToken)
    {
        try
        {
            return await vouch(cancellationToken).ConfigureAwait(Continuation.InContext);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            // Whatever it asks, an identity provider or a file, may fail in its own ways.
            throw new IOException($"there is no assertion: {failure.Message}", failure);
        }
    }

    private async Task<TimeSpan?> RenewAsync(Welcome welcome, int connection, CancellationToken cancellationToken)
    {
        TokenPair pair;
        if (options.Assertion is { } vouch)
        {
            string assertion = await AskAsync(vouch, cancellationToken).ConfigureAwait(Continuation.InContext);
            pair = await reauthenticate(new ControlMap().Set("assertion", assertion), connection).ConfigureAwait(Continuation.InContext);
            return pair.Seconds is { } more ? TimeSpan.FromSeconds(more) : null;
        }

        ITokenLease lease = await options.TokenStore!.TakeAsync(cancellationToken).ConfigureAwait(Continuation.InContext);
        await using (lease.ConfigureAwait(Continuation.InContext))
        {
            DeviceTokens? tokens = lease.Tokens;
            bool isNewer = tokens is not null && tokens.Token != Token && tokens.HoldsUntil > _time.GetUtcNow() + MarginMax;
            if (tokens?.Refresh is { } refresh && !isNewer)
            {
                pair = await reauthenticate(new ControlMap().Set("refresh", refresh), connection).ConfigureAwait(Continuation.InContext);
                tokens = Stored(pair.Token ?? throw new IOException("the broker renewed a token and gave none"), pair.Refresh, pair.Seconds);
                await lease.SaveAsync(tokens, welcome.Name, welcome.Device, cancellationToken).ConfigureAwait(Continuation.InContext);
            }

            Volatile.Write(ref _token, tokens?.Token ?? Token);
        }

        pair = await reauthenticate(new ControlMap().Set("token", Token), connection).ConfigureAwait(Continuation.InContext);
        return pair.Seconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
    }

    private DeviceTokens Stored(string token, string? refresh, ulong? seconds) =>
        new(token, refresh, seconds is { } holds ? _time.GetUtcNow() + TimeSpan.FromSeconds(Math.Min(holds, 315_576_000)) : null);
}
