using System.Buffers;

using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
using FastChat.Broker.Limits;
using FastChat.Broker.People;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Handlers;

/// <summary>
/// SetProfile, GetProfiles, SearchUsers, Block and ListBlocks (protocol.md §4.8). Changes go through the shard of the asking user and are answered when they are durable; reads see durable state. Whom one may
/// not see, and who does not exist, are answered alike. Pool threads.
/// </summary>
internal sealed class PeopleRequests(Router router, IConversationLog log, Accounts accounts, UserLimits limits, PeopleNotices notices)
{
    /// <summary>Bytes of profiles in one reply, or a little more: a frame has an end (<see cref="ProtocolLimits.ServerFrameSizeMax"/>), and 200 large profiles do not fit into it.</summary>
    private const int ReplyBytesMax = ProtocolLimits.ServerFrameSizeMax / 2;

    /// <summary>Looks, a millisecond apart or more, for a block to come to its direct conversation.</summary>
    private const int CarriedPollsMax = 3000;
    private const uint CarriedRetryMs = 1000;

    private readonly Blocks _blocks = new(log);
    private readonly UserSearch _search = new(log, accounts, new Blocks(log));

    /// <summary>Changes the asking user's profile.</summary>
    public async Task<ControlAnswer> SetProfileAsync(Actor actor, ControlMap map)
    {
        ProfileChange change = ProfileChange.Parse(map);
        if (!limits.TryTake(actor, Budget.Profiles, 1, out uint retryAfterMs))
        {
            return ControlAnswer.TryLater(retryAfterMs, "profiles change once a second");
        }

        CommandResult result = await ExecuteAsync(actor, new PersonCommand.SetProfile(change));
        if (result.Error != ErrorCode.None)
        {
            return ControlAnswer.Refused(result.Error, result.Reason);
        }

        if (result.Changed)
        {
            notices.ProfileChanged(actor.User, result.Version);
        }

        return ControlAnswer.Ok(new ControlMap().Set("version", result.Version));
    }

