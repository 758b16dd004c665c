namespace FastChat.Client;

/// <summary>How a client shows a password (protocol.md §3.5).</summary>
public enum PasswordMechanism
{
    /// <summary>
    /// Proves it by SCRAM where the broker takes proofs, and shows it where the broker takes none, or has nothing to check one of this account with yet; but never over a connection that others could listen to (neither TLS, nor a Unix domain socket, nor this machine, as <see cref="ClientOptions.Endpoint"/> says).
    /// Whoever answers in the broker's place can say that proofs are not taken: where TLS ends at somebody who must not have the password, <see cref="Scram"/> is the choice.
    /// </summary>
    PreferScram,

    /// <summary>Proves it by SCRAM, or does not sign in: no broker, and nobody in between, gets the password.</summary>
    Scram,

    /// <summary>Shows it, over whatever connection there is.</summary>
    Plain,
}
