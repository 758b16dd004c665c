using System.Buffers.Binary;

using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Maintenance;

/// <summary>
/// Cursors (<c>d</c>) follow from nothing, but something can be proved of each: it belongs to somebody who is or was a member, delivered is not behind read and nothing is past the head, nor is the thread; and the user's copy
/// (<c>u</c>) is the same bytes, once what shards owe is carried. A cursor that is missing or cannot be right is found again in the copy; when the copy is no better it goes, and everything counts as unread: that loses no message.
/// </summary>
/// <param name="members">Ran before: knows who was a member.</param>
internal sealed class CursorCheck(MembershipCheck members) : StoreCheck
{
    private readonly record struct Place(ConversationId Conversation, UserId User, ulong Thread)
    {
        public byte[] Key => ConversationKeys.Cursor(Conversation, User, Thread);

        public byte[] Copy => ConversationKeys.OwnCursor(User, Conversation, Thread);

        public override string ToString() => $"The cursor of user {User} in {(Thread == 0 ? string.Empty : $"thread {Thread} of ")}conversation {Conversation}";
    }

    private readonly Dictionary<ConversationId, ulong> _heads = [];
    private readonly HashSet<ConversationId> _uncertain = [];
    private readonly HashSet<ConversationId> _wrong = [];
    private ulong _head;

    public override string Stage => "cursors";

    /// <summary>True when a cursor of the conversation is wrong still: what follows from its cursors cannot be told.</summary>
    public bool IsWrong(ConversationId conversation) => _wrong.Contains(conversation);

    public override void OnRecord(CheckedStore store, ConversationId conversation, in MessageRecord record) => _head = record.Sequence;

    public override void OnConversation(CheckedStore store, ConversationId conversation, bool isSound)
    {
        _heads[conversation] = Math.Max(_head, store.FirstOf(conversation) - 1);
        _head = 0;
        if (!isSound)
        {
            _uncertain.Add(conversation);
        }
    }

    public override void Finish(CheckedStore store)
    {
        OwedEffects owed = OwedEffects.Read(store, isReporting: false);
        store.Scan(Table.State, "d"u8, (key, value) =>
        {
            store.Tick(Stage);
            if (TryReadPlace(key, isCopy: false, out Place place))
            {
                CheckCursor(store, owed, place, value.ToArray());
            }
            else
            {
                store.Correct(Table.State, key, null, $"The cursor entry {Convert.ToHexStringLower(key)} has no place.");
            }

            return true;
        });
        store.Scan(Table.State, "u"u8, (key, value) =>
        {
            store.Tick(Stage);
            if (!TryReadPlace(key, isCopy: true, out Place place))
            {
                store.Correct(Table.State, key, null, $"The cursor entry {Convert.ToHexStringLower(key)} has no place.");
            }
            else if (!owed.Cursors.ContainsKey(Convert.ToHexString(key)))
            {
                CheckCopy(store, owed, place, value.ToArray());
            }

            return true;
        });
        foreach ((string key, byte[]? value) in owed.Cursors)
        {
            if (value is not null && TryReadPlace(Convert.FromHexString(key), isCopy: true, out Place place))
            {
                CheckCopy(store, owed, place, value);
            }
        }
    }

    /// <summary>A cursor must be possible, and the copy the same.</summary>
    private void CheckCursor(CheckedStore store, OwedEffects owed, Place place, byte[] value)
    {
        byte[]? copy = CopyOf(store, owed, place);
        if (WhyNot(store, place, value) is { } wrong)
        {
            Note(store, place);
            if (_uncertain.Contains(place.Conversation) || !store.IsComplete || (value.Length == ReadCursor.Size && value.AsSpan().SequenceEqual(copy)))
            {
                // Two say the same: sooner than that both are wrong, the log's end is gone.
                _wrong.Add(place.Conversation);
                store.Report($"{place} {wrong}: {Convert.ToHexStringLower(value)}.");
                return;
            }

            byte[]? better = copy is not null && WhyNot(store, place, copy) is null ? copy : null;
            store.Correct(Table.State, place.Key, better, $"{place} {wrong}: {Convert.ToHexStringLower(value)}.");
            if (better is null && copy is not null && store.IsRebuilding)
            {
                SetCopy(store, owed, place, null, $"{place} {wrong}.");
            }

            return;
        }

        if (!value.AsSpan().SequenceEqual(copy))
        {
            SetCopy(store, owed, place, value, $"{place} is {(copy is null ? "not" : "another one")} on the user's side.");
        }
    }

    /// <summary>A copy must have its cursor; that it is the same was seen before.</summary>
    private void CheckCopy(CheckedStore store, OwedEffects owed, Place place, byte[] copy)
    {
        if (store.Get(Table.State, place.Key) is not null)
        {
            return;
        }

        string problem = $"{place} is missing: only the user's side has it.";
        Note(store, place);
        if (WhyNot(store, place, copy) is null)
        {
            store.Correct(Table.State, place.Key, copy, problem);
        }
        else if (_uncertain.Contains(place.Conversation) || !store.IsComplete)
        {
            store.Report(problem);
        }
        else
        {
            SetCopy(store, owed, place, null, problem);
        }
    }

    /// <summary>Something about a cursor is wrong; a rebuild goes on to set it right.</summary>
    private void Note(CheckedStore store, Place place)
    {
        if (!store.IsRebuilding)
        {
            _wrong.Add(place.Conversation);
        }
    }

    /// <summary>Why a cursor cannot be right; null when it can.</summary>
    private string? WhyNot(CheckedStore store, Place place, byte[] value)
    {
        if (value.Length != ReadCursor.Size)
        {
            return "cannot be read";
        }

        ReadCursor cursor = ReadCursor.Parse(value);
        ulong head = _heads.GetValueOrDefault(place.Conversation);
        return cursor.Delivered < cursor.Read || cursor.Read < cursor.PublicRead || cursor.Delivered == 0 ? "contradicts itself"
            : cursor.Delivered > head || place.Thread > head ? $"is past the head, which is {head}"
            : !members.KnowsOf(store, place.Conversation, place.User) ? "belongs to nobody who was ever a member"
            : null;
    }

    private static byte[]? CopyOf(CheckedStore store, OwedEffects owed, Place place) =>
        owed.Cursors.TryGetValue(Convert.ToHexString(place.Copy), out byte[]? later) ? later : store.Get(Table.State, place.Copy);

    private static void SetCopy(CheckedStore store, OwedEffects owed, Place place, byte[]? value, string problem)
    {
        store.Correct(Table.State, place.Copy, value, problem);
        if (store.IsRebuilding)
        {
            owed.Drop(store, place.Copy, problem);
        }
    }

    private static bool TryReadPlace(ReadOnlySpan<byte> key, bool isCopy, out Place place)
    {
        place = default;
        if (key.Length != StateKeys.CursorSize(0) && key.Length != StateKeys.CursorSize(1))
        {
            return false;
        }

        UInt128 first = Id128.Read(key[1..]);
        UInt128 second = StateKeys.SecondId(key);
        ulong thread = key.Length == StateKeys.MemberSize ? 0 : BinaryPrimitives.ReadUInt64BigEndian(key[StateKeys.MemberSize..]);
        place = new Place(new ConversationId(isCopy ? second : first), new UserId(isCopy ? first : second), thread);
        return key.Length == StateKeys.MemberSize || thread != 0;
    }
}
