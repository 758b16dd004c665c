using FastChat.Broker.Audit;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Identity;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Limits;

/// <summary>
/// How much somebody who is signed in may do in how much time (decision 0033): the one place that says no with RATE_LIMITED. Whoever runs the broker or imports into it is exempt, except where everybody pays (<see cref="FixedBudgets.IsForAll"/>). Any thread;
/// <see cref="MayPublish"/> has no lock and no allocation while it says yes.
/// </summary>
internal sealed class UserLimits
{
    /// <summary>A publish that is refused is told to wait until so many seconds' worth of tokens have come back: with one token for each refusal a sender in a hurry would be answered by little else than refusals.</summary>
    private const double RetrySeconds = 0.25;

    private readonly TimeProvider _clock;
    private readonly UserAllowances _allowances;
    private readonly RateSketch _conversations;
    private readonly TokenBucket[] _fixed;
    private readonly BrokerMetrics _metrics;
    private readonly AuditLog _audit;
    private Plan _plan;

    public UserLimits(LimitSettings settings, TimeProvider clock, RandomSource random, BrokerMetrics metrics, AuditLog audit)
    {
        _clock = clock;
        _allowances = new UserAllowances(clock);
        _conversations = new RateSketch(random);
        _fixed = [.. Enumerable.Range(0, FixedBudgets.Count).Select(budget => FixedBudgets.Of((Budget)budget) is { } rate ? new TokenBucket(rate, clock.TimestampFrequency) : default)];
        _metrics = metrics;
        _audit = audit;
        _plan = new Plan(settings, clock);
    }

    /// <summary>The settings in force. Replaced as a whole; what is left in the buckets stays, as time until they are full.</summary>
    public LimitSettings Settings
    {
        get => Volatile.Read(ref _plan).Settings;
        set => Volatile.Write(ref _plan, new Plan(value, _clock));
    }

    /// <summary>Users that are remembered.</summary>
    public int Remembered => _allowances.Count;

    /// <summary>The moment, for <see cref="MayPublish"/>.</summary>
    public long Now => _clock.GetTimestamp();

    /// <summary>Counts a connection of the user in and gives it what it spends from; null when there are as many as there may be.</summary>
    public UserAllowance? Enter(UserId user) => _allowances.Enter(user, Settings.ConnectionsPerUserMax);

    /// <summary>Counts a connection out.</summary>
    public void Leave(UserAllowance allowance) => _allowances.Leave(allowance);

    /// <summary>Takes a message and its bytes from the user, and a message from the conversation; all or nothing. Read loop, once per message.</summary>
    /// <param name="peer">Who publishes.</param>
    /// <param name="conversation">Where to; there need not be one.</param>
    /// <param name="size">Bytes of the frame's body.</param>
    /// <param name="now"><see cref="Now"/>, or a moment ago.</param>
    /// <param name="retryAfterMs">When to come again; 0 when it may pass.</param>
    public bool MayPublish(Peer peer, ConversationId conversation, int size, long now, out uint retryAfterMs)
    {
        retryAfterMs = 0;
        Plan plan = Volatile.Read(ref _plan);
        if (!plan.Settings.IsOn || IsExempt(peer.Actor))
        {
            return true;
        }

        ref readonly Shares shares = ref plan.SharesOf(peer.Actor);
        UserAllowance allowance = peer.Allowance;
        if (!shares.Publishes.TryTake(ref allowance[Budget.Publishes], now, 1, out retryAfterMs))
        {
            retryAfterMs = shares.Publishes.WaitFor(ref allowance[Budget.Publishes], now, shares.PublishesInRetry);
            return Refuse(peer.Actor, peer.Remote, "user_publishes");
        }

        if (!shares.PublishBytes.TryTake(ref allowance[Budget.PublishBytes], now, size, out retryAfterMs))
        {
            retryAfterMs = Math.Max(retryAfterMs, shares.PublishBytes.WaitFor(ref allowance[Budget.PublishBytes], now, shares.BytesInRetry));
            shares.Publishes.GiveBack(ref allowance[Budget.Publishes], 1);
            return Refuse(peer.Actor, peer.Remote, "user_publish_bytes");
        }

        if (!_conversations.TryTake(plan.Conversation, conversation.Value, now, 1, out retryAfterMs))
        {
            retryAfterMs = _conversations.WaitFor(plan.Conversation, conversation.Value, now, plan.ConversationInRetry);
            shares.Publishes.GiveBack(ref allowance[Budget.Publishes], 1);
            shares.PublishBytes.GiveBack(ref allowance[Budget.PublishBytes], size);
            return Refuse(peer.Actor, peer.Remote, "conversation_publishes");
        }

        return true;
    }

