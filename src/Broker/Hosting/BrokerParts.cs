using System.Buffers.Binary;

using FastChat.Broker.Attachments;
using FastChat.Broker.Audit;
using FastChat.Broker.Connections;
using FastChat.Broker.Conversations;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Doors;
using FastChat.Broker.Handlers;
using FastChat.Broker.Identity;
using FastChat.Broker.Inbox;
using FastChat.Broker.Keys;
using FastChat.Broker.Limits;
using FastChat.Broker.Maintenance;
using FastChat.Broker.People;
using FastChat.Broker.Presence;
using FastChat.Broker.Privacy;
using FastChat.Broker.Retention;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Shared;
using FastChat.Storage;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Hosting;

/// <summary>
/// The parts of a broker, put together by hand and in order, so that one can read what knows what. Disposed in the opposite order: connections, then the shards and what
/// is in their rings, then the store.
/// </summary>
internal sealed class BrokerParts : IAsyncDisposable
{
    private readonly ILogger _logger;
    private readonly KeyVault? _vault;
    private readonly BrokerMetrics _metrics;
    private readonly PasswordHasher _passwords;
    private readonly PresenceClock _presenceClock;
    private readonly Router _router;
    private readonly DueScan _due;
    private readonly DeviceSweep _devices;
    private readonly PersonExports _exports;
    private readonly PersonErasures _erasures;
    private readonly RetentionScan _retention;
    private readonly CancellationTokenSource _drainAsked = new();