    /// <summary>Profiles of the users asked about, in their order, as many as fit into a reply.</summary>
    public ControlAnswer GetProfiles(Actor actor, ControlMap map)
    {
        ControlMap?[] asked = map.Maps("users") ?? throw new ControlFormatException("users: an array is expected");
        if (asked.Length > PeopleLimits.ProfilesAskedMax)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, $"users: at most {PeopleLimits.ProfilesAskedMax}");
        }

        ProfileQuery[] queries = asked.Select(ToQuery).ToArray();
        if (!limits.TryTake(actor, Budget.Looks, queries.Length, out uint retryAfterMs))
        {
            return ControlAnswer.TryLater(retryAfterMs, "too many profiles were asked about");
        }

        Circle circle = new(log, actor.User);
        List<object?> profiles = [];
        int strangers = 0;
        int bytes = 0;
        foreach (ProfileQuery query in queries)
        {
            if (bytes > ReplyBytesMax)
            {
                break;
            }

            Profile? profile = Look(actor, circle, query);
            strangers += profile is null ? 1 : 0;
            profiles.Add(profile?.ToMap());
            bytes += SizeOf(profile);
        }

        return limits.TryTake(actor, Budget.Ids, strangers, out retryAfterMs)
            ? ControlAnswer.Ok(new ControlMap().Set("profiles", profiles))
            : ControlAnswer.TryLater(retryAfterMs, "too many strangers were asked about");
    }

    /// <summary>A page of people one shares a conversation with, by the beginning of a name.</summary>
    public ControlAnswer Search(Actor actor, ControlMap map)
    {
        string prefix = map.Text("prefix", PeopleLimits.DisplayNameSizeMax) ?? string.Empty;
        UserId after = new(map.Id("after"));
        int limit = (int)map.Number("limit", PeopleLimits.SearchCountMax, PeopleLimits.SearchCountMax);
        if (prefix.Length == 0 || !ProfileRules.IsHarmless(prefix))
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "prefix: the beginning of a name is expected");
        }

        if (!limits.TryTake(actor, Budget.Searches, 1, out uint retryAfterMs))
        {
            return ControlAnswer.TryLater(retryAfterMs, "too many searches");
        }

        List<FoundUser> found = _search.Find(actor.User, prefix, after, limit == 0 ? PeopleLimits.SearchCountMax : limit, out bool more, out bool isComplete);
        return ControlAnswer.Ok(new ControlMap()
            .Set("users", found.Select(user => user.ToMap()).ToList<object?>())
            .Set("more", more)
            .Set("complete", isComplete));
    }

    /// <summary>Blocks somebody, or takes the block back.</summary>
    public async Task<ControlAnswer> BlockAsync(Actor actor, ControlMap map)
    {
        UserId other = new(map.Id("user"));
        if (map["user"] is null || map["blocked"] is null)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "user and blocked are expected");
        }

        bool isBlocked = map.Flag("blocked");
        if (other == actor.User)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "nobody blocks themselves");
        }

        // By id, so this tells who exists as GetProfiles and ResolveUsers do, and costs the same.
        if (!limits.TryTake(actor, Budget.Blocks, 1, out uint retryAfterMs) || !limits.TryTake(actor, Budget.Ids, 1, out retryAfterMs))
        {
            return ControlAnswer.TryLater(retryAfterMs, "too many blocks in too short a time");
        }

        if (accounts.Find(other) is null)
        {
            return ControlAnswer.Refused(ErrorCode.NoSuchUser, "there is no such user");
        }

        // Counted here and not in the shard, which would read ten thousand keys for it while a conversation waits: requests that come at the same moment may go a few beyond.
        if (isBlocked && !_blocks.IsBlocked(actor.User, other) && _blocks.IsFull(actor.User))
        {
            return ControlAnswer.Refused(ErrorCode.TooMany, $"at most {PeopleLimits.BlocksMax} users are blocked by one");
        }

        CommandResult result = await ExecuteAsync(actor, new PersonCommand.SetBlock(other, isBlocked));
        if (result.Error != ErrorCode.None)
        {
            return ControlAnswer.Refused(result.Error, result.Reason);
        }

        if (result.Changed)
        {
            notices.BlocksChanged(actor.User);
        }

        return await IsCarriedAsync(actor.User, other)
            ? ControlAnswer.Ok(new ControlMap().Set("changed", result.Changed))
            : ControlAnswer.TryLater(CarriedRetryMs, "it is done, and on its way to the direct conversation: ask again");
    }

    /// <summary>
    /// Who was told that a block is done must not be written to any more: the answer waits until the direct conversation's shard, which decides about that, has it. Shards carry it in a moment; behind a disk that is
    /// full or stands still it takes as long as that.
    /// </summary>
    private async Task<bool> IsCarriedAsync(UserId user, UserId other)
    {
        ConversationId direct = DirectConversations.IdOf(user, other);
        for (int i = 0; i < CarriedPollsMax && router.Failure is null; i++)
        {
            if (_blocks.IsBlocked(user, other) == (log.Get(Table.State, PeopleKeys.DirectBlock(direct, user)) is not null))
            {
                return true;
            }

            await router.WaitForRoomAsync(CancellationToken.None);
        }

        return false;
    }

    /// <summary>A page of those whom the asking user has blocked.</summary>
    public ControlAnswer ListBlocks(Actor actor, ControlMap map)
    {
        UserId after = new(map.Id("after"));
        int limit = (int)Math.Min(map.Number("limit", 0), ProtocolLimits.ControlArrayMax);
        limit = limit == 0 ? ProtocolLimits.ControlArrayMax : limit;
        List<(UserId User, StoredBlock Block)> page = [];
        bool more = false;
        log.Scan(Table.State, PeopleKeys.Blocks(actor.User), after.IsNone ? [] : PeopleKeys.Block(actor.User, after), (key, value) =>
        {
            more = page.Count == limit;
            if (!more && StoredBlock.TryParse(value, out StoredBlock block))
            {
                page.Add((new UserId(StateKeys.SecondId(key)), block));
            }

            return !more;
        });
        List<object?> blocks = [.. page.Select(entry =>
            new BlockInfo(entry.User, accounts.Find(entry.User)?.Name ?? string.Empty, (ulong)Math.Max(0, entry.Block.TimeMicros)).ToMap())];
        return ControlAnswer.Ok(new ControlMap().Set("blocks", blocks).Set("complete", !more));
    }

    private static ProfileQuery ToQuery(ControlMap? asked) => asked?["user"] is not null
        ? new ProfileQuery(new UserId(asked.Id("user")), asked.Number("version", 0))
        : throw new ControlFormatException("users: maps with a user are expected");

    /// <summary>Null for strangers, for those who have blocked the asking user, and for nobody.</summary>
    private Profile? Look(Actor actor, Circle circle, ProfileQuery query)
    {
        if (!circle.Has(query.User) || accounts.Find(query.User) is not { } account || _blocks.IsBlocked(query.User, actor.User))
        {
            return null;
        }

        StoredProfile stored = StoredProfile.Of(log.Get(Table.State, PeopleKeys.Profile(query.User)));
        return query.Version != 0 && query.Version == stored.Version
            ? new Profile(query.User, stored.Version) { IsUnchanged = true }
            : stored.ToProfile(query.User, account.Name);
    }

    private static int SizeOf(Profile? profile)
    {
        if (profile is null)
        {
            return 1;
        }

        ArrayBufferWriter<byte> bytes = new();
        profile.ToMap().Write(bytes);
        return bytes.WrittenCount;
    }

    private Task<CommandResult> ExecuteAsync(Actor actor, PersonCommand command) =>
        router.ExecuteAsync(CommandKind.ChangePerson, actor, router.Map.ShardOf(actor.User.Value), command.ToBytes(), CancellationToken.None);
}
