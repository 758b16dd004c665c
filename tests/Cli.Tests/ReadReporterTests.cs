using FastChat.Protocol;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Cli.Tests;

/// <summary>How often, and with what, the broker is told how far the user has read.</summary>
[TestFixture]
public sealed class ReadReporterTests
{
    private static readonly ConversationId Lobby = new(1);
    private static readonly ConversationId Attic = new(2);

    private readonly List<(ConversationId Conversation, ulong Thread, ulong Read)> _told = [];
    private CountingTime _time = null!;
    private int _rounds;
    private ReportOutcome _outcome;
    private bool _hangs;
    private int _calls;
    private ReadReporter _reporter = null!;
    private CancellationTokenSource _stop = null!;
    private Task _running = null!;

    [SetUp]
    public void Start()
    {
        _told.Clear();
        _time = new CountingTime();
        _rounds = 0;
        _outcome = ReportOutcome.Told;
        _hangs = false;
        _calls = 0;
        _reporter = new ReadReporter(
            async (conversation, thread, read, cancellation) =>
            {
                lock (_told)
                {
                    _told.Add((conversation, thread, read));
                }

                Interlocked.Increment(ref _calls);
                await (_hangs ? Task.Delay(Timeout.Infinite, cancellation) : Task.CompletedTask);
                return _outcome;
            },
            _time);
        _stop = new CancellationTokenSource();
        _running = _reporter.RunAsync(_stop.Token);
    }

    [TearDown]
    public void Stop()
    {
        _stop.Cancel();
        Assert.That(() => _running, Throws.InstanceOf<OperationCanceledException>());
        _stop.Dispose();
    }

    [Test]
    public async Task TheLatestPositionIsToldOnceASecond()
    {
        _reporter.Report(Lobby, 0, 1);
        await ToldAsync((Lobby, 0, 1));
        for (ulong read = 2; read <= 500; read++)
        {
            _reporter.Report(Lobby, 0, read);
        }

        _reporter.Report(Lobby, 0, 400);
        _reporter.Report(Lobby, 7, 30);
        _time.Advance(TimeSpan.FromMilliseconds(999));
        await ToldAsync();
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await ToldAsync((Lobby, 0, 500), (Lobby, 7, 30));
    }

    [Test]
    public async Task ABrokerWithoutTimeIsAskedAgainAndOneThatRefusesIsNot()
    {
        _outcome = ReportOutcome.Later;
        _reporter.Report(Lobby, 0, 5);
        await ToldAsync((Lobby, 0, 5));
        _outcome = ReportOutcome.Refused;
        _time.Advance(TimeSpan.FromSeconds(1));
        await ToldAsync((Lobby, 0, 5));
        _time.Advance(TimeSpan.FromSeconds(1));
        _reporter.Report(Lobby, 0, 6);
        _reporter.Report(Attic, 0, 1);
        await ToldAsync((Attic, 0, 1));
    }

    [Test]
    public async Task WhatWaitsIsToldAtTheEnd()
    {
        _reporter.Report(Lobby, 0, 1);
        await ToldAsync((Lobby, 0, 1));
        _reporter.Report(Lobby, 0, 2);
        await _reporter.SendAsync(CancellationToken.None);
        Assert.That(_told, Is.EqualTo(new[] { (Lobby, 0ul, 2ul) }));
    }

    [Test]
    public async Task WhatWasBeingToldWhenTheChatEndsIsToldAgain()
    {
        _hangs = true;
        _reporter.Report(Lobby, 0, 9);
        while (Volatile.Read(ref _calls) == 0)
        {
            await Task.Delay(1);
        }

        await _stop.CancelAsync();
        Assert.That(async () => await _running, Throws.InstanceOf<OperationCanceledException>());
        _hangs = false;
        await _reporter.SendAsync(CancellationToken.None);
        Assert.That(_told, Is.EqualTo(new[] { (Lobby, 0ul, 9ul), (Lobby, 0ul, 9ul) }));
    }

    // What was told since the last call, when the pause behind it has begun.
    private async Task ToldAsync(params (ConversationId Conversation, ulong Thread, ulong Read)[] expected)
    {
        _rounds += expected.Length > 0 ? 1 : 0;
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(20));
        while (Volatile.Read(ref _time.Timers) < _rounds && !deadline.IsCancellationRequested)
        {
            await Task.Delay(1);
        }

        lock (_told)
        {
            Assert.That(_told, Is.EquivalentTo(expected));
            _told.Clear();
        }
    }

    // A round of sending ends with a pause, and a pause begins with a timer.
    private sealed class CountingTime : FakeTimeProvider
    {
        public int Timers;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            ITimer timer = base.CreateTimer(callback, state, dueTime, period);
            Interlocked.Increment(ref Timers);
            return timer;
        }
    }
}