    /// <summary>Takes what a control request costs.</summary>
    public bool MayAsk(Peer peer, FrameType type, out uint retryAfterMs)
    {
        retryAfterMs = 0;
        Plan plan = Volatile.Read(ref _plan);
        return !plan.Settings.IsOn
            || IsExempt(peer.Actor)
            || plan.SharesOf(peer.Actor).Requests.TryTake(ref peer.Allowance[Budget.Requests], _clock.GetTimestamp(), OperationCosts.Of(type), out retryAfterMs)
            || Refuse(peer.Actor, peer.Remote, "user_requests");
    }

    /// <summary>Takes from one of the budgets that hold with every configuration. Pool threads.</summary>
    public bool TryTake(in Actor actor, Budget budget, int count, out uint retryAfterMs)
    {
        retryAfterMs = 0;
        return (!FixedBudgets.IsForAll(budget) && IsExempt(actor))
            || _fixed[(int)budget].TryTake(ref _allowances.Of(actor.User)[budget], _clock.GetTimestamp(), count, out retryAfterMs)
            || RefuseUnnoted(NameOf(budget));
    }

    /// <summary>Notes that so much was read from a connection, and says for how many milliseconds nothing more should be. Read loop.</summary>
    /// <param name="peer">Whose connection.</param>
    /// <param name="fullAt">The state, which the read loop has.</param>
    /// <param name="now"><see cref="Now"/>, or a moment ago.</param>
    /// <param name="count">Bytes and what the frames count beside.</param>
    public uint SpendBytes(Peer peer, ref long fullAt, long now, long count)
    {
        Plan plan = Volatile.Read(ref _plan);
        uint waitMs = IsExempt(peer.Actor) ? 0 : plan.ConnectionBytes.Spend(ref fullAt, now, count);
        if (waitMs > 0)
        {
            Refuse(peer.Actor, peer.Remote, "connection_bytes");
        }

        return waitMs;
    }

    private static bool IsExempt(in Actor actor) => (actor.Rights & (AccountRights.Operator | AccountRights.Import)) != 0;

    private static string NameOf(Budget budget) => budget switch
    {
        Budget.Names => "names",
        Budget.Ids => "ids",
        Budget.Looks => "looks",
        Budget.Profiles => "profiles",
        Budget.Searches => "searches",
        Budget.Blocks => "blocks",
        Budget.Made => "conversations_made",
        Budget.Own => "own_memberships",
        Budget.Passwords => "passwords",
        Budget.Exports => "exports",
        _ => "memberships",
    };

    /// <summary>The answer to the request is noted, with where it came from, by whoever gives it.</summary>
    private bool RefuseUnnoted(string limit)
    {
        _metrics.Limited(limit);
        return false;
    }

    private bool Refuse(in Actor actor, string remote, string limit)
    {
        _metrics.Limited(limit);
        _audit.Note(new AuditEntry(AuditAct.LimitReached) { User = actor.User, Device = actor.Device, Remote = remote, Detail = limit });
        return false;
    }

    /// <summary>What one kind of account has, ready for the clock.</summary>
    private readonly struct Shares(LimitSettings settings, double factor, TimeProvider clock)
    {
        public readonly TokenBucket Publishes = settings.Bucket(settings.PublishesPerSecond * factor, clock);
        public readonly TokenBucket PublishBytes = settings.Bucket(settings.PublishBytesPerSecond * factor, clock);
        public readonly TokenBucket Requests = settings.Bucket(settings.RequestsPerSecond * factor, clock);
        public readonly double PublishesInRetry = Math.Max(1, settings.PublishesPerSecond * factor * Math.Min(RetrySeconds, settings.BurstSeconds));
        public readonly double BytesInRetry = settings.PublishBytesPerSecond * factor * Math.Min(RetrySeconds, settings.BurstSeconds);
    }

    /// <summary>The settings, ready for the clock.</summary>
    private sealed class Plan(LimitSettings settings, TimeProvider clock)
    {
        private readonly Shares _person = new(settings, 1, clock);
        private readonly Shares _service = new(settings, settings.ServiceFactor, clock);

        public LimitSettings Settings { get; } = settings;

        public TokenBucket Conversation { get; } = settings.Bucket(settings.ConversationPublishesPerSecond, clock);

        public double ConversationInRetry { get; } = Math.Max(1, settings.ConversationPublishesPerSecond * Math.Min(RetrySeconds, settings.BurstSeconds));

        public TokenBucket ConnectionBytes { get; } = settings.Bucket(settings.ConnectionBytesPerSecond, clock);

        public ref readonly Shares SharesOf(in Actor actor) => ref (actor.Rights & AccountRights.Service) != 0 ? ref _service : ref _person;
    }
}