    private BrokerParts(BrokerOptions options, IConversationLog log, ILogger logger, Surroundings surroundings, KeyVault? vault = null)
    {
        _vault = vault;
        _logger = logger;
        _metrics = new BrokerMetrics(surroundings.Clock);
        Log = log;
        Audit = surroundings.Audit;
        int shards = ShardCount(log, options.Shards);
        PasswordPolicy passwords = options.ToPasswordPolicy(() => ScramSalts.Of(log, surroundings.Random));
        RoutingOptions routing = new(
            shards,
            Math.Min(shards, options.Loops > 0 ? options.Loops : Math.Max(1, Environment.ProcessorCount / 4)),
            options.RingBytes,
            options.ConversationsInMemoryMax,
            surroundings.CommitHereMax)
        {
            Vault = vault,
        };
        Sessions = new SessionRegistry(surroundings.Clock, TimeSpan.FromSeconds(options.SessionSeconds));
        _router = new Router(
            routing, log, new PeerTable(options.ConnectionsMax), _metrics, surroundings.Clock, surroundings.Workers, new RouterEvents(OnStoreFailed, OnDamaged, OnListChanged) { CursorMoved = OnCursorMoved, PublishDenied = OnPublishDenied });
        Keys = new KeyDestruction(vault, _router, surroundings.Audit, surroundings.Clock);
        _passwords = new PasswordHasher(surroundings.Random, passwords);
        Accounts = new Accounts(_router, log, _passwords, surroundings.Random, options.Registration, options.ToTokenLives()) { Passwords = passwords };
        ScramSignIn scram = new(Accounts, surroundings.Random);

        Issuers = [.. options.Issuers.Select(issuer => issuer.Open(options.ToFetchSettings(), surroundings.Clock, surroundings.Audit, logger))];
        AssertionSignIn vouched = new(
            _router, log, Accounts, surroundings.Random, new AssertionSettings(Issuers, options.ServiceAudience, TimeSpan.FromSeconds(options.AssertionSeconds)), surroundings.Audit, _metrics);
        ServiceAccounts services = new(_router, log, Accounts, surroundings.Random);
        ServiceScopes scopes = new(log);
        LimitSettings limitSettings = options.ToLimitSettings();
        Limits = new UserLimits(limitSettings, surroundings.Clock, surroundings.Random, _metrics, surroundings.Audit);
        Addresses = new AddressLimits(options.ConnectionsMax, options.StrangersPerAddressMax, limitSettings, surroundings.Clock, surroundings.Random, _metrics, surroundings.Audit);
        RunningLimits = new RunningLimits(limitSettings, Limits, Addresses, surroundings.Audit);
        Backups = new BackupRuns(
            log is RocksDbConversationLog files
                ? (directory, keep, progress, stop) => StoreBackup.Take(files, directory, keep, isPaced: true, surroundings.Clock, progress, stop)
                : null,
            logger);

        PresenceOptions presence = options.ToPresenceOptions();
        Presence = new PresenceRoom(presence, new PresenceStore(log, _router), surroundings.Clock, _metrics);
        _presenceClock = new PresenceClock(Presence, presence.Tick, surroundings.Clock, logger);

        ConnectionSettings settings = options.ToConnectionSettings();
        ConversationReads reads = new(_router, log, scopes);
        Blocks blocks = new(log);
        ConversationLists lists = new(log, surroundings.Clock);
        AttachmentOptions attachmentOptions = options.ToAttachmentOptions();
        AttachmentVoucher voucher = new(log, attachmentOptions.GraceMicros);
        ScheduleRequests schedule = new(_router, log, reads, voucher, Sessions, settings.BodySizeMax, vault);
        AttachmentRequests attachments = new(_router, log, reads, attachmentOptions, surroundings.Random);
        _erasures = new PersonErasures(_router, log, Accounts, Sessions, Keys, surroundings.Audit, surroundings.Clock, logger);
        _exports = new PersonExports(
            log is RocksDbConversationLog ? options.Data : null, options.ExportBytesMax, TimeSpan.FromSeconds(options.ExportKeepSeconds),
            new PersonArchive(log, Accounts, new PersonRecords(log, surroundings.Clock), attachmentOptions), surroundings.Audit, surroundings.Clock, logger);
        _retention = new RetentionScan(_router, log, options.ToRetentionOptions(), Keys, surroundings.Audit, surroundings.Clock, logger);
        FrameDispatcher dispatcher = new(
            new PublishHandler(_router, scopes, voucher, Limits, settings.BodySizeMax, settings.InFlightMax),
            new SubscriptionHandler(_router, scopes, ProtocolLimits.SubscriptionsMax),
            new SignalHandler(_router, _metrics),
            new ControlHandler(
                new ConversationRequests(_router, log, reads, Accounts, blocks, Limits, lists, surroundings.Random, surroundings.Audit, Keys, _retention.Wake),
                new MemberRequests(_router, reads, Accounts, blocks, Limits, lists),
                new JoinLinkRequests(_router, log, reads, Limits, lists, surroundings.Random),
                new MessageRequests(log, reads),
                new ForwardRequests(_router, log, reads, attachments),
                schedule,
                new HiddenRequests(_router, log, reads, Sessions),
                new InboxRequests(_router, log, reads, new UnreadCounts(log, options.UnreadCountsMax)),
                new UserRequests(Accounts, Limits, surroundings.Audit),
                new OperatorRequests(Backups, _metrics, _drainAsked.Cancel, RunningLimits, surroundings.Audit),
                new ActivityRequests(_router, reads, surroundings.Audit),
                new PeopleRequests(_router, log, Accounts, Limits, new PeopleNotices(_router, log, Sessions)),
                new ServiceRequests(services, Sessions, log, surroundings.Audit),
                new DeviceRequests(Accounts, scram, vouched, Sessions, surroundings.Audit, Limits, _router),
                new AccountRequests(Accounts, Sessions, surroundings.Audit, _router),
                new PresenceRequests(Presence, surroundings.Clock),
                attachments,
                new PrivacyRequests(Accounts, scram, _exports, _erasures, Limits, surroundings.Audit),
                Limits,
                surroundings.Audit,
                logger));
        Connections = new ConnectionRegistry(new ConnectionServices(surroundings.Clock)
        {
            Router = _router,
            ConversationLog = log,
            Sessions = Sessions,
            Presence = Presence,
            Accounts = Accounts,
            Scram = scram,
            Vouched = vouched,
            Audit = surroundings.Audit,
            Dispatcher = dispatcher,
            Addresses = Addresses,
            Limits = Limits,
            Settings = settings,
            Random = surroundings.Random,
            Metrics = _metrics,
            Log = logger,
        });
        _devices = new DeviceSweep(Accounts.Devices, log, surroundings.Clock, defect => BrokerLog.ScanDefect(logger, defect));
        _due = new DueScan(
            _router, log, surroundings.Clock, defect => BrokerLog.ScanDefect(logger, defect), DueKind.Expiries,
            DueKind.Scheduled((user, conversation) => scopes.Narrow(new Actor(user, default, Accounts.RightsOf(user)), conversation), schedule.OnDue),
            AttachmentDue.Kind(_router, log));
        _erasures.Recover();
        ObserveGauges();
    }

