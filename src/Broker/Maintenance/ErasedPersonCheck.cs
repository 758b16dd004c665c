using FastChat.Broker.Identity;
using FastChat.Broker.Privacy;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>
/// An erasure of a person (<c>E</c>) can be read and is of an account that says so, and the other way round; and when it is done, nothing of the person's own entries is there. They follow from nothing: what is wrong is reported.
/// </summary>
internal sealed class ErasedPersonCheck : StoreCheck
{
    private const int KeySize = 1 + Id128.Size;

    public override string Stage => "erased people";

    public override void Finish(CheckedStore store)
    {
        store.Scan(Table.State, "E"u8, (key, value) =>
        {
            store.Tick(Stage);
            if (key.Length != KeySize || !StoredErasure.TryParse(value, out StoredErasure? erasure))
            {
                store.Report($"The erasure {Convert.ToHexStringLower(key)} cannot be read.");
            }
            else if (!IsErased(store, UserId.Read(key[1..])))
            {
                store.Report($"User {UserId.Read(key[1..])} is to be erased, and there is an account as if nobody had asked for it.");
            }
            else if (erasure.DoneMicros != 0)
            {
                CheckEnd(store, UserId.Read(key[1..]));
            }

            return true;
        });
        store.Scan(Table.State, "a"u8, (key, value) =>
        {
            store.Tick(Stage);
            if (key.Length == KeySize && AccountRecord.TryParse(value, out AccountRecord? account) && account.IsErased && store.Get(Table.State, StoredErasure.Key(UserId.Read(key[1..]))) is null)
            {
                store.Report($"User {UserId.Read(key[1..])} was erased, and nothing says when.");
            }

            return true;
        });
    }

    private static void CheckEnd(CheckedStore store, UserId user)
    {
        foreach (char kind in "fskTvhHuF")
        {
            store.Scan(Table.State, (byte[])[(byte)kind, .. ControlMap.IdBytes(user.Value)], (key, _) =>
            {
                store.Report($"User {user} was erased, and the entry {Convert.ToHexStringLower(key)} is theirs.");
                return false;
            });
        }
    }

    private static bool IsErased(CheckedStore store, UserId user) =>
        store.Get(Table.State, IdentityKeys.Account(user)) is { } stored && AccountRecord.TryParse(stored, out AccountRecord? account) && account.IsErased;
}
