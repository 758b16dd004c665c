using System.Diagnostics;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>A closed-loop publisher: it keeps a number of publishes unanswered, each to the next conversation of the run.</summary>
internal sealed class Window(int outstanding, int conversations) : Member
{
    private int _unanswered;

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
        while (_unanswered < outstanding)
        {
            _unanswered++;
            Publish((int)(Fleet.Payloads.Next % conversations), Stopwatch.GetTimestamp());
        }
    }
}
