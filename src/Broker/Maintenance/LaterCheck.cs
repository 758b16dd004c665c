using System.Buffers.Binary;

using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>
/// What is scheduled (<c>T</c>) can be read, is found by its time (<c>S</c>) exactly while it waits, and is counted (<c>N</c>); what is hidden (<c>h</c>) is counted (<c>H</c>). The messages and the hides follow from
/// nothing: one that cannot be read is deleted by a rebuild, the rest is made of them.
/// </summary>
internal sealed class LaterCheck : StoreCheck
{
    private const int DueSize = ScheduleKeys.MessageSize + sizeof(long);
    private const int HiddenSize = 1 + (2 * Id128.Size) + sizeof(ulong);

    public override string Stage => "later";

    public override void Finish(CheckedStore store)
    {
        store.Scan(Table.State, "T"u8, (key, value) => OnMessage(store, key, value));
        store.Scan(Table.State, "S"u8, (key, _) => OnDue(store, key));
        store.Scan(Table.State, "N"u8, (key, value) => OnCount(store, key, value));
        store.Scan(Table.State, "h"u8, (key, _) => OnHidden(store, key));
        store.Scan(Table.State, "H"u8, (key, value) => OnSummary(store, key, value));
    }

    private bool OnMessage(CheckedStore store, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        store.Tick(Stage);
        if (key.Length != ScheduleKeys.MessageSize || !TryParse(value, out ScheduledMessage message))
        {
            store.Correct(Table.State, key, null, $"The scheduled message {Convert.ToHexStringLower(key)} cannot be read.");
            return true;
        }

        ScheduledCommand named = ScheduleKeys.MessageOf(key);
        byte[] due = ScheduleKeys.Due(message.AtMicros, named);
        if (message.Refused == ErrorCode.None && store.Get(Table.State, due) is null)
        {
            store.Correct(Table.State, due, [], $"The scheduled message {named.Id} of user {named.User} is not found when its time comes.");
        }

        if (store.Get(Table.State, ScheduleKeys.Count(named.Conversation, named.User)) is null)
        {
            Recount(store, named.Conversation, named.User, stored: 0);
        }

        return true;
    }

    private bool OnDue(CheckedStore store, ReadOnlySpan<byte> key)
    {
        store.Tick(Stage);
        bool waits = key.Length == DueSize
            && ScheduleKeys.MessageOf(key) is var named
            && store.Get(Table.State, ScheduleKeys.Message(named.User, named.Conversation, named.Id)) is { } stored
            && TryParse(stored, out ScheduledMessage message)
            && message.Refused == ErrorCode.None
            && message.AtMicros == DueKind.TimeOf(key);
        if (!waits)
        {
            store.Correct(Table.State, key, null, $"The entry {Convert.ToHexStringLower(key)} of a time names no message that waits for it.");
        }

        return true;
    }

    private bool OnCount(CheckedStore store, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        store.Tick(Stage);
        if (key.Length != StateKeys.MemberSize)
        {
            store.Correct(Table.State, key, null, $"The count of scheduled messages {Convert.ToHexStringLower(key)} cannot be read.");
            return true;
        }

        Recount(store, ConversationId.Read(key[1..]), new UserId(StateKeys.SecondId(key)), value.Length == sizeof(ushort) ? BinaryPrimitives.ReadUInt16LittleEndian(value) : -1);
        return true;
    }

    private static void Recount(CheckedStore store, ConversationId conversation, UserId user, int stored)
    {
        int count = 0;
        store.Scan(Table.State, ScheduleKeys.AllOf(user, conversation), (key, value) =>
        {
            count += key.Length == ScheduleKeys.MessageSize && TryParse(value, out _) ? 1 : 0;
            return true;
        });
        if (count != stored)
        {
            store.Correct(
                Table.State, ScheduleKeys.Count(conversation, user), count == 0 ? null : BitConverter.GetBytes((ushort)count),
                $"Of user {user} {count} messages are scheduled in conversation {conversation}, and {Math.Max(stored, 0)} counted.");
        }
    }

    private bool OnHidden(CheckedStore store, ReadOnlySpan<byte> key)
    {
        store.Tick(Stage);
        if (key.Length != HiddenSize)
        {
            store.Correct(Table.State, key, null, $"The hidden message {Convert.ToHexStringLower(key)} cannot be read.");
        }
        else if (UserId.Read(key[1..]) is var user && store.Get(Table.State, HiddenKeys.Summary(user)) is null)
        {
            Summarize(store, user, default);
        }

        return true;
    }

    private bool OnSummary(CheckedStore store, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        store.Tick(Stage);
        if (key.Length != 1 + Id128.Size)
        {
            store.Correct(Table.State, key, null, $"The count of hidden messages {Convert.ToHexStringLower(key)} cannot be read.");
            return true;
        }

        Summarize(store, UserId.Read(key[1..]), HiddenSummary.Parse(value));
        return true;
    }

    /// <summary>A new version with a new count: devices look again.</summary>
    private static void Summarize(CheckedStore store, UserId user, HiddenSummary stored)
    {
        uint count = 0;
        store.Scan(Table.State, HiddenKeys.AllOf(user, default), (key, _) =>
        {
            count += key.Length == HiddenSize ? 1u : 0;
            return true;
        });
        if (count != stored.Count)
        {
            store.Correct(
                Table.State, HiddenKeys.Summary(user), new HiddenSummary(stored.Version + 1, count).ToBytes(), $"From user {user} {count} messages are hidden, and {stored.Count} counted.");
        }
    }

    private static bool TryParse(ReadOnlySpan<byte> value, out ScheduledMessage message)
    {
        bool isRead = ScheduledMessage.TryParse(value, out message);
        return isRead && message.BodyHash.SequenceEqual(Hash(message.Body));
    }

    private static byte[] Hash(ReadOnlySpan<byte> body)
    {
        byte[] hash = new byte[ChainHash.Size];
        Sha256.Hash(body, hash);
        return hash;
    }
}