    /// <summary>The store.</summary>
    public IConversationLog Log { get; }

    /// <summary>Destroys the keys of people and conversations.</summary>
    public KeyDestruction Keys { get; }

    /// <summary>The sessions.</summary>
    public SessionRegistry Sessions { get; }

    /// <summary>Who is here.</summary>
    public PresenceRoom Presence { get; }

    /// <summary>The accounts.</summary>
    public Accounts Accounts { get; }

    /// <summary>Who vouches for people.</summary>
    public IReadOnlyList<TrustedIssuer> Issuers { get; }

    /// <summary>The limits in force, and the way to change them.</summary>
    public RunningLimits RunningLimits { get; }

    /// <summary>How much a user may do.</summary>
    public UserLimits Limits { get; }

    /// <summary>What stands before the door.</summary>
    public AddressLimits Addresses { get; }

    /// <summary>Where what happens is noted.</summary>
    public AuditLog Audit { get; }

    /// <summary>Cancelled when an operator wants the process to drain and end.</summary>
    public CancellationToken DrainAsked => _drainAsked.Token;

    /// <summary>The backups.</summary>
    public BackupRuns Backups { get; }

    /// <summary>The open connections.</summary>
    public ConnectionRegistry Connections { get; }

    /// <summary>Number of shard loops.</summary>
    public int LoopCount => _router.LoopCount;

    /// <summary>Why nothing is acknowledged any more; null while everything is well.</summary>
    public Exception? Failure => _router.Failure;

    /// <summary>Opens the store and puts the parts together.</summary>
    public static async Task<BrokerParts> OpenAsync(BrokerOptions options, ILogger logger, CancellationToken cancellation)
    {
        CreateDirectory(options.Data);
        DescriptorBudget descriptors = DescriptorBudget.OfProcess();
        StorageOptions storage = new()
        {
            OpenFilesMax = descriptors.TableFilesMax,
            Directory = options.Data,
            AcceptLoss = options.AcceptLoss,
            DiskReserveBytes = options.DiskReserveBytes,
            RoomChanged = (isFull, free) => OnRoomChanged(logger, isFull, free),
        };
        KeyVault? vault = BodyEncryption.Open(options);
        IConversationLog log;
        try
        {
            log = RocksDbConversationLog.Open(storage with { Vault = vault });
        }
        catch
        {
            vault?.Dispose();
            throw;
        }

        int connectionsMax = descriptors.ConnectionsFor(options.ConnectionsMax, DescriptorBudget.CountOpen());
        if (connectionsMax < options.ConnectionsMax)
        {
            BrokerLog.FewDescriptors(logger, descriptors.Limit, connectionsMax);
        }

        FileAuditLog audit = FileAuditLog.Open(options.Data, TimeSpan.FromDays(options.AuditDays), TimeProvider.System, logger);
        BrokerParts parts = new(options with { ConnectionsMax = connectionsMax }, log, logger, Surroundings.Real with { Audit = audit }, vault);
        await OperatorToken.EnsureAsync(options.Data, parts.Accounts, logger, cancellation);
        return parts;
    }

