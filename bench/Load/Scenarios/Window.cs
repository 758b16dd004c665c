using System.Diagnostics;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>A closed-loop publisher: it keeps a number of publishes unanswered, each to the next conversation of the run. Generator thread only.</summary>
internal class Window(int outstanding, int conversations) : Member
{
    private int _unanswered;
    private bool _isStopped;

    /// <summary>Publishes nothing more; what is unanswered is still answered, and would be paid for in the next measurement on the same server if it were not waited for.</summary>
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

    /// <summary>Publishes the next message; false when there is none.</summary>
    protected virtual bool PublishNext()
    {
        Publish((int)(Fleet.Payloads.Next % conversations), Stopwatch.GetTimestamp());
        return true;
    }

    private void Fill()
    {
        while (!_isStopped && _unanswered < outstanding && PublishNext())
        {
            _unanswered++;
        }
    }
}
