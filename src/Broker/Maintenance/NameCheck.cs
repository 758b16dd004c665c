using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>Each account and each conversation that has a name is found by it, and each name finds an object that has it. The table of names follows from the objects.</summary>
internal sealed class NameCheck : StoreCheck
{
    private readonly HashSet<string> _judged = [];

    public override string Stage => "names";

    public override void Finish(CheckedStore store)
    {
        store.Scan(Table.State, "a"u8, (key, value) =>
        {
            store.Tick(Stage);
            CheckAccount(store, key, value);
            return true;
        });
        store.Scan(Table.State, "c"u8, (key, value) =>
        {
            store.Tick(Stage);
            CheckConversation(store, key, value);
            return true;
        });
        store.Scan(Table.State, "n"u8, (key, value) =>
        {
            store.Tick(Stage);
            CheckName(store, key, value);
            return true;
        });
    }

    private void CheckAccount(CheckedStore store, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.Length == StateKeys.AccountSize && AccountRecord.TryParse(value, out AccountRecord? erased) && erased.IsErased)
        {
            return;
        }

        if (key.Length != StateKeys.AccountSize || !AccountRecord.TryParse(value, out AccountRecord? account) || NameKeyOf(account) is not { } name)
        {
            store.Report($"The account {Convert.ToHexStringLower(key[1..])} cannot be read.");
            return;
        }

        CheckFound(store, name, key[1..], $"account {Convert.ToHexStringLower(key[1..])}");
    }

    private void CheckConversation(CheckedStore store, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.Length != StateKeys.ConversationSize || !ConversationMeta.TryParse(value, out ConversationMeta? meta))
        {
            store.Report($"The conversation {Convert.ToHexStringLower(key[1..])} cannot be read.");
        }
        else if (meta is { Name: not null, IsErased: false })
        {
            CheckFound(store, ConversationKeys.Name(meta.Name), key[1..], $"conversation {Convert.ToHexStringLower(key[1..])}");
        }
    }

    /// <summary>The name must find this object, or another that has the same name: that one is a problem that nobody can decide here.</summary>
    private void CheckFound(CheckedStore store, byte[] name, ReadOnlySpan<byte> id, string what)
    {
        byte[]? found = store.Get(Table.State, name);
        if (found is not null && found.AsSpan().SequenceEqual(id))
        {
            return;
        }

        _judged.Add(Convert.ToHexString(name));
        if (found is not null && HasName(store, found, name))
        {
            store.Report($"The {what} has the name of {Convert.ToHexStringLower(found)}.");
            return;
        }

        store.Correct(Table.State, name, id.ToArray(), found is null ? $"The {what} is not found by its name." : $"The name of the {what} leads to {Convert.ToHexStringLower(found)}.");
    }

    private void CheckName(CheckedStore store, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (!_judged.Contains(Convert.ToHexString(key)) && !HasName(store, value, key))
        {
            store.Correct(Table.State, key, null, $"The name {Convert.ToHexStringLower(key)} leads to {Convert.ToHexStringLower(value)}, which does not have it.");
        }
    }

    /// <summary>True when the object with this id exists and is found by this name.</summary>
    private static bool HasName(CheckedStore store, ReadOnlySpan<byte> id, ReadOnlySpan<byte> name)
    {
        if (id.Length != Id128.Size || name.Length < 3)
        {
            return false;
        }

        if (name[1] == StateKeys.ConversationNames)
        {
            return store.Get(Table.State, ConversationKeys.Meta(ConversationId.Read(id))) is { } stored
                && ConversationMeta.TryParse(stored, out ConversationMeta? meta)
                && meta is { Name: not null, IsErased: false }
                && name.SequenceEqual(ConversationKeys.Name(meta.Name));
        }

        return store.Get(Table.State, IdentityKeys.Account(UserId.Read(id))) is { } record
            && AccountRecord.TryParse(record, out AccountRecord? account)
            && (name[1] == StateKeys.ErasedNames ? account.IsErased && name.Length == StateKeys.NameSize(ChainHash.Size) : name.SequenceEqual(NameKeyOf(account)));
    }

    private static byte[]? NameKeyOf(AccountRecord account) =>
        account.IsExternal ? IdentityKeys.Name(StateKeys.ExternalNames, account.Name)
        : Names.TryCanonicalize(account.Name, out string? canonical) ? IdentityKeys.Name(StateKeys.UserNames, canonical)
        : null;
}
