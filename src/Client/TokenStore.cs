using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>The tokens of a device (protocol.md §3.4). Secret.</summary>
/// <param name="Token">Signs in.</param>
/// <param name="Refresh">What the next pair is got with; null for a token that lives as long as its device.</param>
/// <param name="HoldsUntil">Until when <paramref name="Token"/> signs in, by the clock of this machine; null = until it is ended.</param>
public sealed record DeviceTokens(string Token, string? Refresh, DateTimeOffset? HoldsUntil)
{
    /// <summary>Says nothing secret.</summary>
    public override string ToString() => $"DeviceTokens until {HoldsUntil:O}";
}

/// <summary>
/// Where the tokens of one device are kept. Several clients, in several processes, may share a store and so the device: one at a time holds the lease and gets the next pair, the others find it there afterwards. A refresh token that
/// is sent by two at once looks like theft to the broker, which ends the device; so a lease excludes all others, in other processes too, and ends with its process. May be called from any thread.
/// </summary>
public interface ITokenStore
{
    /// <summary>Waits until nobody else holds the tokens, and takes them.</summary>
    /// <exception cref="IOException">The store cannot be read.</exception>
    ValueTask<ITokenLease> TakeAsync(CancellationToken cancellationToken);
}

/// <summary>The tokens, held by one client. Disposing it lets the next one have them.</summary>
public interface ITokenLease : IAsyncDisposable
{
    /// <summary>What is stored; null when nothing is.</summary>
    DeviceTokens? Tokens { get; }

    /// <summary>Stores a pair. It is durable when the task completes: the client uses it only then, and from then on the pair before it is worth nothing.</summary>
    /// <param name="tokens">The pair.</param>
    /// <param name="user">The user's name as registered.</param>
    /// <param name="device">The device.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="IOException">It cannot be stored.</exception>
    ValueTask SaveAsync(DeviceTokens tokens, string user, DeviceId device, CancellationToken cancellationToken);
}

/// <summary>Keeps tokens for as long as the process lives; for programs that sign in with a password at every start.</summary>
public sealed class MemoryTokenStore : ITokenStore, IDisposable
{
    private readonly SemaphoreSlim _free = new(1, 1);
    private DeviceTokens? _tokens;

    /// <inheritdoc/>
    public async ValueTask<ITokenLease> TakeAsync(CancellationToken cancellationToken)
    {
        await _free.WaitAsync(cancellationToken).ConfigureAwait(Shared.Continuation.InContext);
        return new Lease(this);
    }

    /// <inheritdoc/>
    public void Dispose() => _free.Dispose();

    private sealed class Lease(MemoryTokenStore store) : ITokenLease
    {
        private bool _isOver;

        public DeviceTokens? Tokens => store._tokens;

        public ValueTask SaveAsync(DeviceTokens tokens, string user, DeviceId device, CancellationToken cancellationToken)
        {
            store._tokens = tokens;
            return default;
        }

        public ValueTask DisposeAsync()
        {
            if (!_isOver)
            {
                _isOver = true;
                store._free.Release();
            }

            return default;
        }
    }
}
