using System.Diagnostics;

using FastChat.Bench.Load.Engine;
using FastChat.Bench.Load.Measure;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>A session that is cut and comes back. It is resumed when it is subscribed again and, where the system keeps them, has every message that it missed. Generator thread only.</summary>
internal class StormSession(StormCrowd crowd, int conversation) : Member(conversation)
{
    private const int AttemptsMax = 3;

    private State _state = State.Together;
    private bool _isSubscribed;
    private int _attempts;

    private enum State
    {
        Together,
        Away,
        Returning,
        Resumed,
    }

    /// <summary>Messages that came since the cut.</summary>
    public int Caught { get; private set; }

    public override void OnReady()
    {
        // A wire that resumes has asked for its subscription by itself.
        if (_state == State.Together)
        {
            base.OnReady();
        }
    }

    public override void OnSubscribed(int conversation)
    {
        if (_state == State.Together)
        {
            base.OnSubscribed(conversation);
        }
        else if (_state == State.Returning)
        {
            _isSubscribed = true;
            Decide();
        }
    }

    public override void OnDelivered(ReadOnlySpan<byte> payload)
    {
        base.OnDelivered(payload);
        if (_state is State.Together or State.Away)
        {
            return;
        }

        if (++Caught > crowd.Missed)
        {
            Fleet.CountError($"a session had {Caught} of {crowd.Missed} messages that it missed");
        }

        Decide();
    }

    public override void OnFailed(string reason)
    {
        base.OnFailed(reason);
        if (_state == State.Returning)
        {
            Cut();
            crowd.Fail(this, mayTryAgain: ++_attempts < AttemptsMax);
        }
    }

    /// <summary>Breaks the connection.</summary>
    public void Cut()
    {
        Reset.Cut(Fleet.Reactor, Link);
        (_state, _isSubscribed) = (State.Away, false);
    }

    /// <summary>Connects anew.</summary>
    public void Return()
    {
        _state = State.Returning;
        Reopen(crowd.System);
    }

    private void Decide()
    {
        if (_state == State.Returning && _isSubscribed && (!crowd.KeepsMissed || Caught >= crowd.Missed))
        {
            _state = State.Resumed;
            crowd.Count();
        }
    }
}

/// <summary>A session that is not cut: it hears a message now and then, and how late it hears it is what the storm costs the others.</summary>
internal sealed class StormWitness(StormCrowd crowd, int conversation) : Member(conversation)
{
    public override void OnDelivered(ReadOnlySpan<byte> payload)
    {
        base.OnDelivered(payload);
        long planned = Fleet.Payloads.PlannedAt(Payloads.NumberOf(payload));
        (planned < crowd.CutAt ? crowd.Before : crowd.During).Record(planned, Stopwatch.GetTimestamp());
    }
}

/// <summary>Publishes, and knows how many of its own were acknowledged.</summary>
internal sealed class StormPublisher : Member
{
    private long _acknowledged;
    private long _published;

    /// <summary>True when nothing is unanswered, or the system answers nothing.</summary>
    public bool IsAnswered => _acknowledged == _published || !Link.Wire.Acknowledges;

    /// <summary>Publishes one message, now.</summary>
    public void Publish(int conversation)
    {
        _published++;
        Publish(conversation, Stopwatch.GetTimestamp());
    }

    public override void OnAcknowledged(long number) => _acknowledged++;
}
