using FastChat.Broker.Limits;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.People;

/// <summary>
/// How much an account may ask about people. A name can be guessed, so looking up names is what tells who exists: at two a second a list of a hundred million phone numbers takes a year and a half.
/// An id cannot be guessed; who has one has seen it, and a reader of a busy channel resolves thousands of senders at once, so ids have a budget of their own. Any thread.
/// </summary>
internal sealed class PeopleBudgets(TimeProvider clock)
{
    /// <summary>Two requests of as many names as one may hold, then as many as a person adds by hand.</summary>
    public const int NamesBurst = 1000;

    /// <summary>Names a second.</summary>
    public const double NamesPerSecond = 2;

    /// <summary>The senders of a long history.</summary>
    public const int IdsBurst = 10_000;

    /// <summary>Ids a second.</summary>
    public const double IdsPerSecond = 100;

    /// <summary>Profiles asked about at once: those of everybody one knows, after an absence.</summary>
    public const int LooksBurst = 20_000;

    /// <summary>Profiles asked about a second. Each may read a thousand entries of two lists, which is half a millisecond.</summary>
    public const double LooksPerSecond = 200;

    /// <summary>Changes of a profile at once.</summary>
    public const int ProfileBurst = 5;

    /// <summary>Searches at once: what somebody types, letter by letter.</summary>
    public const int SearchBurst = 20;

    /// <summary>Blocks at once: a list that is brought along from elsewhere.</summary>
    public const int BlockBurst = 100;

    private readonly TokenBuckets<UserId> _names = new(clock, NamesBurst, NamesPerSecond);
    private readonly TokenBuckets<UserId> _ids = new(clock, IdsBurst, IdsPerSecond);
    private readonly TokenBuckets<UserId> _looks = new(clock, LooksBurst, LooksPerSecond);
    private readonly TokenBuckets<UserId> _profiles = new(clock, ProfileBurst, perSecond: 1);
    private readonly TokenBuckets<UserId> _searches = new(clock, SearchBurst, perSecond: 2);
    private readonly TokenBuckets<UserId> _blocks = new(clock, BlockBurst, perSecond: 5);

    /// <summary>Looking up names. Whoever runs the broker or imports into it knows the names anyway.</summary>
    public bool MayResolveNames(in Actor actor, int count, out uint retryAfterMs) => IsExempt(actor, out retryAfterMs) || _names.TryTake(actor.User, count, out retryAfterMs);

    /// <summary>Looking up ids, and the profiles of strangers.</summary>
    public bool MayResolveIds(in Actor actor, int count, out uint retryAfterMs) => IsExempt(actor, out retryAfterMs) || _ids.TryTake(actor.User, count, out retryAfterMs);

    /// <summary>Asking about profiles, whosever they are; nobody is exempt.</summary>
    public bool MayLook(in Actor actor, int count, out uint retryAfterMs) => _looks.TryTake(actor.User, count, out retryAfterMs);

    /// <summary>Changing one's profile; nobody is exempt, for each change is told to many.</summary>
    public bool MayChangeProfile(in Actor actor, out uint retryAfterMs) => _profiles.TryTake(actor.User, 1, out retryAfterMs);

    /// <summary>Searching; nobody is exempt, for each reads thousands of entries.</summary>
    public bool MaySearch(in Actor actor, out uint retryAfterMs) => _searches.TryTake(actor.User, 1, out retryAfterMs);

    /// <summary>Blocking or unblocking.</summary>
    public bool MayBlock(in Actor actor, out uint retryAfterMs) => _blocks.TryTake(actor.User, 1, out retryAfterMs);

    private static bool IsExempt(in Actor actor, out uint retryAfterMs)
    {
        retryAfterMs = 0;
        return (actor.Rights & (AccountRights.Operator | AccountRights.Import)) != 0;
    }
}
