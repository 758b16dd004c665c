using System.Diagnostics;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>A closed-loop publisher: it keeps a number of publishes unanswered, each to the next conversation of the run.</summary>
internal sealed class Window(int outstanding, int conversations) : Member
{
    private int _unanswered;

    /// <summary>How many it keeps unanswered; lowering it to 0 lets the window run empty.</summary>
    public int Size { get; set; } = outstanding;

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
        while (_unanswered < Size)
        {
            _unanswered++;
            Publish((int)(Fleet.Payloads.Next % conversations), Stopwatch.GetTimestamp());
        }
    }
}
