using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>What <c>verify</c> proves of a broker's store beyond what the storage knows by itself (docs/operations.md, "Checking a store").</summary>
public static class BrokerChecks
{
    /// <summary>Fresh checks, in the order in which they rely on one another.</summary>
    public static IReadOnlyList<StoreCheck> All()
    {
        MembershipCheck members = new();
        CursorCheck cursors = new(members);
        return
        [
            new NameCheck(), new IdentityCheck(), new SettingsCheck(), members, new ListCheck(members), new PeopleCheck(), new BlockCheck(), new SideEntryCheck(), new LaterCheck(), new ErasedPersonCheck(), new ErasedConversationCheck(),
            new MessageCheck(), cursors, new ReceiptsCheck(cursors), new AttachmentCheck(),
        ];
    }
}
