using System.Diagnostics;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Engine;
using FastChat.Bench.Load.Measure;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>The stretches of a catch-up run: what is live is measured in each by itself.</summary>
internal enum CatchUpPhase
{
    /// <summary>Between the others: not reported.</summary>
    Pause,

    /// <summary>Nobody reads.</summary>
    Before,

    /// <summary>One reads the long conversation.</summary>
    OneReader,

    /// <summary>All readers do.</summary>
    ManyReaders,
}

/// <summary>
/// A publisher at a low rate and one subscriber, on a thread and a reactor of their own. On the readers' thread a live message would wait behind megabytes of history that the generator has yet to
/// take, and the figure would be the generator's; here it waits for the server only, and for a processor. Made, told of phases and ended by the generator's thread; what it measured may be
/// read after <see cref="End"/>.
/// </summary>
internal sealed class CatchUpLive : IDisposable
{
    private const int Remembered = 1 << 16;
    private const double StartPatienceSeconds = 60;
    private const double EndPatienceSeconds = 10;

    private readonly SystemUnderTest _system;
    private readonly RunSettings _settings;
    private readonly int _conversation;
    private readonly int _firstIndex;
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _isBegun = new();
    private readonly Latencies[] _latencies = Enum.GetValues<CatchUpPhase>().Select(_ => new Latencies()).ToArray();
    // The phase in which each message was to be sent: that one is charged for it, even when it came later.
    private readonly CatchUpPhase[] _phases = new CatchUpPhase[Remembered];
    private volatile CatchUpPhase _phase;
    private volatile bool _isEnding;
    private Exception? _failure;

    /// <exception cref="RunFailedException">The pair did not sign in.</exception>
    public CatchUpLive(SystemUnderTest system, RunSettings settings, int conversation, int firstIndex)
    {
        (_system, _settings, _conversation, _firstIndex) = (system, settings, conversation, firstIndex);
        _thread = new Thread(Run) { Name = "live pair" };
        _thread.Start();
        if (!_isBegun.Wait(TimeSpan.FromSeconds(2 * StartPatienceSeconds)) || _failure is not null)
        {
            throw new RunFailedException($"{system.Name}: the live pair: {_failure?.Message ?? "did not sign in"}");
        }
    }

    /// <summary>Refusals, broken connections, and messages that never came.</summary>
    public long Errors { get; private set; }

    /// <summary>What the first of them said.</summary>
    public string? FirstError { get; private set; }

    /// <summary>From now on this is the phase.</summary>
    public void Enter(CatchUpPhase phase) => _phase = phase;

    /// <summary>Ends the pair, after it has waited for what is under way.</summary>
    public void End()
    {
        _isEnding = true;
        _thread.Join();
        if (_failure is { } failure)
        {
            throw new RunFailedException($"{_system.Name}: the live pair: {failure.Message}");
        }
    }

    /// <summary>The delays of a phase, from the planned time to the delivery.</summary>
    public Latencies Of(CatchUpPhase phase) => _latencies[(int)phase];

    /// <inheritdoc/>
    public void Dispose()
    {
        _isEnding = true;
        _thread.Join();
        _isBegun.Dispose();
    }

    private void Run()
    {
        try
        {
            Libc.WaitPrecisely();
            using Fleet fleet = new(_system, _settings, _firstIndex);
            Member publisher = new();
            fleet.Open([publisher, new Listener(this, _conversation)]);
            _isBegun.Set();
            Schedule schedule = new(_settings.Rate, planned =>
            {
                CatchUpPhase phase = _phase;
                _phases[publisher.Publish(_conversation, planned) & (Remembered - 1)] = phase;
            });
            while (!_isEnding && fleet.Errors == 0)
            {
                fleet.Reactor.Poll(schedule.Advance(Stopwatch.GetTimestamp()));
            }

            if (!fleet.RunWhile(() => fleet.Delivered < fleet.Payloads.Next, EndPatienceSeconds))
            {
                fleet.CountError($"{fleet.Payloads.Next - fleet.Delivered} live messages never came");
            }

            (Errors, FirstError) = (fleet.Errors, fleet.FirstError);
        }
        catch (Exception failure)
        {
            _failure = failure;
        }
        finally
        {
            _isBegun.Set();
        }
    }

    private sealed class Listener(CatchUpLive live, int conversation) : Member(conversation)
    {
        public override void OnDelivered(ReadOnlySpan<byte> payload)
        {
            base.OnDelivered(payload);
            long number = Payloads.NumberOf(payload);
            live._latencies[(int)live._phases[number & (Remembered - 1)]].Record(Fleet.Payloads.PlannedAt(number), Stopwatch.GetTimestamp());
        }
    }
}