    /// <summary>Puts the parts together over an open log, which they own from now on. For tests and the simulated world.</summary>
    public static BrokerParts Over(IConversationLog log, BrokerOptions options, ILogger logger, Surroundings surroundings) => new(options, log, logger, surroundings);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Connections.Dispose();
        _presenceClock.Dispose();
        Backups.Dispose();
        _passwords.Dispose();
        foreach (TrustedIssuer issuer in Issuers)
        {
            issuer.Keys.Dispose();
        }

        _due.Dispose();
        _devices.Dispose();
        _exports.Dispose();
        _retention.Dispose();
        _erasures.Dispose();
        _router.Dispose();
        Log.Dispose();
        _vault?.Dispose();
        _metrics.Dispose();
        (Audit as IDisposable)?.Dispose();
        RunningLimits.Dispose();
        _drainAsked.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Messages and password verifiers lie in there: a directory that we make is its owner's alone. One that exists is the operator's business.</summary>
    private static void CreateDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    /// <summary>The number of shards is the store's: it was fixed when the store was made.</summary>
    private static int ShardCount(IConversationLog log, int wanted)
    {
        byte[] key = StateKeys.ShardCount.ToArray();
        if (log.Get(Table.State, key) is { } stored)
        {
            return BinaryPrimitives.ReadUInt16LittleEndian(stored);
        }

        byte[] value = new byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16LittleEndian(value, (ushort)wanted);
        CommitBatch batch = new(log.Epoch);
        batch.Put(Table.State, key, value);
        log.Commit([batch]);
        return wanted;
    }

    private void OnStoreFailed(Exception failure)
    {
        BrokerLog.StoreFailed(_logger, failure);

        // Called on a loop's thread, which goes on to answer the handlers that wait; closing connections is not its work.
        Continuation.Queue(
            static connections => _ = connections.CloseAllAsync(
                CloseCode.StoreUnavailable, "the store failed; unanswered publishes have an unknown outcome", 10_000, TimeSpan.FromSeconds(5)),
            Connections);
    }

    private static void OnRoomChanged(ILogger logger, bool isFull, long freeBytes)
    {
        if (isFull)
        {
            BrokerLog.DiskFull(logger, freeBytes);
        }
        else
        {
            BrokerLog.DiskHasRoom(logger, freeBytes);
        }
    }

    private void OnDamaged(CorruptRecordException damage) => BrokerLog.RecordDamaged(_logger, damage);

    private void OnPublishDenied(Peer peer) =>
        Audit.Note(new AuditEntry(AuditAct.AccessDenied) { User = peer.Actor.User, Device = peer.Actor.Device, Remote = peer.Remote, Detail = nameof(FrameType.Publish) });

    private void OnListChanged(UserId user, ConversationId conversation, MemberRole role)
    {
        string what = role == MemberRole.Invited ? "invited" : MemberRoles.IsMember(role) ? "added" : "removed";
        Sessions.Tell(user, Notices.Frame(new ControlMap().Set("event", what).SetId("conversation", conversation.Value)));

        // What was owed when the broker stopped is carried while the parts are still being put together: nobody watches yet.
        Presence?.OnMembershipChanged(user, conversation, MemberRoles.IsMember(role));
    }

    /// <summary>What is read on one device is read on all of them.</summary>
    private void OnCursorMoved(UserId user, ConversationId conversation, ulong thread, ReadCursor cursor) =>
        Sessions.Tell(user, CursorNotice.Frame(conversation, user, thread, cursor.Delivered, cursor.Read));

    /// <summary>Shows how the TLS handshakes go.</summary>
    public void ObserveHandshakes(HandshakeGate gate)
    {
        _metrics.Observe("fastchat.tls.handshakes", "{handshake}", "TLS handshakes that go on", () => gate.Running);
        _metrics.Observe("fastchat.tls.waiting", "{connection}", "connections that wait for their TLS handshake", () => gate.Waiting);
        _metrics.Observe("fastchat.tls.refused", "{connection}", "connections that were refused because too many waited for their TLS handshake, since the start", () => gate.Refused);
    }

