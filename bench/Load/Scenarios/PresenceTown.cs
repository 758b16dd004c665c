using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// Who belongs to what in the presence scenario. Accounts stand on a ring; the first twentieth of them looks, the others are looked at. There are as many groups as lookers, each of ninety
/// people and ten lookers that stand
/// beside one another, so everybody shares conversations with several others. A connection's number decides its account: each person has several sessions.
/// </summary>
internal sealed class PresenceTown
{
    /// <summary>Sessions of one person: telephone, desk, and more than most people have. More people would be 20 ms of hashing each before every run.</summary>
    public const int SessionsOfPerson = 9;

    private const int PeopleOfGroupMax = 90;
    private const int LookersOfGroupMax = 10;
    private const int AccountsOfLooker = 20;

    private readonly int _peopleOfGroup;
    private readonly int _lookersOfGroup;

    /// <param name="connections">Sessions altogether.</param>
    public PresenceTown(int connections)
    {
        Accounts = Math.Max(2, connections / SessionsOfPerson);
        Lookers = Math.Max(1, Accounts / AccountsOfLooker);
        _peopleOfGroup = Math.Min(PeopleOfGroupMax, People);
        _lookersOfGroup = Math.Min(LookersOfGroupMax, Lookers);
        Groups = Enumerable.Range(0, Lookers).Select(number => new PresenceGroup([.. PeopleOf(number), .. LookersOf(number)])).ToArray();
    }

    /// <summary>Accounts altogether.</summary>
    public int Accounts { get; }

    /// <summary>Accounts 0 … n−1 look.</summary>
    public int Lookers { get; }

    /// <summary>The other accounts, who are looked at.</summary>
    public int People => Accounts - Lookers;

    public IReadOnlyList<PresenceGroup> Groups { get; }

    /// <summary>The groups that an account belongs to; where there are few accounts some people belong to none.</summary>
    public IEnumerable<PresenceGroup> GroupsOf(int account) => Groups.Where(group => group.Members.Contains(account));

    /// <summary>Makes the groups; the accounts are there.</summary>
    public async Task BuildAsync(FastChatSystem system, CancellationToken cancellation)
    {
        foreach (PresenceGroup group in Groups)
        {
            FastChatClient owner = await system.ConnectAsAsync(group.Members[0], cancellation).ConfigureAwait(false);
            await using (owner.ConfigureAwait(false))
            {
                ConversationInfo made = await owner.CreateConversationAsync(
                    ConversationKind.Group, name: null, title: "town", group.Members.Skip(1).Select(system.UserOf).ToArray(), cancellationToken: cancellation).ConfigureAwait(false);
                group.Settle(system.Add(made), made.Conversation, group.Members.Select(system.UserOf));
            }
        }
    }

    private IEnumerable<int> PeopleOf(int number) => Enumerable.Range(0, _peopleOfGroup).Select(i => Lookers + ((((int)((long)number * People / Lookers)) + i) % People));

    private IEnumerable<int> LookersOf(int number) => Enumerable.Range(0, _lookersOfGroup).Select(i => (number + i) % Lookers);
}

/// <summary>A group that is watched.</summary>
/// <param name="Members">Its accounts, people first.</param>
internal sealed record PresenceGroup(int[] Members)
{
    private readonly Dictionary<UserId, int> _places = [];

    /// <summary>Its number among the system's conversations.</summary>
    public int Number { get; private set; }

    public ConversationId Id { get; private set; }

    /// <summary>It exists.</summary>
    public void Settle(int number, ConversationId id, IEnumerable<UserId> users)
    {
        (Number, Id) = (number, id);
        foreach (UserId user in users)
        {
            _places.Add(user, _places.Count);
        }
    }

    /// <summary>A member's place in <see cref="Members"/>; −1 for others.</summary>
    public int PlaceOf(UserId user) => _places.TryGetValue(user, out int place) ? place : -1;
}
