using System.Globalization;

using FastChat.Broker.Identity;
using FastChat.Broker.Sessions;
using FastChat.History;
using FastChat.Storage;

namespace FastChat.Simulation;

/// <summary>How large a town is, and for how long it chats.</summary>
/// <param name="People">People; some have several devices.</param>
/// <param name="Rooms">Conversations that are made in the beginning; people make a few more.</param>
/// <param name="Duration">Virtual time from the first fault to the last.</param>
internal sealed record TownSize(int People, int Rooms, TimeSpan Duration)
{
    /// <summary>What the campaign runs.</summary>
    public static TownSize Whole { get; } = new(200, 50, TimeSpan.FromMinutes(10));
}

/// <summary>
/// Who lives in a town, in which conversations, and what happened to them. Accounts are in the store before the first broker begins; the conversations are made by their founders, through the broker. What people
/// know of each other's conversations they learn here, as people do by talking; what they may do there only the broker decides.
/// </summary>
internal sealed class Town
{
    private readonly SimulatedWorld _world;
    private readonly Chance _chance;

    public Town(SimulatedWorld world, TownSize size, HistoryWriter history)
    {
        _world = world;
        _chance = world.Chance.Split();
        Size = size;
        History = history;
        People = [.. Enumerable.Range(0, size.People + 1).Select(number => new Citizen(
            number, new UserId(new UInt128(_chance.Next(), _chance.Next())), Name(number), number == 0 ? 1 : _chance.Below(10) switch { < 6 => 1, < 9 => 2, _ => 3 }))];
        Plans = [.. Enumerable.Range(0, size.Rooms).Select(Plan)];
    }

    /// <summary>How large it is.</summary>
    public TownSize Size { get; }

    /// <summary>Everybody; the first one is the operator, who chats with nobody.</summary>
    public IReadOnlyList<Citizen> People { get; }

    /// <summary>The conversations that are to be made.</summary>
    public IReadOnlyList<RoomPlan> Plans { get; }

    /// <summary>The conversations that everybody knows of, in the order in which they were made.</summary>
    public List<Room> Rooms { get; } = [];

    /// <summary>Join links that go around.</summary>
    public List<(Room Room, string Link)> Links { get; } = [];

    /// <summary>Messages with attachments.</summary>
    public List<(Room Room, ulong Sequence, MessageAttachment Attachment)> Attached { get; } = [];

    /// <summary>What everybody does and sees.</summary>
    public HistoryWriter History { get; }

    /// <summary>What everybody did and met, by name.</summary>
    public SortedDictionary<string, int> Deeds { get; } = new(StringComparer.Ordinal);

    /// <summary>The time of day.</summary>
    public DateTimeOffset Now => _world.Clock.GetUtcNow();

    /// <summary>All conversations of the beginning are made: before, nobody does anything that could forbid them, as a block would.</summary>
    public bool IsFounded { get; set; }

    /// <summary>Nobody does anything new any more.</summary>
    public bool IsEnding { get; set; }

    /// <summary>Devices that are away.</summary>
    public int Away { get; set; }

    /// <summary>Publishes that were acknowledged.</summary>
    public long Acknowledged { get; set; }

    /// <summary>Somebody did or met something.</summary>
    public void Count(string deed) => Deeds[deed] = Deeds.GetValueOrDefault(deed) + 1;

    /// <summary>A conversation was made: from here on everybody knows of it, and the history says who is in it from the beginning.</summary>
    public Room Add(ConversationInfo info, bool isSteady, IEnumerable<UserId> members)
    {
        if (Rooms.Find(room => room.Id == info.Conversation) is { } known)
        {
            return known;
        }

        Room made = new(info.Conversation, info.Kind, isSteady, Rooms.Count);
        Rooms.Add(made);
        History.Write(new HistoryEvent
        {
            Op = HistoryOp.Conversation,
            Conversation = made.Id,
            ConversationKind = info.Kind switch
            {
                ConversationKind.Group => HistoryKind.Group,
                ConversationKind.Direct => HistoryKind.Direct,
                ConversationKind.Channel => HistoryKind.Channel,
                _ => HistoryKind.Public,
            },
            Epoch = 1,
            Closed = true,
        });
        foreach (UserId member in members.Distinct())
        {
            History.Write(new HistoryEvent { Op = HistoryOp.Member, Conversation = made.Id, Member = member });
        }

        return made;
    }

