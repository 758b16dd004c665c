using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>A store that has sealed records says by which vault, and the vault that is given is that one; the notes of what was destroyed can be read, and the vault has none of it.</summary>
internal sealed class VaultCheck : StoreCheck
{
    private bool _hasSealed;

    public override string Stage => "vault";

    public override void OnStored(CheckedStore store, ConversationId conversation, in MessageRecord record) => _hasSealed |= SealedBody.Is(record);

    public override void Finish(CheckedStore store)
    {
        byte[]? sealer = store.Get(Table.State, StateKeys.Vault);
        if (sealer is not null && sealer.Length != Id128.Size)
        {
            store.Report($"The entry that names the vault has {sealer.Length} bytes.");
            return;
        }

        if (sealer is null && _hasSealed)
        {
            store.Report("There are sealed records, and no entry names their vault.");
        }
        else if (sealer is not null && store.Vault is { } vault && vault.Id != Id128.Read(sealer))
        {
            store.Report($"The store is sealed by vault {Convert.ToHexStringLower(sealer)}, which is not the one that was given.");
        }

        Check(store, StateKeys.DestroyedPeople, id => store.Vault?.IsDestroyed(new UserId(id)) ?? true);
        Check(store, StateKeys.DestroyedConversations, id => store.Vault?.IsDestroyed(new ConversationId(id)) ?? true);
    }

    private void Check(CheckedStore store, ReadOnlySpan<byte> prefix, Func<UInt128, bool> isDestroyed) => store.Scan(Table.State, prefix, (key, value) =>
    {
        store.Tick(Stage);
        if (key.Length != StateKeys.DestroyedSize || value.Length != sizeof(long))
        {
            store.Report($"The note of a destroyed secret {Convert.ToHexStringLower(key)} cannot be read.");
        }
        else if (!isDestroyed(Id128.Read(key[1..])))
        {
            store.Report($"The vault has the secret of {Convert.ToHexStringLower(key)}, which was destroyed: it is an older copy. The next start of the broker destroys it again.");
        }

        return true;
    });
}
