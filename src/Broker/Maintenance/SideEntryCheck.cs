using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>
/// Join links (<c>j</c>) and the times of slow mode (<c>w</c>) can be read and belong to conversations that exist. They follow from nothing, and nothing is lost by their end: a link that cannot be read lets nobody
/// in, and without its time somebody waits once less. So a rebuild deletes those that are wrong.
/// </summary>
internal sealed class SideEntryCheck : StoreCheck
{
    private const int LinkSize = 1 + Id128.Size + 32;

    public override string Stage => "links";

    public override void Finish(CheckedStore store)
    {
        store.Scan(Table.State, "j"u8, (key, value) =>
        {
            store.Tick(Stage);
            bool isRead = key.Length == LinkSize && JoinLink.Parse(value) is { } link && MemberRoles.IsMember(link.Role);
            Judge(store, key, isRead, "join link");
            return true;
        });
        store.Scan(Table.State, "w"u8, (key, value) =>
        {
            store.Tick(Stage);
            Judge(store, key, key.Length == StateKeys.MemberSize && value.Length == sizeof(long), "slow mode entry");
            return true;
        });
    }

    private static void Judge(CheckedStore store, ReadOnlySpan<byte> key, bool isRead, string what)
    {
        if (!isRead)
        {
            store.Correct(Table.State, key, null, $"The {what} {Convert.ToHexStringLower(key)} cannot be read.");
        }
        else if (ConversationId.Read(key[1..]) is var conversation && store.Get(Table.State, ConversationKeys.Meta(conversation)) is null)
        {
            store.Correct(Table.State, key, null, $"The {what} {Convert.ToHexStringLower(key)} is of conversation {conversation}, which does not exist.");
        }
    }
}
