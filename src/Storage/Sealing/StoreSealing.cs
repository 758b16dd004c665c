using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>Brings a store and the vault of its bodies together when the store is opened.</summary>
internal static class StoreSealing
{
    /// <summary>
    /// Store and vault belong together, from the first start with one on; and what either of them knows to be destroyed, both do: one of them may be an older copy.
    /// </summary>
    /// <exception cref="StoreOpenException">They do not belong together, or the vault is not given.</exception>
    public static void Begin(RocksDbConversationLog log, StoreDirectory directory, KeyVault? vault)
    {
        byte[]? sealer = log.Store.Get(Table.State, StateKeys.Vault);
        if (vault is null)
        {
            if (sealer is not null)
            {
                throw new StoreOpenException($"The bodies in {directory.Path} are encrypted, and no key is given: set encryption_key_file or encryption_command (docs/operations.md).");
            }

            return;
        }

        Span<byte> id = stackalloc byte[Id128.Size];
        Id128.Write(id, vault.Id);
        if (sealer is null)
        {
            vault.Establish();
            directory.RequireVersion(StoreFormat.SealingVersion);
            CommitBatch batch = new(log.Epoch);
            batch.Put(Table.State, StateKeys.Vault, id);
            log.Commit([batch]);
        }
        else if (!id.SequenceEqual(sealer))
        {
            throw new StoreOpenException($"The bodies in {directory.Path} are encrypted with the keys of another vault ({Convert.ToHexStringLower(sealer)}): say where it is (keys).");
        }

        vault.Destroy(
            [.. IdsUnder(log, StateKeys.DestroyedPeople).Select(static id => new UserId(id))],
            [.. IdsUnder(log, StateKeys.DestroyedConversations).Select(static id => new ConversationId(id))]);
    }

    private static List<UInt128> IdsUnder(RocksDbConversationLog log, ReadOnlySpan<byte> prefix)
    {
        List<UInt128> ids = [];
        log.Scan(Table.State, prefix, default, (key, _) =>
        {
            if (key.Length == StateKeys.DestroyedSize)
            {
                ids.Add(Id128.Read(key[1..]));
            }

            return true;
        });
        return ids;
    }
}
