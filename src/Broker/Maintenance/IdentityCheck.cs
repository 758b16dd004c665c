using FastChat.Broker.Identity;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>
/// Verifiers can be read; tokens, families and devices belong to accounts that exist and can be read. They follow from nothing: whoever misses one signs in with a password. Tokens whose device is not there are what is left of one that was ended, and sign in nobody.
/// </summary>
internal sealed class IdentityCheck : StoreCheck
{
    public override string Stage => "accounts";

    public override void Finish(CheckedStore store)
    {
        if (store.Get(Table.State, StateKeys.SaltSecret.ToArray()) is { } secret && secret.Length != ScramSalts.SecretSize)
        {
            store.Report("The secret that salts follow from has another size.");
        }

        store.Scan(Table.State, "a"u8, (key, value) =>
        {
            store.Tick(Stage);

            // An account that cannot be read at all is NameCheck's.
            if (AccountRecord.TryParse(value, out AccountRecord? account)
                && ((account.Verifier is not null && !PasswordHasher.IsVerifier(account.Verifier)) || (account.Scram is not null && !ScramVerifier.TryParse(account.Scram, out _))))
            {
                store.Report($"A password's verifier of the account {Convert.ToHexStringLower(key[1..])} cannot be read.");
            }

            return true;
        });
        store.Scan(Table.State, "t"u8, (key, value) =>
        {
            store.Tick(Stage);
            if (key.Length != StateKeys.TokenSize || !TokenRecord.TryParse(value, out TokenRecord token))
            {
                store.Report($"The token entry {Convert.ToHexStringLower(key)} cannot be read.");
            }
            else if (store.Get(Table.State, IdentityKeys.Account(token.User)) is null)
            {
                store.Report($"The token entry {Convert.ToHexStringLower(key)} belongs to user {token.User}, who does not exist.");
            }

            return true;
        });
        store.Scan(Table.State, "R"u8, (key, value) =>
        {
            store.Tick(Stage);
            if (key.Length != StateKeys.TokenSize || !StoredFamily.TryParse(value, out StoredFamily? family))
            {
                store.Report($"The token family {Convert.ToHexStringLower(key)} cannot be read.");
            }
            else if (store.Get(Table.State, IdentityKeys.Account(family.User)) is null)
            {
                store.Report($"The token family {Convert.ToHexStringLower(key)} belongs to user {family.User}, who does not exist.");
            }

            return true;
        });
        store.Scan(Table.State, "v"u8, (key, value) =>
        {
            store.Tick(Stage);
            if (key.Length != StateKeys.DeviceSize || !StoredDevice.TryParse(value, out StoredDevice? device))
            {
                store.Report($"The device entry {Convert.ToHexStringLower(key)} cannot be read.");
            }
            else if (store.Get(Table.State, IdentityKeys.Account(UserId.Read(key[1..]))) is null)
            {
                store.Report($"The device entry {Convert.ToHexStringLower(key)} belongs to user {UserId.Read(key[1..])}, who does not exist.");
            }
            else if (device.Family is not null && store.Get(Table.State, IdentityKeys.Family(device.Family)) is null)
            {
                store.Report($"The device entry {Convert.ToHexStringLower(key)} names a token family that does not exist.");
            }

            return true;
        });
    }
}
