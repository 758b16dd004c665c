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
        CheckIdentities(store);
        CheckServiceKeys(store);
    }

    /// <summary>Who somebody is elsewhere (<c>F</c>) and what that is found by (<c>J</c>) name each other; what leads to nobody is all that is left of somebody who was erased.</summary>
    private void CheckIdentities(CheckedStore store)
    {
        store.Scan(Table.State, "J"u8, (key, value) =>
        {
            store.Tick(Stage);
            if (key.Length != StateKeys.IdentitySize || !StoredIdentity.TryParsePointer(value, out UserId user))
            {
                store.Report($"The identity entry {Convert.ToHexStringLower(key)} cannot be read.");
            }
            else if (!user.IsNone && (store.Get(Table.State, StoredIdentity.KeyOf(user)) is not { } stored || !StoredIdentity.TryParse(stored, out StoredIdentity? identity) || !key.SequenceEqual(identity.PointerKey)))
            {
                store.Report($"The identity entry {Convert.ToHexStringLower(key)} leads to user {user}, who is somebody else.");
            }

            return true;
        });
        store.Scan(Table.State, "F"u8, (key, value) =>
        {
            store.Tick(Stage);
            if (key.Length != StateKeys.AccountSize || !StoredIdentity.TryParse(value, out StoredIdentity? identity))
            {
                store.Report($"The identity {Convert.ToHexStringLower(key)} cannot be read.");
            }
            else if (store.Get(Table.State, IdentityKeys.Account(UserId.Read(key[1..]))) is null)
            {
                store.Report($"The identity {Convert.ToHexStringLower(key)} belongs to user {UserId.Read(key[1..])}, who does not exist.");
            }
            else if (store.Get(Table.State, identity.PointerKey) is not { } pointer || !StoredIdentity.TryParsePointer(pointer, out UserId user) || user != UserId.Read(key[1..]))
            {
                store.Report($"The identity of user {UserId.Read(key[1..])} is not found by its issuer and subject.");
            }

            return true;
        });
    }

    /// <summary>Public keys stand under their own thumbprint, with a service account. Assertions that were used may outlive it: they sign in nobody.</summary>
    private void CheckServiceKeys(CheckedStore store) => store.Scan(Table.State, "G"u8, (key, value) =>
    {
        store.Tick(Stage);
        if (key.Length == StateKeys.UsedAssertionSize)
        {
            if (!ServiceKeys.TryParseUsed(value, out _))
            {
                store.Report($"The used assertion {Convert.ToHexStringLower(key)} cannot be read.");
            }
        }
        else if (key.Length != StateKeys.ServiceKeySize || !ServiceKeys.TryParse(value, out VerificationKey? found) || !key.SequenceEqual(ServiceKeys.KeyOf(UserId.Read(key[1..]), found)))
        {
            store.Report($"The service key {Convert.ToHexStringLower(key)} cannot be read, or is another one.");
        }
        else if (store.Get(Table.State, IdentityKeys.Service(UserId.Read(key[1..]), default)) is null)
        {
            store.Report($"The service key {Convert.ToHexStringLower(key)} belongs to user {UserId.Read(key[1..])}, who is no service account.");
        }

        return true;
    });
}
