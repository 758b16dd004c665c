using FastChat.Broker.Hosting;
using FastChat.Storage;

namespace FastChat.Broker.Keys;

/// <summary>Opens the vault that the options speak of.</summary>
internal static class BodyEncryption
{
    /// <summary>The directory of the vault unless the options say where.</summary>
    private const string DirectoryName = "keys";

    /// <summary>The vault; null when bodies are stored as they are.</summary>
    /// <exception cref="StoreOpenException">The master key is missing or wrong, or the vault cannot be opened; the message says why.</exception>
    public static KeyVault? Open(BrokerOptions options)
    {
        MasterKey? master = options.EncryptionKeyFile is { } file ? FileMasterKey.Read(file)
            : options.EncryptionCommand.Count > 0 ? new CommandMasterKey(options.EncryptionCommand, CommandMasterKey.DefaultDeadline)
            : null;
        MasterKey? previous = options.EncryptionKeyFileOld is { } old ? FileMasterKey.Read(old)
            : options.EncryptionCommandOld.Count > 0 ? new CommandMasterKey(options.EncryptionCommandOld, CommandMasterKey.DefaultDeadline)
            : null;
        return master is null ? null : KeyVault.Open(options.Keys ?? Path.Combine(options.Data, DirectoryName), master, previous);
    }
}
