using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// The tokens of one user on one server, as the client library keeps them: in the credential file, under its lock. All commands of that user share the device; the one whose token runs out first gets the next pair, and the others find it in the file.
/// </summary>
internal sealed class CredentialTokens : ITokenStore
{
    private readonly CredentialStore _store;
    private readonly ServerAddress _server;
    private readonly bool _isSigningIn;
    private string? _user;

    private CredentialTokens(CredentialStore store, ServerAddress server, string? user, bool isSigningIn)
    {
        _store = store;
        _server = server;
        _user = user;
        _isSigningIn = isSigningIn;
    }

    /// <summary>Those of somebody who signed in before.</summary>
    public static CredentialTokens Of(CredentialStore store, ServerAddress server, string user) => new(store, server, user, isSigningIn: false);

    /// <summary>Those of who is just signing in with a password: from then on commands are theirs.</summary>
    public static CredentialTokens ForSignIn(CredentialStore store, ServerAddress server) => new(store, server, user: null, isSigningIn: true);

    /// <inheritdoc/>
    public async ValueTask<ITokenLease> TakeAsync(CancellationToken cancellationToken)
    {
        IDisposable? held = null;
        try
        {
            held = await _store.LockAsync(_server, cancellationToken).ConfigureAwait(false);
            Credential? known = _user is null ? null : _store.Find(_server, _user);
            return new Lease(this, held, known is null ? null : new DeviceTokens(known.Token, known.Refresh, known.HoldsUntil));
        }
        catch (CliException failure)
        {
            held?.Dispose();
            throw new IOException(failure.Message, failure);
        }
    }

    private void Keep(DeviceTokens tokens, string name, DeviceId device)
    {
        try
        {
            _user = name;
            _store.Save(_server, new Credential(name, tokens.Token, device.Value, tokens.Refresh, tokens.HoldsUntil), _isSigningIn);
        }
        catch (CliException failure)
        {
            throw new IOException(failure.Message, failure);
        }
    }

    private sealed class Lease(CredentialTokens owner, IDisposable held, DeviceTokens? tokens) : ITokenLease
    {
        public DeviceTokens? Tokens { get; private set; } = tokens;

        public ValueTask SaveAsync(DeviceTokens tokens, string user, DeviceId device, CancellationToken cancellationToken)
        {
            owner.Keep(tokens, user, device);
            Tokens = tokens;
            return default;
        }

        public ValueTask DisposeAsync()
        {
            held.Dispose();
            return default;
        }
    }
}
