using FastChat.Broker.Identity;
using FastChat.Broker.People;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>Profiles can be read and belong to somebody; a service account is one, and is confined to conversations that exist. They follow from nothing: what is wrong is reported.</summary>
internal sealed class PeopleCheck : StoreCheck
{
    public override string Stage => "people";

    public override void Finish(CheckedStore store)
    {
        store.Scan(Table.State, "f"u8, (key, value) =>
        {
            store.Tick(Stage);
            if (key.Length != StateKeys.ProfileSize || !StoredProfile.TryParse(value, out StoredProfile? profile) || profile.Version == 0)
            {
                store.Report($"The profile {Convert.ToHexStringLower(key[1..])} cannot be read.");
            }
            else if (store.Get(Table.State, IdentityKeys.Account(UserId.Read(key[1..]))) is null)
            {
                store.Report($"The profile {Convert.ToHexStringLower(key[1..])} belongs to nobody.");
            }

            return true;
        });
        store.Scan(Table.State, "g"u8, (key, value) =>
        {
            store.Tick(Stage);
            if (key.Length != StateKeys.ServiceSize)
            {
                store.Report($"The service entry {Convert.ToHexStringLower(key)} cannot be read.");
                return true;
            }

            UserId user = UserId.Read(key[1..]);
            ConversationId conversation = new(StateKeys.SecondId(key));
            if (conversation.IsNone)
            {
                CheckService(store, user, value);
            }
            else if (!value.SequenceEqual(ServiceAccounts.ScopeValue) || store.Get(Table.State, IdentityKeys.Service(user, default)) is null
                || store.Get(Table.State, ConversationKeys.Meta(conversation)) is null)
            {
                store.Report($"Service {user} is confined to {conversation}: one of the two does not exist.");
            }

            return true;
        });
    }

    private static void CheckService(CheckedStore store, UserId user, ReadOnlySpan<byte> value)
    {
        if (StoredService.Parse(value) is null)
        {
            store.Report($"The service account {user} cannot be read.");
        }
        else if (store.Get(Table.State, IdentityKeys.Account(user)) is not { } stored || !AccountRecord.TryParse(stored, out AccountRecord? account)
            || (account.Rights & AccountRights.Service) == 0)
        {
            store.Report($"The service account {user} is no account of a program.");
        }
    }
}
