using System.Buffers;
using System.Buffers.Binary;

using FastChat.Broker.Connections;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Handlers;
using FastChat.Broker.Identity;
using FastChat.Broker.Maintenance;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
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
    private readonly BrokerMetrics _metrics = new();
    private readonly PasswordHasher _passwords;
    private readonly Router _router;

    private BrokerParts(BrokerOptions options, IConversationLog log, ILogger logger, TimeProvider clock)
    {
        _logger = logger;
        Log = log;
        int shards = ShardCount(log, options.Shards);
        RoutingOptions routing = new(
            shards,
            Math.Min(shards, options.Loops > 0 ? options.Loops : Math.Max(1, Environment.ProcessorCount / 4)),
            options.RingBytes,
            options.ConversationsInMemoryMax);
        Sessions = new SessionRegistry(clock, TimeSpan.FromSeconds(options.SessionSeconds));
        _router = new Router(
            routing, log, new PeerTable(options.ConnectionsMax), _metrics, clock, new RouterEvents(OnStoreFailed, OnDamaged, OnListChanged));
        _passwords = new PasswordHasher(RandomSource.Cryptographic);
        Accounts = new Accounts(_router, log, _passwords, RandomSource.Cryptographic, options.Registration);

        Backups = new BackupRuns(
            log is RocksDbConversationLog files
                ? (directory, keep, progress, stop) => StoreBackup.Take(files, directory, keep, isPaced: true, clock, progress, stop)
                : null,
            logger);

        ConnectionSettings settings = options.ToConnectionSettings();
        FrameDispatcher dispatcher = new(
            new PublishHandler(_router, settings.BodySizeMax, settings.InFlightMax),
            new SubscriptionHandler(_router, ProtocolLimits.SubscriptionsMax),
            new ControlHandler(
                new ConversationRequests(_router, log, Accounts, RandomSource.Cryptographic), new UserRequests(Accounts), new OperatorRequests(Backups), logger));
        Connections = new ConnectionRegistry(new ConnectionServices
        {
            Router = _router,
            ConversationLog = log,
            Sessions = Sessions,
            Accounts = Accounts,
            Dispatcher = dispatcher,
            Limits = new ConnectionLimits(options.ConnectionsMax, options.StrangersPerAddressMax),
            Settings = settings,
            Random = RandomSource.Cryptographic,
            Metrics = _metrics,
            Clock = clock,
            Log = logger,
        });
        ObserveGauges();
    }

    /// <summary>The store.</summary>
    public IConversationLog Log { get; }

    /// <summary>The sessions.</summary>
    public SessionRegistry Sessions { get; }

    /// <summary>The accounts.</summary>
    public Accounts Accounts { get; }

    /// <summary>The backups.</summary>
    public BackupRuns Backups { get; }

    /// <summary>The open connections.</summary>
    public ConnectionRegistry Connections { get; }

    /// <summary>Number of shard loops.</summary>
    public int LoopCount => _router.LoopCount;

    /// <summary>Why nothing is acknowledged any more; null while everything is well.</summary>
    public Exception? Failure => _router.Failure;

    /// <summary>Opens the store and puts the parts together.</summary>
    public static async Task<BrokerParts> OpenAsync(BrokerOptions options, ILogger logger, TimeProvider clock, CancellationToken cancellation)
    {
        CreateDirectory(options.Data);
        IConversationLog log = RocksDbConversationLog.Open(new StorageOptions { Directory = options.Data, AcceptLoss = options.AcceptLoss }, clock);
        BrokerParts parts = new(options, log, logger, clock);
        await OperatorToken.EnsureAsync(options.Data, parts.Accounts, logger, cancellation).ConfigureAwait(false);
        return parts;
    }

    /// <summary>Puts the parts together over an open log, which they own from now on. For tests.</summary>
    public static BrokerParts Over(IConversationLog log, BrokerOptions options, ILogger logger, TimeProvider clock) => new(options, log, logger, clock);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Connections.Dispose();
        Backups.Dispose();
        _passwords.Dispose();
        _router.Dispose();
        Log.Dispose();
        _metrics.Dispose();
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
        ThreadPool.UnsafeQueueUserWorkItem(
            static connections => _ = connections.CloseAllAsync(
                CloseCode.StoreUnavailable, "the store failed; unanswered publishes have an unknown outcome", 10_000, TimeSpan.FromSeconds(5)),
            Connections,
            preferLocal: false);
    }

    private void OnDamaged(CorruptRecordException damage) => BrokerLog.RecordDamaged(_logger, damage);

    private void OnListChanged(UserId user, ConversationId conversation, bool added)
    {
        ArrayBufferWriter<byte> frame = new();
        FrameWriter.Write(
            frame, FrameType.Notice, 0, new ControlMap().Set("event", added ? "added" : "removed").SetId("conversation", conversation.Value));
        Sessions.Tell(user, frame.WrittenSpan.ToArray());
    }

    private void ObserveGauges()
    {
        _metrics.Observe("fastchat.connections", "{connection}", "open connections", () => Connections.Count);
        _metrics.Observe("fastchat.sessions", "{session}", "sessions, attached or waiting", () => Sessions.Count);
        _metrics.Observe("fastchat.subscriptions", "{subscription}", "subscriptions", () => _router.Subscriptions);
        _metrics.Observe("fastchat.lagging", "{subscription}", "subscriptions that read from the log", () => _router.Pulling);
        _metrics.Observe("fastchat.ring.queued", "By", "bytes that wait in the shards' rings", () => _router.QueuedBytes);
    }
}