    /// <summary>Shows what the process takes of its machine.</summary>
    public void ObserveProcess(ProcessGauges gauges) => gauges.AddTo(_metrics);

    private void ObserveGauges()
    {
        _metrics.Observe("fastchat.connections", "{connection}", "open connections", () => Connections.Count);
        _metrics.Observe("fastchat.connections.websocket", "{connection}", "those of them that came over a WebSocket", () => Connections.WebSockets);
        _metrics.Observe("fastchat.connections.local", "{connection}", "those of them that came over a Unix domain socket", () => Connections.Local);
        _metrics.Observe("fastchat.delivered", "{message}", "records sent to those who listen, once for each, since the start", () => _router.Delivered + _metrics.CaughtUpCount);
        _metrics.Observe("fastchat.ack.p50", "us", "from the read that brought a publish to its acknowledgement, of late: half took no longer", () => _router.AcknowledgementPercentile(0.5));
        _metrics.Observe("fastchat.ack.p99", "us", "from the read that brought a publish to its acknowledgement, of late: 99 of 100 took no longer", () => _router.AcknowledgementPercentile(0.99));
        _metrics.Observe("fastchat.addresses", "{address}", "addresses with connections", () => Addresses.Addresses);
        _metrics.Observe("fastchat.passwords.waiting", "{password}", "passwords that wait to be hashed", () => _passwords.Waiting);
        _metrics.Observe("fastchat.passwords.refused", "{password}", "passwords that found no place to wait, or lost it to another address, since the start", () => _passwords.Refused);
        _metrics.Observe("fastchat.allowances", "{user}", "users whose budgets are in memory", () => Limits.Remembered);
        _metrics.Observe("fastchat.issuers.keys", "{key}", "public keys of issuers that can be used", () => Issuers.Sum(static issuer => issuer.Keys.Current?.Keys.Count ?? 0));
        _metrics.Observe("fastchat.issuers.failing", "{issuer}", "issuers whose keys could not be had when they were last looked for", () => Issuers.Count(static issuer => issuer.Keys.IsInTrouble));
        _metrics.Observe("fastchat.sessions", "{session}", "sessions, attached or waiting", () => Sessions.Count);
        _metrics.Observe("fastchat.subscriptions", "{subscription}", "subscriptions", () => _router.Subscriptions);
        _metrics.Observe("fastchat.lagging", "{subscription}", "subscriptions that read from the log", () => _router.Pulling);
        _metrics.Observe("fastchat.presence.here", "{person}", "people who are here, invisible ones included", () => Presence.PeopleHere);
        _metrics.Observe("fastchat.presence.known", "{person}", "people whom presence has in memory", () => Presence.PeopleInMemory);
        _metrics.Observe("fastchat.presence.watches", "{watch}", "watches of conversations", () => Presence.Watches);
        _metrics.Observe("fastchat.disk.full", "{state}", "1 while the disk has no room", () => Log.IsFull ? 1 : 0);
        _metrics.Observe("fastchat.erasures.waiting", "{record}", "records whose bodies are masked and may still lie in a file", () => Log.Erasures.Waiting);
        _metrics.Observe("fastchat.erasures.done", "{record}", "records whose bodies are gone, since the start", () => Log.Erasures.Erased);
        _metrics.Observe("fastchat.retention.records", "{record}", "records that were cut off, since the start", () => _retention.Trimmer.Records);
        _metrics.Observe("fastchat.erasures.passes", "{pass}", "erasing passes, since the start", () => Log.ErasureWork.Passes);
        _metrics.Observe("fastchat.erasures.duration", "ms", "time that erasing passes took, since the start", () => (long)Log.ErasureWork.Duration.TotalMilliseconds);
        _metrics.Observe("fastchat.erasures.rewritten", "By", "bytes of chunks that erasing wrote anew, since the start", () => Log.ErasureWork.Bytes);
        _metrics.Observe("fastchat.ring.queued", "By", "bytes that wait in the shards' rings", () => _router.QueuedBytes);
    }
}
