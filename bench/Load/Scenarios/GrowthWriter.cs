using System.Diagnostics;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>A closed-loop publisher that can be stopped: what it leaves unanswered would be done, and paid for, in the next measurement on the same server. Generator thread only.</summary>
internal sealed class GrowthWriter(int outstanding, int conversations) : Member
{
    private int _unanswered;
    private bool _isStopped;

    /// <summary>Publishes nothing more; what is unanswered is still answered.</summary>
    public void Stop() => _isStopped = true;

    public override void OnReady()
    {
        base.OnReady();
        Fill();
    }

    public override void OnAcknowledged(long number)
    {
        base.OnAcknowledged(number);
        _unanswered--;
        Fill();
    }

    private void Fill()
    {
        while (!_isStopped && _unanswered < outstanding)
        {
            _unanswered++;
            Publish((int)(Fleet.Payloads.Next % conversations), Stopwatch.GetTimestamp());
        }
    }
}