    /// <summary>A log that has the accounts and their tokens, and nothing else.</summary>
    public InMemoryConversationLog MakeLog(int shards)
    {
        InMemoryConversationLog log = new();
        CommitBatch batch = new(log.Epoch);
        batch.Put(Table.State, StateKeys.ShardCount.ToArray(), [(byte)shards, (byte)(shards >> 8)]);
        foreach (Citizen citizen in People)
        {
            AccountRights rights = citizen.Number == 0 ? AccountRights.Operator : AccountRights.None;
            batch.Put(Table.State, IdentityKeys.Name(StateKeys.UserNames, citizen.Name), ControlMap.IdBytes(citizen.User.Value));
            batch.Put(Table.State, IdentityKeys.Account(citizen.User), new AccountRecord(citizen.Name, false, rights, 1, null).ToBytes());

            // One more than there are: for the device that is new in the end.
            for (int device = 0; device <= citizen.Devices; device++)
            {
                batch.Put(Table.State, IdentityKeys.Device(citizen.User, citizen.IdOf(device)), new StoredDevice(SignInWay.Token, 1, string.Empty).ToBytes());
                batch.Put(Table.State, IdentityKeys.Token(citizen.TokenOf(device)), new TokenRecord(citizen.User, citizen.IdOf(device), 1, 0).ToBytes());
            }
        }

        log.Commit([batch]);
        return log;
    }

    private static string Name(int number) => string.Create(CultureInfo.InvariantCulture, $"person{number}");

    private RoomPlan Plan(int number)
    {
        ConversationKind kind = (number % 10) switch { 0 or 1 => ConversationKind.Public, 2 => ConversationKind.Channel, < 7 => ConversationKind.Group, _ => ConversationKind.Direct };
        int founder = 1 + _chance.Below(Size.People);
        int most = kind == ConversationKind.Direct ? 1 : _chance.OneIn(6) ? Math.Min(60, Size.People / 2) : Math.Min(16, Size.People / 2);
        List<int> members = [];
        for (int i = kind == ConversationKind.Direct ? 1 : _chance.Between(3, most); i > 0; i--)
        {
            int member = 1 + _chance.Below(Size.People);
            if (member != founder && !members.Contains(member))
            {
                members.Add(member);
            }
        }

        if (members.Count == 0)
        {
            members.Add(founder == 1 ? 2 : 1);
        }

        HistoryVisibility history = _chance.Of([HistoryVisibility.All, HistoryVisibility.All, HistoryVisibility.Invited, HistoryVisibility.Joined]);
        return new RoomPlan(number, kind, IsSteady: kind == ConversationKind.Public && number % 20 == 0, founder, members, history);
    }
}

/// <summary>Somebody with their devices.</summary>
internal sealed record Citizen(int Number, UserId User, string Name, int Devices)
{
    /// <summary>What a device signs in with.</summary>
    public string TokenOf(int device) => string.Create(CultureInfo.InvariantCulture, $"fct_{(Number * 10) + device:D43}");

    /// <summary>A device's id.</summary>
    public DeviceId IdOf(int device) => new(((ulong)Number * 10) + (ulong)device + 1);
}

/// <summary>A conversation that is to be made.</summary>
internal sealed record RoomPlan(int Number, ConversationKind Kind, bool IsSteady, int Founder, IReadOnlyList<int> Members, HistoryVisibility History);

/// <summary>
/// A conversation. In a steady one nobody's rights change: messages are pipelined there, for elsewhere one that was refused, its answer lost, may be allowed when it comes again, behind
/// what was sent after it (protocol.md §6.1).
/// </summary>
internal sealed record Room(ConversationId Id, ConversationKind Kind, bool IsSteady, int Number)
{
    /// <summary>Messages that somebody has begun a thread at.</summary>
    public List<ulong> Threads { get; } = [];

    /// <summary>A record that was seen there: what somebody may refer to. 0 = none.</summary>
    public ulong Seen { get; set; }
}
