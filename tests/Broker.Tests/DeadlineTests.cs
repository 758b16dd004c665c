using FastChat.Broker.Audit;
using FastChat.Broker.Connections;
using FastChat.Broker.Hosting;
using FastChat.Protocol;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests;

/// <summary>Deadlines, limits and options of connections, on a clock that the test moves.</summary>
internal sealed class DeadlineTests
{
    private static readonly ConnectionSettings Settings = new();

    private FakeTimeProvider _clock = null!;
    private ConnectionActivity _activity = null!;
    private KeepAlive _keepAlive = null!;

    [SetUp]
    public void MakeActivity()
    {
        // Not at 0: a timestamp of 0 means "never".
        _clock = new FakeTimeProvider();
        _activity = new ConnectionActivity(_clock);
        _keepAlive = new KeepAlive(Settings, _clock);
    }

    [TestCase(9.9, CloseCode.None)]
    [TestCase(10, CloseCode.LoginTimeout)]
    public void AStrangerHasUntilTheLoginDeadline(double seconds, CloseCode expected)
    {
        Advance(5);
        _activity.OnReceived(isPartial: true, madeProgress: false);
        Advance(seconds - 5);
        Assert.That(_keepAlive.Judge(_activity), Is.EqualTo(expected));
    }

    [TestCase(119.9, CloseCode.None)]
    [TestCase(120, CloseCode.HeartbeatTimeout)]
    public void ASilentPeerHasTwoHeartbeats(double seconds, CloseCode expected)
    {
        _activity.IsReady = true;
        Advance(50);
        _activity.OnReceived(isPartial: false, madeProgress: true);
        Advance(seconds);
        Assert.That(_keepAlive.Judge(_activity), Is.EqualTo(expected));
    }

    [TestCase(19.9, CloseCode.None)]
    [TestCase(20, CloseCode.FrameTimeout)]
    public void ADribbledFrameHasItsDeadlineFromTheFirstByte(double seconds, CloseCode expected)
    {
        _activity.IsReady = true;
        Advance(1);
        _activity.OnReceived(isPartial: true, madeProgress: false);
        Advance(seconds - 1);
        _activity.OnReceived(isPartial: true, madeProgress: false);
        Advance(1);
        Assert.That(_keepAlive.Judge(_activity), Is.EqualTo(expected));
    }

    [Test]
    public void NobodyIsLateForTheTimeInWhichTheBrokerStoodStill()
    {
        _activity.IsReady = true;
        Advance(1);
        _activity.OnReceived(isPartial: true, madeProgress: false);
        _activity.BeginWrite();
        List<CloseCode> judged = [];
        using TimerWheel wheel = new(_clock, _ => { }, () => judged.Add(_keepAlive.Judge(_activity)), _keepAlive.OnStalled);

        // A stopped process gets one tick for all that it has missed.
        _clock.AutoAdvanceAmount = TimeSpan.Zero;
        Advance(300);
        Assert.That(judged, Is.Not.Empty.And.All.EqualTo(CloseCode.None));
        for (int tick = 0; tick < 81; tick++)
        {
            Advance(0.25);
        }

        Assert.That(judged[^1], Is.EqualTo(CloseCode.FrameTimeout), "the deadline begins anew, and ends");
    }

    [TestCase(true, false)]
    [TestCase(false, true)]
    public void AFrameThatEndsStopsItsDeadline(bool isPartial, bool madeProgress)
    {
        _activity.IsReady = true;
        Advance(1);
        _activity.OnReceived(isPartial: true, madeProgress: false);
        Advance(19);
        _activity.OnReceived(isPartial, madeProgress || isPartial);
        Advance(5);
        Assert.That(_keepAlive.Judge(_activity), Is.EqualTo(CloseCode.None));
    }

    [TestCase(119.9, CloseCode.None)]
    [TestCase(120, CloseCode.WriteTimeout)]
    public void APeerThatTakesNothingHasTheWriteDeadline(double seconds, CloseCode expected)
    {
        _activity.IsReady = true;
        Advance(1);
        _activity.BeginWrite();
        Advance(60);
        _activity.OnReceived(isPartial: false, madeProgress: true);
        Advance(seconds - 60);
        _activity.OnReceived(isPartial: false, madeProgress: true);
        Assert.That(_keepAlive.Judge(_activity), Is.EqualTo(expected));
        _activity.EndWrite();
        Assert.That(_keepAlive.Judge(_activity), Is.EqualTo(CloseCode.None));
    }

    [Test]
    public void TheWheelTicksOnItsClockAndNotAfterDisposal()
    {
        int ticks = 0;
        using (TimerWheel wheel = new(_clock, _ => { }, () => ticks++))
        {
            _clock.Advance(TimerWheel.Tick / 2);
            Assert.That(ticks, Is.Zero);
            _clock.Advance(TimerWheel.Tick * 40);
            Assert.That(ticks, Is.EqualTo(40));
        }

        _clock.Advance(TimerWheel.Tick * 40);
        Assert.That(ticks, Is.EqualTo(40));
    }

    [Test]
    public void TheWheelLooksAtAConnectionOnceARoundUntilItIsGone()
    {
        List<BrokerConnection> looked = [];
        using TimerWheel wheel = new(_clock, looked.Add, () => { });
        BrokerConnection first = MakeConnection();
        BrokerConnection second = MakeConnection();
        wheel.Add(first);
        _clock.Advance(TimerWheel.Tick * 3);
        wheel.Add(second);
        _clock.Advance(TimerWheel.Tick * 57);
        int looks = looked.Count(connection => connection == second);
        Assert.That(looks, Is.InRange(2, 57 / 2), "some ticks look at other slots");
        Assert.That(looked.Count(connection => connection == first), Is.InRange(looks, looks + 1));

        first.IsGone = true;
        looked.Clear();
        _clock.Advance(TimerWheel.Tick * 40);
        Assert.That(looked, Is.Not.Empty.And.All.SameAs(second));
    }

