namespace FastChat.Storage;

/// <summary>What protects a vault: it encrypts the vault's own key and nothing else, so it is asked when a vault is opened, made or given another master key, and never on the way of a message. Any thread.</summary>
public abstract class MasterKey
{
    /// <summary>Bytes of a wrapped key at the most.</summary>
    public const int WrappedSizeMax = 4096;

    /// <summary>Encrypts a key of 32 bytes.</summary>
    /// <exception cref="StoreOpenException">It cannot be done now; the message says why.</exception>
    public abstract byte[] Wrap(ReadOnlySpan<byte> key);

    /// <summary>Decrypts what <see cref="Wrap"/> gave.</summary>
    /// <exception cref="StoreOpenException">It is not what this master key wrapped, or it cannot be done now; the message says why.</exception>
    public abstract byte[] Unwrap(ReadOnlySpan<byte> wrapped);
}
