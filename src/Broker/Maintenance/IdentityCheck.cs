using FastChat.Broker.Identity;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>Tokens and devices belong to accounts that exist. They follow from nothing: whoever misses one signs in with a password.</summary>
internal sealed class IdentityCheck : StoreCheck
{
    public override string Stage => "accounts";

    public override void Finish(CheckedStore store)
    {
        store.Scan(Table.State, "t"u8, (key, value) =>
        {
            store.Tick(Stage);
            if (key.Length != StateKeys.TokenSize || !TokenRecord.TryParse(value, out TokenRecord token))
            {
                store.Report($"The token entry {Convert.ToHexStringLower(key)} cannot be read.");
            }
            else if (store.Get(Table.State, IdentityKeys.Device(token.User, token.Device)) is null)
            {
                store.Report($"The token entry {Convert.ToHexStringLower(key)} belongs to device {token.Device.Value:x16} of user {token.User}, which does not exist.");
            }

            return true;
        });
        store.Scan(Table.State, "v"u8, (key, _) =>
        {
            store.Tick(Stage);
            if (key.Length != StateKeys.DeviceSize)
            {
                store.Report($"The device entry {Convert.ToHexStringLower(key)} cannot be read.");
            }
            else if (store.Get(Table.State, IdentityKeys.Account(UserId.Read(key[1..]))) is null)
            {
                store.Report($"The device entry {Convert.ToHexStringLower(key)} belongs to user {UserId.Read(key[1..])}, who does not exist.");
            }

            return true;
        });
    }
}
