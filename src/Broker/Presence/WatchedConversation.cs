using System.Diagnostics;

using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Broker.Presence;

/// <summary>
/// A conversation that somebody watches: its members and those who look. A small one has a slot for each member, so that what a watch still has to be told is sixteen bytes
/// of marks, whatever happens; a large one has two numbers. <see cref="PresenceRoom"/> owns it and its lock guards it.
/// </summary>
internal sealed class WatchedConversation(ConversationId id)
{
    private readonly Dictionary<UserId, int> _slotOf = [];
    private readonly Person?[] _slots = new Person?[ProtocolLimits.PresenceMembersMax];

    /// <summary>Its id.</summary>
    public ConversationId Id { get; } = id;

    /// <summary>Who looks.</summary>
    public List<Watch> Watches { get; } = [];

    /// <summary>Completes when the members are known; false when there are too many of them.</summary>
    public TaskCompletionSource<bool> Loaded { get; } = new(Continuation.Asynchronously);

    /// <summary>Membership changes that came while the members were being read; null afterwards.</summary>
    public List<(UserId User, bool Added)>? Meanwhile { get; set; } = [];

    /// <summary>True once there were more than <see cref="ProtocolLimits.PresenceMembersMax"/> members: then only numbers are told, for as long as somebody watches.</summary>
    public bool IsCounted { get; private set; }

    /// <summary>Members who are not offline, as others were last told.</summary>
    public int Online { get; set; }

    /// <summary>Members.</summary>
    public int Members => _slotOf.Count;

    /// <summary>Slots whose public view changed since the watches were last marked.</summary>
    public UInt128 Changed { get; set; }

    /// <summary>Slots of which only the own view changed.</summary>
    public UInt128 ChangedForOneself { get; set; }

    /// <summary>True while the room has it among those whose watches are to be marked.</summary>
    public bool IsDirty { get; set; }

    /// <summary>When the last watch went, a timestamp of the room's clock.</summary>
    public long UnwatchedAt { get; set; }

    /// <summary>The frame that was last built, and what for: watchers of one conversation are mostly told the same.</summary>
    public byte[]? SharedFrame { get; set; }

    /// <inheritdoc cref="SharedFrame"/>
    public (UInt128 Marks, PresenceShape Shape, long Tick) SharedFor { get; set; }

    /// <summary>True when the user is a member, as far as this is known here.</summary>
    public bool Has(UserId user) => _slotOf.ContainsKey(user);

    /// <summary>The people of a small conversation, with their slots, in the order of the slots.</summary>
    public IEnumerable<(int Slot, Person Person)> InSlots()
    {
        for (int slot = 0; slot < _slots.Length; slot++)
        {
            if (_slots[slot] is { } person)
            {
                yield return (slot, person);
            }
        }
    }

    /// <summary>The person in a slot; null when it is empty.</summary>
    public Person? At(int slot) => _slots[slot];

    /// <summary>The slot's mark of a member; 0 for others and in a large conversation.</summary>
    public UInt128 MarkOf(UserId user) => !IsCounted && _slotOf.TryGetValue(user, out int slot) ? UInt128.One << slot : 0;

    /// <summary>Every occupied slot.</summary>
    public UInt128 AllMarks()
    {
        UInt128 all = 0;
        foreach ((int slot, _) in InSlots())
        {
            all |= UInt128.One << slot;
        }

        return all;
    }

    /// <summary>Adds a member who is none yet.</summary>
    public void Add(Person person)
    {
        Debug.Assert(!Has(person.User), "a member is added once");
        int slot = IsCounted ? -1 : Array.IndexOf(_slots, null);
        if (slot < 0)
        {
            IsCounted = true;
            Array.Clear(_slots);
        }
        else
        {
            _slots[slot] = person;
        }

        _slotOf.Add(person.User, slot);
        person.Watched.Add(this);
        Online += person.Public.Availability != Availability.Offline ? 1 : 0;
    }

    /// <summary>Removes a member.</summary>
    public void Remove(Person person)
    {
        _slotOf.Remove(person.User, out int slot);
        person.Watched.Remove(this);
        Online -= person.Public.Availability != Availability.Offline ? 1 : 0;
        if (!IsCounted)
        {
            _slots[slot] = null;
            Changed &= ~(UInt128.One << slot);
            ChangedForOneself &= ~(UInt128.One << slot);
        }
    }

    /// <summary>The members, in no order that may reach the wire.</summary>
    public IEnumerable<UserId> Users => _slotOf.Keys;
}

/// <summary>One connection's look at one conversation, and what it has not been told yet: marks, never events. Guarded like its conversation.</summary>
internal sealed class Watch(Onlooker onlooker, WatchedConversation conversation)
{
    /// <summary>Who looks.</summary>
    public Onlooker Onlooker { get; } = onlooker;

    /// <summary>At what.</summary>
    public WatchedConversation Conversation { get; } = conversation;

    /// <summary>Members whose latest state it has not been told.</summary>
    public UInt128 Marks { get; set; }

    /// <summary>What it was told before is void: the next frame says so.</summary>
    public bool IsRestart { get; set; }

    /// <summary>The numbers that it was told, when the conversation is large.</summary>
    public (int Online, int Members) Told { get; set; }

    /// <summary>True from the moment when the snapshot stands in the outbox: nothing may overtake it.</summary>
    public bool IsActive { get; set; }

    /// <summary>True when it ended.</summary>
    public bool IsGone { get; set; }

    /// <summary>True while it stands in the room's queue.</summary>
    public bool IsQueued { get; set; }

    /// <summary>True when there is something to tell.</summary>
    public bool HasWork => IsRestart || Marks != 0 || (Conversation.IsCounted && Told != (Conversation.Online, Conversation.Members));
}
