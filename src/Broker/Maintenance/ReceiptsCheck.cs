using System.Buffers.Binary;

using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>
/// The number by which a device knows what others have read (<c>K</c>) is the sum of the conversation's cursors, as far as those may be seen; open conversations have none. Runs when the cursors themselves are right.
/// </summary>
/// <param name="cursors">Ran before: knows which cursors are wrong.</param>
internal sealed class ReceiptsCheck(CursorCheck cursors) : StoreCheck
{
    private const int KeySize = 1 + Id128.Size;

    public override string Stage => "receipts";

    public override void Finish(CheckedStore store)
    {
        ConversationId conversation = default;
        ulong sum = 0;
        store.Scan(Table.State, "d"u8, (key, value) =>
        {
            store.Tick(Stage);
            ConversationId of = key.Length == StateKeys.CursorSize(0) || key.Length == StateKeys.CursorSize(1) ? ConversationId.Read(key[1..]) : default;
            if (of != conversation)
            {
                Judge(store, conversation, sum);
                (conversation, sum) = (of, 0);
            }

            sum += ReadCursor.Parse(value).Seen;
            return true;
        });
        Judge(store, conversation, sum);
        store.Scan(Table.State, "K"u8, (key, _) =>
        {
            store.Tick(Stage);
            if (key.Length != KeySize || (!HasCursors(store, ConversationId.Read(key[1..])) && !IsBeingErased(store, ConversationId.Read(key[1..]))))
            {
                store.Correct(Table.State, key, null, $"The sum of cursors {Convert.ToHexStringLower(key)} is of nothing.");
            }

            return true;
        });
    }

    private void Judge(CheckedStore store, ConversationId conversation, ulong sum)
    {
        if (conversation.IsNone || cursors.IsWrong(conversation) || store.Get(Table.State, ConversationKeys.Meta(conversation)) is not { } stored || !ConversationMeta.TryParse(stored, out ConversationMeta? meta) || meta.IsErased)
        {
            return;
        }

        ulong expected = ConversationKinds.IsOpen(meta.Kind) ? 0 : sum;
        byte[] key = ConversationKeys.Receipts(conversation);
        byte[]? found = store.Get(Table.State, key);
        if ((found is { Length: sizeof(ulong) } ? BinaryPrimitives.ReadUInt64LittleEndian(found) : 0) != expected)
        {
            store.Correct(Table.State, key, expected == 0 ? null : BitConverter.GetBytes(expected), $"The sum of what is seen of the cursors in conversation {conversation} is not {expected}.");
        }
    }

    private static bool IsBeingErased(CheckedStore store, ConversationId conversation) =>
        store.Get(Table.State, ConversationKeys.Meta(conversation)) is { } stored && ConversationMeta.TryParse(stored, out ConversationMeta? meta) && meta.IsErased;

    private static bool HasCursors(CheckedStore store, ConversationId conversation)
    {
        bool has = false;
        store.Scan(Table.State, MessageKeys.AllOf('d', conversation), (_, _) => !(has = true));
        return has;
    }
}
