using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>Of a conversation whose erasure is done nothing is left but that it was erased, and where its log ended. What is left of it follows from nothing, so it is reported.</summary>
internal sealed class ErasedConversationCheck : StoreCheck
{
    private readonly HashSet<ConversationId> _withRecords = [];

    public override string Stage => "erased conversations";

    public override void OnRecord(CheckedStore store, ConversationId conversation, in MessageRecord record)
    {
        if (record.Sequence == store.FirstOf(conversation))
        {
            _withRecords.Add(conversation);
        }
    }

    public override void Finish(CheckedStore store) => store.Scan(Table.State, "c"u8, (key, value) =>
    {
        store.Tick(Stage);
        if (key.Length != StateKeys.ConversationSize || !ConversationMeta.TryParse(value, out ConversationMeta? meta) || !meta.IsErasureDone)
        {
            return true;
        }

        ConversationId conversation = ConversationId.Read(key[1..]);
        if (!meta.IsErased || meta.Name is not null || meta.Title is not null)
        {
            store.Report($"The entry of conversation {conversation} says that it is erased, and more.");
        }

        if (_withRecords.Contains(conversation))
        {
            store.Report($"Conversation {conversation} was erased, and has records.");
        }

        foreach (char kind in "KNdijmpqrwxz")
        {
            store.Scan(Table.State, MessageKeys.AllOf(kind, conversation), (left, _) =>
            {
                store.Report($"Conversation {conversation} was erased, and the entry {Convert.ToHexStringLower(left)} is of it.");
                return false;
            });
        }

        return true;
    });
}
