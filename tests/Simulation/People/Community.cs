using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.History;
using FastChat.Storage;

namespace FastChat.Simulation;

/// <summary>Who there is and what they talk in, written into the store before the first broker begins, in the form in which it writes them itself; and the history of what they do and see.</summary>
internal sealed class Community
{
    private readonly Chance _chance;

    public Community(SimulatedWorld world, int people, int publics, int groups, HistoryWriter history)
    {
        _chance = world.Chance.Split();
        History = history;
        People = [.. Enumerable.Range(0, people).Select(number => new Account(number, new UserId(NextId()), new DeviceId((ulong)number + 1), $"fct_{number:D43}"))];
        Publics = [.. Enumerable.Range(0, publics).Select(_ => new ConversationId(NextId()))];
        Groups = [.. Enumerable.Range(0, groups).Select(_ => new Group(new ConversationId(NextId()), Owner: 0, [.. Enumerable.Range(0, people).Where(_ => _chance.Below(3) > 0).Append(0).Distinct()]))];
    }

    /// <summary>Everybody.</summary>
    public IReadOnlyList<Account> People { get; }

    /// <summary>Conversations in which everybody may read and write.</summary>
    public IReadOnlyList<ConversationId> Publics { get; }

    /// <summary>Conversations of members.</summary>
    public IReadOnlyList<Group> Groups { get; }

    /// <summary>All conversations.</summary>
    public IEnumerable<ConversationId> Conversations => Publics.Concat(Groups.Select(group => group.Id));

    /// <summary>What everybody does and sees.</summary>
    public HistoryWriter History { get; }

    /// <summary>What everybody did and met, by name: evidence of what a world was about.</summary>
    public SortedDictionary<string, int> Deeds { get; } = new(StringComparer.Ordinal);

    /// <summary>Somebody did or met something.</summary>
    public void Count(string deed) => Deeds[deed] = Deeds.GetValueOrDefault(deed) + 1;

    /// <summary>The members of each group when nothing happens any more.</summary>
    public Dictionary<ConversationId, HashSet<UserId>> LastMembers { get; } = [];

    /// <summary>A log that has all of this and no message yet.</summary>
    public InMemoryConversationLog MakeLog(int shards)
    {
        InMemoryConversationLog log = new();
        CommitBatch batch = new(log.Epoch);
        batch.Put(Table.State, StateKeys.ShardCount.ToArray(), [(byte)shards, (byte)(shards >> 8)]);
        foreach (Account account in People)
        {
            string name = $"person{account.Number}";
            AccountRights rights = account.Number == 0 ? AccountRights.Operator : AccountRights.None;
            batch.Put(Table.State, IdentityKeys.Name(StateKeys.UserNames, name), ControlMap.IdBytes(account.User.Value));
            batch.Put(Table.State, IdentityKeys.Account(account.User), new AccountRecord(name, false, rights, 1, null).ToBytes());
            batch.Put(Table.State, IdentityKeys.Device(account.User, account.Device), new StoredDevice(SignInWay.Token, 1, string.Empty).ToBytes());
            batch.Put(Table.State, IdentityKeys.Token(account.Token), new TokenRecord(account.User, account.Device, 1, 0).ToBytes());
        }

        for (int i = 0; i < Publics.Count; i++)
        {
            Add(batch, Publics[i], new ConversationMeta(ConversationKind.Public, People[0].User, 1, $"public{i}", null), []);
        }

        foreach (Group group in Groups)
        {
            Add(batch, group.Id, new ConversationMeta(ConversationKind.Group, People[0].User, 1, null, null), group.FirstMembers);
        }

        log.Commit([batch]);
        return log;
    }

    private UInt128 NextId() => new(_chance.Next(), _chance.Next());

    private void Add(CommitBatch batch, ConversationId id, ConversationMeta meta, IReadOnlyList<int> members)
    {
        History.Write(new HistoryEvent
        {
            Op = HistoryOp.Conversation,
            Conversation = id,
            ConversationKind = meta.Kind == ConversationKind.Group ? HistoryKind.Group : HistoryKind.Public,
            Epoch = 1,
            Closed = true,
        });
        batch.Put(Table.State, ConversationKeys.Meta(id), meta.ToBytes());
        if (meta.Name is not null)
        {
            batch.Put(Table.State, ConversationKeys.Name(meta.Name), ControlMap.IdBytes(id.Value));
        }

        foreach (int member in members)
        {
            UserId user = People[member].User;
            byte[] membership = new Membership(member == 0 ? MemberRole.Owner : MemberRole.Member, 0).ToBytes();
            batch.Put(Table.State, ConversationKeys.Member(id, user), membership);
            batch.Put(Table.State, ConversationKeys.ListEntry(user, id), membership);
            History.Write(new HistoryEvent { Op = HistoryOp.Member, Conversation = id, Member = user });
        }
    }
}

/// <summary>Somebody's account, and the device that they use.</summary>
internal sealed record Account(int Number, UserId User, DeviceId Device, string Token);

/// <summary>A conversation of members; the owner adds and removes them.</summary>
internal sealed record Group(ConversationId Id, int Owner, IReadOnlyList<int> FirstMembers);