    [Test]
    public void DefaultOptionsAreValid() => Assert.That(() => new BrokerOptions().Validate(), Throws.Nothing);

    [TestCaseSource(nameof(BadOptions))]
    public void OptionsThatMakeNoSenseAreRefusedByName(BrokerOptions options, string word) =>
        Assert.That(options.Validate, Throws.ArgumentException.With.Message.Contains(word));

    [TestCase("127.0.0.1:7400", "127.0.0.1:7400")]
    [TestCase("localhost:0", "127.0.0.1:0")]
    [TestCase("[::1]:80", "[::1]:80")]
    public void EndPointsAreUnderstood(string text, string expected) => Assert.That(BrokerOptions.ParseEndPoint(text).ToString(), Is.EqualTo(expected));

    [TestCase("7400")]
    [TestCase("example.org:80")]
    [TestCase("127.0.0.1:99999")]
    [TestCase("")]
    public void OtherTextIsNoEndPoint(string text) => Assert.That(() => BrokerOptions.ParseEndPoint(text), Throws.ArgumentException);

    private static IEnumerable<TestCaseData> BadOptions()
    {
        BrokerOptions good = new();
        yield return new TestCaseData(good with { Shards = 0 }, "shards");
        yield return new TestCaseData(good with { Shards = 4097 }, "shards");
        yield return new TestCaseData(good with { Loops = -1 }, "loops");
        yield return new TestCaseData(good with { Loops = 65 }, "loops");
        yield return new TestCaseData(good with { BodySizeMax = 1023 }, "body_size_max");
        yield return new TestCaseData(good with { BodySizeMax = ProtocolLimits.BodySizeMax + 1 }, "body_size_max");
        yield return new TestCaseData(good with { RingBytes = 300_000 }, "ring_bytes");
        yield return new TestCaseData(good with { RingBytes = 128 * 1024 }, "ring_bytes");
        yield return new TestCaseData(good with { OutboxBudgetBytes = ProtocolLimits.ChunkSizeMax }, "outbox_budget_bytes");
        yield return new TestCaseData(good with { ConnectionsMax = 0 }, "at least 1");
        yield return new TestCaseData(good with { StrangersPerAddressMax = 0 }, "at least 1");
        yield return new TestCaseData(good with { ConversationsInMemoryMax = 0 }, "at least 1");
        yield return new TestCaseData(good with { LoginDeadlineSeconds = 0 }, "deadlines");
        yield return new TestCaseData(good with { HeartbeatSeconds = -1 }, "deadlines");
        yield return new TestCaseData(good with { FrameDeadlineSeconds = double.NaN }, "deadlines");
        yield return new TestCaseData(good with { SessionSeconds = -1 }, "session_seconds");
        yield return new TestCaseData(good with { DrainSeconds = -1 }, "drain_seconds");
        yield return new TestCaseData(good with { PresenceGraceSeconds = -1 }, "presence_grace_seconds");
        yield return new TestCaseData(good with { PresenceTickSeconds = 0 }, "presence_tick_seconds");
        yield return new TestCaseData(good with { PresenceConnectionBytesPerSecond = 999 }, "presence_connection_bytes_per_second");
        yield return new TestCaseData(good with { PresenceBytesPerSecond = 7_999 }, "presence_bytes_per_second");
        yield return new TestCaseData(good with { LimitPublishesPerSecond = 0 }, "above 0");
        yield return new TestCaseData(good with { LimitConnectsPerSecond = double.NaN }, "above 0");
        yield return new TestCaseData(good with { LimitBurstSeconds = 0 }, "limit_burst_seconds");
        yield return new TestCaseData(good with { LimitConnectionBytesPerSecond = 1024 }, "limit_connection_bytes_per_second");
        yield return new TestCaseData(good with { LimitServiceFactor = 0.5 }, "limit_service_factor");
        yield return new TestCaseData(good with { LimitConnectionsPerAddress = 0 }, "limit_connections_per_address");
        yield return new TestCaseData(good with { LimitTrusted = ["10.0.0.0/99"] }, "limit_trusted");
        yield return new TestCaseData(good with { ScramIterations = 99_999 }, "scram_iterations");
        yield return new TestCaseData(good with { ScramIterations = 5_000_001 }, "scram_iterations");
        yield return new TestCaseData(good with { Listen = "0.0.0.0:7400" }, "TLS");
        yield return new TestCaseData(good with { Http = "192.168.1.1:80" }, "TLS");
        yield return new TestCaseData(good with { Listen = "nonsense" }, "HOST:PORT");
    }

    private BrokerConnection MakeConnection() => new(
        new ConnectionServices(_clock)
        {
            Router = null!,
            ConversationLog = null!,
            Sessions = null!,
            Presence = null!,
            Accounts = null!,
            Scram = null!,
            Vouched = null!,
            Audit = AuditLog.None,
            Dispatcher = null!,
            Addresses = null!,
            Limits = null!,
            Settings = Settings,
            Random = null!,
            Metrics = null!,
            Log = null!,
        },
        1,
        new ConnectionOrigin("here"),
        null!,
        () => { });

    private void Advance(double seconds) => _clock.Advance(TimeSpan.FromSeconds(seconds));
}
