using System.Buffers;

using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>
/// What a conversation is follows from its making and from what its records of kind 131 say: of each field the last one. What no record names is as the conversation was made, and nothing else knows it. And an open
/// conversation with somebody muted, banned, or made a reader is marked as restricted, or they would not be held back; one that is marked though nobody is any more is no worse for it.
/// <para>Kept in memory: what one conversation's records say, and whom they hold back.</para>
/// </summary>
internal sealed class SettingsCheck : StoreCheck
{
    private readonly HashSet<UserId> _heldBack = [];
    private readonly HashSet<UserId> _readers = [];
    private ConversationChanges _last = new();

    public override string Stage => "settings";

    public override void OnRecord(CheckedStore store, ConversationId conversation, in MessageRecord record)
    {
        if ((record.Flags & RecordFlags.Erased) != 0)
        {
            return;
        }

        if (record.Kind == MessageKind.ConversationChanged)
        {
            OnChange(store, conversation, record);
        }
        else if (record.Kind is MessageKind.MemberAdded or MessageKind.MemberRemoved or MessageKind.MemberChanged && MembershipBody.TryRead(record.Body, out MembershipBody body))
        {
            Note(_heldBack, body.User, body.Role == MemberRole.Banned || (MemberRoles.IsMember(body.Role) && body.MutedUntil > 0));
            Note(_readers, body.User, body.Role == MemberRole.Reader);
        }
    }

    public override void OnConversation(CheckedStore store, ConversationId conversation, bool isSound)
    {
        byte[] key = ConversationKeys.Meta(conversation);
        if (isSound && store.Get(Table.State, key) is { } stored && ConversationMeta.TryParse(stored, out ConversationMeta? meta) && !meta.IsErased)
        {
            ConversationMeta expected = _last.Apply(meta);
            bool isHeldBack = _heldBack.Count > 0 || (meta.Kind == ConversationKind.Public && _readers.Count > 0);
            expected = expected with { IsRestricted = meta.IsRestricted || (isHeldBack && ConversationKinds.IsOpen(meta.Kind)) };
            if (expected != meta)
            {
                store.Correct(Table.State, key, expected.ToBytes(), ProblemOf(conversation, meta, expected));
            }
        }

        _heldBack.Clear();
        _readers.Clear();
        _last = new ConversationChanges();
    }

    public override void Finish(CheckedStore store)
    {
        // A conversation without a record is as it was made.
    }

    private void OnChange(CheckedStore store, ConversationId conversation, in MessageRecord record)
    {
        try
        {
            if (ControlMap.TryParse(new ReadOnlySequence<byte>(record.Body.ToArray()), out ControlMap? map, out _))
            {
                ConversationChanges said = ConversationChanges.Parse(map);
                _last = new ConversationChanges
                {
                    Title = said.Title ?? _last.Title,
                    Topic = said.Topic ?? _last.Topic,
                    Avatar = said.Avatar ?? _last.Avatar,
                    IsArchived = said.IsArchived ?? _last.IsArchived,
                    SlowMode = said.SlowMode ?? _last.SlowMode,
                    History = said.History ?? _last.History,
                    Retention = said.Retention ?? _last.Retention,
                    RetentionBytes = said.RetentionBytes ?? _last.RetentionBytes,
                };
                return;
            }
        }
        catch (ControlFormatException)
        {
            // Reported below, like a body that is no map.
        }

        store.Report($"Record {record.Sequence} of conversation {conversation} does not say what it changed.");
    }

    private static string ProblemOf(ConversationId conversation, ConversationMeta meta, ConversationMeta expected) => expected with { IsRestricted = meta.IsRestricted } == meta
        ? $"The conversation {conversation} is open and somebody is held back there, but its entry does not say so."
        : $"The entry of conversation {conversation} is not what its records say that it became.";

    private static void Note(HashSet<UserId> users, UserId user, bool isIn)
    {
        if (isIn)
        {
            users.Add(user);
        }
        else
        {
            users.Remove(user);
        }
    }
}
