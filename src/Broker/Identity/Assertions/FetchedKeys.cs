using System.Net;

using FastChat.Broker.Audit;
using FastChat.Shared;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Identity;

/// <summary>How an issuer's keys are fetched.</summary>
internal sealed record FetchSettings
{
    /// <summary>Keys that are older are fetched anew.</summary>
    public TimeSpan Refresh { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>While the issuer does not answer, keys are good for as long, from when it last did.</summary>
    public TimeSpan Keep { get; init; } = TimeSpan.FromHours(24);

    /// <summary>From the connect to the last byte.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>From one fetch to the next once there are keys, whatever asks for it: nobody who makes up names of keys makes the broker flood the issuer.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How often it is looked whether there is something to do; and from one fetch to the next while there are no keys, when nobody can sign in.</summary>
    public TimeSpan Tick { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>
/// An issuer's keys by HTTP. One fetch at a time, at most one a minute, none for which a sign-in waits; bounded in time and size; a redirect is refused, because whoever configured an address meant that one. The answer's headers about caching are not looked at: a key
/// that is not there is asked for at once, and one that is gone stays for a quarter of an hour at the most.
/// </summary>
internal sealed class FetchedKeys : KeySource
{
    private readonly Uri _address;
    private readonly FetchSettings _settings;
    private readonly HttpClient _http;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private bool _isFetching;
    private bool _isWanted = true;
    private bool _hasAsked;
    private long _asked;
    private long _answered;

    public FetchedKeys(string issuer, Uri address, FetchSettings settings, TimeProvider clock, AuditLog audit, ILogger log) : base(issuer, clock, audit, log)
    {
        (_address, _settings) = (address, settings);
        _http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            MaxResponseHeadersLength = 32,
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            ConnectTimeout = settings.Timeout,
        })
        {
            MaxResponseContentBufferSize = KeySet.SizeMax,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.Accept.ParseAdd("application/jwk-set+json, application/json");
    }

    /// <inheritdoc/>
    public override KeySet? Current => Clock.GetElapsedTime(Volatile.Read(ref _answered)) <= _settings.Keep ? base.Current : null;

    /// <summary>True from the moment that a fetch begins until what came of it is known.</summary>
    internal bool IsFetching
    {
        get
        {
            lock (_gate)
            {
                return _isFetching;
            }
        }
    }

    /// <inheritdoc/>
    public override void Look()
    {
        lock (_gate)
        {
            bool isDue = _isWanted || IsInTrouble || Clock.GetElapsedTime(_answered) >= _settings.Refresh;
            TimeSpan pause = Current is null ? _settings.Tick : _settings.Pause;
            if (_isFetching || !isDue || (_hasAsked && Clock.GetElapsedTime(_asked) < pause))
            {
                return;
            }

            (_isFetching, _isWanted, _hasAsked, _asked) = (true, false, true, Clock.GetTimestamp());
        }

        _ = Continuation.Run(FetchAsync);
    }

    /// <inheritdoc/>
    public override bool Miss()
    {
        lock (_gate)
        {
            _isWanted = true;
        }

        Look();
        lock (_gate)
        {
            // The issuer does not answer: nobody can say that it has no such key.
            return _isFetching || IsInTrouble;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool isDisposing)
    {
        _stop.Cancel();
        _http.Dispose();
        base.Dispose(isDisposing);
    }

    private async Task FetchAsync()
    {
        try
        {
            using CancellationTokenSource late = new(_settings.Timeout, Clock);
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, late.Token);
            using HttpResponseMessage answer = await _http.GetAsync(_address, HttpCompletionOption.ResponseContentRead, either.Token);
            if (answer.StatusCode != HttpStatusCode.OK)
            {
                Refuse($"{_address} answers with status {(int)answer.StatusCode}");
                return;
            }

            KeySet keys = KeySet.Parse(await answer.Content.ReadAsByteArrayAsync(either.Token));
            Volatile.Write(ref _answered, Clock.GetTimestamp());
            Take(keys);
        }
        catch (OperationCanceledException)
        {
            if (!_stop.IsCancellationRequested)
            {
                Refuse($"{_address} did not answer within {_settings.Timeout.TotalSeconds:0.#} s");
            }
        }
        catch (Exception wrong) when (wrong is HttpRequestException or IOException or FormatException)
        {
            Refuse($"{_address}: {wrong.Message}");
        }
        finally
        {
            lock (_gate)
            {
                _isFetching = false;
            }
        }
    }
}
